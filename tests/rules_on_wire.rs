//! Rules of policy meaning that show only where there is traffic: what `check` makes of what was seen.

#![allow(clippy::unwrap_used, reason = "a test panics where it has nothing to say")]

mod support;

use serde_json::{Value, json};

use support::cluster::{Cluster, Wire, at};
use support::program::Scratch;

fn policy(name: &str, spec: &Value) -> Value {
    json!({"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy",
        "metadata": {"name": name, "namespace": "app"}, "spec": spec})
}

/// The server takes TCP and UDP 8080 from the client, and the client sends to it; neither may anything else.
fn candidate() -> Value {
    let pods = |name: &str| json!({"podSelector": {"matchLabels": {"app": name}}});
    let ports = json!([{"port": 8080}, {"port": 8080, "protocol": "UDP"}]);
    let both = json!(["Ingress", "Egress"]);
    json!({"apiVersion": "v1", "kind": "List", "items": [
        policy("server", &json!({"podSelector": {"matchLabels": {"app": "server"}}, "policyTypes": both,
            "ingress": [{"from": [pods("client")], "ports": ports}]})),
        policy("client", &json!({"podSelector": {"matchLabels": {"app": "client"}}, "policyTypes": both,
            "egress": [{"to": [pods("server")], "ports": ports}]})),
    ]})
}

/// Cut and kept edges of what the wire saw.
fn replayed(wire: &Wire, candidate: &Value) -> (usize, u64) {
    let scratch = Scratch::new();
    let cluster =
        Cluster::new(1).deployment("client", 1, &["10.1.1.5"]).deployment("server", 8080, &["10.1.1.7"]);
    let path = scratch.file("candidate.json", candidate.to_string());
    let inputs = cluster.inputs(&scratch, &[wire]);
    let report = inputs.run("check", &["--policies", path.to_str().unwrap(), "-o", "json"]).json();
    (report["cut"].as_array().unwrap().len(), report["kept"].as_u64().unwrap())
}

#[test]
fn source_ports_are_never_matched() {
    let mut admitted = Wire::new();
    admitted.connect(at("10.1.1.5:40000"), at("10.1.1.7:8080"));
    admitted.from(9).connect(at("10.1.1.5:9"), at("10.1.1.7:8080"));
    assert_eq!(replayed(&admitted, &candidate()), (0, 1), "whatever port the client has");
    let mut from_the_port = Wire::new();
    from_the_port.connect(at("10.1.1.5:8080"), at("10.1.1.7:9"));
    assert_eq!(replayed(&from_the_port, &candidate()), (1, 0), "8080 as the source's port admits nothing");
}

#[test]
fn replies_of_an_admitted_connection_need_no_rule() {
    let mut wire = Wire::new();
    wire.connect(at("10.1.1.5:40000"), at("10.1.1.7:8080"));
    assert_eq!(replayed(&wire, &candidate()), (0, 1), "the server may send nothing of its own, and answers");
    let mut back = Wire::new();
    back.connect(at("10.1.1.7:40000"), at("10.1.1.5:1"));
    assert_eq!(replayed(&back, &candidate()), (1, 0), "the other way round it is a connection of its own");
}

#[test]
fn the_first_datagram_tells_who_opened_and_answers_need_no_rule() {
    let mut wire = Wire::new();
    wire.ask(at("10.1.1.5:40000"), at("10.1.1.7:8080"));
    assert_eq!(replayed(&wire, &candidate()), (0, 1));
    let mut back = Wire::new();
    back.ask(at("10.1.1.7:8080"), at("10.1.1.5:40000"));
    assert_eq!(replayed(&back, &candidate()), (1, 0), "the server asked from its well-known port");
}

#[test]
fn an_established_connection_is_judged_as_its_next_opening_would_be() {
    let mut wire = Wire::new();
    wire.midstream(at("10.1.1.5:40000"), at("10.1.1.7:8080"));
    assert_eq!(replayed(&wire, &candidate()), (0, 1));
    let nothing = policy("server", &json!({"podSelector": {"matchLabels": {"app": "server"}}}));
    assert_eq!(replayed(&wire, &nothing), (1, 0), "whether a plugin would cut it at once is not said");
}

#[test]
fn a_verdict_is_that_of_the_policies_whatever_was_seen() {
    let scratch = Scratch::new();
    let nothing = policy("server", &json!({"podSelector": {"matchLabels": {"app": "server"}}}));
    let cluster = Cluster::new(1)
        .deployment("client", 1, &["10.1.1.5"])
        .deployment("server", 8080, &["10.1.1.7"])
        .with(nothing);
    let mut wire = Wire::new();
    wire.connect(at("10.1.1.5:40000"), at("10.1.1.7:8080"));
    let graph = cluster.inputs(&scratch, &[&wire]).graph();
    let edge = &graph["edges"][0];
    assert_eq!(
        (&edge["connections"], &edge["verdict"]["ingress"]),
        (&json!(1), &json!("denied")),
        "{edge:#}"
    );
}
