//! The examples of detectors are run: each finds what it says that it finds.
//!
//! A line is one of these, in a small cluster with `shop/web` (three pods), `shop/api`, `shop/db`,
//! `ops/scraper` and DNS:
//!
//! ```text
//! FROM -> TO PORT[-PORT]/PROTOCOL [N times] [refused|unanswered] [sends OCTETS] [receives OCTETS] [from SECOND to SECOND]
//! POD asks N names of OCTETS octets below ZONE
//! policy [NAMESPACE/]NAME selects LABELS admits LABELS|nobody|everybody
//! decision accept|deny EDGE [until DAY]
//! known EDGE [until DAY]
//! name ADDRESS NAME
//! namespace NAME LABELS
//! ```

use flowfence_graph::Tally;
use flowfence_graph::crew::Alone;
use flowfence_model::object::{Meta, Namespace, Object};
use flowfence_model::{LabelSelector, NetworkPolicy, PeerSelector, PolicyPeer, PolicyRule, Protocol};

use super::{Baseline, DETECTORS, Detector, Finding, Level, audit};
use crate::decision::{Choice, Decision};
use crate::judge::testing::{World, at, connected, decided, labels};

/// The cluster of the examples, with all lines said in it.
pub(super) fn world(lines: &[&str]) -> World {
    let mut world = World::new();
    world.deployment("shop/web", "app=web", 3).deployment("shop/api", "app=api", 1);
    world.deployment("shop/db", "app=db", 1).deployment("ops/scraper", "app=scraper", 1);
    world.deployment("kube-system/coredns", "k8s-app=kube-dns", 1);
    world.service("kube-system/kube-dns", "k8s-app=kube-dns", 53, 53, None).api_server("172.30.0.254");
    for (pod, port) in [("web-0", 8080), ("web-1", 8080), ("web-2", 8080), ("api-0", 8080), ("db-0", 5432)] {
        world.port(&format!("shop/{pod}"), "main", port);
    }
    let mut known: Vec<Decision> = Vec::new();
    for line in lines {
        let (verb, rest) = line.split_once(' ').unwrap();
        match verb {
            "policy" => world.today.push(policy(rest)),
            "decision" => {
                let (choice, rest) = rest.split_once(' ').unwrap();
                let choice = if choice == "deny" { Choice::Deny } else { Choice::Accept };
                world.decisions.push(until(choice, rest));
            }
            "known" => known.push(until(Choice::Accept, rest)),
            "name" => {
                let (address, name) = rest.split_once(' ').unwrap();
                world.names.insert(address.parse().unwrap(), name);
            }
            "namespace" => {
                let (name, text) = rest.split_once(' ').unwrap();
                let meta = Meta { name: name.to_owned(), labels: labels(text), ..Meta::default() };
                world.objects.push(Object::Namespace(Namespace { meta }));
            }
            pod if rest.starts_with("asks ") => asks(&mut world, pod, rest),
            from => traffic(&mut world, from, rest.strip_prefix("-> ").unwrap()),
        }
    }
    if !known.is_empty() {
        world.settings.baseline = Some(Baseline::new(known, "2026-12-31".parse().unwrap()));
    }
    world
}

fn asks(world: &mut World, pod: &str, rest: &str) {
    let words: Vec<&str> = rest.split(' ').collect();
    let ["asks", names, "names", "of", octets, "octets", "below", zone] = words[..] else { panic!("{rest}") };
    let client = world.pods[pod].ips[0];
    for name in 0..names.parse::<u64>().unwrap() {
        let digits: String =
            (name + 1..).map(|n| format!("{:x}", n.wrapping_mul(0x9e37_79b9_7f4a_7c15))).take(20).collect();
        world.questions.ask(client, zone, &digits.as_bytes()[..octets.parse().unwrap()], name, at(1));
    }
}

