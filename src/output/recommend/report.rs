//! The shape of `recommend -o json`.

use flowfence_graph::EdgeKey;
use flowfence_model::policy::Direction;
use flowfence_model::{IcmpType, NodeId, Protocol};
use flowfence_policy::judge::Withheld;
use flowfence_policy::recommend::proof::{Cut, Excess, Outcome, Proof};
use flowfence_policy::recommend::{Declared, Namespaced, Recommendation, Unfenced};
use schemars::JsonSchema;
use serde::Serialize;

use super::tightening::TighteningRow;
use crate::output::API_VERSION;
use crate::output::completeness::CompletenessReport;
use crate::output::schema::IcmpRow;

/// A `Recommendation` object.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RecommendReport {
    /// `flowfence.dev/v1`.
    pub api_version: &'static str,
    /// `Recommendation`.
    pub kind: &'static str,
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
    /// The edges behind each rule.
    pub evidence: Vec<EvidenceRow>,
    /// What became of today's policies, with `--mode tighten`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tightening: Option<TighteningRow>,
    /// What was seen and what was left out.
    pub completeness: CompletenessReport,
}

/// An edge, as every list of edges holds it.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct EdgeRow {
    /// Who opened.
    #[schemars(with = "String")]
    pub from: NodeId,
    /// Who was asked.
    #[schemars(with = "String")]
    pub to: NodeId,
    /// Protocol.
    #[schemars(with = "String")]
    pub protocol: Protocol,
    /// Port of the pod; null for ICMP.
    pub port: Option<u16>,
    /// Type and code, for ICMP.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<IcmpRow>")]
    pub icmp: Option<IcmpType>,
}

/// A direction that is left open.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct UnfencedRow {
    /// The workload.
    #[schemars(with = "String")]
    pub id: NodeId,
    /// `egress` or `ingress`.
    pub direction: &'static str,
    /// Why.
    pub why: String,
}

/// A policy for a namespace in which not everything is isolated.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct NamespacedRow {
    /// The namespace.
    pub namespace: String,
    /// `default-deny` or `dns`.
    pub policy: &'static str,
    /// Whether it is written all the same.
    pub written: bool,
    /// `open`: it isolates, or would, workloads of which nobody knows what they need. `suspect`:
    /// it would admit what is withheld from suspects.
    pub why: &'static str,
    /// The workloads that it is about.
    #[schemars(with = "Vec<String>")]
    pub others: Vec<NodeId>,
}

/// An edge that a finding withholds.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct WithheldRow {
    /// The edge.
    pub edge: EdgeRow,
    /// The id of the finding.
    pub finding: String,
    /// One sentence.
    pub why: String,
}

/// The edges behind a rule.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct EvidenceRow {
    /// `NAMESPACE/NAME`.
    pub policy: String,
    /// `egress` or `ingress`.
    pub direction: &'static str,
    /// Its place in the list, from 0.
    pub rule: usize,
    /// The edges.
    pub edges: Vec<EdgeRow>,
}

/// The proof.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct ProofRow {
    /// The set by itself.
    pub alone: OutcomeRow,
    /// The set with today's policies kept.
    pub beside: OutcomeRow,
    /// Widths that rules have on purpose.
    pub declared: Vec<DeclaredRow>,
    /// ICMP that was answered and that isolation may cut.
    pub inexpressible: Vec<EdgeRow>,
}

/// What one set does.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct OutcomeRow {
    /// Genuine edges.
    pub observed: usize,
    /// Of these, admitted between all replicas.
    pub admitted: usize,
    /// The others.
    pub cut: Vec<CutRow>,
    /// What is admitted beyond.
    pub excess: Vec<ExcessRow>,
    /// What today's policies let through: from, to, protocol, port over workloads × declared and
    /// observed ports.
    pub reachable_before: u64,
    /// What this set lets through.
    pub reachable_after: u64,
}

/// A genuine edge that is denied.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct CutRow {
    /// The edge.
    #[serde(flatten)]
    pub edge: EdgeRow,
    /// The direction that denies.
    pub direction: &'static str,
    /// A pair of pods or addresses for which it is denied.
    pub example: String,
}

/// Ports that are admitted without having been seen.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct ExcessRow {
    /// Who may open.
    #[schemars(with = "String")]
    pub from: NodeId,
    /// Who may be asked.
    #[schemars(with = "String")]
    pub to: NodeId,
    /// Protocol.
    #[schemars(with = "String")]
    pub protocol: Protocol,
    /// Ports and ranges, as text.
    pub ports: String,
    /// The policies that admit it.
    pub why: String,
}

