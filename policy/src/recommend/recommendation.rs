//! What the recommender answers.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use flowfence_graph::EdgeKey;
use flowfence_model::policy::Direction;
use flowfence_model::{NetworkPolicy, NodeId, Protocol, Timestamp};
use serde::Serialize;

use super::dynamic::DynamicPorts;
use super::namespace::Namespaced;
use crate::judge::Withheld;

/// A set of policies that stands alone, and everything that a person should know of it.
#[derive(Clone, Debug, Default)]
pub struct Recommendation {
    /// One policy a subject, sorted by namespace and name.
    pub policies: Vec<RecommendedPolicy>,
    /// Policies of today (`NAMESPACE/NAME`) that select pods of a fenced workload.
    pub supersedes: Vec<String>,
    /// Workloads without any traffic: never isolated.
    pub unobserved: Vec<NodeId>,
    /// Workloads, or directions of them, that are left open.
    pub unfenced: Vec<Unfenced>,
    /// Workloads that scanned.
    pub suspects: Vec<NodeId>,
    /// Edges that are no rule until somebody accepts them.
    pub withheld: Vec<Withheld>,
    /// Widths that rules have on purpose.
    pub declared: Vec<Declared>,
    /// ICMP that was answered and that isolation may cut.
    pub inexpressible: Vec<EdgeKey>,
    /// Connections of which nobody knows who opened them: no rule admits them.
    pub undirected: Vec<EdgeKey>,
    /// Namespaces in which a policy for all of them is not safe.
    pub namespaced: Vec<Namespaced>,
    /// Servers that open ports as they need them.
    pub dynamic_ports: Vec<DynamicPorts>,
    /// Subjects of several workloads, because labels cannot tell these apart.
    pub merged: Vec<Vec<NodeId>>,
}

/// One policy with its file and reasons.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecommendedPolicy {
    /// The workloads that it fences: one, or several that labels cannot tell apart.
    pub subjects: Vec<NodeId>,
    /// `NAMESPACE/NAME.yaml`, safe as a relative path.
    pub file: String,
    /// The object.
    pub policy: NetworkPolicy,
    /// Its labels.
    pub labels: BTreeMap<String, String>,
    /// Its annotations: the workloads, and the names of outside addresses.
    pub annotations: BTreeMap<String, String>,
    /// What each rule was seen to carry, egress before ingress.
    pub evidence: Vec<Evidence>,
}

/// The edges behind one rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Evidence {
    /// Which list the rule is in.
    pub direction: Direction,
    /// Its place in the list.
    pub rule: usize,
    /// Genuine edges that need it, sorted.
    pub edges: Vec<EdgeKey>,
    /// Connections that were counted on them, UDP that nobody answered by design included.
    pub connections: u64,
    /// Their earliest and latest packet.
    pub seen: (Timestamp, Timestamp),
    /// Names of their outside ends, from DNS answers, sorted.
    pub names: Vec<String>,
    /// Of the edges, those that rest only on flow logs which never show an answer: what such logs say passed counts as
    /// connected, and a slow scan may be among it.
    pub assumed: BTreeSet<EdgeKey>,
}

/// A direction of a workload that is not isolated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unfenced {
    /// The workload.
    pub id: NodeId,
    /// The direction.
    pub direction: Direction,
    /// Why.
    pub why: Why,
}

/// Why a workload that had traffic is left open.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Why {
    /// No tap could see all of its pods wholly.
    Blind,
    /// It lives in a system namespace.
    System,
    /// None of its labels outlives a rollout.
    NoStableLabel,
    /// Labels do not tell it from a workload that must stay open.
    Indistinct(NodeId),
    /// A peer that it needs has no label to select it by.
    PeerWithoutLabel(NodeId),
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Why::Blind => f.write_str("blind"),
            Why::System => f.write_str("system"),
            Why::NoStableLabel => f.write_str("no stable label selects it"),
            Why::Indistinct(other) => {
                write!(f, "labels cannot tell it from {other}, which must stay open")
            }
            Why::PeerWithoutLabel(peer) => write!(f, "no stable label selects its peer {peer}"),
        }
    }
}

/// A width of a rule that is meant.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Declared {
    /// What kind of width.
    pub kind: Width,
    /// The fenced workload that has the rule.
    pub subject: NodeId,
    /// In which of its lists.
    pub direction: Direction,
    /// The other end, where it is one; `None` for nodes, for everybody outside.
    pub peer: Option<NodeId>,
    /// Protocol.
    pub protocol: Protocol,
    /// Port, range of ports, or the name of one.
    pub port: String,
    /// The name of a network, or the block that was widened.
    pub network: Option<String>,
}

/// Kinds of meant widths.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Width {
    /// All addresses of all nodes and their pod gateways, for one node was seen. Grows with nodes.
    Nodes,
    /// An address outside, which others may come to hold.
    External,
    /// An inside address that nobody is known to have held: cutting it would cut what was seen.
    Unknown,
    /// Every address but those of pods, to a published port that was used from outside.
    Exposed,
    /// DNS on the protocol that was not seen: long answers are asked for again over TCP.
    Dns,
    /// All endpoints of the API server.
    ApiServer,
    /// A client that was rewritten on the way: some plugins filter before that.
    Behind,
    /// A network that a person gave a name to, where some of its addresses were seen.
    Network,
    /// A block that holds more outside addresses than were seen, as a person allowed.
    Widened,
    /// Ports that a person says a server opens as it needs them.
    PortRange,
}

impl Width {
    /// The token in our outputs.
    pub const fn token(self) -> &'static str {
        match self {
            Width::Nodes => "nodes",
            Width::External => "external",
            Width::Unknown => "unknown",
            Width::Exposed => "exposed",
            Width::Dns => "dns",
            Width::ApiServer => "api-server",
            Width::Behind => "behind",
            Width::Network => "network",
            Width::Widened => "widened",
            Width::PortRange => "port-range",
        }
    }

    /// One line for people.
    pub const fn label(self) -> &'static str {
        match self {
            Width::Nodes => "every node and pod gateway; the rule grows with nodes",
            Width::External => "an outside address, whoever holds it",
            Width::Unknown => "an inside address that no known pod held",
            Width::Exposed => "everybody outside, for a service publishes the port",
            Width::Dns => "DNS on both protocols, for long answers come over TCP",
            Width::ApiServer => "every endpoint of the API server",
            Width::Behind => "the client behind a rewritten address",
            Width::Network => "a named network outside, whoever speaks from it",
            Width::Widened => "outside addresses that were not seen, within --widen",
            Width::PortRange => "ports that were not seen, of a range that was asked for",
        }
    }
}

impl Recommendation {
    /// The workloads that some policy isolates.
    pub fn fenced(&self) -> BTreeSet<&NodeId> {
        self.policies.iter().flat_map(|policy| &policy.subjects).collect()
    }
}
