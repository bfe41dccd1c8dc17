//! The shape of `graph -o json`, from which every other format is written.

use std::collections::BTreeSet;
use std::net::IpAddr;

use flowfence_model::{IcmpType, Labels, NodeId, Orientation, Protocol, Timestamp};
use schemars::JsonSchema;
use serde::Serialize;

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
    /// What was seen and what was left out.
    pub completeness: CompletenessReport,
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
