//! The data of the page, as its script reads it.

use flowfence_model::{Fold, NodeId};
use schemars::JsonSchema;
use serde::Serialize;

use super::policy::{PolicyRow, RuleRow};
use crate::output::API_VERSION;
use crate::output::audit::{AuditReport, FindingRow};
use crate::output::completeness::CompletenessReport;
use crate::output::graph::{EdgeRow, GraphReport, NodeRow, VerdictRow, WindowRow, standing};
use crate::output::recommend::{ProofRow, ReadinessRow};

/// A `Page` object: the text of the element `flowfence-data`.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PageReport {
    /// `flowfence.dev/v1`.
    pub api_version: &'static str,
    /// `Page`.
    pub kind: &'static str,
    /// Its title.
    pub title: String,
    /// What wrote it.
    pub generator: String,
    /// The view at which it opens.
    pub open: Tab,
    /// Earliest and latest packet.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub window: Option<WindowRow>,
    /// Nodes by id.
    pub nodes: Vec<PageNodeRow>,
    /// Edges by from, to, protocol and port; others name them by their place in this list.
    pub edges: Vec<PageEdgeRow>,
    /// What rules of today's policies admit between workloads and nobody genuinely used.
    pub unused: Vec<UnusedRow>,
    /// Rows of `unused` beyond those that are listed.
    #[serde(skip_serializing_if = "is_none")]
    pub unused_more: usize,
    /// The parts of the window that `slices` of edges count.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub slices: Option<SlicesRow>,
    /// Rules of the recommended set.
    pub rules: Vec<RuleRow>,
    /// Policies of the recommended set and of today, by name.
    pub policies: Vec<PolicyRow>,
    /// Findings, the worst first.
    pub findings: Vec<PageFindingRow>,
    /// Why no policies are recommended, where none are.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refused: Option<String>,
    /// What the recommended set was measured to do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub proof: Option<ProofRow>,
    /// Whether enough was seen.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub readiness: Option<ReadinessRow>,
    /// What would break, by set of policies.
    pub breaks: Vec<BreakRow>,
    /// What was seen and what was left out.
    pub completeness: CompletenessReport,
    /// What to look at first, in order.
    pub review: Vec<ReviewRow>,
}

/// A view of the page.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Tab {
    /// Who talks to whom.
    #[default]
    Map,
    /// What was found.
    Findings,
    /// What is recommended.
    Policies,
}

/// A node.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct PageNodeRow {
    /// As in `graph -o json`, but that `kind` is `workload`, `pod`, `namespace`, `node`, `apiserver`, `external` or
    /// `unknown`: the kind of the API is in the id.
    #[serde(flatten)]
    pub node: NodeRow,
    /// Whether today's policies isolate all of its pods; absent where it has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub isolated: Option<IsolatedRow>,
    /// The same under the recommended set.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub after: Option<IsolatedRow>,
}

/// Isolation by direction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct IsolatedRow {
    /// Of what comes.
    pub ingress: bool,
    /// Of what goes.
    pub egress: bool,
}

/// An edge.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PageEdgeRow {
    /// As in `graph -o json`.
    #[serde(flatten)]
    pub edge: EdgeRow,
    /// `allowed`, `denied`, `unspecified`, `probe` or `attempted`.
    pub standing: &'static str,
    /// In each part of the window, the pairs of pods, or of addresses, of which a connection was open; of pairs that
    /// never connected, those whose first or last attempt fell into it. Absent without a window.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub slices: Vec<u32>,
    /// Rules of today that admit it, for some of its pods at least.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub admitted_by: Option<GroundsRow>,
    /// Policies of today that deny it, for some of its pods at least.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub denied_by: Option<DenialsRow>,
    /// The verdict under the recommended set and what stays of today's policies.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub after: Option<VerdictRow>,
    /// The recommended rules that admit it, as places in `rules`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub rules: Vec<usize>,
    /// Why no rule is recommended for it, where none is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub withheld: Option<String>,
}

/// Rules by direction.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct GroundsRow {
    /// Of the policies of the source.
    pub egress: Vec<GroundRow>,
    /// Of the policies of the destination.
    pub ingress: Vec<GroundRow>,
}

/// A rule.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
pub struct GroundRow {
    /// Its policy, `NAMESPACE/NAME`; `KIND/NAME` of a cluster-wide one.
    pub policy: String,
    /// Its place under `spec`, such as `egress[0]`.
    pub field: String,
}

