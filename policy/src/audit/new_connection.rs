//! Connections that the baseline does not know.

use std::collections::BTreeSet;

use flowfence_graph::EdgeKey;
use flowfence_model::NodeId;

use super::baseline::{Baseline, is_public};
use super::finding::{Finding, Level};
use super::scene::{Detector, Scene, Seen, Unasked};
use crate::judge::{Standing, Withholding};

pub(super) const DETECTOR: Detector = Detector {
    id: "new-connection",
    level: Level::Warning,
    title: "a connection that the baseline does not know",
    meaning: "Nobody has reviewed that this workload talks to that one on this port. It needs a baseline (`--baseline`). \
              An address outside with a name that a known address of the same client and port has too is known: names \
              have many addresses. So is a public address that comes to a port to which three public ones are known to come: \
              the door is open to everybody.",
    doubt: "A release that needs a new peer looks the same, and so does what happens rarely.",
    fix: "Review it: add the edge to the baseline with who and why, or deny it.",
    unasked: Unasked::Told,
    silence: "Add the edge to the baseline.",
    found: &["known shop/Deployment/api -> shop/Deployment/db 5432/TCP", "shop/web-0 -> shop/db-0 5432/TCP"],
    not_found: &[
        "known shop/Deployment/web -> shop/Deployment/db 5432/TCP until 2026-12-31",
        "shop/web-0 -> shop/db-0 5432/TCP",
    ],
    find,
};

/// So many addresses outside that were reviewed at one door are no list of clients any more.
const PUBLIC: usize = 3;

fn find(scene: &Scene<'_>) -> Vec<Finding> {
    unknown(scene)
        .filter(|(edge, _, baseline)| !is_first_egress(edge, baseline))
        .map(|(edge, seen, _)| {
            let title = format!("{edge} is not in the baseline");
            let fix = format!("review it and add it to the baseline, or deny it: {edge}");
            Finding::of_edge(DETECTOR.id, Level::Warning, edge, &seen.tally, title)
                .fixed_by(fix)
                .with("names", scene.names(&edge.to).as_slice())
        })
        .collect()
}

/// Connected edges that a baseline, where there is one, does not know.
pub(super) fn unknown<'a>(
    scene: &'a Scene<'_>,
) -> impl Iterator<Item = (&'a EdgeKey, &'a Seen<'a>, &'a Baseline)> {
    let baseline = scene.settings.baseline.iter();
    baseline.flat_map(move |baseline| {
        let edges =
            scene.connected().filter(|(edge, seen)| !knows(scene, baseline, edge) && !is_of_scan(seen));
        edges.map(move |(edge, seen)| (edge, seen, baseline))
    })
}

/// What a scan reached is told with the scan.
fn is_of_scan(seen: &Seen<'_>) -> bool {
    let connected = seen.contacts().filter(|(_, judged)| judged.is_connected());
    connected
        .map(|(_, judged)| judged.standing)
        .all(|standing| matches!(standing, Standing::Withheld(Withholding::Scan(_))))
}

/// Whether it is the first that leaves the cluster of a workload that is known.
pub(super) fn is_first_egress(edge: &EdgeKey, baseline: &Baseline) -> bool {
    edge.to.external().is_some() && baseline.knows_workload(&edge.from) && !baseline.leaves(&edge.from)
}

fn knows(scene: &Scene<'_>, baseline: &Baseline, edge: &EdgeKey) -> bool {
    if baseline.knows_edge(edge) {
        return true;
    }
    if is_public(&edge.from) && baseline.public_clients(edge) >= PUBLIC {
        return true;
    }
    let names: BTreeSet<&str> = scene.names(&edge.to).into_iter().collect();
    let is_alike = |known: &EdgeKey| (known.protocol, known.port) == (edge.protocol, edge.port);
    let is_node = |id: &NodeId| matches!(id, NodeId::Node(_));
    baseline.edges_of(&edge.from).filter(|known| is_alike(known)).any(|known| {
        // Which node it is changes when one is replaced.
        is_node(&known.to) && is_node(&edge.to)
            || scene.names(&known.to).iter().any(|name| names.contains(name))
    })
}

#[cfg(test)]
mod tests {
    use super::super::example::found;
    use super::*;

    const KNOWN: &str = "known shop/Deployment/web -> external/203.0.113.7/32 443/TCP";

    #[test]
    fn without_a_baseline_nothing_is_new() {
        assert_eq!(found(&DETECTOR, &["shop/web-0 -> shop/db-0 5432/TCP"]), [""; 0]);
    }

    #[test]
    fn another_address_of_a_known_name_is_known_on_the_same_port() {
        let names = ["name 203.0.113.7 pay.example", "name 203.0.113.9 pay.example"];
        let with = |line| found(&DETECTOR, &[KNOWN, names[0], names[1], line]);
        assert_eq!(with("shop/web-0 -> 203.0.113.9 443/TCP"), [""; 0]);
        assert_eq!(with("shop/web-0 -> 203.0.113.9 444/TCP").len(), 1);
        assert_eq!(with("shop/web-0 -> 203.0.113.10 443/TCP").len(), 1);
    }

    #[test]
    fn attempts_and_expired_entries_are_no_knowledge() {
        let until = "known shop/Deployment/web -> shop/Deployment/db 5432/TCP until 2026-12-30";
        assert_eq!(found(&DETECTOR, &[until, "shop/web-0 -> shop/db-0 5432/TCP"]).len(), 1);
        assert_eq!(found(&DETECTOR, &[KNOWN, "shop/web-0 -> shop/db-0 5432/TCP refused"]), [""; 0]);
    }

    #[test]
    fn another_client_of_a_public_door_is_known_and_of_one_that_few_use_is_not() {
        let known = |n: u8| format!("known external/198.51.100.{n}/32 -> shop/Deployment/web 8080/TCP");
        let lines = |many: u8, line: &str| {
            let mut lines: Vec<String> = (1..=many).map(known).collect();
            lines.push(line.to_owned());
            found(&DETECTOR, &lines.iter().map(String::as_str).collect::<Vec<_>>()).len()
        };
        assert_eq!(lines(3, "203.0.113.9 -> shop/web-0 8080/TCP"), 0);
        assert_eq!(lines(2, "203.0.113.9 -> shop/web-0 8080/TCP"), 1);
        assert_eq!(lines(3, "203.0.113.9 -> shop/web-0 9090/TCP"), 1);
        assert_eq!(lines(3, "10.9.9.9 -> shop/web-0 8080/TCP"), 1);
    }

    #[test]
    fn a_node_of_another_name_is_a_node() {
        let known = "known ops/Deployment/scraper -> node/gone 9100/TCP";
        assert_eq!(found(&DETECTOR, &[known, "ops/scraper-0 -> node1 9100/TCP"]), [""; 0]);
    }
}