fn until(choice: Choice, text: &str) -> Decision {
    match text.split_once(" until ") {
        Some((subject, day)) => decided(choice, subject, Some(day)),
        None => decided(choice, text, None),
    }
}

fn policy(text: &str) -> NetworkPolicy {
    let words: Vec<&str> = text.split(' ').collect();
    let [name, "selects", subject, "admits", whom] = words[..] else { panic!("{text}") };
    let (namespace, name) = name.split_once('/').unwrap_or(("shop", name));
    let peers = |text: &str| {
        let pods = Some(LabelSelector { match_labels: labels(text), ..LabelSelector::everything() });
        vec![PolicyPeer::Pods(PeerSelector { namespaces: None, pods })]
    };
    let rules = match whom {
        "nobody" => Vec::new(),
        "everybody" => vec![PolicyRule { peers: peers("{}"), ports: Vec::new() }],
        app => vec![PolicyRule { peers: peers(app), ports: Vec::new() }],
    };
    NetworkPolicy {
        namespace: namespace.to_owned(),
        name: name.to_owned(),
        pod_selector: LabelSelector { match_labels: labels(subject), ..LabelSelector::everything() },
        ingress: Some(rules),
        egress: None,
    }
}

fn traffic(world: &mut World, from: &str, rest: &str) {
    let address = |text: &str| match text {
        "node1" => "172.30.0.11".to_owned(),
        "node2" => "172.30.0.12".to_owned(),
        "apiserver" => "172.30.0.254".to_owned(),
        other => other.to_owned(),
    };
    let words: Vec<&str> = rest.split(' ').collect();
    let (ports, protocol) = words[1].split_once('/').unwrap();
    let protocol: Protocol = protocol.parse().unwrap();
    let (first, last) = ports.split_once('-').unwrap_or((ports, ports));
    let mut tally = connected(1);
    let mut modifiers = words[2..].iter();
    while let Some(word) = modifiers.next() {
        let mut number = || modifiers.next().unwrap().parse::<u64>().unwrap();
        match *word {
            "refused" => tally = Tally { refused: 1, connections: 0, ..tally },
            "unanswered" => tally = Tally { unanswered: 1, connections: 0, ..tally },
            "sends" => tally.octets[0] = number(),
            "receives" => tally.octets[1] = number(),
            "from" => tally.first = at(i64::try_from(number()).unwrap()),
            "to" => tally.last = at(i64::try_from(number()).unwrap()),
            times => {
                tally = connected(times.parse().unwrap());
                assert_eq!(modifiers.next(), Some(&"times"));
            }
        }
    }
    for port in first.parse::<u16>().unwrap()..=last.parse().unwrap() {
        world.sees(&address(from), &address(words[0]), protocol, port, tally.clone());
    }
}

/// The ids of what one detector finds.
pub(super) fn found(detector: &Detector, lines: &[&str]) -> Vec<String> {
    of(detector, &world(lines)).into_iter().map(|finding| finding.id).collect()
}

/// The levels of what it finds.
pub(super) fn levels(detector: &Detector, lines: &[&str]) -> Vec<Level> {
    of(detector, &world(lines)).into_iter().map(|finding| finding.level).collect()
}

/// What it finds in a world.
pub(super) fn of(detector: &Detector, world: &World) -> Vec<Finding> {
    let seen = world.seen();
    let all = audit(&seen.facts, &seen.inventory, &seen.judgement, &seen.prepared, &world.settings, &Alone);
    all.into_iter().filter(|finding| finding.rule == detector.id).collect()
}

#[test]
fn every_example_of_traffic_is_as_it_says() {
    let mut wrong = Vec::new();
    for detector in DETECTORS {
        let ids = [found(detector, detector.found), found(detector, detector.not_found)];
        if ids[0].len() != 1 || !ids[1].is_empty() {
            wrong.push((detector.id, ids));
        }
    }
    assert!(wrong.is_empty(), "not one finding, or not none: {wrong:#?}");
}
