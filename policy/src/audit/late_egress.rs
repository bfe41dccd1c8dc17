//! Workloads that begin to leave the cluster while they are watched.

use std::collections::{BTreeMap, BTreeSet};

use flowfence_graph::{Contact, EdgeKey};
use flowfence_model::{Address, NodeId, Protocol};

use super::finding::{Finding, Level};
use super::late::{Latecomer, latecomers};
use super::scene::{Detector, Scene, Unasked};

pub(super) const DETECTOR: Detector = Detector {
    id: "late-egress",
    level: Level::Note,
    title: "a workload that begins to leave the cluster",
    meaning: "A pod had been seen for a quarter of the window, with ten connections that it opened or answered, before it \
              first opened one to outside, and no sibling had. It is how an intruder looks who asks for orders or takes \
              something out, whatever policies allow; and how a feature looks that somebody uses for the first time, so \
              that it is a note. With a baseline, `first-egress` tells it better.",
    doubt: "What happens rarely happens late in most recordings: a longer one, or a baseline, knows it.",
    fix: "Look at what it sends and to whom.",
    unasked: Unasked::Suspect,
    silence: "Give its id to `--accept`, or write a baseline.",
    found: &[
        "shop/web-0 -> shop/api-0 8080/TCP 40 times",
        "shop/api-0 -> 203.0.113.9 443/TCP from 300 to 310",
    ],
    not_found: &[
        "shop/web-0 -> shop/api-0 8080/TCP 40 times",
        "shop/api-0 -> 203.0.113.9 443/TCP from 3 to 310",
    ],
    find,
};

fn find(scene: &Scene<'_>) -> Vec<Finding> {
    if scene.settings.baseline.is_some() {
        return Vec::new();
    }
    let late = latecomers(scene, leaves);
    // One finding a workload; where it went is looked up once for all of them.
    let mut outward: BTreeMap<&NodeId, Vec<EdgeKey>> =
        late.iter().map(|late| (&late.first.from.id, Vec::new())).collect();
    for (edge, _) in scene.connected().filter(|(edge, _)| edge.to.external().is_some()) {
        if let Some(edges) = outward.get_mut(&edge.from) {
            edges.push(edge.clone());
        }
    }
    let mut findings = Vec::new();
    for late in &late {
        if let Some(edges) = outward.remove(&late.first.from.id) {
            findings.push(describe(scene, late, edges));
        }
    }
    findings
}

fn leaves(contact: &Contact) -> bool {
    contact.to.id.external().is_some()
        && contact.protocol != Protocol::Icmp
        && Address::from(contact.to.address).is_unicast()
}

fn describe(scene: &Scene<'_>, late: &Latecomer<'_>, edges: Vec<EdgeKey>) -> Finding {
    let from = &late.first.from.id;
    let places: BTreeSet<String> = edges.iter().map(|edge| edge.to.to_string()).collect();
    let names: BTreeSet<&str> = edges.iter().flat_map(|edge| scene.names(&edge.to)).collect();
    let title = format!(
        "{from} first left the cluster {} s after it was first seen, and {} connections later",
        late.watched.as_secs(),
        late.before
    );
    let mut finding = Finding::new(DETECTOR.id, DETECTOR.level, &from.to_string(), title)
        .fixed_by(format!("look at what {from} sends to {}", late.first.to.id))
        .with("places", &places)
        .with("names", &names)
        .with("first", late.first.tally.first)
        .with("seenSince", late.since)
        .with("connectionsBefore", late.before);
    finding.from = Some(from.clone());
    if let [edge] = edges.as_slice() {
        finding.to = Some(edge.to.clone());
        (finding.protocol, finding.port) = (Some(edge.protocol), edge.port);
    }
    finding.edges = edges;
    finding
}

#[cfg(test)]
mod tests {
    use super::super::example::found;
    use super::*;

    const WORK: &str = "shop/web-0 -> shop/api-0 8080/TCP 40 times";

    #[test]
    fn a_sibling_that_left_before_and_too_little_work_before_say_nothing() {
        let sibling = [
            WORK,
            "shop/web-1 -> 203.0.113.9 443/TCP from 2 to 9",
            "shop/web-0 -> 203.0.113.9 443/TCP from 300 to 310",
        ];
        assert_eq!(found(&DETECTOR, &sibling), [""; 0]);
        let little = [
            "shop/web-0 -> shop/api-0 8080/TCP 9 times",
            "shop/api-0 -> 203.0.113.9 443/TCP from 300 to 310",
        ];
        assert_eq!(found(&DETECTOR, &little), [""; 0]);
    }

    #[test]
    fn what_was_not_answered_and_what_a_baseline_can_tell_is_not_told() {
        let tried = [WORK, "shop/api-0 -> 203.0.113.9 443/TCP unanswered from 300 to 310"];
        assert_eq!(found(&DETECTOR, &tried), [""; 0]);
        let known = "known shop/Deployment/web -> shop/Deployment/api 8080/TCP";
        assert_eq!(
            found(&DETECTOR, &[known, WORK, "shop/api-0 -> 203.0.113.9 443/TCP from 300 to 310"]),
            [""; 0]
        );
    }
}
