//! Policies that isolate nobody.

use flowfence_model::PeerSelector;

use super::{view, words};
use crate::audit::finding::{Finding, Level};
use crate::audit::scene::{Detector, Scene, Unasked};

pub(super) const DETECTOR: Detector = Detector {
    id: "policy-selects-nothing",
    level: Level::Warning,
    title: "a policy that selects no pod",
    meaning: "The policy has no effect: a label was renamed, or what it protected is gone.",
    doubt: "It may be meant for pods that come later; pod templates in the snapshot are considered.",
    fix: "Correct `spec.podSelector` to labels that the pods carry, or delete the policy.",
    unasked: Unasked::Kept,
    silence: "Give its id to `--accept`, or to a decision with who, why and until when.",
    found: &["p: {podSelector: {matchLabels: {app: cart}}, policyTypes: [Ingress]}"],
    not_found: &["p: {podSelector: {matchLabels: {app: web}}, policyTypes: [Ingress]}"],
    find,
};

fn find(scene: &Scene<'_>) -> Vec<Finding> {
    if !view::has_workloads(scene) {
        return Vec::new();
    }
    let mut findings = Vec::new();
    for (index, policy) in scene.policies.policies().iter().enumerate() {
        let subject = PeerSelector { namespaces: None, pods: Some(policy.pod_selector.clone()) };
        if scene.policies.selected(index).next().is_some()
            || view::selects_any(scene, &subject, &policy.namespace)
        {
            continue;
        }
        // Those on their node's network are told by a finding of their own.
        if view::selects_host_network(scene, &subject, &policy.namespace) {
            continue;
        }
        let key = policy.key();
        let title = format!("policy {key} selects no pod");
        let labels: Vec<String> =
            policy.pod_selector.match_labels.iter().map(|(k, v)| format!("{k}={v}")).collect();
        let keys: Vec<&str> =
            policy.pod_selector.match_expressions.iter().map(flowfence_model::Requirement::key).collect();
        let fix = format!(
            "change spec.podSelector of NetworkPolicy {key} ({}) to labels that pods in {} carry, or delete it",
            words::selector(&policy.pod_selector),
            policy.namespace
        );
        let mut finding = Finding::new(DETECTOR.id, Level::Warning, &key, title)
            .about(&key, "podSelector")
            .fixed_by(fix)
            .with("policy", key.as_str())
            .with("matchLabels", labels.as_slice());
        if !keys.is_empty() {
            finding = finding.with("matchExpressionKeys", keys.as_slice());
        }
        findings.push(finding);
    }
    findings
}
