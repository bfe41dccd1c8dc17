//! Attempts that nobody answered, where nothing ever answered; and what a flow log says a policy stopped.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use flowfence_graph::{EdgeKey, LogWord};
use flowfence_model::{Address, NodeId, Orientation, Protocol};

use super::finding::{Finding, Level};
use super::scene::{Detector, Judged, Scene, Seen, Unasked};

pub(super) const DETECTOR: Detector = Detector {
    id: "refused-attempt",
    level: Level::Warning,
    title: "attempts that were refused, denied or not answered",
    meaning: "Something asks for what is not there or not allowed: a stale configuration, a peer that is \
              down, or somebody who tries doors.",
    doubt: "A peer that is down for the time of the capture looks the same. What a flow log says a policy stopped \
            is told as the log tells it.",
    fix: "Correct the client's configuration, start the peer, or admit the connection by a rule.",
    unasked: Unasked::Suspect,
    silence: "Accept its id; it has no port, so that it stands for all of this client at this peer.",
    found: &["shop/api-0 -> shop/db-0 5433/TCP refused"],
    not_found: &["shop/api-0 -> shop/db-0 5432/TCP"],
    find,
};

/// The answer to an attempt may have come after the last packet of the capture.
const GRACE: Duration = Duration::from_secs(3);

/// An edge with all that was seen of it.
type Sight<'a> = (&'a EdgeKey, &'a Seen<'a>);

fn find(scene: &Scene<'_>) -> Vec<Finding> {
    let mut grouped: BTreeMap<(NodeId, NodeId, Protocol), Vec<Sight<'_>>> = BTreeMap::new();
    for (edge, seen) in scene.edges() {
        if is_finding(scene, edge, seen) {
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
    // Most edges have none, and their contacts need not be looked at.
    if !ends_in_sight || edge.protocol == Protocol::Icmp || seen.tally.attempts() == 0 {
        return false;
    }
    let asked = seen.contacts().any(|(contact, judged)| {
        contact.orientation != Orientation::Unknown
            && !contact.probe
            && !contact.own_node
            && Address::from(contact.to.address).is_unicast()
            && (judged.scan.is_none() || judged.verdict.is_denied())
    });
    let told = said(seen.contacts());
    let is_told = told.denied + told.would_deny > 0;
    let cut_off = seen.tally.refused == 0
        && !seen.verdict.is_denied()
        && !is_told
        && scene.facts.window.is_some_and(|(_, end)| seen.tally.last.plus(GRACE) > end);
    (!seen.tally.is_connected() || is_told) && asked && !cut_off
}

fn describe(
    scene: &Scene<'_>,
    from: &NodeId,
    to: &NodeId,
    protocol: Protocol,
    edges: &[Sight<'_>],
) -> Finding {
    let ports: BTreeSet<u16> = edges.iter().filter_map(|(edge, _)| edge.port).collect();
    let refused: u64 = edges.iter().map(|(_, seen)| seen.tally.refused).sum();
    let unanswered: u64 = edges.iter().map(|(_, seen)| seen.tally.unanswered).sum();
    let denied = denied_by(scene, edges);
    let told = said(edges.iter().flat_map(|(_, seen)| seen.contacts()));
    let is_told = told.denied + told.would_deny + told.dropped > 0;
    let is_turned_away = told.denied > 0 || edges.iter().any(|(_, seen)| seen.verdict.is_denied());
    let how = how(is_turned_away, refused, &told);
    let level = if refused > 0 || is_told || !denied.is_empty() { Level::Warning } else { Level::Note };
    let list: Vec<String> = ports.iter().map(u16::to_string).collect();
    let title = format!("{from} asked {to} for {protocol} {}: {how}", list.join(","));
    let scans: BTreeSet<String> = edges
        .iter()
        .flat_map(|(_, seen)| seen.contacts())
        .filter_map(|(_, judged)| scene.judgement.scan(judged.scan?))
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
    for (name, count) in
        [("logDenied", told.denied), ("logWouldDeny", told.would_deny), ("logDropped", told.dropped)]
    {
        if count > 0 {
            finding = finding.with(name, count);
        }
    }
    for (name, list) in [("deniedBy", &denied), ("scans", &scans)] {
        if !list.is_empty() {
            finding = finding.with(name, list);
        }
    }
    finding.protocol = Some(protocol);
    finding.port = if ports.len() == 1 { ports.first().copied() } else { None };
    finding.edges = edges.iter().map(|(edge, _)| EdgeKey::clone(edge)).collect();
    finding
}

/// What became of attempts, in words.
fn how(is_turned_away: bool, refused: u64, told: &LogWord) -> &'static str {
    match (is_turned_away, told.would_deny, told.dropped, refused) {
        (true, ..) => "policies turned it away",
        (false, 1.., ..) => "a policy that is on trial would turn it away",
        (false, 0, 1.., _) => "dropped, and not by a policy",
        (false, 0, 0, 1..) => "refused",
        (false, 0, 0, 0) => "nobody answered",
    }
}

/// What flow logs say of all these.
fn said<'a>(contacts: impl Iterator<Item = Judged<'a>>) -> LogWord {
    let mut told = LogWord::default();
    for word in contacts.filter_map(|(contact, _)| contact.word.as_ref()) {
        told.denied += word.denied;
        told.would_deny += word.would_deny;
        told.dropped += word.dropped;
        told.policies.extend(word.policies.iter().cloned());
    }
    told
}

/// The policies that turned some of it away, by the engine or by the word of a flow log.
fn denied_by(scene: &Scene<'_>, edges: &[Sight<'_>]) -> BTreeSet<String> {
    let told = said(edges.iter().flat_map(|(_, seen)| seen.contacts()));
    let judged = edges
        .iter()
        .flat_map(|(_, seen)| seen.contacts())
        .filter(|(_, judged)| judged.verdict.is_denied())
        .flat_map(|(contact, _)| {
            let decision = scene.policies.decide(&scene.roster.connection(contact));
            let sides = [decision.egress, decision.ingress].into_iter().filter(|side| !side.allowed);
            sides.flat_map(|side| side.isolated_by).collect::<Vec<usize>>()
        })
        .filter_map(|policy| scene.policies.policies().get(policy))
        .map(flowfence_model::NetworkPolicy::key);
    told.policies.into_iter().chain(judged).collect()
}