/// A meant width.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct DeclaredRow {
    /// `nodes`, `external`, `exposed`, `dns`, `api-server`, `unknown` or `behind`.
    pub kind: &'static str,
    /// The fenced workload that has the rule.
    #[schemars(with = "String")]
    pub subject: NodeId,
    /// `egress` or `ingress`.
    pub direction: &'static str,
    /// The other end, where it is one.
    #[schemars(with = "Option<String>")]
    pub peer: Option<NodeId>,
    /// Protocol.
    #[schemars(with = "String")]
    pub protocol: Protocol,
    /// Port, or the name of one.
    pub port: String,
    /// One line for people.
    pub why: &'static str,
}

impl RecommendReport {
    /// From the recommendation, its proof, and the policies as written.
    pub fn new(
        answer: &Recommendation,
        proof: &Proof,
        policies: Vec<serde_json::Value>,
        completeness: CompletenessReport,
    ) -> Self {
        let evidence = answer.policies.iter().flat_map(|policy| {
            policy.evidence.iter().map(|evidence| EvidenceRow {
                policy: policy.policy.key(),
                direction: evidence.direction.token(),
                rule: evidence.rule,
                edges: evidence.edges.iter().map(EdgeRow::from).collect(),
            })
        });
        RecommendReport {
            api_version: API_VERSION,
            kind: "Recommendation",
            policies,
            supersedes: answer.supersedes.clone(),
            unobserved: answer.unobserved.clone(),
            unfenced: answer.unfenced.iter().map(unfenced).collect(),
            suspects: answer.suspects.clone(),
            namespaced: answer.namespaced.iter().map(namespaced).collect(),
            merged: answer.merged.clone(),
            proof: ProofRow {
                alone: outcome(&proof.alone),
                beside: outcome(&proof.beside),
                declared: answer.declared.iter().map(declared).collect(),
                inexpressible: answer.inexpressible.iter().map(EdgeRow::from).collect(),
            },
            withheld: answer.withheld.iter().map(withheld).collect(),
            undirected: answer.undirected.iter().map(EdgeRow::from).collect(),
            evidence: evidence.collect(),
            tightening: None,
            completeness,
        }
    }
}

impl From<&EdgeKey> for EdgeRow {
    fn from(key: &EdgeKey) -> Self {
        EdgeRow {
            from: key.from.clone(),
            to: key.to.clone(),
            protocol: key.protocol,
            port: key.port,
            icmp: key.icmp,
        }
    }
}

fn namespaced(row: &Namespaced) -> NamespacedRow {
    NamespacedRow {
        namespace: row.namespace.clone(),
        policy: row.policy.token(),
        written: row.is_written,
        why: row.why.token(),
        others: row.others.clone(),
    }
}

fn unfenced(row: &Unfenced) -> UnfencedRow {
    UnfencedRow { id: row.id.clone(), direction: row.direction.token(), why: row.why.to_string() }
}

fn withheld(row: &Withheld) -> WithheldRow {
    WithheldRow { edge: (&row.edge).into(), finding: row.finding.clone(), why: row.why.clone() }
}

fn declared(row: &Declared) -> DeclaredRow {
    let direction: Direction = row.direction;
    DeclaredRow {
        kind: row.kind.token(),
        subject: row.subject.clone(),
        direction: direction.token(),
        peer: row.peer.clone(),
        protocol: row.protocol,
        port: row.port.clone(),
        why: row.kind.label(),
    }
}

pub(super) fn cut_row(cut: &Cut) -> CutRow {
    CutRow { edge: (&cut.edge).into(), direction: cut.direction.token(), example: cut.example.clone() }
}

fn outcome(outcome: &Outcome) -> OutcomeRow {
    let excess = |excess: &Excess| ExcessRow {
        from: excess.from.clone(),
        to: excess.to.clone(),
        protocol: excess.protocol,
        ports: excess.ports.to_string(),
        why: excess.why.clone(),
    };
    OutcomeRow {
        observed: outcome.observed,
        admitted: outcome.admitted,
        cut: outcome.cut.iter().map(cut_row).collect(),
        excess: outcome.excess.iter().map(excess).collect(),
        reachable_before: outcome.reachable_before,
        reachable_after: outcome.reachable_after,
    }
}
