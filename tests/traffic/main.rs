//! Traffic that is easy to misread, made packet by packet: what it must become.

#![allow(clippy::unwrap_used, reason = "a test panics where it has nothing to say")]

mod names;
mod openers;
mod scans;
#[path = "../support/mod.rs"]
mod support;

use serde_json::{Value, json};

use support::cluster::{Cluster, PodExt, Wire, at, node, pod, replica_set};
use support::graph::{self, Edge, Edges, Key};
use support::program::{Inputs, Scratch};

const MAIN: u16 = 8080;

fn workload(name: &str) -> String {
    format!("app/Deployment/{name}")
}

fn edge<'a>(edges: &'a Edges, from: &str, to: &str, protocol: &str, port: u64) -> &'a Edge {
    let all = || edges.keys().map(Key::to_string).collect::<Vec<_>>().join("\n  ");
    let found = edges.get(&Key::new(from, to, protocol, port));
    found.unwrap_or_else(|| panic!("{from} -> {to} {port}/{protocol} in\n  {}", all()))
}

fn connected(edges: &Edges) -> Vec<String> {
    graph::connected(edges).iter().map(Key::to_string).collect()
}

fn graph_of(inputs: &Inputs) -> Edges {
    graph::edges(&inputs.graph())
}

fn scans(inputs: &Inputs) -> Vec<String> {
    findings(inputs, "port-scan").iter().map(|finding| finding["from"].to_string()).collect()
}

fn findings(inputs: &Inputs, rule: &str) -> Vec<Value> {
    let report = inputs.run("audit", &["-o", "json", "--fail-on", "never"]).ends(0).json();
    report["findings"].as_array().unwrap().iter().filter(|finding| finding["rule"] == rule).cloned().collect()
}

/// Edges that the proof could replay, all of them admitted; nothing else is.
fn recommend(inputs: &Inputs) -> Value {
    // Taps that see only what passes between nodes cannot vouch for a pod; here that is not the point.
    let answer = inputs.run("recommend", &["-o", "json", "--include-blind"]).ends(0).json();
    let proof = &answer["proof"]["alone"];
    assert_eq!(proof["cut"], json!([]), "nothing genuine is cut");
    assert_eq!(proof["excess"], json!([]), "nothing else is admitted");
    answer
}

/// Whether some rule of the policies of `subject` names the port in this direction.
fn has_rule(answer: &Value, subject: &str, direction: &str, port: &Value, protocol: &str) -> bool {
    let policies = answer["policies"].as_array().unwrap().iter();
    policies
        .filter(|policy| policy["metadata"]["name"] == format!("flowfence-{subject}"))
        .flat_map(|policy| policy["spec"][direction].as_array().cloned().unwrap_or_default())
        .flat_map(|rule| rule["ports"].as_array().cloned().unwrap_or_default())
        .any(|named| named["port"] == *port && named["protocol"] == protocol)
}

#[test]
fn a_udp_server_that_never_answers_keeps_its_rule() {
    let scratch = Scratch::new();
    let cluster =
        Cluster::new(2).deployment("client", MAIN, &["10.1.1.5"]).deployment("syslog", MAIN, &["10.1.2.7"]);
    let mut wire = Wire::new();
    for n in 0..20 {
        wire.from(n).tell(at("10.1.1.5:40000"), at("10.1.2.7:514"));
    }
    let inputs = cluster.inputs(&scratch, &[&wire, &wire]);
    let edges = graph_of(&inputs);
    let told = edge(&edges, &workload("client"), &workload("syslog"), "UDP", 514);
    assert_eq!((told.connections, told.attempts(), told.established), (1, 0, false));
    let answer = recommend(&inputs);
    assert!(has_rule(&answer, "syslog", "ingress", &json!(514), "UDP"), "{answer:#}");
    assert!(has_rule(&answer, "client", "egress", &json!(514), "UDP"), "{answer:#}");
}

