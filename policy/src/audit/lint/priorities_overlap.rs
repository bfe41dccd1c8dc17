//! Cluster-wide policies of one priority that disagree.

use flowfence_model::{Action, ClusterPolicyKind};

use super::{view, words};
use crate::audit::finding::{Finding, Level};
use crate::audit::scene::{Detector, Scene, Unasked};
use crate::semantics::Rivalry;

pub(super) const DETECTOR: Detector = Detector {
    id: "priorities-overlap",
    level: Level::Warning,
    title: "two policies of equal priority that disagree",
    meaning: "Two cluster-wide policies of one tier and priority select a pod and would do different things to \
              one connection. The API leaves open which one wins, and plugins differ.",
    doubt: "It is asked of the pods, nodes and address blocks of the input; overlaps on pods to come are not \
            seen.",
    fix: "Give the one that should win a lower number in `spec.priority`.",
    unasked: Unasked::Kept,
    silence: "Give one of the two another priority, or accept its id.",
    found: &[
        "{apiVersion: policy.networking.k8s.io/v1alpha2, kind: ClusterNetworkPolicy, metadata: {name: a}, spec: {tier: Admin, priority: 5, subject: {namespaces: {}}, ingress: [{action: Accept, from: [{namespaces: {}}]}]}}",
        "{apiVersion: policy.networking.k8s.io/v1alpha2, kind: ClusterNetworkPolicy, metadata: {name: b}, spec: {tier: Admin, priority: 5, subject: {namespaces: {}}, ingress: [{action: Deny, from: [{namespaces: {}}]}]}}",
    ],
    not_found: &[
        "{apiVersion: policy.networking.k8s.io/v1alpha2, kind: ClusterNetworkPolicy, metadata: {name: a}, spec: {tier: Admin, priority: 5, subject: {namespaces: {}}, ingress: [{action: Accept, from: [{namespaces: {}}]}]}}",
        "{apiVersion: policy.networking.k8s.io/v1alpha2, kind: ClusterNetworkPolicy, metadata: {name: b}, spec: {tier: Admin, priority: 6, subject: {namespaces: {}}, ingress: [{action: Deny, from: [{namespaces: {}}]}]}}",
    ],
    find,
};

fn find(scene: &Scene<'_>) -> Vec<Finding> {
    // Most clusters have none, and need no list of ends.
    if scene.policies.cluster_policies().len() < 2 {
        return Vec::new();
    }
    let rivalries = scene.policies.rivalries(&view::parties(scene));
    rivalries.iter().map(|rivalry| describe(scene, rivalry)).collect()
}

fn describe(scene: &Scene<'_>, rivalry: &Rivalry) -> Finding {
    let policies = scene.policies.cluster_policies();
    let [one, other] = rivalry.policies.map(|at| &policies[at]);
    let named = |pod| {
        let meta = &scene.roster.cluster().pod(pod).meta;
        format!("{}/{}", meta.namespace, meta.name)
    };
    let peer = rivalry.peer.pod.map_or_else(|| rivalry.peer.address.to_string(), named);
    let (from, to) = match rivalry.direction {
        flowfence_model::Direction::Egress => (named(rivalry.subject), peer),
        flowfence_model::Direction::Ingress => (peer, named(rivalry.subject)),
    };
    let example = format!("{from} -> {to} {}/{}", rivalry.ports, rivalry.protocol);
    let [does, does_too] = rivalry.actions.map(action);
    let title = format!(
        "{} ({does}) and {} ({does_too}) have priority {} in tier {} and disagree",
        one.key(),
        other.key(),
        one.priority,
        one.tier
    );
    // The baseline kind of v1alpha1 has no priority to change.
    let changed = if other.kind == ClusterPolicyKind::BaselineAdminNetworkPolicy { one } else { other };
    let fix = format!(
        "set spec.priority of {} to another number than {}: the lower one wins",
        changed.key(),
        one.priority
    );
    Finding::new(DETECTOR.id, DETECTOR.level, &format!("{}:{}", one.key(), other.key()), title)
        .about(&other.key(), words::rule(rivalry.direction, rivalry.rules[1]))
        .fixed_by(fix)
        .with("policy", other.key())
        .with("rival", one.key())
        .with("example", example)
}

fn action(action: Action) -> &'static str {
    match action {
        Action::Accept => "Accept",
        Action::Deny => "Deny",
        Action::Pass => "Pass",
    }
}
