//! `networking.k8s.io/v1` NetworkPolicy, checked and with the API server's defaults applied.

use std::fmt;

use ipnet::IpNet;
use serde::Serialize;

use crate::port::PortRange;
use crate::protocol::Protocol;
use crate::selector::LabelSelector;

/// A NetworkPolicy whose isolation is decided and whose rules are checked.
///
/// `ingress` is `Some` when the policy isolates its pods for ingress (`policyTypes` holds
/// Ingress, or is absent), and then lists what it admits; `None` leaves that direction alone.
/// `egress` likewise (`policyTypes` absent: only when the object has an egress rule).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NetworkPolicy {
    /// `metadata.namespace`; `default` when the object has none.
    pub namespace: String,
    /// `metadata.name`.
    pub name: String,
    /// `spec.podSelector`: the pods of the namespace that it isolates.
    pub pod_selector: LabelSelector,
    /// Ingress rules, when it isolates for ingress.
    pub ingress: Option<Vec<PolicyRule>>,
    /// Egress rules, when it isolates for egress.
    pub egress: Option<Vec<PolicyRule>>,
}

impl NetworkPolicy {
    /// `NAMESPACE/NAME`.
    pub fn key(&self) -> String {
        format!("{}/{}", self.namespace, self.name)
    }

    /// The rules of a direction; `None` when the policy does not isolate for it.
    pub fn rules(&self, direction: Direction) -> Option<&[PolicyRule]> {
        match direction {
            Direction::Egress => self.egress.as_deref(),
            Direction::Ingress => self.ingress.as_deref(),
        }
    }
}

/// Which of its two ends a policy restricts a connection at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Direction {
    /// Out of the source.
    Egress,
    /// Into the destination.
    Ingress,
}

impl Direction {
    /// Both, in the order in which a connection passes them.
    pub const BOTH: [Direction; 2] = [Direction::Egress, Direction::Ingress];

    /// The token in our outputs: `egress` or `ingress`.
    pub const fn token(self) -> &'static str {
        match self {
            Direction::Egress => "egress",
            Direction::Ingress => "ingress",
        }
    }

    /// The field of a rule that lists its peers: `to` or `from`.
    pub const fn peers(self) -> &'static str {
        match self {
            Direction::Egress => "to",
            Direction::Ingress => "from",
        }
    }

    /// The entry of `policyTypes`: `Egress` or `Ingress`.
    pub const fn policy_type(self) -> &'static str {
        match self {
            Direction::Egress => "Egress",
            Direction::Ingress => "Ingress",
        }
    }
}

impl fmt::Display for Direction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.token())
    }
}

/// One rule: admits a connection when a peer and a port match.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PolicyRule {
    /// `from` or `to`; empty admits every peer, outside ones included.
    pub peers: Vec<PolicyPeer>,
    /// `ports`; empty admits every port of every protocol.
    pub ports: Vec<PolicyPort>,
}

/// Who is admitted.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PolicyPeer {
    /// Pods by labels.
    Pods(PeerSelector),
    /// Addresses (`ipBlock`).
    Block {
        /// `cidr`, host bits masked.
        cidr: IpNet,
        /// `except`, each inside `cidr`.
        except: Vec<IpNet>,
    },
}

/// Pods by namespace and pod labels. At least one of the two was given in the object.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PeerSelector {
    /// `namespaceSelector`; `None` means the policy's own namespace.
    pub namespaces: Option<LabelSelector>,
    /// `podSelector`; `None` means every pod of the namespaces.
    pub pods: Option<LabelSelector>,
}

/// Which ports of which protocol are admitted.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PolicyPort {
    /// `protocol`, TCP when the object has none.
    pub protocol: Protocol,
    /// `port` and `endPort`; `None` is every port of the protocol.
    pub port: Option<PortName>,
}

/// A port of a policy: numbers, or a name that each destination pod resolves for itself.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PortName {
    /// `port` to `endPort`, inclusive; one number when there is no `endPort`.
    Range(PortRange),
    /// The name of a container port (`IANA_SVC_NAME`), looked up on the destination pod.
    Name(String),
}

impl fmt::Display for PortName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            PortName::Range(range) => range.fmt(f),
            PortName::Name(name) => f.write_str(name),
        }
    }
}
