//! What a person may ask of the recommender.

use std::collections::BTreeSet;

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
    /// Policies of today (`NAMESPACE/NAME`) that an earlier run wrote, known by their label
    /// `app.kubernetes.io/managed-by: flowfence`. Their names may be used again.
    pub ours: BTreeSet<String>,
}

impl Options {
    /// Whether a namespace is a system one.
    pub fn is_system(&self, namespace: &str) -> bool {
        namespace.starts_with("kube-") || self.system_namespaces.contains(namespace)
    }

    /// Whether the workloads of a namespace are subjects.
    pub fn is_subject(&self, namespace: &str) -> bool {
        self.namespaces.is_empty() || self.namespaces.contains(namespace)
    }
}
