//! The kinds of objects that flowfence reads: one file a kind, one table.

mod admin_policy;
pub(super) mod cluster_policy;
mod container;
mod controller;
mod endpoints;
pub(super) mod label;
mod namespace;
pub(super) mod network_policy;
mod node;
mod pod;
mod service;
pub(super) mod strict;
mod tier;

use flowfence_model::object::Object;

use super::refusal::Refusal;
use super::source::Source;

/// Reads one object of a kind; legacy Endpoints give several.
type Read = fn(&Source<'_>) -> Result<Vec<Object>, Refusal>;

/// A kind of the table.
pub(super) struct Kind {
    group: &'static str,
    name: &'static str,
    pub(super) read: Read,
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
    kind("networking.k8s.io", "NetworkPolicy", network_policy::read),
    kind("policy.networking.k8s.io", "ClusterNetworkPolicy", cluster_policy::read),
    kind("policy.networking.k8s.io", "AdminNetworkPolicy", admin_policy::read),
    kind("policy.networking.k8s.io", "BaselineAdminNetworkPolicy", admin_policy::read_baseline),
];

const fn kind(group: &'static str, name: &'static str, read: Read) -> Kind {
    Kind { group, name, read }
}

/// The kind of an object. The group counts: a Calico NetworkPolicy or a Knative Service means
/// something else.
pub(super) fn lookup(api_version: &str, name: &str) -> Option<&'static Kind> {
    let group = api_version.split_once('/').map_or("", |(group, _)| group);
    KINDS.iter().find(|kind| kind.group == group && kind.name == name)
}
