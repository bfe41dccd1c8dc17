//! Connections that a person denied, and that happen.

use std::collections::BTreeSet;

use flowfence_graph::EdgeKey;

use super::finding::{Finding, Level};
use super::scene::{Detector, Scene, Seen, Unasked};

pub(super) const DETECTOR: Detector = Detector {
    id: "denied",
    level: Level::Warning,
    title: "connections that a person denied",
    meaning: "Somebody decided that this must not be, and it happens: it becomes no rule, so that the \
              recommended policies cut it.",
    doubt: "The decision may be older than what the workload does now; its last day ends it.",
    fix: "Stop what opens the connection, or take the decision back.",
    unasked: Unasked::Suspect,
    silence: "Take the decision back, or let it end.",
    found: &[
        "decision deny shop/Deployment/api -> shop/Deployment/db 5432/TCP",
        "shop/api-0 -> shop/db-0 5432/TCP",
    ],
    not_found: &[
        "decision deny shop/Deployment/api -> shop/Deployment/db 5432/TCP",
        "shop/web-0 -> shop/db-0 5432/TCP",
    ],
    find,
};

fn find(scene: &Scene<'_>) -> Vec<Finding> {
    let denied: BTreeSet<&EdgeKey> =
        scene.judgement.withheld.iter().filter(|row| row.denied).map(|row| &row.edge).collect();
    if denied.is_empty() {
        return Vec::new();
    }
    let edges = scene.edges().filter(|(edge, _)| denied.contains(edge));
    edges.filter_map(|(edge, seen)| describe(scene, edge, seen)).collect()
}

fn describe(scene: &Scene<'_>, edge: &EdgeKey, seen: &Seen<'_>) -> Option<Finding> {
    let row = scene.judgement.withheld.iter().find(|row| row.edge == *edge)?;
    let today = if seen.verdict.is_denied() { "deny" } else { "allow" };
    let title = format!("{edge} happens; {}; today's policies {today} it", row.why);
    let mut finding = Finding::new(DETECTOR.id, DETECTOR.level, &edge.to_string(), title)
        .between(&edge.from, &edge.to)
        .with("connections", seen.tally.connections + seen.tally.one_way)
        .with("first", seen.tally.first)
        .with("last", seen.tally.last)
        .with("why", row.why.as_str());
    finding.protocol = Some(edge.protocol);
    finding.port = edge.port;
    finding.edges = vec![edge.clone()];
    Some(finding)
}
