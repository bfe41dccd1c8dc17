//! Cluster-wide policies of `policy.networking.k8s.io`: AdminNetworkPolicy and
//! BaselineAdminNetworkPolicy (v1alpha1), ClusterNetworkPolicy (v1alpha2), checked.
//!
//! ```text
//! Admin tier ─▶ NetworkPolicy ─▶ Baseline tier ─▶ allowed
//! ```
//!
//! The first rule of a tier that matches ends the tier: it accepts, denies, or passes on to the
//! next tier. Unlike NetworkPolicy, selecting a pod does not isolate it.

use std::fmt;

use ipnet::IpNet;
use serde::Serialize;

use crate::policy::{Direction, PeerSelector};
use crate::port::PortRange;
use crate::protocol::Protocol;
use crate::selector::LabelSelector;

/// Where cluster-wide policies stand in the order of evaluation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub enum Tier {
    /// Before NetworkPolicies, which it may overrule.
    Admin,
    /// After them, for pods that no NetworkPolicy isolates.
    Baseline,
}

impl Tier {
    /// Both, in the order of evaluation.
    pub const BOTH: [Tier; 2] = [Tier::Admin, Tier::Baseline];

    /// The token of the API: `Admin` or `Baseline`.
    pub const fn token(self) -> &'static str {
        match self {
            Tier::Admin => "Admin",
            Tier::Baseline => "Baseline",
        }
    }
}

impl fmt::Display for Tier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.token())
    }
}

/// The kind that a cluster-wide policy was written as.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub enum ClusterPolicyKind {
    /// v1alpha1, Admin tier.
    AdminNetworkPolicy,
    /// v1alpha1, Baseline tier; only one, named `default`.
    BaselineAdminNetworkPolicy,
    /// v1alpha2, either tier.
    ClusterNetworkPolicy,
}

impl ClusterPolicyKind {
    /// The kind as the API writes it.
    pub const fn token(self) -> &'static str {
        match self {
            ClusterPolicyKind::AdminNetworkPolicy => "AdminNetworkPolicy",
            ClusterPolicyKind::BaselineAdminNetworkPolicy => "BaselineAdminNetworkPolicy",
            ClusterPolicyKind::ClusterNetworkPolicy => "ClusterNetworkPolicy",
        }
    }
}

/// A cluster-wide policy. A direction without rules is left alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClusterPolicy {
    /// What it was written as.
    pub kind: ClusterPolicyKind,
    /// `metadata.name`.
    pub name: String,
    /// `spec.tier`, or the one of its kind.
    pub tier: Tier,
    /// `spec.priority`, 0 to 1000; the lower number goes first in its tier. 0 for the baseline
    /// kind of v1alpha1, which has none.
    pub priority: u16,
    /// `spec.subject`: the pods that it speaks of; `namespaces` is always given.
    pub subject: PeerSelector,
    /// Ingress rules, first match first.
    pub ingress: Vec<TierRule>,
    /// Egress rules, first match first.
    pub egress: Vec<TierRule>,
}

impl ClusterPolicy {
    /// `KIND/NAME`: no NetworkPolicy has such a key, for a namespace has no capital letters.
    pub fn key(&self) -> String {
        format!("{}/{}", self.kind.token(), self.name)
    }

    /// The rules of a direction.
    pub fn rules(&self, direction: Direction) -> &[TierRule] {
        match direction {
            Direction::Egress => &self.egress,
            Direction::Ingress => &self.ingress,
        }
    }
}

/// What a rule does with the connections that it matches.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub enum Action {
    /// Allowed, whatever later tiers say (`Accept`; `Allow` in v1alpha1).
    Accept,
    /// Denied.
    Deny,
    /// The rest of the tier is skipped, not only the rest of the policy.
    Pass,
}

/// One rule: matches a connection when a peer and a port match.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TierRule {
    /// `name`; empty when the object has none.
    pub name: String,
    /// `action`.
    pub action: Action,
    /// `from` or `to`, at least one.
    pub peers: Vec<TierPeer>,
    /// `protocols` or `ports`; empty matches every port of every protocol.
    pub ports: Vec<TierPort>,
}

/// Whom a rule matches. Rules of ingress have only pods as peers.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TierPeer {
    /// `namespaces` or `pods`; `namespaces` of the selector is always given. Host-network pods
    /// are never among them.
    Pods(PeerSelector),
    /// `networks`: addresses, those of pods too. Host bits masked.
    Networks(Vec<IpNet>),
    /// `nodes`: the addresses in `status.addresses` of the nodes with these labels.
    Nodes(LabelSelector),
    /// `domainNames`, in Accept rules of egress only.
    DomainNames(Vec<DomainName>),
    /// A field that this version of the API does not have, by its name. The rule fails closed:
    /// Accept matches nothing, Deny and Pass deny everything.
    Unknown(String),
}

/// Which destination ports a rule matches.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TierPort {
    /// Numbers of one protocol; [`PortRange::ALL`] when the object names only the protocol.
    Numbers {
        /// The protocol.
        protocol: Protocol,
        /// First to last, inclusive.
        range: PortRange,
    },
    /// The name of a container port of the destination, whatever its protocol.
    Named(String),
}

/// A domain name of a peer: exact, or `*.` and what ends the name. Compared without case and
/// without a final dot.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DomainName(String);

impl DomainName {
    /// The pattern in lower case without its final dot.
    pub fn new(pattern: &str) -> Self {
        DomainName(normal(pattern))
    }

    /// The pattern.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it means this name. `*.x` means every name below `x` at any depth, and not `x`.
    pub fn matches(&self, name: &str) -> bool {
        let name = normal(name);
        match self.0.strip_prefix('*') {
            Some(suffix) => name.len() > suffix.len() && name.ends_with(suffix),
            None => name == self.0,
        }
    }
}

fn normal(name: &str) -> String {
    name.strip_suffix('.').unwrap_or(name).to_ascii_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wildcard_means_every_name_below_and_not_the_name_itself() {
        let below = DomainName::new("*.Example.org.");
        assert!(below.matches("www.example.org") && below.matches("a.b.example.org."));
        assert!(!below.matches("example.org") && !below.matches("badexample.org"));
        assert!(!below.matches(".example.org."), "no label before the dot");
    }

    #[test]
    fn an_exact_name_means_only_itself() {
        let exact = DomainName::new("example.org");
        assert!(exact.matches("EXAMPLE.org."));
        assert!(!exact.matches("www.example.org") && !exact.matches("example.org.uk"));
    }
}
