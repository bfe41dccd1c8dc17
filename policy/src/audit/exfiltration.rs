//! More data out than a workload's own history explains.

use std::collections::BTreeMap;
use std::time::Duration;

use flowfence_graph::{Bulk, EdgeKey, Parts, Tally};
use flowfence_model::{NodeId, Orientation, Protocol, Timestamp};

use super::chance::all_late;
use super::finding::{Finding, Level};
use super::first_egress::is_private;
use super::scene::{Detector, Scene, Seen, Unasked};

pub(super) const DETECTOR: Detector = Detector {
    id: "exfiltration",
    level: Level::Warning,
    title: "an unusual volume of data, to outside",
    meaning: "A workload sent half a megabyte and more to an address outside, four times as much as came back, and nothing \
              else that it does is like it. At a place that it also asks small things: connections of 250 kB and more \
              that are a quarter of all at most, carry twenty times the mean of the others (five at least), and come in \
              a quarter at most of the parts (twenty-fourths of the window) in which it went there; or of 30 kB and more \
              that carry as many times more, and whose parts all lie so late among those that chance alone would put \
              them there once in a hundred times (hypergeometric distribution). At a place that was first met after \
              the workload had been watched for a quarter of the window, with ten connections that it opened or answered: ten \
              times of all that it \
              sent to outside otherwise, or one connection of twenty times the mean of its others to outside. A note, where it goes to a \
              public address that no answer of DNS named, all day: ten connections in half of the parts of an hour and more.",
    doubt: "A first backup, export or upload of the day looks the same; a longer recording knows them. A slow leak that \
            is as large as ordinary traffic is missed, and so is one to a place with a name that began before the \
            recording, or that outsiders \
            fetch from a port that is open to them. Flow logs do not tell single connections apart, so that with them \
            only new places are seen.",
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
const MUCH: u64 = 500_000;
/// So many times more must go out than come in: whoever downloads sends acknowledgements.
const OUTWARD: u64 = 4;
/// Large connections against the mean of the others, of which there must be some.
const LARGER: u64 = 20;
const OTHERS: u64 = 5;
/// Large ones are the exception when others are so many times more, in connections and in parts of
/// the window: who uploads files now and then does so all day.
const RARE: u64 = 3;
const RARE_PARTS: u32 = 4;
/// The chance at which large ones are taken to have begun.
const BEGAN: f64 = 0.01;
/// A new place against everything else outside.
const REST: u64 = 10;
/// So many connections, for so much of the window, tell what a workload is like. A run of a job,
/// whose upload is new to it in the end, is not watched for as long.
const BEFORE: u64 = 10;
const WATCHED: u32 = 4;
/// A place without a name is told when it was in so many parts of a window that is as long.
const HALF: u32 = Parts::COUNT / 2;
const HOUR: Duration = Duration::from_hours(1);

/// What is known of a workload.
struct History {
    since: Timestamp,
    /// To outside.
    sent: u64,
    connections: u64,
}

fn find(scene: &Scene<'_>) -> Vec<Finding> {
    let mut known: BTreeMap<&NodeId, History> = BTreeMap::new();
    let mut outward: Vec<(&EdgeKey, &Seen<'_>)> = Vec::new();
    for (edge, seen) in scene.edges().filter(|(edge, seen)| is_sent(edge, seen)) {
        // Whoever answers is watched as well as whoever asks.
        for id in [&edge.from, &edge.to].into_iter().filter(|id| id.is_workload()) {
            let since = seen.tally.first;
            let history = known.entry(id).or_insert(History { since, sent: 0, connections: 0 });
            history.since = history.since.min(since);
        }
        if let (Some(_), Some(history)) = (edge.to.external(), known.get_mut(&edge.from)) {
            history.sent += seen.tally.octets[0];
            history.connections += seen.tally.connections;
            outward.push((edge, seen));
        }
    }
    let before = before(scene, &outward);
    let window = scene.facts.window.map_or(Duration::ZERO, |(begin, end)| end.since(begin));
    let mut findings = Vec::new();
    for ((edge, seen), before) in outward.iter().zip(before) {
        let tally = &seen.tally;
        let [out, back] = tally.octets;
        if out < MUCH || out < OUTWARD.saturating_mul(back) {
            continue;
        }
        let Some(history) = known.get(&edge.from) else { continue };
        let watched = tally.first.since(history.since);
        let is_late = !watched.is_zero() && watched >= window / WATCHED && before >= BEFORE;
        let (level, why) = if is_outlier(tally) {
            (Level::Warning, "connections that are far larger than the others to the same place")
        } else if is_late && stands_out(tally, history) {
            (Level::Warning, "to a place that it had not been to before")
        } else if window >= HOUR && is_nameless(scene, edge, tally) {
            (Level::Note, "to an address that no answer of DNS named")
        } else {
            continue;
        };
        findings.push(describe(scene, level, edge, tally, why));
    }
    findings
}

/// A connection of known direction, or datagrams: those carry data whether or not they are answered.
fn is_sent(edge: &EdgeKey, seen: &Seen<'_>) -> bool {
    seen.contacts().any(|(contact, judged)| {
        (judged.is_connected() || edge.protocol != Protocol::Tcp)
            && contact.orientation != Orientation::Unknown
            && !contact.own_node
            && !contact.is_loopback()
    })
}

/// Connections that the workload of each edge opened or answered in contacts older than the edge.
fn before(scene: &Scene<'_>, outward: &[(&EdgeKey, &Seen<'_>)]) -> Vec<u64> {
    let mut contacts: BTreeMap<&NodeId, Vec<(Timestamp, u64)>> = BTreeMap::new();
    let large = |seen: &Seen<'_>| seen.tally.octets[0] >= MUCH;
    for (edge, _) in outward.iter().filter(|(_, seen)| large(seen)) {
        contacts.entry(&edge.from).or_default();
    }
    for (contact, judged) in scene.judged() {
        if contact.own_node || contact.is_loopback() {
            continue;
        }
        for id in [&contact.from.id, &contact.to.id] {
            if let Some(known) = contacts.get_mut(id) {
                known.push((contact.tally.first, judged.connections(contact)));
            }
        }
    }
    let older = |(edge, seen): &(&EdgeKey, &Seen<'_>)| {
        let all = contacts.get(&edge.from).into_iter().flatten();
        all.filter(|(first, _)| *first < seen.tally.first).map(|(_, connections)| connections).sum()
    };
    outward.iter().map(older).collect()
}

