//! What the API leaves open.

use std::fmt;

/// Why conforming plugins may answer a question differently. The booleans beside it are what
/// the text of the API and most plugins say.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Unspecified {
    /// A pod to itself, directly: the concept page says that it cannot be blocked, plugins
    /// differ (kubernetes/kubernetes 95879). Booleans: allowed.
    SelfTraffic,
    /// NetworkPolicy v1 speaks of TCP, UDP and SCTP only. Booleans: admitted by rules without
    /// `ports`, as if those meant every protocol.
    Icmp,
    /// A policy selects a host-network pod: most plugins do nothing then, some isolate it.
    /// Booleans: it is not isolated.
    HostNetworkSubject,
    /// A selector matches the labels of a host-network pod: most plugins see only the node's
    /// address. Booleans: no match.
    HostNetworkPeer,
    /// The destination is a service's address: whether policies see it before or after its
    /// translation is open. Booleans: an address outside the cluster.
    ServiceAddress,
    /// As [`Unspecified::ServiceAddress`], and an `ipBlock` alone decides. Booleans: it matches.
    ServiceAddressInBlock,
    /// Only an `ipBlock` admits a pod's address; the API means blocks for addresses outside, and
    /// some plugins (Cilium) never match pods by them. Booleans: it matches.
    PodAddressInBlock,
    /// A pod to its own node, which its egress rules do not admit: the concept page says always
    /// allowed, plugins that filter in the pod's network namespace deny it. Booleans: the rules.
    OwnNodeEgress,
}

impl Unspecified {
    /// Every reason, in order.
    pub const ALL: [Unspecified; 8] = [
        Unspecified::SelfTraffic,
        Unspecified::Icmp,
        Unspecified::HostNetworkSubject,
        Unspecified::HostNetworkPeer,
        Unspecified::ServiceAddress,
        Unspecified::ServiceAddressInBlock,
        Unspecified::PodAddressInBlock,
        Unspecified::OwnNodeEgress,
    ];

    /// The name for machines; never changes.
    pub const fn token(self) -> &'static str {
        match self {
            Unspecified::SelfTraffic => "self-traffic",
            Unspecified::Icmp => "icmp",
            Unspecified::HostNetworkSubject => "host-network-subject",
            Unspecified::HostNetworkPeer => "host-network-peer",
            Unspecified::ServiceAddress => "service-address",
            Unspecified::ServiceAddressInBlock => "service-address-in-block",
            Unspecified::PodAddressInBlock => "pod-address-in-block",
            Unspecified::OwnNodeEgress => "own-node-egress",
        }
    }

    /// One line for people.
    pub const fn label(self) -> &'static str {
        match self {
            Unspecified::SelfTraffic => "a pod reaching itself: plugins differ",
            Unspecified::Icmp => "ICMP cannot be said in NetworkPolicy v1",
            Unspecified::HostNetworkSubject => "the policy selects a pod that uses its node's network",
            Unspecified::HostNetworkPeer => "the peer uses its node's network and has no address of its own",
            Unspecified::ServiceAddress => "a service address: judged before or after translation",
            Unspecified::ServiceAddressInBlock => "only an ipBlock admits this service address",
            Unspecified::PodAddressInBlock => "only an ipBlock admits this pod",
            Unspecified::OwnNodeEgress => "a pod reaching its own node: plugins differ",
        }
    }
}

impl fmt::Display for Unspecified {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.token())
    }
}
