//! The shape of `check -o json`, from which the table is written too.

use flowfence_model::Timestamp;
use flowfence_policy::replay::Replay;
use schemars::JsonSchema;
use serde::Serialize;

use crate::output::API_VERSION;
use crate::output::completeness::CompletenessReport;
use crate::output::recommend::EdgeRow;

/// A `Replay` object.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ReplayReport {
    /// `flowfence.dev/v1`.
    pub api_version: &'static str,
    /// `Replay`.
    pub kind: &'static str,
    /// The plugin whose answers were taken, when one was named.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub plugin: Option<&'static str>,
    /// Genuine edges that the candidate denies.
    pub cut: Vec<CutRow>,
    /// How many genuine edges it admits.
    pub kept: usize,
    /// Edges that today's policies deny and the candidate admits.
    pub newly_admitted: Vec<EdgeRow>,
    /// Edges on which plugins may differ.
    pub unspecified: Vec<UnspecifiedRow>,
    /// What was seen and what was left out.
    pub completeness: CompletenessReport,
}

/// A genuine edge that would have been cut.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct CutRow {
    /// The edge.
    #[serde(flatten)]
    pub edge: EdgeRow,
    /// `egress` or `ingress`: the direction that denies.
    pub direction: &'static str,
    /// Connections that were seen on it.
    pub connections: u64,
    /// The earliest.
    #[schemars(with = "String")]
    pub first: Timestamp,
    /// The latest.
    #[schemars(with = "String")]
    pub last: Timestamp,
    /// A pair of pods or addresses for which it is denied.
    pub example: String,
}

/// An edge on which plugins may differ.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct UnspecifiedRow {
    /// The edge.
    #[serde(flatten)]
    pub edge: EdgeRow,
    /// Why, for machines.
    pub reasons: Vec<&'static str>,
}

impl ReplayReport {
    /// From what the replay found.
    pub fn new(replay: &Replay, completeness: CompletenessReport) -> Self {
        let cut = replay.cut.iter().map(|(cut, tally)| CutRow {
            edge: (&cut.edge).into(),
            direction: cut.direction.token(),
            connections: tally.connections + tally.one_way,
            first: tally.first,
            last: tally.last,
            example: cut.example.clone(),
        });
        let unspecified = replay.unspecified.iter().map(|(edge, reasons)| UnspecifiedRow {
            edge: edge.into(),
            reasons: reasons.iter().map(|reason| reason.token()).collect(),
        });
        ReplayReport {
            api_version: API_VERSION,
            kind: "Replay",
            plugin: None,
            cut: cut.collect(),
            kept: replay.kept,
            newly_admitted: replay.newly_admitted.iter().map(EdgeRow::from).collect(),
            unspecified: unspecified.collect(),
            completeness,
        }
    }
}
