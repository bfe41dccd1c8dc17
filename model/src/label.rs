//! Labels of Kubernetes objects.

use std::collections::BTreeMap;

/// Labels as `metadata.labels` holds them.
pub type Labels = BTreeMap<String, String>;

/// The label that the API server sets on every namespace since Kubernetes 1.21;
/// nobody else can write it.
pub const NAMESPACE_NAME: &str = "kubernetes.io/metadata.name";

/// Whether a label changes with a rollout, a scale-up or the next run of a job, so
/// that a selector that uses it would die with them.
pub fn is_volatile(key: &str) -> bool {
    matches!(
        key,
        "pod-template-hash"
            | "controller-revision-hash"
            | "pod-template-generation"
            | "statefulset.kubernetes.io/pod-name"
            | "apps.kubernetes.io/pod-index"
            | "rollouts-pod-template-hash"
            | "job-name"
            | "controller-uid"
    ) || key.starts_with("batch.kubernetes.io/")
}

/// What the last part of an annotation's key may be for it to say whose an object is.
const OWNER_WORDS: &[&str] =
    &["owner", "owners", "team", "squad", "contact", "maintainer", "kubernetes-id", "part-of", "managed-by"];

/// Octets of an annotation that says whose an object is; longer ones are prose, and not kept.
pub const MAX_OWNER: usize = 256;

/// Whether an annotation of this key may say whose an object is, so that it is kept when the object is read: the part
/// after its slash is such a word. Annotations hold whole manifests and worse, so no other is.
pub fn is_owner_annotation(key: &str) -> bool {
    OWNER_WORDS.contains(&key.rsplit_once('/').map_or(key, |(_, name)| name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_that_die_with_a_rollout_are_volatile() {
        for key in ["pod-template-hash", "batch.kubernetes.io/job-name", "apps.kubernetes.io/pod-index"] {
            assert!(is_volatile(key), "{key}");
        }
        assert!(!is_volatile("app.kubernetes.io/name"));
    }

    #[test]
    fn an_owner_is_told_by_the_name_of_an_annotation_whatever_its_prefix() {
        for key in ["a8r.io/owner", "owner", "team", "backstage.io/kubernetes-id", "example.com/squad"] {
            assert!(is_owner_annotation(key), "{key}");
        }
        for key in ["kubectl.kubernetes.io/last-applied-configuration", "owner/x", "owner-token", ""] {
            assert!(!is_owner_annotation(key), "{key}");
        }
    }
}