/// Policies by direction.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct DenialsRow {
    /// Those that select the source.
    pub egress: Vec<String>,
    /// Those that select the destination.
    pub ingress: Vec<String>,
}

/// What is admitted and was not used.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct UnusedRow {
    /// Who may open.
    #[schemars(with = "String")]
    pub from: NodeId,
    /// Who may be asked.
    #[schemars(with = "String")]
    pub to: NodeId,
    /// Ports with their protocol, as text.
    pub ports: String,
}

/// Equal parts of the window.
#[derive(Clone, Copy, Debug, Serialize, JsonSchema)]
pub struct SlicesRow {
    /// Its beginning and end.
    #[serde(flatten)]
    pub window: WindowRow,
    /// How many.
    pub count: u32,
}

/// A finding.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct PageFindingRow {
    /// As in `audit -o json`.
    #[serde(flatten)]
    pub finding: FindingRow,
    /// The edges that it speaks of, as places in `edges`.
    pub edges: Vec<usize>,
}

/// What a set of policies cuts of what was seen.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct BreakRow {
    /// `today` (the cluster's policies), `policies` (those of `--policies`), `recommended` (that set in place of what it
    /// supersedes) or `beside` (that set with all of today's kept).
    pub set: &'static str,
    /// One sentence.
    pub text: String,
    /// Genuine edges that it denies, for some replica at least.
    pub edges: Vec<usize>,
    /// Edges that it may cut, and nobody can say: answered ICMP, and connections of which nobody knows who opened them.
    pub doubtful: Vec<usize>,
}

/// Something to look at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct ReviewRow {
    /// `error`, `warning` or `note`.
    pub level: &'static str,
    /// One sentence.
    pub text: String,
    /// The finding that it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub finding: Option<String>,
    /// The policy that it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub policy: Option<String>,
}

impl From<GraphReport> for PageReport {
    /// A page of a graph alone: nothing is said of policies beyond the verdicts.
    fn from(graph: GraphReport) -> Self {
        let edges = graph.edges.into_iter().map(|edge| PageEdgeRow {
            standing: standing(&edge),
            edge,
            slices: Vec::new(),
            admitted_by: None,
            denied_by: None,
            after: None,
            rules: Vec::new(),
            withheld: None,
        });
        PageReport {
            api_version: API_VERSION,
            kind: "Page",
            title: "Who talks to whom".to_owned(),
            generator: concat!("flowfence ", env!("CARGO_PKG_VERSION")).to_owned(),
            open: Tab::Map,
            window: graph.window,
            nodes: graph
                .nodes
                .into_iter()
                .map(|node| PageNodeRow {
                    node: NodeRow { kind: kind(&node.id).to_owned(), ..node },
                    isolated: None,
                    after: None,
                })
                .collect(),
            edges: edges.collect(),
            unused: Vec::new(),
            unused_more: 0,
            slices: None,
            rules: Vec::new(),
            policies: Vec::new(),
            findings: Vec::new(),
            refused: None,
            proof: None,
            readiness: None,
            breaks: Vec::new(),
            completeness: graph.completeness,
            review: Vec::new(),
        }
    }
}

/// What a node stands for, in one word.
fn kind(id: &NodeId) -> &'static str {
    match id {
        NodeId::Workload(workload) if workload.kind == "Pod" => "pod",
        NodeId::Workload(_) | NodeId::Folded(Fold::Owner(_)) => "workload",
        NodeId::Namespace(_) => "namespace",
        NodeId::Node(_) => "node",
        NodeId::ApiServer => "apiserver",
        NodeId::External(_) | NodeId::Folded(Fold::Block(_) | Fold::Domain(_) | Fold::Outside) => "external",
        NodeId::Unknown(_) => "unknown",
    }
}

impl From<AuditReport> for PageReport {
    /// A page of findings alone, as policies without traffic give.
    fn from(audit: AuditReport) -> Self {
        let graph = GraphReport { completeness: audit.completeness, ..GraphReport::empty() };
        let findings = audit.findings.into_iter();
        PageReport {
            title: "What was found".to_owned(),
            open: Tab::Findings,
            findings: findings.map(|finding| PageFindingRow { finding, edges: Vec::new() }).collect(),
            ..PageReport::from(graph)
        }
    }
}

/// Serde hands over what it writes by reference.
#[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature is serde's")]
fn is_none(count: &usize) -> bool {
    *count == 0
}
