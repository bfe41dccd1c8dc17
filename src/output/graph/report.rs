//! The shape of `graph -o json`, from which every other format is written.

use std::collections::BTreeSet;
use std::net::IpAddr;

use flowfence_graph::{EdgeKey, Parts};
use flowfence_model::{Fold, IcmpType, Labels, NodeId, Orientation, Protocol, Timestamp};
use schemars::JsonSchema;
use serde::Serialize;

use crate::output::API_VERSION;
use crate::output::completeness::CompletenessReport;
use crate::output::schema::IcmpRow;

/// A `CommunicationGraph` object.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct GraphReport {
    /// `flowfence.dev/v1`.
    pub api_version: &'static str,
    /// `CommunicationGraph`.
    pub kind: &'static str,
    /// Earliest and latest packet; null when there was none.
    pub window: Option<WindowRow>,
    /// Nodes by id.
    pub nodes: Vec<NodeRow>,
    /// Edges by from, to, protocol and port.
    pub edges: Vec<EdgeRow>,
    /// With `--reach`: what today's policies allow between workloads, and nobody used.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unused: Vec<UnusedRow>,
    /// With `--reach`: pairs that are not in `unused`, for there are too many.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unused_left_out: Option<u64>,
    /// What was seen and what was left out.
    pub completeness: CompletenessReport,
}

/// What is allowed from one workload to another, and was not used.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct UnusedRow {
    /// Who may open.
    #[schemars(with = "String")]
    pub from: NodeId,
    /// Who may be asked.
    #[schemars(with = "String")]
    pub to: NodeId,
    /// Ports as `8080/TCP`, of those that its pods declare or on which somebody reached it.
    pub ports: Vec<String>,
}

/// A span of capture time.
#[derive(Clone, Copy, Debug, Serialize, JsonSchema)]
pub struct WindowRow {
    /// Earliest packet.
    #[schemars(with = "String")]
    pub start: Timestamp,
    /// Latest packet.
    #[schemars(with = "String")]
    pub end: Timestamp,
}

/// A node.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct NodeRow {
    /// Its id.
    #[schemars(with = "String")]
    pub id: NodeId,
    /// Its kind.
    pub kind: String,
    /// Its namespace, where it has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    /// Its name or address.
    pub name: String,
    /// Labels that all of its pods share.
    #[serde(skip_serializing_if = "Labels::is_empty")]
    #[schemars(with = "std::collections::BTreeMap<String, String>")]
    pub labels: Labels,
    /// Names that DNS answers in the capture gave to it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub fqdns: Vec<String>,
}

/// An edge.
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
    /// Services that were proven on the way.
    pub services: BTreeSet<String>,
    /// Clients that were rewritten on the way.
    pub behind: BTreeSet<IpAddr>,
    /// Connections.
    pub connections: u64,
    /// Attempts.
    pub attempts: AttemptRow,
    /// Packets there and back.
    pub packets: [u64; 2],
    /// Octets there and back.
    pub octets: [u64; 2],
    /// Earliest packet.
    #[schemars(with = "String")]
    pub first: Timestamp,
    /// Latest packet.
    #[schemars(with = "String")]
    pub last: Timestamp,
    /// In which parts of the window it connected.
    #[serde(skip)]
    #[schemars(skip)]
    pub parts: Parts,
    /// Whether any connection was answered.
    pub established: bool,
    /// How sure it is who opened.
    #[schemars(with = "String")]
    pub orientation: Orientation,
    /// Whether all of it are kubelet probes.
    pub probe: bool,
    /// What today's policies say.
    pub verdict: VerdictRow,
    /// Ids of findings that name it.
    pub suspicious: Vec<String>,
}

/// Attempts by how they ended.
#[derive(Clone, Copy, Debug, Serialize, JsonSchema)]
pub struct AttemptRow {
    /// Nobody answered.
    pub unanswered: u64,
    /// Reset, or ICMP destination unreachable.
    pub refused: u64,
}

impl AttemptRow {
    /// Both kinds.
    pub fn total(&self) -> u64 {
        self.unanswered + self.refused
    }
}

/// `allowed`, `denied` or `unspecified` a direction; null where that end is no pod.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct VerdictRow {
    /// By the policies that select the source.
    pub egress: Option<&'static str>,
    /// By the policies that select the destination.
    pub ingress: Option<&'static str>,
}

impl GraphReport {
    /// Of nothing.
    pub fn empty() -> Self {
        GraphReport {
            api_version: API_VERSION,
            kind: "CommunicationGraph",
            window: None,
            nodes: Vec::new(),
            edges: Vec::new(),
            unused: Vec::new(),
            unused_left_out: None,
            completeness: CompletenessReport::default(),
        }
    }
}

impl NodeRow {
    /// A node by its id, with what is known of it.
    pub fn new(id: NodeId, labels: Labels, fqdns: Vec<String>) -> Self {
        let name = match &id {
            NodeId::Workload(workload) => workload.name.to_string(),
            NodeId::Namespace(name)
            | NodeId::Node(name)
            | NodeId::Folded(Fold::Owner(name) | Fold::Domain(name)) => name.to_string(),
            NodeId::ApiServer => "apiserver".to_owned(),
            NodeId::External(ip) | NodeId::Unknown(ip) => ip.to_string(),
            NodeId::Folded(Fold::Block(block)) => block.to_string(),
            NodeId::Folded(Fold::Outside) => "outside".to_owned(),
        };
        let (kind, namespace) = (id.kind().to_owned(), id.namespace().map(str::to_owned));
        NodeRow { id, kind, namespace, name, labels, fqdns }
    }
}

impl EdgeRow {
    /// What tells it from other edges.
    pub fn key(&self) -> EdgeKey {
        let (from, to) = (self.from.clone(), self.to.clone());
        EdgeKey { from, to, protocol: self.protocol, port: self.port, icmp: self.icmp }
    }
}
