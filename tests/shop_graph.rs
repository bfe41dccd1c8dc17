//! The graph of the shop example against the truth of its kernels, and the same shop in other clothes.

#![allow(clippy::unwrap_used, reason = "a test panics where it has nothing to say")]

mod support;

use std::collections::BTreeSet;

use support::graph::{self, Edges, Key};
use support::shop::{self, Truth};

/// Counts may differ by so many parts of a hundred.
const TOLERANCE_PERCENT: u64 = 2;

fn close(found: u64, expected: u64) -> bool {
    found.abs_diff(expected) * 100 <= expected * TOLERANCE_PERCENT
}

fn graph_of_shop() -> Edges {
    graph::edges(&shop::inputs().graph())
}

#[test]
fn every_connection_of_the_kernels_is_in_the_graph_and_nothing_else() {
    let expected = Truth::load().edges();
    let found = graph::connected(&graph_of_shop());
    let wanted: BTreeSet<Key> =
        expected.iter().filter(|(_, edge)| edge.connections > 0).map(|(key, _)| key.clone()).collect();
    assert!(wanted.len() > 40, "the truth has been read: {}", wanted.len());
    let missing: Vec<String> = wanted.difference(&found).map(Key::to_string).collect();
    let wrong: Vec<String> = found.difference(&wanted).map(Key::to_string).collect();
    assert_eq!((missing, wrong), (Vec::new(), Vec::new()), "missing, then wrong");
}

#[test]
fn attempts_are_kept_apart_and_each_is_one_of_the_truth() {
    let expected = Truth::load().edges();
    let found = graph_of_shop();
    let mut wrong = Vec::new();
    let keys: BTreeSet<&Key> = expected.keys().chain(found.keys()).collect();
    for key in keys {
        let wanted = expected.get(key).map_or(0, |edge| edge.attempts);
        let seen = found.get(key).map_or(0, graph::Edge::attempts);
        if wanted != seen {
            wrong.push(format!("{key}: {seen} attempts, {wanted} in truth"));
        }
    }
    assert_eq!(wrong, [""; 0]);
}

#[test]
fn connections_are_counted_within_two_percent_edge_by_edge_and_in_total() {
    let expected = Truth::load().edges();
    let found = graph_of_shop();
    let mut wrong = Vec::new();
    for (key, edge) in &expected {
        let seen = found.get(key).map_or(0, |edge| edge.connections);
        if !close(seen, edge.connections) {
            wrong.push(format!("{key}: {seen}, {} in truth", edge.connections));
        }
    }
    assert_eq!(wrong, [""; 0]);
    let total = expected.values().map(|edge| edge.connections).sum();
    assert!(close(found.values().map(|edge| edge.connections).sum(), total), "{total} in truth");
}

#[test]
fn services_clients_behind_nodes_and_probes_are_as_the_kernels_say() {
    let expected = Truth::load().edges();
    let found = graph_of_shop();
    let mut wrong = Vec::new();
    for (key, edge) in &expected {
        let Some(seen) = found.get(key) else { continue };
        if (&seen.services, &seen.behind, seen.probe) != (&edge.services, &edge.behind, edge.probe) {
            wrong.push(format!(
                "{key}: services {:?} behind {:?} probe {}; in truth {:?} {:?} {}",
                seen.services, seen.behind, seen.probe, edge.services, edge.behind, edge.probe
            ));
        }
    }
    assert_eq!(wrong, [""; 0]);
    assert_eq!(
        expected.values().filter(|edge| edge.probe).count(),
        7,
        "workloads that only a kubelet asks at a port"
    );
    assert!(expected.values().any(|edge| !edge.behind.is_empty()), "a client behind a node");
}

#[test]
fn the_nine_knocks_that_a_policy_turned_away_are_refused_attempts() {
    let knocks = Truth::load().refused_knocks();
    assert_eq!(knocks.len(), 9);
    let found = graph_of_shop();
    for (_, (_, port)) in knocks {
        let key = Key::new("shop/Deployment/blog", "data/StatefulSet/cache", "TCP", u64::from(port));
        let edge = &found[&key];
        assert_eq!((edge.refused, edge.unanswered, edge.connections), (1, 0, 0), "{key}");
    }
}

#[test]
fn a_connect_to_an_address_that_nobody_holds_is_an_attempt_to_an_unknown() {
    let found = graph_of_shop();
    let edge = &found[&Key::new("ops/Deployment/scraper", "unknown/10.244.2.250", "TCP", 80)];
    assert_eq!((edge.connections, edge.attempts(), edge.established), (0, 1, false));
    let edge = &found[&Key::new("ops/Deployment/scraper", "shop/Deployment/web", "TCP", 8081)];
    assert_eq!((edge.connections, edge.refused), (0, 1), "nothing listens there");
}
