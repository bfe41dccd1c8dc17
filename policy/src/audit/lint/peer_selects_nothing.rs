//! Peers that no pod of today satisfies.

use flowfence_model::label::NAMESPACE_NAME;
use flowfence_model::{PeerSelector, PolicyPeer};

use super::{view, words};
use crate::audit::finding::{Finding, Level};
use crate::audit::scene::{Detector, Scene, Unasked};
use crate::semantics::within::{contradiction, in_namespaces};

pub(super) const DETECTOR: Detector = Detector {
    id: "peer-selects-nothing",
    level: Level::Warning,
    title: "a peer that selects no pod",
    meaning: "The peer admits nobody: mostly the labels are those of a service or a Deployment and not of its \
              pods, or the namespace is not the one meant. A rule whose other peers select pods is a note.",
    doubt: "Its pods may come later, with a chart that is not installed yet; pod templates in the snapshot are \
            considered. A snapshot of some namespaces only lacks the others' pods.",
    fix: "Write the labels that the peer's pods carry, beside a `namespaceSelector` when they are elsewhere.",
    unasked: Unasked::Kept,
    silence: "Give its id to `--accept`, or to a decision with who, why and until when.",
    found: &[
        "p: {podSelector: {matchLabels: {app: db}}, policyTypes: [Ingress], ingress: [{from: [{podSelector: {matchLabels: {app: cart}}}]}]}",
    ],
    not_found: &[
        "p: {podSelector: {matchLabels: {app: db}}, policyTypes: [Ingress], ingress: [{from: [{podSelector: {matchLabels: {app: web}}}]}]}",
    ],
    find,
};

fn find(scene: &Scene<'_>) -> Vec<Finding> {
    if !view::has_workloads(scene) {
        return Vec::new();
    }
    let mut findings = Vec::new();
    for rule in view::rules(scene) {
        let home = rule.policy.namespace.as_str();
        let selectors = rule.peers().filter_map(|(at, peer)| match peer {
            PolicyPeer::Pods(peer) => Some((at, peer)),
            PolicyPeer::Block { .. } => None,
        });
        let empty: Vec<(usize, &PeerSelector)> =
            selectors.filter(|(_, peer)| !view::selects_any(scene, peer, home)).collect();
        let level = if empty.len() == rule.object.peers.len() { Level::Warning } else { Level::Note };
        let told = empty.into_iter().filter(|(_, peer)| !is_contradictory(peer, home));
        findings.extend(told.map(|(at, peer)| describe(scene, rule, at, peer, level)));
    }
    findings
}

/// A finding of its own says so.
fn is_contradictory(peer: &PeerSelector, home: &str) -> bool {
    contradiction(&in_namespaces(peer, home)).is_some()
        || peer.pods.as_ref().is_some_and(|pods| contradiction(pods).is_some())
}

fn describe(
    scene: &Scene<'_>,
    rule: view::Rule<'_>,
    at: usize,
    peer: &PeerSelector,
    level: Level,
) -> Finding {
    let (policy, field) = (rule.policy.key(), words::peer_field(rule.id.direction, rule.id.rule, at));
    let spelled = words::pods(peer);
    let on_hosts = view::selects_host_network(scene, peer, &rule.policy.namespace);
    let title = if on_hosts {
        format!(
            "{field} of policy {policy} selects only pods on their node's network, which no selector matches"
        )
    } else {
        format!("{field} of policy {policy} selects no pod ({spelled})")
    };
    let fix = match elsewhere(scene, peer) {
        _ if on_hosts => format!("in spec.{field} of {policy} write an ipBlock of each node instead"),
        Some(namespace) => format!(
            "such pods are in {namespace}: add to spec.{field} of {policy} \
             namespaceSelector: {{matchLabels: {{{NAMESPACE_NAME}: {namespace}}}}}"
        ),
        None => format!("in spec.{field} of {policy} write labels that the peer's pods carry, or delete it"),
    };
    Finding::new(DETECTOR.id, level, &format!("{policy}:{field}"), title)
        .about(&policy, field)
        .fixed_by(fix)
        .with("policy", policy.as_str())
        .with("peer", spelled)
}

/// Another namespace whose pods a peer of the policy's own would select.
fn elsewhere<'s>(scene: &Scene<'s>, peer: &PeerSelector) -> Option<&'s str> {
    let pods = peer.pods.as_ref().filter(|pods| peer.namespaces.is_none() && !pods.is_everything())?;
    let workloads = scene.inventory.workloads().values().filter(|workload| !workload.host_network);
    let mut matching =
        workloads.filter(|workload| workload.label_sets.iter().any(|labels| pods.matches(labels)));
    matching.find_map(|workload| workload.id.namespace())
}