fn is_outlier(tally: &Tally) -> bool {
    let bulk = tally.bulk();
    let others = tally.connections.saturating_sub(bulk.connections);
    let seldom = others >= bulk.connections.saturating_mul(RARE)
        && (bulk.connections <= 1 || bulk.parts.len() * RARE_PARTS <= tally.parts.len());
    is_larger(tally, bulk) && seldom || is_larger(tally, tally.sizeable()) && began(tally, tally.sizeable())
}

/// Many large ones do not hide each other: the others alone tell what is usual.
fn is_larger(tally: &Tally, bulk: Bulk) -> bool {
    let others = tally.connections.saturating_sub(bulk.connections);
    let usual = tally.octets[0].saturating_sub(bulk.octets).checked_div(others).unwrap_or(0);
    let each = bulk.octets.checked_div(bulk.connections).unwrap_or(0);
    others >= OTHERS && bulk.octets >= MUCH && each >= LARGER.saturating_mul(usual.max(1))
}

/// Whether the large ones came after the others had gone on for long without: who sends much now and
/// then does so from the beginning on, however many there are.
fn began(tally: &Tally, bulk: Bulk) -> bool {
    let all = tally.parts.union(bulk.parts);
    all_late(bulk.parts.len(), all.since(bulk.parts).len(), all.len()) <= BEGAN
}

/// Where the names that were asked for are seen, a program's peer has one; an address that somebody
/// wrote into it has none.
fn is_nameless(scene: &Scene<'_>, edge: &EdgeKey, tally: &Tally) -> bool {
    let public = edge.to.external().is_some_and(|address| !is_private(address));
    public
        && tally.connections >= BEFORE
        && tally.parts.len() >= HALF
        && !scene.facts.names.is_empty()
        && scene.names(&edge.to).is_empty()
}

/// Of all that goes outside, or of single connections.
fn stands_out(tally: &Tally, history: &History) -> bool {
    let rest = history.sent.saturating_sub(tally.octets[0]);
    let others = history.connections.saturating_sub(tally.connections);
    let usual = rest.checked_div(others).unwrap_or(0);
    let larger =
        others >= OTHERS && tally.largest >= MUCH && tally.largest >= LARGER.saturating_mul(usual.max(1));
    tally.octets[0] >= REST.saturating_mul(rest) || larger
}

