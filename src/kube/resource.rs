//! What is read from the API server: one table, which is also what RBAC has to grant.

use kube::core::{ApiResource, GroupVersion};

use super::trim::{
    CONTROLLER, CRON_JOB, ENDPOINT_SLICE, Fields, INGRESS, METADATA, NODE, POD, SERVICE, SPEC,
};

/// A kind that is listed and watched.
#[derive(Debug)]
pub struct Resource {
    /// API group; empty for the core group.
    pub group: &'static str,
    /// Version.
    pub version: &'static str,
    /// Kind as the API writes it.
    pub kind: &'static str,
    /// The name that paths and RBAC rules use.
    pub plural: &'static str,
    /// Whether a cluster need not serve it.
    pub optional: bool,
    /// Fields that are read, beside the metadata that every kind has.
    pub fields: Fields,
}

/// The kinds, in the order in which they are listed.
pub const RESOURCES: &[Resource] = &[
    always("", "v1", "Namespace", "namespaces", &[]),
    always("", "v1", "Node", "nodes", NODE),
    always("", "v1", "Pod", "pods", POD),
    always("", "v1", "Service", "services", SERVICE),
    always("discovery.k8s.io", "v1", "EndpointSlice", "endpointslices", ENDPOINT_SLICE),
    always("", "v1", "ReplicationController", "replicationcontrollers", CONTROLLER),
    always("apps", "v1", "Deployment", "deployments", CONTROLLER),
    always("apps", "v1", "ReplicaSet", "replicasets", CONTROLLER),
    always("apps", "v1", "StatefulSet", "statefulsets", CONTROLLER),
    always("apps", "v1", "DaemonSet", "daemonsets", CONTROLLER),
    always("batch", "v1", "Job", "jobs", CONTROLLER),
    always("batch", "v1", "CronJob", "cronjobs", CRON_JOB),
    always("networking.k8s.io", "v1", "Ingress", "ingresses", INGRESS),
    always("networking.k8s.io", "v1", "NetworkPolicy", "networkpolicies", SPEC),
    optional("v1alpha2", "ClusterNetworkPolicy", "clusternetworkpolicies"),
    optional("v1alpha1", "AdminNetworkPolicy", "adminnetworkpolicies"),
    optional("v1alpha1", "BaselineAdminNetworkPolicy", "baselineadminnetworkpolicies"),
];

const fn always(
    group: &'static str,
    version: &'static str,
    kind: &'static str,
    plural: &'static str,
    fields: Fields,
) -> Resource {
    Resource { group, version, kind, plural, optional: false, fields }
}

const fn optional(version: &'static str, kind: &'static str, plural: &'static str) -> Resource {
    Resource { group: "policy.networking.k8s.io", version, kind, plural, optional: true, fields: SPEC }
}

impl Resource {
    /// As the client names it.
    pub(super) fn api(&self) -> ApiResource {
        let group_version = GroupVersion::gv(self.group, self.version);
        ApiResource {
            group: self.group.to_owned(),
            version: self.version.to_owned(),
            api_version: group_version.api_version(),
            kind: self.kind.to_owned(),
            plural: self.plural.to_owned(),
        }
    }

    /// `pods`, or `networkpolicies.networking.k8s.io`.
    pub fn name(&self) -> String {
        if self.group.is_empty() { self.plural.to_owned() } else { format!("{}.{}", self.plural, self.group) }
    }

    /// The fields of one object that are read, metadata included.
    pub(super) fn all_fields(&self) -> impl Iterator<Item = &'static str> {
        METADATA.iter().chain(self.fields).copied()
    }
}
