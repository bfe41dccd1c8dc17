//! The shape of `check -o json`, from which the table is written too.

use std::collections::BTreeSet;

use flowfence_model::Timestamp;
use flowfence_policy::replay::Replay;
use schemars::JsonSchema;
use serde::Serialize;

use crate::cluster::Cluster;
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
#[serde(rename_all = "camelCase")]
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
    /// The policies of the candidate that isolate the end that denies, `NAMESPACE/NAME`.
    pub denied_by: Vec<String>,
    /// The file in which the first of these was read.
    pub file: Option<String>,
    /// The line in that file, from 1.
    pub line: Option<usize>,
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
    /// From what the replay found, who isolates the end of each cut edge, and where the candidate
    /// was read.
    pub fn new(
        replay: &Replay,
        denied_by: &[BTreeSet<String>],
        candidate: &Cluster,
        completeness: CompletenessReport,
    ) -> Self {
        let cut = replay.cut.iter().zip(denied_by).map(|((cut, tally), denied_by)| {
            let place = denied_by.first().and_then(|policy| candidate.places.get(policy));
            CutRow {
                edge: (&cut.edge).into(),
                direction: cut.direction.token(),
                connections: tally.connections + tally.one_way,
                first: tally.first,
                last: tally.last,
                example: cut.example.clone(),
                denied_by: denied_by.iter().cloned().collect(),
                file: place.map(|place| place.file.clone()),
                line: place.map(|place| place.line_of(cut.direction.token())),
            }
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
