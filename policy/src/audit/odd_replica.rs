//! Replicas that do what their siblings do not.
//!
//! Replicas of one template do the same work, so each should go to the same places about as often.
//! The unit is a part of the window (a twenty-fourth) in which a pod was seen to connect to
//! anything: connections come in bursts, and a burst is one sighting. For a pod and a place the
//! table is (parts with the place, parts without), of the pod and of its siblings together. Fisher's
//! exact test tells how likely so many with the place are by chance alone; it holds for few
//! sightings as for many, so a pod that was hardly seen can hardly deviate. Many tables are asked,
//! and the procedure of Benjamini and Hochberg (1995) keeps the expected share of false findings
//! among all at one in a hundred.

mod places;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use flowfence_graph::{Contact, EdgeKey, Parts, PodName, Tally};
use flowfence_model::{NodeId, Orientation, Protocol};
use foldhash::fast::RandomState;

use super::chance::fisher;
use super::finding::{Finding, Level};
use super::scene::{Detector, Scene, Unasked};
use places::Places;

pub(super) const DETECTOR: Detector = Detector {
    id: "odd-replica",
    level: Level::Warning,
    title: "a replica that goes where its siblings do not",
    meaning: "One pod of a workload goes to a place in far more parts of the window than its siblings: Fisher's exact \
              test over the parts (twenty-fourths of the window) in which each pod was seen, one-sided, with the \
              procedure of Benjamini and Hochberg at a false discovery rate of 1 % over all pods and places. Somebody \
              may be in that pod, or it runs another version or configuration. A note, where the place is inside the \
              cluster and the pod goes there in half of its time and more: that is how a replica looks that was elected.",
    doubt: "A replica that was elected leader, or that holds a shard, does what others do not, outside as well. Pods of StatefulSets and \
            DaemonSets differ by design and are left alone, and so is the API server as a place. What happens once is \
            no deviation by this test.",
    fix: "Compare the pod with its siblings (image, environment, processes), and replace it.",
    unasked: Unasked::Suspect,
    silence: "Accept its id, which names the workload and the place, not the pod.",
    found: &[
        "shop/web-0 -> shop/api-0 8080/TCP from 1 to 599",
        "shop/web-1 -> shop/api-0 8080/TCP from 1 to 599",
        "shop/web-2 -> shop/api-0 8080/TCP from 1 to 599",
        "shop/web-2 -> 203.0.113.9 443/TCP from 100 to 400",
    ],
    not_found: &[
        "shop/web-0 -> shop/api-0 8080/TCP from 1 to 599",
        "shop/web-1 -> shop/api-0 8080/TCP from 1 to 599",
        "shop/web-2 -> shop/api-0 8080/TCP from 1 to 599",
        "shop/web-2 -> 203.0.113.9 443/TCP from 100 to 150",
    ],
    find,
};

/// The expected share of false ones among all that is found.
const FALSE_DISCOVERIES: f64 = 0.01;
/// Siblings must go there less than a so-manieth as often: a small difference is none to act on,
/// however sure it is.
const CLEARLY: u32 = 4;

/// A place: addresses outside by their name, else by their neighbourhood, for a name has many. By the rank of its
/// name among all of them.
type Place = (usize, Protocol, Option<u16>);

/// Where a contact went, and when.
type Visit<'a> = (Place, Parts, &'a Contact);

#[derive(Default)]
struct Replica<'a> {
    active: Parts,
    /// Those of one place side by side.
    visits: Vec<Visit<'a>>,
}

impl<'a> Replica<'a> {
    /// Each place, with the parts in which it went there.
    fn places(&self) -> impl Iterator<Item = (Place, Parts, &[Visit<'a>])> {
        self.visits.chunk_by(|x, y| x.0 == y.0).filter_map(|visits| {
            let parts = visits.iter().fold(Parts::NONE, |parts, (_, more, _)| parts.union(*more));
            Some((visits.first()?.0, parts, visits))
        })
    }
}

struct Deviation<'a> {
    workload: &'a NodeId,
    pod: &'a PodName,
    place: Place,
    /// Parts with the place and in which it was seen: of the pod, then of its siblings.
    own: [u32; 2],
    others: [u32; 2],
    siblings: usize,
    chance: f64,
    visits: &'a [Visit<'a>],
}

type Replicas<'a> = BTreeMap<&'a PodName, Replica<'a>>;

fn find(scene: &Scene<'_>) -> Vec<Finding> {
    let places = Places::of(scene);
    let workloads = replicas(scene, &places);
    let mut tables = Tables::default();
    for (workload, replicas) in &workloads {
        tables.ask(workload, replicas);
    }
    let mut tests = tables.rare;
    tests.sort_by(|x, y| x.chance.total_cmp(&y.chance));
    let chances: Vec<f64> = tests.iter().map(|test| test.chance).collect();
    tests.truncate(discoveries(&chances, tables.asked, FALSE_DISCOVERIES));
    let clear = |test: &Deviation<'_>| {
        u64::from(test.others[0]) * u64::from(test.own[1]) * u64::from(CLEARLY)
            < u64::from(test.own[0]) * u64::from(test.others[1])
    };
    let mut by_id: BTreeMap<String, Finding> = BTreeMap::new();
    for test in tests.iter().filter(|test| clear(test)) {
        let finding = describe(test, &places);
        // Of several pods of one workload at one place the surest is told.
        by_id.entry(finding.id.clone()).or_insert(finding);
    }
    by_id.into_values().collect()
}

