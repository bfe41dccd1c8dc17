//! Attempts that nobody answered, where nothing ever answered.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use flowfence_graph::EdgeKey;
use flowfence_model::{Address, NodeId, Orientation, Protocol};

use super::finding::{Finding, Level};
use super::scene::{Detector, Scene, Seen};

pub(super) const DETECTOR: Detector = Detector {
    id: "refused-attempt",
    level: Level::Warning,
    title: "attempts that were refused, denied or not answered",
    meaning: "Something asks for what is not there or not allowed: a stale configuration, a peer that is \
              down, or somebody who tries doors.",
    doubt: "A peer that is down for the time of the capture looks the same.",
    fix: "Correct the client's configuration, start the peer, or admit the connection by a rule.",
    find,
};

/// The answer to an attempt may have come after the last packet of the capture.
const GRACE: Duration = Duration::from_secs(3);

fn find(scene: &Scene<'_>) -> Vec<Finding> {
    let mut grouped: BTreeMap<(NodeId, NodeId, Protocol), Vec<(EdgeKey, Seen<'_>)>> = BTreeMap::new();
    for (edge, seen) in scene.edges() {
        if is_finding(scene, &edge, &seen) {
            let ends = (edge.from.clone(), edge.to.clone(), edge.protocol);
            grouped.entry(ends).or_default().push((edge, seen));
        }
    }
    grouped
        .into_iter()
        .map(|((from, to, protocol), edges)| describe(scene, &from, &to, protocol, &edges))
        .collect()
}

/// Of a scan only what today's policies turned away: the rest is told in the scan's own finding.
fn is_finding(scene: &Scene<'_>, edge: &EdgeKey, seen: &Seen<'_>) -> bool {
    let ends_in_sight = edge.from.is_workload() || edge.to.is_workload();
    let asked = seen.contacts.iter().any(|(contact, judged)| {
        contact.orientation != Orientation::Unknown
            && !contact.probe
            && !contact.own_node
            && Address::from(contact.to.address).is_unicast()
            && (judged.scan.is_none() || judged.verdict.is_denied())
    });
    let cut_off = seen.tally.refused == 0
        && !seen.verdict.is_denied()
        && scene.facts.window.is_some_and(|(_, end)| seen.tally.last.plus(GRACE) > end);
    ends_in_sight
        && edge.protocol != Protocol::Icmp
        && !seen.tally.is_connected()
        && seen.tally.attempts() > 0
        && asked
        && !cut_off
}

fn describe(
    scene: &Scene<'_>,
    from: &NodeId,
    to: &NodeId,
    protocol: Protocol,
    edges: &[(EdgeKey, Seen<'_>)],
) -> Finding {
    let ports: BTreeSet<u16> = edges.iter().filter_map(|(edge, _)| edge.port).collect();
    let refused: u64 = edges.iter().map(|(_, seen)| seen.tally.refused).sum();
    let unanswered: u64 = edges.iter().map(|(_, seen)| seen.tally.unanswered).sum();
    let denied = denied_by(scene, edges);
    let how = match (denied.is_empty(), refused) {
        (false, _) => "policies turned it away",
        (true, 1..) => "refused",
        (true, 0) => "nobody answered",
    };
    let level = if refused > 0 || !denied.is_empty() { Level::Warning } else { Level::Note };
    let list: Vec<String> = ports.iter().map(u16::to_string).collect();
    let title = format!("{from} asked {to} for {protocol} {}: {how}", list.join(","));
    let scans: BTreeSet<String> = edges
        .iter()
        .flat_map(|(_, seen)| &seen.contacts)
        .filter_map(|(_, judged)| scene.judgement.scans.get(judged.scan?))
        .map(crate::judge::Scan::id)
        .collect();
    let first = edges.iter().map(|(_, seen)| seen.tally.first).min().unwrap_or_default();
    let fix = if denied.is_empty() {
        format!("correct what {from} asks for, or start what should answer on {to}")
    } else {
        format!(
            "stop {from} from asking, or admit it in {}",
            denied.iter().cloned().collect::<Vec<_>>().join(", ")
        )
    };
    let mut finding = Finding::new(DETECTOR.id, level, &format!("{from}->{to}:{protocol}"), title)
        .fixed_by(fix)
        .between(from, to)
        .with("ports", list.as_slice())
        .with("refused", refused)
        .with("unanswered", unanswered)
        .with("first", first);
    for (name, list) in [("deniedBy", &denied), ("scans", &scans)] {
        if !list.is_empty() {
            finding = finding.with(name, list);
        }
    }
    finding.protocol = Some(protocol);
    finding.port = if ports.len() == 1 { ports.first().copied() } else { None };
    finding.edges = edges.iter().map(|(edge, _)| edge.clone()).collect();
    finding
}

/// The policies that turned some of it away.
fn denied_by(scene: &Scene<'_>, edges: &[(EdgeKey, Seen<'_>)]) -> BTreeSet<String> {
    edges
        .iter()
        .flat_map(|(_, seen)| &seen.contacts)
        .filter(|(_, judged)| judged.verdict.is_denied())
        .flat_map(|(contact, _)| {
            let decision = scene.policies.decide(&scene.roster.connection(contact));
            let sides = [decision.egress, decision.ingress].into_iter().filter(|side| !side.allowed);
            sides.flat_map(|side| side.isolated_by).collect::<Vec<usize>>()
        })
        .filter_map(|policy| scene.policies.policies().get(policy))
        .map(flowfence_model::NetworkPolicy::key)
        .collect()
}
