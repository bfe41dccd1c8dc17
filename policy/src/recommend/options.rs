//! What a person may ask of the recommender.

use std::collections::BTreeSet;
use std::net::IpAddr;

use flowfence_model::{NodeId, PortRange, Protocol};

use super::network::{self, Network};

/// Whom a port admits that a service publishes and that was used from outside.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Exposed {
    /// Every address but those of pods: plugins filter before or after source translation.
    #[default]
    Any,
    /// The clients that were seen, and every node.
    Observed,
}

/// Where a namespace gets a policy that isolates all of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DefaultDeny {
    /// Only where every workload is fenced.
    #[default]
    Safe,
    /// Wherever a workload is fenced. The others are cut off, and named.
    All,
}

/// What the policies are for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// They stand alone, in place of today's.
    #[default]
    Replace,
    /// They hold only what today's lack, and stand beside them.
    Add,
}

/// A range of ports that a person says a server opens as it needs them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServedRange {
    /// The workload or address that is asked.
    pub server: NodeId,
    /// Protocol.
    pub protocol: Protocol,
    /// Ports.
    pub range: PortRange,
}

impl ServedRange {
    /// Whether a port of a server is one of them.
    pub(crate) fn holds(&self, server: &NodeId, protocol: Protocol, port: u16) -> bool {
        self.server == *server && self.protocol == protocol && self.range.contains(port)
    }
}

/// Choices of one run. The default fences every workload that was seen wholly, save those of
/// system namespaces.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// Fence workloads too whose pods no tap could see wholly.
    pub include_blind: bool,
    /// Fence the workloads of system namespaces too.
    pub system: bool,
    /// System namespaces beside `kube-*`.
    pub system_namespaces: BTreeSet<String>,
    /// Subjects are the workloads of these namespaces; empty means all.
    pub namespaces: BTreeSet<String>,
    /// Whom a published port admits.
    pub exposed: Exposed,
    /// Also a policy a namespace that isolates whatever else may come to run there.
    pub default_deny: Option<DefaultDeny>,
    /// One policy a namespace admits DNS, and those of the workloads do not.
    pub dns_per_namespace: bool,
    /// What the policies are for.
    pub mode: Mode,
    /// Networks outside that have a name; a peer in one is the whole of it.
    pub networks: Vec<Network>,
    /// How many addresses that were not seen each rule may add, so that blocks outside become fewer.
    pub widen: u128,
    /// Ports that are opened as needed.
    pub port_ranges: Vec<ServedRange>,
    /// Policies of today (`NAMESPACE/NAME`) that an earlier run wrote, known by their label
    /// `app.kubernetes.io/managed-by: flowfence`. Their names may be used again.
    pub ours: BTreeSet<String>,
}

impl Options {
    /// The named network that holds an address most closely.
    pub(crate) fn network_of(&self, ip: IpAddr) -> Option<&Network> {
        self.networks.get(network::of_address(&self.networks, ip)?)
    }

    /// Whether a namespace is a system one.
    pub fn is_system(&self, namespace: &str) -> bool {
        namespace.starts_with("kube-") || self.system_namespaces.contains(namespace)
    }

    /// Whether the workloads of a namespace are subjects.
    pub fn is_subject(&self, namespace: &str) -> bool {
        self.namespaces.is_empty() || self.namespaces.contains(namespace)
    }
}