#[test]
fn udp_to_an_address_that_nobody_held_is_an_attempt() {
    let scratch = Scratch::new();
    let cluster = Cluster::new(2).deployment("client", MAIN, &["10.1.1.5"]);
    let mut wire = Wire::new();
    wire.tell(at("10.1.1.5:40000"), at("10.1.2.99:514"));
    let edges = graph_of(&cluster.inputs(&scratch, &[&wire]));
    let told = edge(&edges, &workload("client"), "unknown/10.1.2.99", "UDP", 514);
    assert_eq!((told.connections, told.attempts()), (0, 1));
}

#[test]
fn a_new_syn_after_a_close_is_another_connection_and_so_is_udp_after_two_minutes() {
    let scratch = Scratch::new();
    let cluster =
        Cluster::new(2).deployment("client", 1, &["10.1.1.5"]).deployment("server", MAIN, &["10.1.2.7"]);
    let mut wire = Wire::new();
    for n in 0..3 {
        wire.from(n).connect(at("10.1.1.5:40000"), at("10.1.2.7:8080"));
    }
    for seconds in [0, 60, 119, 300] {
        wire.from(seconds).ask(at("10.1.1.5:40000"), at("10.1.2.7:9999"));
    }
    let edges = graph_of(&cluster.inputs(&scratch, &[&wire, &wire]));
    assert_eq!(edge(&edges, &workload("client"), &workload("server"), "TCP", 8080).connections, 3);
    assert_eq!(edge(&edges, &workload("client"), &workload("server"), "UDP", 9999).connections, 2);
}

#[test]
fn an_opening_that_a_node_refuses_by_icmp_is_a_refused_attempt() {
    let scratch = Scratch::new();
    let cluster =
        Cluster::new(2).deployment("client", 1, &["10.1.1.5"]).deployment("server", MAIN, &["10.1.2.7"]);
    let mut wire = Wire::new();
    wire.rejected(at("10.1.1.5:40000"), at("10.1.2.7:8080"), node(2));
    let inputs = cluster.inputs(&scratch, &[&wire, &wire]);
    let edges = graph_of(&inputs);
    let knock = edge(&edges, &workload("client"), &workload("server"), "TCP", 8080);
    assert_eq!((knock.connections, knock.refused, knock.unanswered), (0, 1, 0));
    let answer = recommend(&inputs);
    assert!(!has_rule(&answer, "server", "ingress", &json!(8080), "TCP"), "an attempt is never a rule");
}

#[test]
fn pods_that_no_tap_saw_wholly_are_not_fenced_unless_told_to() {
    let scratch = Scratch::new();
    let cluster =
        Cluster::new(2).deployment("client", 1, &["10.1.1.5"]).deployment("server", MAIN, &["10.1.2.7"]);
    // A tap between the nodes: what the pods say to their neighbours does not pass it.
    let mut wire = Wire::new();
    wire.connect(at("10.1.1.5:40000"), at("10.1.2.7:8080"));
    let inputs = cluster.inputs(&scratch, &[&wire]);
    let answer = inputs.run("recommend", &["-o", "json"]).ends(0).json();
    let unfenced = answer["unfenced"].as_array().unwrap();
    for name in ["client", "server"] {
        assert!(
            unfenced.iter().any(|it| it["id"] == workload(name) && it["why"].to_string().contains("blind")),
            "{answer:#}"
        );
    }
    assert_eq!(answer["policies"], json!([]));
    let fenced = recommend(&inputs);
    assert_eq!(fenced["policies"].as_array().unwrap().len(), 2);
}

#[test]
fn dns_on_one_protocol_admits_both() {
    let scratch = Scratch::new();
    let cluster = Cluster::new(1).deployment("client", 1, &["10.1.1.5"]).dns();
    let mut wire = Wire::new();
    wire.ask(at("10.1.1.5:40000"), at("10.1.1.53:53"));
    let answer = recommend(&cluster.inputs(&scratch, &[&wire]));
    for protocol in ["TCP", "UDP"] {
        assert!(has_rule(&answer, "client", "egress", &json!(53), protocol), "{answer:#}");
    }
}