/// The pods of each workload, where each went and when.
fn replicas<'a>(scene: &'a Scene<'_>, places: &Places) -> BTreeMap<&'a NodeId, Replicas<'a>> {
    let mut workloads: BTreeMap<&NodeId, Replicas<'_>> = BTreeMap::new();
    let judged = &scene.judgement.contacts;
    let all = scene.facts.contacts.iter().zip(judged).zip(scene.facts.numbering().numbers());
    let mut all = all.peekable();
    // Contacts of one end lie side by side: its names are looked up once for all of them.
    while let Some(((first, _), _)) = all.peek() {
        let from = &first.from;
        let replica = match (&from.id, &from.pod) {
            (NodeId::Workload(workload), Some(pod))
                if !matches!(workload.kind.as_str(), "StatefulSet" | "DaemonSet" | "Pod") =>
            {
                Some(workloads.entry(&from.id).or_default().entry(pod).or_default())
            }
            _ => None,
        };
        let mut own =
            std::iter::from_fn(|| all.next_if(|((contact, _), _)| Arc::ptr_eq(&contact.from, from)));
        let Some(replica) = replica else {
            own.by_ref().for_each(drop);
            continue;
        };
        for ((contact, judged), edge) in own {
            if !judged.is_connected() || contact.orientation == Orientation::Unknown || contact.is_loopback()
            {
                continue;
            }
            replica.active = replica.active.union(contact.tally.parts);
            if contact.protocol != Protocol::Icmp && contact.to.id != NodeId::ApiServer {
                let place = (places.of_edge(edge), contact.protocol, contact.port);
                replica.visits.push((place, contact.tally.parts, contact));
            }
        }
    }
    for replica in workloads.values_mut().flat_map(BTreeMap::values_mut) {
        replica.visits.sort_by_key(|(place, ..)| *place);
    }
    workloads
}

/// What was asked of all replicas.
#[derive(Default)]
struct Tables<'a> {
    /// How many tables.
    asked: usize,
    /// Those whose chance is small enough to be a discovery, if only few are asked.
    rare: Vec<Deviation<'a>>,
    /// Chances that are known: mostly the same few tables come again and again.
    chances: HashMap<[[u32; 2]; 2], f64, RandomState>,
}

impl<'a> Tables<'a> {
    /// One table for each pod of a workload and each place that it went to.
    fn ask(&mut self, workload: &'a NodeId, replicas: &'a Replicas<'a>) {
        let mut with: HashMap<Place, u32, RandomState> = HashMap::default();
        for (place, parts, _) in replicas.values().flat_map(Replica::places) {
            *with.entry(place).or_default() += parts.len();
        }
        let active: u32 = replicas.values().map(|replica| replica.active.len()).sum();
        for (pod, replica) in replicas {
            let seen = active - replica.active.len();
            if seen == 0 {
                continue;
            }
            for (place, parts, visits) in replica.places() {
                let with = with.get(&place).map_or(0, |with| with - parts.len());
                let (own, others) = ([parts.len(), replica.active.len()], [with, seen]);
                let chance = *self.chances.entry([own, others]).or_insert_with(|| fisher(own, others));
                self.asked += 1;
                if chance <= FALSE_DISCOVERIES {
                    let siblings = replicas.len() - 1;
                    self.rare.push(Deviation { workload, pod, place, own, others, siblings, chance, visits });
                }
            }
        }
    }
}

/// How many of the chances are discoveries (Benjamini and Hochberg): the smallest of `all`, sorted, and none above
/// `rate` need be among them.
fn discoveries(chances: &[f64], all: usize, rate: f64) -> usize {
    let all = all as f64;
    let holds = |(at, chance): &(usize, &f64)| **chance <= rate * (*at + 1) as f64 / all;
    chances.iter().enumerate().rfind(holds).map_or(0, |(at, _)| at + 1)
}

/// Replicas that elect one among them are common, and the elected one does the work of all at peers
/// inside for as long as it is. An intruder seldom does.
fn is_like_a_leader(test: &Deviation<'_>) -> bool {
    let inside = test.visits.iter().all(|(.., contact)| contact.to.id.is_workload());
    inside && test.own[0] * 2 >= test.own[1]
}

