//! Policies of today that isolate nobody.

use super::finding::{Finding, Level};
use super::scene::{Detector, Scene};

pub(super) const DETECTOR: Detector = Detector {
    id: "policy-selects-nothing",
    level: Level::Warning,
    title: "a policy that selects no pod",
    meaning: "The policy has no effect: a label was renamed, or what it protected is gone.",
    doubt: "It may be meant for pods that come later; pod templates in the snapshot are considered.",
    find,
};

fn find(scene: &Scene<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (index, policy) in scene.policies.policies().iter().enumerate() {
        let template = scene.inventory.workloads().values().any(|workload| {
            !workload.host_network
                && workload.id.namespace() == Some(policy.namespace.as_str())
                && workload.label_sets.iter().any(|labels| policy.pod_selector.matches(labels))
        });
        if template || scene.policies.selected(index).next().is_some() {
            continue;
        }
        let title = format!("policy {} selects no pod", policy.key());
        let labels: Vec<String> =
            policy.pod_selector.match_labels.iter().map(|(k, v)| format!("{k}={v}")).collect();
        let keys: Vec<&str> =
            policy.pod_selector.match_expressions.iter().map(flowfence_model::Requirement::key).collect();
        let mut finding = Finding::new(DETECTOR.id, Level::Warning, &policy.key(), title)
            .with("policy", policy.key())
            .with("matchLabels", labels.as_slice());
        if !keys.is_empty() {
            finding = finding.with("matchExpressionKeys", keys.as_slice());
        }
        findings.push(finding);
    }
    findings
}
