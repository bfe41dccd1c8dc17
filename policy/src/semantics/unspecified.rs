//! What the API leaves open.

use std::fmt;

/// Why conforming plugins may answer a question differently. The booleans beside it are what
/// the text of the API and most plugins say; each reason has one other answer that is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Unspecified {
    /// A pod to itself, directly: the concept page says that it cannot be blocked, plugins
    /// differ (kubernetes/kubernetes 95879). Booleans: allowed. Other answer: the rules decide.
    SelfTraffic,
    /// NetworkPolicy v1 speaks of TCP, UDP and SCTP only. Booleans: admitted by rules without
    /// `ports`, as if those meant every protocol. Other answer: never filtered. Not open where a
    /// ClusterNetworkPolicy decides, whose text includes ICMP.
    Icmp,
    /// A policy selects a host-network pod: most plugins do nothing then, some isolate it.
    /// Booleans: it is not isolated. Other answer: it is.
    HostNetworkSubject,
    /// A selector matches the labels of a host-network pod: most plugins see only the node's
    /// address. Booleans: no match. Other answer: it matches.
    HostNetworkPeer,
    /// The destination is a service's address: whether policies see it before or after its
    /// translation is open. Booleans: an address outside the cluster, as before translation.
    /// Other answer: what the policies say of the pods behind it.
    ServiceAddress,
    /// As [`Unspecified::ServiceAddress`], and an `ipBlock` alone decides. Booleans: it matches.
    ServiceAddressInBlock,
    /// Only an `ipBlock` admits a pod's address; the API means blocks for addresses outside, and
    /// some plugins (Cilium) never match pods by them. Booleans: it matches. Other answer: not.
    PodAddressInBlock,
    /// A pod to its own node, which its egress rules do not admit: the concept page says always
    /// allowed, plugins that filter in the pod's network namespace deny it. Booleans: the rules.
    /// Other answer: allowed.
    OwnNodeEgress,
    /// A port name that only a sidecar declares: plugins that read ordinary containers alone do
    /// not know it. Booleans: it counts. Other answer: it does not.
    SidecarNamedPort,
    /// The source may be hidden behind a node's address on its way through a service's node port
    /// or load balancer, and the node's address is judged otherwise. Booleans: the source as
    /// given. Other answer: the verdict of a node's address.
    SnatSource,
    /// A Baseline rule, for a pod that a NetworkPolicy isolates in the other direction only: the
    /// text says that Baseline is for "pods not selected by a NetworkPolicy" and not whether
    /// that is meant per direction. Booleans: per direction, so Baseline rules. Other answer: it
    /// is skipped.
    BaselineBesideNetworkPolicy,
    /// Policies of one tier and priority match with different actions: the API lets any of them
    /// win. Booleans: the first by name.
    EqualPriority,
    /// `namedPort` of v1alpha1: the text means the number that the pod gives the name, and one
    /// plugin lets any port match once the pod owns the name. Booleans: the number.
    AdminNamedPort,
    /// A `nodes` peer: the text means the addresses of the nodes, and one plugin matches the pods
    /// that run on them. Booleans: the addresses.
    NodePeer,
    /// A rule for domain names might admit the address; whether the pod resolved it from such a
    /// name is not known. Booleans: it did not, unless the names of the address are known.
    DomainNamePeer,
}

impl Unspecified {
    /// Every reason, in order.
    pub const ALL: [Unspecified; 15] = [
        Unspecified::SelfTraffic,
        Unspecified::Icmp,
        Unspecified::HostNetworkSubject,
        Unspecified::HostNetworkPeer,
        Unspecified::ServiceAddress,
        Unspecified::ServiceAddressInBlock,
        Unspecified::PodAddressInBlock,
        Unspecified::OwnNodeEgress,
        Unspecified::SidecarNamedPort,
        Unspecified::SnatSource,
        Unspecified::BaselineBesideNetworkPolicy,
        Unspecified::EqualPriority,
        Unspecified::AdminNamedPort,
        Unspecified::NodePeer,
        Unspecified::DomainNamePeer,
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
            Unspecified::SidecarNamedPort => "sidecar-named-port",
            Unspecified::SnatSource => "snat-source",
            Unspecified::BaselineBesideNetworkPolicy => "baseline-beside-network-policy",
            Unspecified::EqualPriority => "equal-priority",
            Unspecified::AdminNamedPort => "admin-named-port",
            Unspecified::NodePeer => "node-peer",
            Unspecified::DomainNamePeer => "domain-name-peer",
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
            Unspecified::SidecarNamedPort => "only a sidecar declares the port name: plugins differ",
            Unspecified::SnatSource => "the source may arrive as a node's address",
            Unspecified::BaselineBesideNetworkPolicy => {
                "a Baseline rule for a pod that a NetworkPolicy isolates in the other direction only"
            }
            Unspecified::EqualPriority => "policies of one priority disagree: any of them may win",
            Unspecified::AdminNamedPort => "a port name of v1alpha1: plugins differ in which ports it means",
            Unspecified::NodePeer => "a nodes peer: plugins differ in whether it means the pods on them",
            Unspecified::DomainNamePeer => "a rule for domain names might admit this address",
        }
    }

    /// The answer that the booleans take, and the other one.
    pub const fn answers(self) -> (&'static str, &'static str) {
        match self {
            Unspecified::SelfTraffic => ("a pod reaches itself", "its rules decide"),
            Unspecified::Icmp => ("rules without ports mean ICMP too", "it is never filtered"),
            Unspecified::HostNetworkSubject => ("a host-network pod is not isolated", "it is"),
            Unspecified::HostNetworkPeer => ("selectors do not match a host-network pod", "they do"),
            Unspecified::ServiceAddress | Unspecified::ServiceAddressInBlock => {
                ("a service's address is judged before translation", "what is said of the pods behind it")
            }
            Unspecified::PodAddressInBlock => ("an ipBlock matches pods", "it does not"),
            Unspecified::OwnNodeEgress => ("a pod to its own node: its rules decide", "it is allowed"),
            Unspecified::SidecarNamedPort => ("port names of sidecars count", "they do not"),
            Unspecified::SnatSource => ("the source as given", "a node's address, through a published port"),
            Unspecified::BaselineBesideNetworkPolicy => (
                "the Baseline tier is judged per direction",
                "it is skipped for a pod that any NetworkPolicy isolates",
            ),
            Unspecified::EqualPriority => ("of equal priorities the first by name wins", "any of them"),
            Unspecified::AdminNamedPort => {
                ("namedPort of v1alpha1 is its number", "any port, once the pod owns the name")
            }
            Unspecified::NodePeer => ("nodes are the addresses in status.addresses", "the pods on them"),
            Unspecified::DomainNamePeer => {
                ("an address whose names are not known matches no domainNames", "it does")
            }
        }
    }
}

impl fmt::Display for Unspecified {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.token())
    }
}
