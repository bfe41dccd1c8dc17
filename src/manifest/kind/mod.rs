//! The kinds of objects that flowfence reads: one file a kind, one table.

mod admin_policy;
mod cluster_policy;
mod container;
mod controller;
mod endpoints;
mod label;
mod namespace;
mod network_policy;
mod node;
mod pod;
mod service;
mod spelling;
mod strict;
mod tier;

use flowfence_model::object::Object;

use super::refusal::Refusal;
use super::snapshot::Spelling;
use super::source::Source;

/// Reads one object of a kind; legacy Endpoints give several.
type Read = fn(&Source<'_>) -> Result<Vec<Object>, Refusal>;

/// A kind of the table.
pub(super) struct Kind {
    group: &'static str,
    name: &'static str,
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
    kind("networking.k8s.io", "NetworkPolicy", network_policy::read).spelled(network_policy::remarks),
    kind("policy.networking.k8s.io", "ClusterNetworkPolicy", cluster_policy::read).spelled(spelling::none),
    kind("policy.networking.k8s.io", "AdminNetworkPolicy", admin_policy::read).spelled(spelling::none),
    kind("policy.networking.k8s.io", "BaselineAdminNetworkPolicy", admin_policy::read_baseline)
        .spelled(spelling::none),
];

const fn kind(group: &'static str, name: &'static str, read: Read) -> Kind {
    Kind { group, name, read, remarks: None }
}

/// The kind of an object. The group counts: a Calico NetworkPolicy or a Knative Service means
/// something else.
pub(super) fn lookup(api_version: &str, name: &str) -> Option<&'static Kind> {
    let group = api_version.split_once('/').map_or("", |(group, _)| group);
    KINDS.iter().find(|kind| kind.group == group && kind.name == name)
}
