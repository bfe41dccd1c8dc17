//! Selectors that no labels satisfy.

use flowfence_model::policy::Direction;
use flowfence_model::{LabelSelector, PeerSelector, PolicyPeer, TierPeer};

use super::{view, words};
use crate::audit::finding::{Finding, Level};
use crate::audit::scene::{Detector, Scene, Unasked};
use crate::semantics::within::{contradiction, in_namespaces};

pub(super) const DETECTOR: Detector = Detector {
    id: "selector-contradictory",
    level: Level::Warning,
    title: "a selector that can match nothing",
    meaning: "All parts of a selector must hold at once, and two of them want of one key what no object can \
              have: the selector matches nothing, now and ever.",
    doubt: "None: it follows from the selector alone.",
    fix: "Keep one requirement for the key; alternatives are one `In` with several values, or several peers.",
    unasked: Unasked::Kept,
    silence: "Give its id to `--accept`, or to a decision with who, why and until when.",
    found: &[
        "p: {podSelector: {matchLabels: {app: web}, matchExpressions: [{key: app, operator: DoesNotExist}]}, policyTypes: [Ingress]}",
    ],
    not_found: &[
        "p: {podSelector: {matchLabels: {app: web}, matchExpressions: [{key: tier, operator: DoesNotExist}]}, policyTypes: [Ingress]}",
    ],
    find,
};

fn find(scene: &Scene<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for policy in scene.policies.policies() {
        let field = "podSelector".to_owned();
        findings.extend(selector(&policy.pod_selector, &policy.key(), field));
    }
    for rule in view::rules(scene) {
        for (at, peer) in rule.peers() {
            if let PolicyPeer::Pods(peer) = peer {
                let field = words::peer_field(rule.id.direction, rule.id.rule, at);
                findings.extend(peers(peer, &rule.policy.namespace, &rule.policy.key(), &field));
            }
        }
    }
    for policy in scene.policies.cluster_policies() {
        findings.extend(peers(&policy.subject, "", &policy.key(), "subject"));
        for direction in Direction::BOTH {
            for (rule, object) in policy.rules(direction).iter().enumerate() {
                for (at, peer) in object.peers.iter().enumerate() {
                    if let TierPeer::Pods(peer) = peer {
                        let field = words::peer_field(direction, rule, at);
                        findings.extend(peers(peer, "", &policy.key(), &field));
                    }
                }
            }
        }
    }
    findings
}

fn peers(peer: &PeerSelector, home: &str, policy: &str, field: &str) -> Vec<Finding> {
    let namespaces = peer.namespaces.as_ref().filter(|_| contradiction(&in_namespaces(peer, home)).is_some());
    let parts = [("namespaceSelector", namespaces), ("podSelector", peer.pods.as_ref())];
    let parts = parts.into_iter().filter_map(|(name, part)| Some((name, part?)));
    parts.filter_map(|(name, part)| selector(part, policy, format!("{field}.{name}"))).collect()
}

fn selector(selector: &LabelSelector, policy: &str, field: String) -> Option<Finding> {
    let key = contradiction(selector)?;
    let spelled = words::selector(selector);
    let title = format!("{field} of policy {policy} can match nothing: it contradicts itself on {key}");
    let fix = format!("in spec.{field} of {policy} keep one requirement for {key} (now {spelled})");
    Some(
        Finding::new(DETECTOR.id, Level::Warning, &format!("{policy}:{field}"), title)
            .about(policy, field)
            .fixed_by(fix)
            .with("policy", policy)
            .with("key", key)
            .with("selector", spelled),
    )
}
