//! Kinds, versions, names and labels that the API server refuses.

use super::*;

/// (metadata, line of the file, field, part of the reason); the metadata begins on line 4.
const REFUSED_METADATA: &[(&str, usize, &str, &str)] = &[
    ("namespace: a", 4, "metadata.name", "required"),
    ("name: ''", 4, "metadata.name", "required"),
    ("name: Web", 4, "metadata.name", "RFC 1123"),
    ("name: web_1", 4, "metadata.name", "RFC 1123"),
    ("name: -web", 4, "metadata.name", "RFC 1123"),
    ("name: web..1", 4, "metadata.name", "RFC 1123"),
    ("name: a/b", 4, "metadata.name", "RFC 1123"),
    ("name: 7", 4, "metadata.name", "expected a string, found the number 7; quote it"),
    ("name: p\n  namespace: a.b", 5, "metadata.namespace", "RFC 1123"),
    ("name: p\n  namespace: Shop", 5, "metadata.namespace", "RFC 1123"),
    ("name: p\n  namespce: a", 5, "metadata.namespce", "unknown field"),
    ("name: p\n  labels:\n    a: b c", 6, "metadata.labels.a", "not a valid label value"),
    ("name: p\n  labels:\n    a: 1", 6, "metadata.labels.a", "quote it"),
    ("name: p\n  labels:\n    '': b", 6, "metadata.labels.", "not a valid label key"),
];

fn with_metadata(metadata: &str) -> Snapshot {
    let text = format!(
        "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata:\n  {metadata}\nspec:\n  podSelector: {{}}\n"
    );
    parse_objects(&text, "t.yaml")
}

#[test]
fn metadata_that_the_server_refuses_refuses_the_policy() {
    for (metadata, line, field, reason) in REFUSED_METADATA {
        let snapshot = with_metadata(metadata);
        assert!(snapshot.objects.is_empty(), "{metadata}");
        let problem = &snapshot.problems[0];
        assert_eq!((problem.field.as_deref(), problem.line), (Some(*field), Some(*line)), "{problem}");
        assert!(problem.reason.contains(reason), "{problem}");
    }
    for (longest, too_long) in [
        (format!("name: {}", "a".repeat(253)), format!("name: {}", "a".repeat(254))),
        (
            format!("name: p\n  namespace: {}", "a".repeat(63)),
            format!("name: p\n  namespace: {}", "a".repeat(64)),
        ),
        (
            format!("name: p\n  labels: {{a: {}}}", "v".repeat(63)),
            format!("name: p\n  labels: {{a: {}}}", "v".repeat(64)),
        ),
        (
            format!("name: p\n  labels: {{{}: v}}", "k".repeat(63)),
            format!("name: p\n  labels: {{{}: v}}", "k".repeat(64)),
        ),
        (
            format!("name: p\n  labels: {{{}/k: v}}", "d".repeat(253)),
            format!("name: p\n  labels: {{{}/k: v}}", "d".repeat(254)),
        ),
    ] {
        assert_eq!(with_metadata(&longest).policies().len(), 1, "{longest}");
        assert!(with_metadata(&too_long).has_errors(), "{too_long}");
    }
}

#[test]
fn a_policy_of_a_kind_or_version_that_there_is_not_is_refused_and_foreign_ones_are_ignored() {
    let read = |version: &str, kind: &str| {
        parse_objects(
            &format!("apiVersion: {version}\nkind: {kind}\nmetadata: {{name: p}}\nspec: {{}}\n"),
            "t.yaml",
        )
    };
    for (version, kind, expected) in [
        ("networking.k8s.io/v1", "NetworkPolicies", "networking.k8s.io/v1 NetworkPolicy"),
        ("networking.k8s.io/v1", "networkpolicy", "networking.k8s.io/v1 NetworkPolicy"),
        ("networking.k8s.io/v1", "NetworkPolcy", "networking.k8s.io/v1 NetworkPolicy"),
        ("networking.k8s.io/v1beta1", "NetworkPolicy", "networking.k8s.io/v1 NetworkPolicy"),
        ("extensions/v1beta1", "NetworkPolicy", "networking.k8s.io/v1 NetworkPolicy"),
        ("v1", "NetworkPolicy", "networking.k8s.io/v1 NetworkPolicy"),
        ("policy.networking.k8s.io/v1", "ClusterNetworkPolicy", "v1alpha2 ClusterNetworkPolicy"),
        ("policy.networking.k8s.io/v1alpha1", "ClusterNetworkPolicy", "v1alpha2 ClusterNetworkPolicy"),
        ("policy.networking.k8s.io/v1alpha2", "AdminNetworkPolicy", "v1alpha1 AdminNetworkPolicy"),
    ] {
        let snapshot = read(version, kind);
        let problem = snapshot.problems.first().unwrap_or_else(|| panic!("{version} {kind}"));
        assert!(problem.reason.ends_with(&format!("expected {}", full(expected))), "{problem}");
        assert_eq!(problem.field.as_deref(), Some("kind"));
    }
    for (version, kind) in [
        ("crd.projectcalico.org/v1", "NetworkPolicy"),
        ("projectcalico.org/v3", "GlobalNetworkPolicy"),
        ("cilium.io/v2", "CiliumNetworkPolicy"),
        ("networking.k8s.io/v1", "IngressClass"),
        ("policy/v1", "PodDisruptionBudget"),
    ] {
        let snapshot = read(version, kind);
        assert!(snapshot.problems.is_empty() && snapshot.ignored_kinds.len() == 1, "{version} {kind}");
    }
}

fn full(expected: &str) -> String {
    if expected.starts_with('v') {
        format!("policy.networking.k8s.io/{expected}")
    } else {
        expected.to_owned()
    }
}

/// Such a pod came from no API server, and a policy with its labels would be refused.
#[test]
fn metadata_that_the_server_refuses_refuses_pods_too() {
    for (metadata, field) in [
        ("name: \"we\\e[2Jb\"", "metadata.name"),
        ("name: p\n  namespace: a.b", "metadata.namespace"),
        ("name: p\n  labels: {app: \"x\\n- podSelector: {}\"}", "metadata.labels.app"),
        ("name: p\n  labels: {\"a b\": x}", "metadata.labels.a b"),
    ] {
        let text = format!("apiVersion: v1\nkind: Pod\nmetadata:\n  {metadata}\n");
        let snapshot = parse_objects(&text, "t.yaml");
        assert!(snapshot.objects.is_empty(), "{metadata}");
        assert_eq!(snapshot.problems[0].field.as_deref(), Some(field));
    }
}
