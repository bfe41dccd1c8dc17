//! The kinds of objects that flowfence reads: one file a kind, one table.

mod admin_policy;
pub(super) mod cluster_policy;
mod container;
mod controller;
mod endpoints;
mod ingress;
pub(super) mod label;
mod namespace;
pub(super) mod network_policy;
mod node;
mod pod;
mod security;
mod service;
mod spelling;
pub(super) mod strict;
mod tier;

use flowfence_model::object::Object;

use super::refusal::Refusal;
use super::snapshot::Spelling;
use super::source::Source;

/// Reads one object of a kind; legacy Endpoints give several.
pub(super) type Read = fn(&Source<'_>) -> Result<Vec<Object>, Refusal>;

/// A kind of the table.
pub(super) struct Kind {
    group: &'static str,
    name: &'static str,
    /// The version that it is read of; any where its old versions mean the same.
    version: Option<&'static str>,
    pub(super) read: Read,
    /// What is remarked on its spelling, for kinds whose spelling is of interest.
    remarks: Option<spelling::Remarks>,
}

impl Kind {
    /// What the text of an object tells beside its meaning.
    pub(super) fn spelling(&self, source: &Source<'_>) -> Spelling {
        self.remarks.map(|remarks| spelling::read(source, remarks)).unwrap_or_default()
    }

    const fn spelled(mut self, remarks: spelling::Remarks) -> Self {
        self.remarks = Some(remarks);
        self
    }
}

const KINDS: &[Kind] = &[
    kind("", "Pod", pod::read),
    kind("", "Namespace", namespace::read),
    kind("", "Service", service::read),
    kind("", "Endpoints", endpoints::read_legacy),
    kind("discovery.k8s.io", "EndpointSlice", endpoints::read),
    kind("", "Node", node::read),
    kind("", "ReplicationController", controller::read_replication),
    kind("apps", "Deployment", controller::read),
    kind("apps", "ReplicaSet", controller::read),
    kind("apps", "StatefulSet", controller::read),
    kind("apps", "DaemonSet", controller::read),
    kind("batch", "Job", controller::read),
    kind("batch", "CronJob", controller::read_cron),
    kind("networking.k8s.io", "Ingress", ingress::read),
    policy("networking.k8s.io", "v1", "NetworkPolicy", network_policy::read).spelled(network_policy::remarks),
    policy("policy.networking.k8s.io", "v1alpha2", "ClusterNetworkPolicy", cluster_policy::read)
        .spelled(spelling::none),
    policy("policy.networking.k8s.io", "v1alpha1", "AdminNetworkPolicy", admin_policy::read)
        .spelled(spelling::none),
    policy("policy.networking.k8s.io", "v1alpha1", "BaselineAdminNetworkPolicy", admin_policy::read_baseline)
        .spelled(spelling::none),
];

/// Letters that a misspelt kind may have wrong.
const SLIPS: usize = 3;

const fn kind(group: &'static str, name: &'static str, read: Read) -> Kind {
    Kind { group, name, version: None, read, remarks: None }
}

const fn policy(group: &'static str, version: &'static str, name: &'static str, read: Read) -> Kind {
    Kind { group, name, version: Some(version), read, remarks: None }
}

/// How an object of a kind is read; `None` for kinds that are of no use here. The group counts:
/// a Calico NetworkPolicy or a Knative Service means something else. A policy of a version that
/// is not known, or of a kind that Kubernetes does not have, is an error: left out in silence it
/// would change what the others mean.
pub(super) fn lookup(api_version: &str, name: &str) -> Result<Option<&'static Kind>, Refusal> {
    let (group, version) = api_version.split_once('/').unwrap_or(("", api_version));
    let found = KINDS.iter().find(|kind| kind.group == group && kind.name == name);
    match found {
        Some(kind) if kind.version.is_none_or(|known| known == version) => Ok(Some(kind)),
        Some(kind) => Err(no_such(api_version, name, kind)),
        None => {
            let meant = meant(group, name);
            meant.map_or(Ok(None), |kind| Err(no_such(api_version, name, kind)))
        }
    }
}

fn no_such(api_version: &str, name: &str, meant: &Kind) -> Refusal {
    let known = format!("{}/{} {}", meant.group, meant.version.unwrap_or("v1"), meant.name);
    Refusal::field("kind", format!("there is no kind {name} in {api_version}; expected {known}"))
}

/// The policy that a kind of Kubernetes' own groups looks like.
fn meant(group: &str, name: &str) -> Option<&'static Kind> {
    let is_kubernetes = !group.contains('.') || group.ends_with(".k8s.io");
    let wanted = name.to_lowercase();
    let slips = |kind: &Kind| strsim::osa_distance(&wanted, &kind.name.to_lowercase());
    let policies = KINDS.iter().filter(|kind| is_kubernetes && kind.version.is_some());
    policies.filter(|kind| slips(kind) <= SLIPS).min_by_key(|kind| slips(kind))
}