fn describe(scene: &Scene<'_>, level: Level, edge: &EdgeKey, tally: &Tally, why: &str) -> Finding {
    let [out, back] = tally.octets;
    let title = format!("{} sent {out} octets to {}, {why}", edge.from, edge.to);
    let fix =
        format!("look for what {} sent, and deny it outside but for the places that it needs", edge.from);
    Finding::of_edge(DETECTOR.id, level, edge, tally, title)
        .fixed_by(fix)
        .with("why", why)
        .with("names", scene.names(&edge.to).as_slice())
        .with("octetsOut", out)
        .with("octetsIn", back)
        .with("largestConnection", tally.largest)
        .with("largeConnections", tally.bulk().connections)
}

#[cfg(test)]
mod tests {
    use super::super::Value;
    use super::super::example::{found, of, world};
    use super::*;
    use crate::judge::testing::at;

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
        assert!(told(10, 490_000, 480_000).is_empty(), "not much");
    }

    /// Ten connections of 2 kB, and so many of 4 MB from one second to another.
    fn bulk(many: i64, from: i64, to: i64) -> usize {
        let mut world = world(&[]);
        world.tcp("shop/api-0", "203.0.113.9", 443).tally.last = at(599);
        let usual = &mut world.tcp("shop/api-0", "203.0.113.9", 443).tally;
        (usual.connections, usual.octets[0]) = (30, 60_000);
        for n in 0..many {
            let tally = &mut world.tcp("shop/api-0", "203.0.113.9", 443).tally;
            (tally.octets[0], tally.largest) = (4_000_000, 4_000_000);
            tally.first = at(from + (to - from) * n / many);
            tally.last = tally.first;
        }
        of(&DETECTOR, &world).len()
    }

    #[test]
    fn large_ones_do_not_hide_each_other_and_uploads_all_day_are_usual() {
        assert_eq!(bulk(6, 300, 360), 1);
        assert_eq!(bulk(8, 1, 599), 0, "all day");
        assert_eq!(bulk(16, 300, 360), 0, "a third is no exception");
    }

    #[test]
    fn who_only_answers_has_a_history_too() {
        let work = "203.0.113.50 -> shop/api-0 8080/TCP 40 times";
        let sent = "shop/api-0 -> 203.0.113.9 443/TCP from 500 to 510 sends 8000000 receives 90000";
        assert_eq!(found(&DETECTOR, &[work, sent]).len(), 1);
        assert_eq!(found(&DETECTOR, &[sent]), [""; 0], "not watched before");
    }

    /// A connection of 2 kB each twenty seconds of ten minutes, and one of 40 kB as often from one second to another.
    fn drip(from: i64, to: i64) -> usize {
        let mut world = world(&[]);
        let mut send = |seconds: i64, octets: u64| {
            let tally = &mut world.tcp("shop/api-0", "203.0.113.9", 443).tally;
            (tally.octets[0], tally.largest) = (octets, octets);
            (tally.first, tally.last) = (at(seconds), at(seconds));
        };
        (0..30).for_each(|n| send(n * 20, 1_500));
        (0..30).map(|n| n * 20 + 9).filter(|n| (from..to).contains(n)).for_each(|n| send(n, 40_000));
        of(&DETECTOR, &world).len()
    }

    #[test]
    fn a_drip_that_begins_is_told_and_one_that_went_on_all_day_is_not() {
        assert_eq!(drip(300, 599), 1);
        assert_eq!(drip(0, 599), 0);
        assert_eq!(drip(0, 300), 0, "it ended");
    }

    #[test]
    fn datagrams_carry_data_though_nobody_answers() {
        let work = "shop/api-0 -> shop/db-0 5432/TCP 40 times";
        let sent = "203.0.113.9 443/UDP unanswered from 500 to 510 sends 8000000 receives 0";
        assert_eq!(found(&DETECTOR, &[work, &format!("shop/api-0 -> {sent}")]).len(), 1);
        let tcp = sent.replace("UDP", "TCP");
        assert_eq!(found(&DETECTOR, &[work, &format!("shop/api-0 -> {tcp}")]), [""; 0]);
    }

    #[test]
    fn the_upload_of_a_job_that_has_just_begun_is_not_late() {
        let lines = [
            "shop/web-0 -> shop/db-0 5432/TCP from 1 to 599",
            "shop/api-0 -> shop/db-0 5432/TCP 40 times from 560 to 580",
            "shop/api-0 -> 203.0.113.9 443/TCP from 585 to 599 sends 8000000 receives 90000",
        ];
        assert_eq!(found(&DETECTOR, &lines), [""; 0]);
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
