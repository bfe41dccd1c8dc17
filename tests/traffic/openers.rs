//! Who opened, where the opening was not seen.

use super::*;

#[test]
fn without_a_syn_the_port_that_a_container_declares_is_the_server() {
    let scratch = Scratch::new();
    // The client's port is the lower one: that is no proof.
    let cluster =
        Cluster::new(2).deployment("client", 1, &["10.1.1.5"]).deployment("server", 50_051, &["10.1.2.7"]);
    let mut wire = Wire::new();
    wire.midstream(at("10.1.1.5:1024"), at("10.1.2.7:50051"));
    let inputs = cluster.inputs(&scratch, &[&wire, &wire]);
    let edges = graph_of(&inputs);
    assert_eq!(connected(&edges), ["app/Deployment/client -> app/Deployment/server 50051/TCP"]);
    assert_eq!(edge(&edges, &workload("client"), &workload("server"), "TCP", 50_051).orientation, "inferred");
    assert!(has_rule(&recommend(&inputs), "server", "ingress", &json!(50_051), "TCP"));
}

#[test]
fn without_a_syn_or_a_declaration_the_port_that_many_share_is_the_server() {
    let scratch = Scratch::new();
    let clients = ["10.1.1.5", "10.1.1.6", "10.1.1.7", "10.1.1.8"];
    let cluster = Cluster::new(2).deployment("client", 1, &clients).deployment("server", 1, &["10.1.2.7"]);
    let mut wire = Wire::new();
    for (n, client) in clients.iter().enumerate() {
        wire.midstream(at(&format!("{client}:{}", 2_000 + 17 * n)), at("10.1.2.7:41000"));
    }
    let edges = graph_of(&cluster.inputs(&scratch, &[&wire, &wire]));
    assert_eq!(connected(&edges), ["app/Deployment/client -> app/Deployment/server 41000/TCP"]);
}

#[test]
fn without_any_sign_of_who_opened_it_says_so_and_makes_no_rule() {
    let scratch = Scratch::new();
    let cluster = Cluster::new(2).deployment("one", 1, &["10.1.1.5"]).deployment("other", 1, &["10.1.2.7"]);
    let mut wire = Wire::new();
    wire.midstream(at("10.1.1.5:33333"), at("10.1.2.7:44444"));
    let inputs = cluster.inputs(&scratch, &[&wire, &wire]);
    let edges = graph_of(&inputs);
    assert_eq!(edges.len(), 1);
    assert_eq!(edges.values().next().unwrap().orientation, "unknown");
    let answer = recommend(&inputs);
    assert_eq!(answer["proof"]["alone"]["observed"], 0, "not genuine: {answer:#}");
    assert_eq!(answer["undirected"].as_array().unwrap().len(), 1, "and it is said that isolation may cut it");
}

#[test]
fn a_syn_counts_more_than_ports_do() {
    let scratch = Scratch::new();
    let cluster =
        Cluster::new(2).deployment("client", 8080, &["10.1.1.5"]).deployment("server", 1, &["10.1.2.7"]);
    let mut wire = Wire::new();
    wire.connect(at("10.1.1.5:8080"), at("10.1.2.7:60999"));
    let edges = graph_of(&cluster.inputs(&scratch, &[&wire, &wire]));
    assert_eq!(connected(&edges), ["app/Deployment/client -> app/Deployment/server 60999/TCP"]);
}
