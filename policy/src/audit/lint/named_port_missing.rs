//! Port names that nobody has.

use std::collections::BTreeSet;

use flowfence_model::object::ContainerPort;
use flowfence_model::policy::Direction;
use flowfence_model::{ClusterPolicyKind, PolicyPeer, PolicyPort, PortName, Protocol, TierPeer, TierPort};

use super::{view, words};
use crate::audit::finding::{Finding, Level};
use crate::audit::scene::{Detector, Scene, Unasked};
use crate::semantics::PodIndex;

pub(super) const DETECTOR: Detector = Detector {
    id: "named-port-missing",
    level: Level::Warning,
    title: "a named port that no pod has",
    meaning: "A port name is looked up on the destination: the selected pods for ingress, the peers for egress. \
              None of them declares it under that protocol, so the entry admits nothing. Addresses have no \
              port names: towards an ipBlock a name never matches.",
    doubt: "Pods that come later may declare it. Names that only a sidecar declares count here, and not for \
            every plugin.",
    fix: "Write the port's number, or the name and protocol as the destination's containers declare them.",
    unasked: Unasked::Kept,
    silence: "Give its id to `--accept`, or to a decision with who, why and until when.",
    found: &[
        "p: {podSelector: {matchLabels: {app: db}}, policyTypes: [Ingress], ingress: [{from: [{podSelector: {matchLabels: {app: web}}}], ports: [{port: http}]}]}",
    ],
    not_found: &[
        "p: {podSelector: {matchLabels: {app: db}}, policyTypes: [Ingress], ingress: [{from: [{podSelector: {matchLabels: {app: web}}}], ports: [{port: sql}]}]}",
    ],
    find,
};

fn find(scene: &Scene<'_>) -> Vec<Finding> {
    let pods = view::pods(scene);
    let mut findings = Vec::new();
    for rule in view::rules(scene) {
        let only_blocks = !rule.object.peers.is_empty()
            && rule.object.peers.iter().all(|peer| matches!(peer, PolicyPeer::Block { .. }));
        let mut destinations: Option<Vec<PodIndex>> = None;
        for (at, port) in rule.ports() {
            let Some(PortName::Name(name)) = &port.port else { continue };
            let field = words::port_field(rule.id.direction, rule.id.rule, at);
            if rule.id.direction == Direction::Egress && only_blocks {
                findings.push(towards_blocks(&rule.policy.key(), &field, port));
                continue;
            }
            let destinations = destinations.get_or_insert_with(|| match rule.id.direction {
                Direction::Ingress => scene.policies.selected(rule.id.policy).collect(),
                Direction::Egress => scene.policies.peers(rule.id).collect(),
            });
            findings.extend(missing(
                scene,
                destinations,
                name,
                Some(port.protocol),
                (&rule.policy.key(), &field),
            ));
        }
    }
    findings.extend(tiers(scene, &pods));
    findings
}

fn towards_blocks(policy: &str, field: &str, port: &PolicyPort) -> Finding {
    let spelled = words::port(port);
    let title =
        format!("{field} of policy {policy} names port {spelled} towards ipBlocks only, which have no names");
    Finding::new(DETECTOR.id, DETECTOR.level, &format!("{policy}:{field}"), title)
        .about(policy, field)
        .fixed_by(format!("in spec.{field}.port of {policy} write the number of {spelled}"))
        .with("policy", policy)
        .with("port", spelled)
}

/// A finding when none of the destinations has the name. Without a pod nothing can be said.
fn missing(
    scene: &Scene<'_>,
    destinations: &[PodIndex],
    name: &str,
    protocol: Option<Protocol>,
    (policy, field): (&str, &str),
) -> Option<Finding> {
    let pods =
        || destinations.iter().map(|pod| scene.roster.cluster().pod(*pod)).filter(|pod| !pod.host_network);
    let named = |port: &&ContainerPort| port.name.as_deref() == Some(name);
    let declared: BTreeSet<(Protocol, u16)> = pods()
        .flat_map(|pod| pod.ports.iter().filter(named))
        .map(|port| (port.protocol, port.port))
        .collect();
    let is_there = declared.iter().any(|(of, _)| protocol.is_none_or(|protocol| protocol == *of));
    if is_there || pods().next().is_none() {
        return None;
    }
    let spelled = protocol.map_or_else(|| name.to_owned(), |protocol| format!("{name}/{protocol}"));
    let title = format!("{field} of policy {policy} names port {spelled}, which no destination pod declares");
    let known: BTreeSet<String> = pods()
        .flat_map(|pod| &pod.ports)
        .filter_map(|port| Some(format!("{}={}/{}", port.name.as_ref()?, port.port, port.protocol)))
        .collect();
    let fix = match declared.first() {
        Some((of, number)) => {
            format!(
                "in spec.{field} of {policy} write protocol: {of}, under which pods declare {name} ({number})"
            )
        }
        None if known.is_empty() => format!("in spec.{field} of {policy} write the port's number"),
        None => format!(
            "in spec.{field} of {policy} write the number, or a name that is declared: {}",
            words::some_of(&known)
        ),
    };
    Some(
        Finding::new(DETECTOR.id, DETECTOR.level, &format!("{policy}:{field}"), title)
            .about(policy, field)
            .fixed_by(fix)
            .with("policy", policy)
            .with("port", spelled)
            .with("declared", &known),
    )
}

/// Rules of cluster-wide policies, whose names have no protocol.
fn tiers(scene: &Scene<'_>, pods: &[PodIndex]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (at, policy) in scene.policies.cluster_policies().iter().enumerate() {
        for direction in Direction::BOTH {
            for (rule, object) in policy.rules(direction).iter().enumerate() {
                let named = object.ports.iter().enumerate().filter_map(|(port, entry)| match entry {
                    TierPort::Named(name) => Some((port, name)),
                    TierPort::Numbers { .. } => None,
                });
                for (port, name) in named {
                    let destinations: Vec<PodIndex> = match direction {
                        Direction::Ingress => scene.policies.tier_selected(at).collect(),
                        Direction::Egress => {
                            pods.iter().copied().filter(|pod| has_peer(scene, &object.peers, *pod)).collect()
                        }
                    };
                    let list = if policy.kind == ClusterPolicyKind::ClusterNetworkPolicy {
                        "protocols"
                    } else {
                        "ports"
                    };
                    let field = format!("{direction}[{rule}].{list}[{port}]");
                    findings.extend(missing(scene, &destinations, name, None, (&policy.key(), &field)));
                }
            }
        }
    }
    findings
}

fn has_peer(scene: &Scene<'_>, peers: &[TierPeer], pod: PodIndex) -> bool {
    let cluster = scene.roster.cluster();
    let meta = &cluster.pod(pod).meta;
    peers.iter().any(|peer| match peer {
        TierPeer::Pods(peer) => {
            let labels = cluster.namespaces().get(&meta.namespace);
            peer.namespaces.as_ref().is_none_or(|of| labels.is_some_and(|labels| of.matches(labels)))
                && peer.pods.as_ref().is_none_or(|pods| pods.matches(&meta.labels))
        }
        // Names may not stand beside the others.
        _ => false,
    })
}