fn describe(test: &Deviation<'_>, places: &Places) -> Finding {
    let Deviation { workload, pod, place, own, others, .. } = test;
    let (rank, protocol, port) = place;
    let to = places.name(*rank);
    let edges: BTreeSet<EdgeKey> = test.visits.iter().map(|(.., contact)| EdgeKey::of(contact)).collect();
    let mut tally = Tally::empty();
    test.visits.iter().for_each(|(.., contact)| tally.merge(&contact.tally));
    let what = port.map_or_else(|| protocol.to_string(), |port| format!("{port}/{protocol}"));
    let title = format!(
        "pod {}/{} went to {to} {what} in {} of {} parts of the window, {} other pods of {workload} in {} of {}",
        pod.namespace, pod.name, own[0], own[1], test.siblings, others[0], others[1]
    );
    let fix = format!(
        "compare {}/{} with its siblings and replace it: kubectl delete pod",
        pod.namespace, pod.name
    );
    let level = if is_like_a_leader(test) { Level::Note } else { Level::Warning };
    let mut finding = Finding::new(DETECTOR.id, level, &format!("{workload}->{to}:{what}"), title)
        .fixed_by(fix)
        .with("pod", format!("{}/{}", pod.namespace, pod.name))
        .with("place", to)
        .with("own", format!("{} of {}", own[0], own[1]))
        .with("siblings", format!("{} of {}", others[0], others[1]))
        .with("chance", format!("{:.1e}", test.chance))
        .with("method", "Fisher's exact test, one-sided; Benjamini-Hochberg at 1 %")
        .with("connections", tally.connections + tally.one_way)
        .with("first", tally.first)
        .with("last", tally.last);
    finding.from = Some((*workload).clone());
    finding.to = edges.first().filter(|_| edges.len() == 1).map(|edge| edge.to.clone());
    (finding.protocol, finding.port) = (Some(*protocol), *port);
    finding.edges = edges.into_iter().collect();
    finding
}

#[cfg(test)]
mod tests {
    use super::super::example::{found, levels, of, world};
    use super::*;
    use crate::judge::testing::at;

    #[test]
    fn discoveries_are_up_to_the_last_that_holds() {
        assert_eq!(discoveries(&[0.001, 0.02, 0.024, 0.9], 4, 0.04), 3);
        assert_eq!(discoveries(&[0.02, 0.5], 2, 0.01), 0);
        assert_eq!(discoveries(&[], 0, 0.01), 0);
        assert_eq!(discoveries(&[0.001, 0.02, 0.024], 4, 0.04), 3, "those above the rate change nothing");
    }

    fn beside(line: &str, replicas: &[&str]) -> Vec<String> {
        let mut lines: Vec<String> =
            replicas.iter().map(|pod| format!("{pod} -> shop/api-0 8080/TCP from 1 to 599")).collect();
        lines.push(line.to_owned());
        found(&DETECTOR, &lines.iter().map(String::as_str).collect::<Vec<_>>())
    }

    #[test]
    fn a_pod_that_was_hardly_seen_cannot_deviate() {
        let lines = [
            "shop/web-0 -> shop/api-0 8080/TCP from 1 to 20",
            "shop/web-1 -> shop/api-0 8080/TCP from 1 to 20",
            "shop/web-2 -> 203.0.113.9 443/TCP from 1 to 20",
        ];
        assert_eq!(found(&DETECTOR, &lines), [""; 0]);
    }

    #[test]
    fn a_pod_without_siblings_and_kinds_that_differ_by_design_are_left_alone() {
        assert_eq!(beside("shop/web-0 -> 203.0.113.9 443/TCP from 100 to 400", &["shop/web-0"]), [""; 0]);
        let mut world = world(&[]);
        world.controlled("StatefulSet", "shop/log", "app=log", 3);
        for pod in ["shop/log-0", "shop/log-1", "shop/log-2"] {
            world.tcp(pod, "shop/api-0", 8080).tally.last = at(599);
        }
        world.tcp("shop/log-0", "203.0.113.9", 443).tally.last = at(599);
        assert_eq!(of(&DETECTOR, &world), []);
    }

    #[test]
    fn a_leader_inside_is_a_note() {
        let told = |seconds: &str| {
            let line = format!("shop/web-2 -> shop/db-0 5432/TCP from {seconds}");
            let mut lines = ["web-0", "web-1", "web-2"]
                .map(|pod| format!("shop/{pod} -> shop/api-0 8080/TCP from 1 to 599"))
                .to_vec();
            lines.push(line);
            levels(&DETECTOR, &lines.iter().map(String::as_str).collect::<Vec<_>>())
        };
        assert_eq!(told("1 to 599"), [Level::Note]);
        assert_eq!(told("100 to 350"), [Level::Warning], "less than half of its time");
    }

    #[test]
    fn addresses_of_one_name_are_one_place() {
        let lines = [
            "name 203.0.113.9 pay.example",
            "name 198.51.100.7 pay.example",
            "shop/web-0 -> 203.0.113.9 443/TCP from 1 to 599",
            "shop/web-1 -> 198.51.100.7 443/TCP from 1 to 599",
            "shop/web-2 -> 198.51.100.7 443/TCP from 1 to 599",
        ];
        assert_eq!(found(&DETECTOR, &lines), [""; 0]);
    }
}
