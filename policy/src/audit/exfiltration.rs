//! More data out than a workload's own history explains.

use std::collections::BTreeMap;

use flowfence_graph::{EdgeKey, Tally};
use flowfence_model::{NodeId, Timestamp};

use super::finding::{Finding, Level};
use super::scene::{Detector, Scene, Seen, Unasked};

pub(super) const DETECTOR: Detector = Detector {
    id: "exfiltration",
    level: Level::Warning,
    title: "an unusual volume of data, to outside",
    meaning: "A workload sent a megabyte and more to an address outside, four times as much as came back, and nothing \
              that it did before is like it: one connection carries twenty times the mean of the others to the same \
              place (five at least), or the place was first met in the second half of the time in which the workload \
              was seen and got ten times of all that it sent to outside otherwise.",
    doubt: "A first backup, export or upload of the day looks the same; a longer recording knows them. A slow leak that \
            is as large as ordinary traffic is missed. Flow logs do not tell single connections apart, so that with \
            them only new places are seen.",
    fix: "Look for what was sent, and deny outside but for the places that are needed.",
    unasked: Unasked::Suspect,
    silence: "Give its id to `--accept`, or to a decision with who, why and until when.",
    found: &[
        "shop/api-0 -> shop/db-0 5432/TCP 40 times",
        "shop/api-0 -> 203.0.113.9 443/TCP from 500 to 510 sends 8000000 receives 90000",
    ],
    not_found: &[
        "shop/api-0 -> shop/db-0 5432/TCP 40 times",
        "shop/api-0 -> 203.0.113.9 443/TCP from 2 to 510 sends 8000000 receives 90000",
    ],
    find,
};

/// Octets that are worth a look.
const MUCH: u64 = 1_000_000;
/// So many times more must go out than come in: whoever downloads sends acknowledgements.
const OUTWARD: u64 = 4;
/// One connection against the mean of the others to the same place, of which there must be some.
const LARGER: u64 = 20;
const OTHERS: u64 = 5;
/// A new place against everything else outside.
const REST: u64 = 10;

fn find(scene: &Scene<'_>) -> Vec<Finding> {
    let mut since: BTreeMap<NodeId, Timestamp> = BTreeMap::new();
    let mut sent: BTreeMap<NodeId, u64> = BTreeMap::new();
    let mut outward: Vec<(EdgeKey, Seen<'_>)> = Vec::new();
    for (edge, seen) in scene.connected() {
        let known = since.entry(edge.from.clone()).or_insert(seen.tally.first);
        *known = (*known).min(seen.tally.first);
        if edge.from.is_workload() && edge.to.external().is_some() {
            *sent.entry(edge.from.clone()).or_default() += seen.tally.octets[0];
            outward.push((edge, seen));
        }
    }
    let end = scene.facts.window.map_or(Timestamp::MIN, |window| window.1);
    let mut findings = Vec::new();
    for (edge, seen) in outward {
        let tally = &seen.tally;
        let [out, back] = tally.octets;
        let largest = seen.contacts.iter().map(|(contact, _)| contact.tally.largest).max().unwrap_or(0);
        let begun = since.get(&edge.from).copied().unwrap_or(tally.first);
        let rest = sent.get(&edge.from).copied().unwrap_or(out).saturating_sub(out);
        let is_late = tally.first.since(begun) >= end.since(begun) / 2 && tally.first > begun;
        let why = if out < MUCH || out < OUTWARD.saturating_mul(back) {
            continue;
        } else if is_outlier(tally, largest) {
            "one connection that is far larger than the others to the same place"
        } else if is_late && out >= REST.saturating_mul(rest) {
            "to a place that it had not been to before"
        } else {
            continue;
        };
        findings.push(describe(scene, &edge, tally, largest, why));
    }
    findings
}

fn is_outlier(tally: &Tally, largest: u64) -> bool {
    let others = tally.connections.saturating_sub(1);
    let mean = tally.octets[0].saturating_sub(largest).checked_div(others).unwrap_or(0);
    others >= OTHERS && largest >= MUCH && largest >= LARGER.saturating_mul(mean.max(1))
}

fn describe(scene: &Scene<'_>, edge: &EdgeKey, tally: &Tally, largest: u64, why: &str) -> Finding {
    let [out, back] = tally.octets;
    let title = format!("{} sent {out} octets to {}, {why}", edge.from, edge.to);
    let fix =
        format!("look for what {} sent, and deny it outside but for the places that it needs", edge.from);
    Finding::of_edge(DETECTOR.id, Level::Warning, edge, tally, title)
        .fixed_by(fix)
        .with("why", why)
        .with("names", scene.names(&edge.to).as_slice())
        .with("octetsOut", out)
        .with("octetsIn", back)
        .with("largestConnection", largest)
}

#[cfg(test)]
mod tests {
    use super::super::Value;
    use super::super::example::{found, of, world};
    use super::*;

    fn told(connections: u64, out: u64, largest: u64) -> Vec<Finding> {
        let mut world = world(&[]);
        let tally = &mut world.tcp("shop/api-0", "203.0.113.9", 443).tally;
        (tally.connections, tally.octets[0], tally.largest) = (connections, out, largest);
        of(&DETECTOR, &world)
    }

    #[test]
    fn one_connection_far_larger_than_the_others_is_told_and_even_ones_are_not() {
        let found = told(10, 5_090_000, 5_000_000);
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].evidence["largestConnection"], Value::Count(5_000_000));
        assert!(told(10, 50_000_000, 6_000_000).is_empty(), "a backup sends much each time");
        assert!(told(3, 5_002_000, 5_000_000).is_empty(), "two others are no history");
        assert!(told(10, 990_000, 980_000).is_empty(), "not much");
    }

    #[test]
    fn what_comes_in_and_what_stays_inside_is_not_told() {
        let work = "shop/api-0 -> shop/db-0 5432/TCP 40 times";
        for line in [
            "shop/api-0 -> 203.0.113.9 443/TCP from 500 to 510 sends 8000000 receives 8000000",
            "shop/api-0 -> shop/db-0 5433/TCP from 500 to 510 sends 8000000",
            "203.0.113.9 -> shop/api-0 8080/TCP from 500 to 510 sends 8000000",
        ] {
            assert_eq!(found(&DETECTOR, &[work, line]), [""; 0], "{line}");
        }
    }

    #[test]
    fn a_late_place_among_others_as_large_is_not_told() {
        let lines = [
            "shop/api-0 -> 203.0.113.7 443/TCP from 1 to 100 sends 2000000",
            "shop/api-0 -> 203.0.113.9 443/TCP from 500 to 510 sends 8000000",
        ];
        assert_eq!(found(&DETECTOR, &lines), [""; 0]);
    }
}
