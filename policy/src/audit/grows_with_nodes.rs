//! Edges for which a rule must list the nodes.

use std::collections::{BTreeMap, BTreeSet};

use flowfence_graph::{Contact, EdgeKey};
use flowfence_model::NodeId;
use flowfence_model::policy::Direction;

use super::finding::{Finding, Level};
use super::scene::{Detector, Scene, Unasked};
use crate::judge::Standing;

pub(super) const DETECTOR: Detector = Detector {
    id: "grows-with-nodes",
    level: Level::Note,
    title: "a workload that talks to nodes",
    meaning: "NetworkPolicy knows nodes by address only. The rule lists every node, and must be written anew \
              when one joins; a label of the peer would do if it did not use its node's network.",
    doubt: "None: the edge was seen.",
    fix: "Give the peer its own network where it can have one; else write the rule anew when nodes come and go.",
    unasked: Unasked::Kept,
    silence: "Give its id to `--accept`, or to a decision with who, why and until when.",
    found: &["ops/scraper-0 -> node1 9100/TCP"],
    not_found: &["ops/scraper-0 -> shop/db-0 9187/TCP"],
    find,
};

fn find(scene: &Scene<'_>) -> Vec<Finding> {
    let mut grouped: BTreeMap<(&NodeId, Direction), BTreeSet<EdgeKey>> = BTreeMap::new();
    for (contact, judged) in scene.judged().filter(|(_, judged)| judged.standing == Standing::Genuine) {
        debug_assert!(judged.is_connected());
        let (subject, direction) = match (&contact.from.id, &contact.to.id) {
            (from @ NodeId::Workload(_), NodeId::Node(_)) => (from, Direction::Egress),
            (NodeId::Node(_), to @ NodeId::Workload(_))
                if !contact.own_node && !is_published(contact, scene) =>
            {
                (to, Direction::Ingress)
            }
            _ => continue,
        };
        grouped.entry((subject, direction)).or_default().insert(EdgeKey::of(contact));
    }
    grouped
        .into_iter()
        .map(|((subject, direction), edges)| describe(scene, subject, direction, edges))
        .collect()
}

/// A published port is used through any node and admits everybody outside: no rule lists nodes for it.
fn is_published(contact: &Contact, scene: &Scene<'_>) -> bool {
    let (Some(pod), Some(port)) = (scene.roster.pod(&contact.to), contact.port) else { return false };
    let services = scene.inventory.services_behind(pod.0 as usize, contact.protocol, port);
    services.iter().any(|service| service.published)
}

fn describe(scene: &Scene<'_>, subject: &NodeId, direction: Direction, edges: BTreeSet<EdgeKey>) -> Finding {
    let ports: BTreeSet<String> =
        edges.iter().filter_map(|edge| Some(format!("{}/{}", edge.port?, edge.protocol))).collect();
    let nodes: BTreeSet<String> = edges
        .iter()
        .flat_map(|edge| [&edge.from, &edge.to])
        .filter(|id| matches!(id, NodeId::Node(_)))
        .map(ToString::to_string)
        .collect();
    let title =
        format!("an {direction} rule of {subject} for nodes must list them all and grows with the cluster");
    let fix = format!(
        "run `flowfence recommend` again when nodes come or go, or let the peer of {subject} leave hostNetwork"
    );
    let mut finding = Finding::new(DETECTOR.id, Level::Note, &format!("{subject}:{direction}"), title)
        .fixed_by(fix)
        .with("direction", direction.token())
        .with("ports", &ports)
        .with("nodesSeen", &nodes)
        .with("nodes", scene.inventory.nodes().len());
    match direction {
        Direction::Egress => finding.from = Some(subject.clone()),
        Direction::Ingress => finding.to = Some(subject.clone()),
    }
    finding.edges = edges.into_iter().collect();
    finding
}
