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
}
