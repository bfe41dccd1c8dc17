//! What a result is about, as the API refers to objects.

use flowfence_model::NodeId;
use serde::Serialize;

use crate::output::audit::FindingRow;
use crate::output::safe;

/// An `ObjectReference` of the core API, as much of it as is known.
#[derive(Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Reference {
    #[serde(skip_serializing_if = "Option::is_none")]
    api_version: Option<&'static str>,
    kind: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    namespace: Option<String>,
    name: String,
}

/// API versions of the kinds that are read; a controller of another kind is named without one.
const VERSIONS: &[(&str, &str)] = &[
    ("AdminNetworkPolicy", "policy.networking.k8s.io/v1alpha1"),
    ("BaselineAdminNetworkPolicy", "policy.networking.k8s.io/v1alpha1"),
    ("ClusterNetworkPolicy", "policy.networking.k8s.io/v1alpha2"),
    ("CronJob", "batch/v1"),
    ("DaemonSet", "apps/v1"),
    ("Deployment", "apps/v1"),
    ("Job", "batch/v1"),
    ("Namespace", "v1"),
    ("NetworkPolicy", "networking.k8s.io/v1"),
    ("Node", "v1"),
    ("Pod", "v1"),
    ("ReplicaSet", "apps/v1"),
    ("ReplicationController", "v1"),
    ("StatefulSet", "apps/v1"),
];

/// The policy, then the workloads and nodes. What is outside the cluster is no object.
pub(super) fn of(finding: &FindingRow) -> Vec<Reference> {
    let policy = finding.policy.as_deref().and_then(policy);
    let ends = [&finding.from, &finding.to].into_iter().flatten().filter_map(end);
    let mut all: Vec<Reference> = Vec::new();
    for one in policy.into_iter().chain(ends) {
        if !all.contains(&one) {
            all.push(one);
        }
    }
    all
}

/// `NAMESPACE/NAME`, or `KIND/NAME` of a cluster-wide one: kinds begin with a capital, namespaces never.
fn policy(text: &str) -> Option<Reference> {
    let (first, name) = text.split_once('/')?;
    if first.starts_with(|c: char| c.is_ascii_uppercase()) {
        return Some(reference(first, None, name));
    }
    Some(reference("NetworkPolicy", Some(first), name))
}

fn end(id: &NodeId) -> Option<Reference> {
    match id {
        NodeId::Workload(workload) => {
            Some(reference(&workload.kind, Some(&workload.namespace), &workload.name))
        }
        NodeId::Namespace(name) => Some(reference("Namespace", None, name)),
        NodeId::Node(name) => Some(reference("Node", None, name)),
        NodeId::ApiServer | NodeId::External(_) | NodeId::Unknown(_) | NodeId::Folded(_) => None,
    }
}

fn reference(kind: &str, namespace: Option<&str>, name: &str) -> Reference {
    let version = VERSIONS.iter().find(|(known, _)| *known == kind).map(|(_, version)| *version);
    let text = |text: &str| safe::at_most(&safe::line(text), 253).into_owned();
    Reference { api_version: version, kind: text(kind), namespace: namespace.map(text), name: text(name) }
}

/// Whether a namespace may have this name (a DNS label, RFC 1123).
pub(super) fn is_namespace(name: &str) -> bool {
    let is_inner = |octet: u8| octet.is_ascii_lowercase() || octet.is_ascii_digit() || octet == b'-';
    (1..=63).contains(&name.len())
        && name.bytes().all(is_inner)
        && !name.starts_with('-')
        && !name.ends_with('-')
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::output::audit::report::finding;

    #[test]
    fn a_policy_and_both_ends_are_named_once() {
        let mut finding = finding("rule-unused", "note", 1);
        finding.policy = Some("shop/web".to_owned());
        finding.to = finding.from.clone();
        let all = serde_json::to_value(of(&finding)).unwrap();
        assert_eq!(
            all,
            serde_json::json!([
                {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "namespace": "shop", "name": "web"},
                {"apiVersion": "apps/v1", "kind": "Deployment", "namespace": "shop", "name": "w1"},
            ])
        );
        assert_eq!(policy("ClusterNetworkPolicy/x").unwrap().namespace, None);
    }

    #[test]
    fn only_what_may_be_a_namespace_gets_an_object() {
        assert!(is_namespace("kube-system") && is_namespace("7"));
        for wrong in ["", "-a", "a-", "A", "a.b", "a/b", "a\n", &"a".repeat(64)] {
            assert!(!is_namespace(wrong), "{wrong}");
        }
    }
}
