//! The shape of `recommend -o json`.

use std::collections::BTreeSet;

use flowfence_graph::EdgeKey;
use flowfence_model::{NetworkPolicy, NodeId};
use flowfence_policy::judge::Judgement;
use flowfence_policy::readiness::Readiness;
use flowfence_policy::recommend::Recommendation;
use flowfence_policy::recommend::proof::Proof;
use schemars::JsonSchema;
use serde::Serialize;

use super::decision::DecisionRow;
use super::readiness::ReadinessRow;
use super::row::{
    self, DynamicPortsRow, EdgeRow, EvidenceRow, FlavourNoteRow, NamespacedRow, ProofRow, UnfencedRow,
    WithheldRow,
};
use super::tightening::TighteningRow;
use crate::manifest::flavour::{Flavour, Reason, Written};
use crate::output::API_VERSION;
use crate::output::completeness::CompletenessReport;

/// A `Recommendation` object.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RecommendReport {
    /// `flowfence.dev/v1`.
    pub api_version: &'static str,
    /// `Recommendation`.
    pub kind: &'static str,
    /// The language of the policies: a name that `--flavour` takes.
    pub flavour: &'static str,
    /// The policies, as the API takes them.
    pub policies: Vec<serde_json::Value>,
    /// Policies of today that select pods of a fenced workload, `NAMESPACE/NAME`.
    pub supersedes: Vec<String>,
    /// Workloads without any traffic: never isolated.
    #[schemars(with = "Vec<String>")]
    pub unobserved: Vec<NodeId>,
    /// Directions of workloads that are left open.
    pub unfenced: Vec<UnfencedRow>,
    /// Workloads that scanned.
    #[schemars(with = "Vec<String>")]
    pub suspects: Vec<NodeId>,
    /// Namespaces in which a policy for all of them, with `--default-deny` or `--dns`, is not safe.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub namespaced: Vec<NamespacedRow>,
    /// Workloads that labels cannot tell apart, which share a policy.
    #[schemars(with = "Vec<Vec<String>>")]
    pub merged: Vec<Vec<NodeId>>,
    /// What the policies were measured to do.
    pub proof: ProofRow,
    /// Edges that are no rule until somebody accepts them.
    pub withheld: Vec<WithheldRow>,
    /// Connections of which nobody knows who opened them: isolation may cut them.
    pub undirected: Vec<EdgeRow>,
    /// Servers that open ports as they need them.
    pub dynamic_ports: Vec<DynamicPortsRow>,
    /// The edges behind each rule.
    pub evidence: Vec<EvidenceRow>,
    /// Edges behind rules that rest only on flow logs which never show an answer (`silentLogs` of `completeness`): what
    /// those say passed counts as connected, and a slow scan may be among it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub unanswered: Vec<EdgeRow>,
    /// What the flavour says otherwise than NetworkPolicy v1, or cannot say.
    pub flavour_notes: Vec<FlavourNoteRow>,
    /// What people decided, and what became of it.
    pub decisions: Vec<DecisionRow>,
    /// Whether enough was seen; advice, without effect on the policies.
    pub readiness: ReadinessRow,
    /// What became of today's policies, with `--mode tighten`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tightening: Option<TighteningRow>,
    /// What was seen and what was left out.
    pub completeness: CompletenessReport,
}

/// What a report is made of.
#[derive(Clone, Copy, Debug)]
pub struct Made<'a> {
    /// The policies as they are meant, and what was left open.
    pub answer: &'a Recommendation,
    /// What they were measured to do, as read back.
    pub proof: &'a Proof,
    /// The language that they are written in.
    pub flavour: &'a Flavour,
    /// The policies as written.
    pub files: &'a [Written],
    /// Today's policies.
    pub today: &'a [NetworkPolicy],
    /// What was concluded of the traffic.
    pub judgement: &'a Judgement,
    /// Whether enough was seen.
    pub readiness: &'a Readiness,
    /// What was seen and what was left out.
    pub completeness: &'a CompletenessReport,
}

impl RecommendReport {
    /// From all that a run found.
    pub fn new(made: &Made<'_>) -> Self {
        let Made { answer, proof, flavour, files, today, .. } = *made;
        let reasons = files.iter().flat_map(|file| &file.reasons);
        let notes = files.iter().flat_map(|file| &file.notes);
        RecommendReport {
            api_version: API_VERSION,
            kind: "Recommendation",
            flavour: flavour.name,
            policies: files.iter().flat_map(|file| file.objects.iter().cloned()).collect(),
            supersedes: supersedes(answer, flavour, today),
            unobserved: answer.unobserved.clone(),
            unfenced: answer.unfenced.iter().map(row::unfenced).collect(),
            suspects: answer.suspects.clone(),
            namespaced: answer.namespaced.iter().map(row::namespaced).collect(),
            merged: answer.merged.clone(),
            proof: ProofRow {
                alone: row::outcome(&proof.alone),
                beside: row::outcome(&proof.beside),
                declared: answer.declared.iter().map(row::declared).collect(),
                inexpressible: answer.inexpressible.iter().map(EdgeRow::from).collect(),
            },
            withheld: answer.withheld.iter().map(row::withheld).collect(),
            undirected: answer.undirected.iter().map(EdgeRow::from).collect(),
            dynamic_ports: answer.dynamic_ports.iter().map(row::dynamic_ports).collect(),
            evidence: reasons.clone().map(row::evidence).collect(),
            unanswered: unanswered(reasons),
            flavour_notes: notes.map(row::flavour_note).collect(),
            decisions: made.judgement.rulings.iter().map(DecisionRow::from).collect(),
            readiness: made.readiness.into(),
            tightening: None,
            completeness: made.completeness.clone(),
        }
    }
}

/// The edges that rest on nothing but the word of logs without answers, each once.
fn unanswered<'a>(reasons: impl Iterator<Item = &'a Reason>) -> Vec<EdgeRow> {
    let evidence = reasons.map(|reason| &reason.evidence);
    let assumed: BTreeSet<&EdgeKey> = evidence
        .flat_map(|evidence| evidence.edges.iter().filter(|edge| evidence.assumed.contains(edge)))
        .collect();
    assumed.into_iter().map(EdgeRow::from).collect()
}

/// An object of another kind does not take the place of a policy of its name.
fn supersedes(answer: &Recommendation, flavour: &Flavour, today: &[NetworkPolicy]) -> Vec<String> {
    let mut keys = answer.supersedes.clone();
    if !flavour.is_plain() {
        let named =
            |policy: &&NetworkPolicy| answer.policies.iter().any(|ours| ours.policy.key() == policy.key());
        keys.extend(today.iter().filter(named).map(NetworkPolicy::key));
        keys.sort();
        keys.dedup();
    }
    keys
}
