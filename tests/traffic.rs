//! Traffic that is easy to misread, made packet by packet: what it must become.

#![allow(clippy::unwrap_used, reason = "a test panics where it has nothing to say")]

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
fn a_scraper_with_a_tenth_of_its_targets_down_is_no_scan_and_keeps_its_rules() {
    let scratch = Scratch::new();
    let targets: Vec<String> = (0..200_u8).map(|n| format!("10.1.2.{}", n + 10)).collect();
    let targets: Vec<&str> = targets.iter().map(String::as_str).collect();
    let (up, down) = targets.split_at(180);
    let cluster = Cluster::new(2)
        .deployment("prometheus", MAIN, &["10.1.1.5"])
        .deployment("target", 9100, up)
        .deployment("dying", 9100, &down[..10]);
    let mut wire = Wire::new();
    let mut port = 30_000;
    for round in 0..4 {
        wire.from(round * 15);
        for (n, target) in targets.iter().enumerate() {
            port += 1;
            let (client, server) = (at(&format!("10.1.1.5:{port}")), at(&format!("{target}:9100")));
            match n {
                0..180 => wire.connect(client, server),
                180..190 => wire.refused(client, server),
                _ => wire.unanswered(client, server),
            }
        }
    }
    let inputs = cluster.inputs(&scratch, &[&wire, &wire]);
    assert_eq!(scans(&inputs), [""; 0]);
    let edges = graph_of(&inputs);
    assert_eq!(edge(&edges, &workload("prometheus"), &workload("target"), "TCP", 9100).connections, 720);
    assert_eq!(edge(&edges, &workload("prometheus"), &workload("dying"), "TCP", 9100).refused, 40);
    let answer = recommend(&inputs);
    assert_eq!(answer["withheld"], json!([]));
    assert!(has_rule(&answer, "prometheus", "egress", &json!(9100), "TCP"), "{answer:#}");
    assert!(has_rule(&answer, "target", "ingress", &json!(9100), "TCP"), "{answer:#}");
}

#[test]
fn gossip_is_no_scan_and_keeps_its_rules() {
    let scratch = Scratch::new();
    let members: Vec<String> = (0..30).map(|n| format!("10.1.{}.{}", 1 + n % 2, 10 + n)).collect();
    let members: Vec<&str> = members.iter().map(String::as_str).collect();
    let cluster = Cluster::new(2).deployment("gossip", 7946, &members);
    let mut wire = Wire::new();
    for (n, from) in members.iter().enumerate() {
        for (m, to) in members.iter().enumerate().filter(|(m, _)| *m != n) {
            wire.from(i64::try_from(n).unwrap());
            let (from, to) = (at(&format!("{from}:7946")), at(&format!("{to}:7946")));
            if (n + m) % 7 == 0 { wire.tell(from, to) } else { wire.ask(from, to) }
        }
    }
    let inputs = cluster.inputs(&scratch, &[&wire, &wire]);
    assert_eq!(scans(&inputs), [""; 0]);
    assert_eq!(connected(&graph_of(&inputs)), ["app/Deployment/gossip -> app/Deployment/gossip 7946/UDP"]);
    let answer = recommend(&inputs);
    assert!(has_rule(&answer, "gossip", "ingress", &json!(7946), "UDP"), "{answer:#}");
    assert!(has_rule(&answer, "gossip", "egress", &json!(7946), "UDP"), "{answer:#}");
}

#[test]
fn health_checks_and_a_reconnect_storm_are_no_scan_and_keep_their_rules() {
    let scratch = Scratch::new();
    let cluster = Cluster::new(2)
        .deployment("balancer", MAIN, &["10.1.1.5"])
        .deployment("client", MAIN, &["10.1.1.6"])
        .deployment("server", MAIN, &["10.1.2.7", "10.1.2.8", "10.1.2.9"]);
    let mut wire = Wire::new();
    let servers = ["10.1.2.7:8080", "10.1.2.8:8080", "10.1.2.9:8080"].map(at);
    for n in 0..60_u16 {
        wire.from(i64::from(n));
        for server in servers {
            wire.probe(at(&format!("10.1.1.5:{}", 20_000 + n)), server);
        }
    }
    // The server is away for ten seconds, and the client tries with all its might.
    wire.from(20).connect(at("10.1.1.6:50000"), servers[0]);
    for n in 0..400_u16 {
        wire.from(21 + i64::from(n) / 40)
            .refused(at(&format!("10.1.1.6:{}", 50_001 + n)), servers[usize::from(n % 3)]);
    }
    wire.from(32).connect(at("10.1.1.6:51000"), servers[0]);
    let inputs = cluster.inputs(&scratch, &[&wire, &wire]);
    assert_eq!(scans(&inputs), [""; 0]);
    let edges = graph_of(&inputs);
    let storm = edge(&edges, &workload("client"), &workload("server"), "TCP", 8080);
    assert_eq!((storm.connections, storm.refused), (2, 400));
    assert_eq!(edge(&edges, &workload("balancer"), &workload("server"), "TCP", 8080).connections, 180);
    let answer = recommend(&inputs);
    assert_eq!(answer["withheld"], json!([]));
    for client in ["client", "balancer"] {
        assert!(has_rule(&answer, client, "egress", &json!(8080), "TCP"), "{client}: {answer:#}");
    }
}

#[test]
fn a_scan_is_found_and_what_the_scanner_opens_from_then_on_is_withheld() {
    let scratch = Scratch::new();
    let cluster = Cluster::new(2)
        .deployment("blog", MAIN, &["10.1.1.5"])
        .deployment("database", 5432, &["10.1.2.7"])
        .deployment("queue", 5672, &["10.1.2.8"]);
    let mut wire = Wire::new();
    wire.connect(at("10.1.1.5:40000"), at("10.1.2.8:5672"));
    wire.from(10);
    let mut port = 41_000;
    for host in 1..30 {
        for target in [22, 80, 443, 3306, 6379, 8443, 9200, 27_017] {
            port += 1;
            let (client, server) = (at(&format!("10.1.1.5:{port}")), at(&format!("10.1.2.{host}:{target}")));
            if matches!(host, 7 | 8) { wire.refused(client, server) } else { wire.unanswered(client, server) }
        }
    }
    wire.from(20).connect(at("10.1.1.5:60000"), at("10.1.2.7:5432"));
    let inputs = cluster.inputs(&scratch, &[&wire, &wire]);
    assert_eq!(scans(&inputs), [format!("\"{}\"", workload("blog"))]);
    let answer = recommend(&inputs);
    assert_eq!(answer["suspects"], json!([workload("blog")]));
    let withheld = answer["withheld"].to_string();
    assert!(withheld.contains("database") && !withheld.contains("queue"), "{answer:#}");
    assert!(!has_rule(&answer, "database", "ingress", &json!(5432), "TCP"), "{answer:#}");
    assert!(
        has_rule(&answer, "queue", "ingress", &json!(5672), "TCP"),
        "known before the first knock: {answer:#}"
    );
    // A person may say that it is right.
    let finding = findings(&inputs, "port-scan")[0]["id"].as_str().unwrap().to_owned();
    let accepted =
        inputs.run("recommend", &["-o", "json", "--include-blind", "--accept", &finding]).ends(0).json();
    assert!(has_rule(&accepted, "database", "ingress", &json!(5432), "TCP"), "{accepted:#}");
}

#[test]
fn an_address_used_by_two_pods_belongs_to_each_in_its_time() {
    let scratch = Scratch::new();
    let cluster = Cluster::new(2)
        .deployment("server", MAIN, &["10.1.2.7"])
        .with(pod("first", &["10.1.1.5"], MAIN).between(-60, Some(20)))
        .with(pod("second", &["10.1.1.5"], MAIN).between(40, None));
    let mut wire = Wire::new();
    for n in 0..3_u16 {
        wire.from(5 + i64::from(n)).connect(at(&format!("10.1.1.5:{}", 40_000 + n)), at("10.1.2.7:8080"));
    }
    for n in 0..5_u16 {
        wire.from(45 + i64::from(n)).connect(at(&format!("10.1.1.5:{}", 40_000 + n)), at("10.1.2.7:9090"));
    }
    let edges = graph_of(&cluster.inputs(&scratch, &[&wire, &wire]));
    assert_eq!(edge(&edges, "app/Pod/first", &workload("server"), "TCP", 8080).connections, 3);
    assert_eq!(edge(&edges, "app/Pod/second", &workload("server"), "TCP", 9090).connections, 5);
    assert_eq!(connected(&edges).len(), 2);
}

#[test]
fn a_rollout_in_the_middle_changes_neither_graph_nor_policies() {
    let policies = |rollout: bool| {
        let scratch = Scratch::new();
        let mut cluster = Cluster::new(2).deployment("client", MAIN, &["10.1.1.5"]);
        let mut wire = Wire::new();
        wire.from(5).connect(at("10.1.1.5:40000"), at("10.1.2.7:8080"));
        wire.from(50)
            .connect(at("10.1.1.5:40001"), at(if rollout { "10.1.2.9:8080" } else { "10.1.2.7:8080" }));
        cluster = cluster.deployment("server", MAIN, &["10.1.2.7"]);
        if rollout {
            let old = cluster
                .objects
                .iter_mut()
                .find(|o| o["kind"] == "Pod" && o["status"]["podIP"] == "10.1.2.7")
                .unwrap();
            *old = old.clone().between(-60, Some(30));
            let set = "server-77f9d8c6b";
            cluster = cluster.with(replica_set("server", set, "77f9d8c6b")).with(
                pod("server-77f9d8c6b-aaaaa", &["10.1.2.9"], MAIN)
                    .owned_by("ReplicaSet", set)
                    .labelled(&[("app", "server"), ("pod-template-hash", "77f9d8c6b")])
                    .between(28, None),
            );
        }
        let inputs = cluster.inputs(&scratch, &[&wire, &wire]);
        let edges = graph_of(&inputs);
        assert_eq!(edge(&edges, &workload("client"), &workload("server"), "TCP", 8080).connections, 2);
        assert_eq!(connected(&edges).len(), 1);
        inputs.run("recommend", &["-o", "yaml", "--include-blind"]).ends(0).stdout
    };
    assert_eq!(policies(true), policies(false));
}

#[test]
fn both_families_of_a_pod_are_one_workload() {
    let scratch = Scratch::new();
    let cluster = Cluster::new(2)
        .with(pod("client", &["10.1.1.5", "fd00:1::5"], MAIN).labelled(&[("app", "client")]))
        .with(pod("server", &["10.1.2.7", "fd00:2::7"], MAIN).labelled(&[("app", "server")]));
    let mut wire = Wire::new();
    wire.connect(at("10.1.1.5:40000"), at("10.1.2.7:8080"));
    wire.connect(at("[fd00:1::5]:40000"), at("[fd00:2::7]:8080"));
    let inputs = cluster.inputs(&scratch, &[&wire, &wire]);
    let edges = graph_of(&inputs);
    assert_eq!(connected(&edges), ["app/Pod/client -> app/Pod/server 8080/TCP"]);
    assert_eq!(edge(&edges, "app/Pod/client", "app/Pod/server", "TCP", 8080).connections, 2);
    recommend(&inputs);
}

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

#[test]
fn host_network_pods_are_their_node() {
    let scratch = Scratch::new();
    let mut agent = pod("agent", &["10.1.2.99"], 9100).on_host();
    agent["status"]["podIP"] = "192.168.0.2".into();
    agent["status"]["podIPs"] = json!([{"ip": "192.168.0.2"}]);
    let cluster = Cluster::new(2).deployment("scraper", MAIN, &["10.1.1.5"]).with(agent);
    let mut wire = Wire::new();
    wire.connect(at("10.1.1.5:40000"), at("192.168.0.2:9100"));
    let inputs = cluster.inputs(&scratch, &[&wire]);
    assert_eq!(connected(&graph_of(&inputs)), ["app/Deployment/scraper -> node/n2 9100/TCP"]);
    let answer = recommend(&inputs);
    let egress = &answer["policies"][0]["spec"]["egress"];
    assert!(
        egress.to_string().contains("192.168.0.2/32") && egress.to_string().contains("192.168.0.1/32"),
        "all nodes, for the pod may come up on another: {egress:#}"
    );
}

#[test]
fn customers_of_a_node_port_are_behind_the_node() {
    let scratch = Scratch::new();
    let mut cluster = Cluster::new(2).deployment("web", MAIN, &["10.1.1.5"]).service(
        "web",
        "10.96.0.80",
        "TCP",
        (80, 8080),
        &["10.1.1.5"],
    );
    let web = cluster
        .objects
        .iter_mut()
        .find(|object| object["kind"] == "Service" && object["metadata"]["name"] == "web");
    let spec = &mut web.unwrap()["spec"];
    spec["type"] = "NodePort".into();
    spec["ports"][0]["nodePort"] = 30_080.into();
    let mut wire = Wire::new();
    // Beside the pod's bridge the node has rewritten the source of what goes in, and not yet of what comes out.
    for n in 0..4 {
        let clients = [at(&format!("10.1.1.1:{}", 40_000 + n)), at(&format!("100.64.0.9:{}", 51_000 + n))];
        wire.from(n).rewritten(clients, [at("10.1.1.5:8080"), at("10.1.1.5:8080")]);
    }
    let inputs = cluster.inputs(&scratch, &[&wire]);
    let edges = graph_of(&inputs);
    assert_eq!(connected(&edges), ["node/n1 -> app/Deployment/web 8080/TCP"]);
    let edge = edge(&edges, "node/n1", &workload("web"), "TCP", 8080);
    assert_eq!(edge.connections, 4);
    assert_eq!(edge.behind.iter().collect::<Vec<_>>(), ["100.64.0.9"]);
    assert!(!edge.probe);
    let answer = recommend(&inputs);
    let ingress = answer["policies"][0]["spec"]["ingress"].to_string();
    assert!(
        ingress.contains("0.0.0.0/0") && ingress.contains("::/0") && ingress.contains("10.1.1.0/24"),
        "{ingress}"
    );
}

#[test]
fn a_service_translated_beside_the_tap_is_one_connection_to_the_pod() {
    let scratch = Scratch::new();
    let cluster = Cluster::new(2)
        .deployment("client", 1, &["10.1.1.5"])
        .deployment("server", MAIN, &["10.1.2.7", "10.1.2.8"])
        .service("server", "10.96.0.7", "TCP", (80, 8080), &["10.1.2.7", "10.1.2.8"]);
    let (mut near, mut far) = (Wire::new(), Wire::new());
    for n in 0..6_u16 {
        let (client, pod) =
            (at(&format!("10.1.1.5:{}", 40_000 + n)), at(&format!("10.1.2.{}:8080", 7 + n % 2)));
        near.from(n.into()).translated(client, [pod, at("10.96.0.7:80")]);
        far.from(n.into()).connect(client, pod);
    }
    let edges = graph_of(&cluster.inputs(&scratch, &[&near, &far]));
    assert_eq!(connected(&edges), ["app/Deployment/client -> app/Deployment/server 8080/TCP"]);
    let edge = edge(&edges, &workload("client"), &workload("server"), "TCP", 8080);
    assert_eq!((edge.connections, edge.attempts()), (6, 0));
    assert_eq!(edge.services.iter().collect::<Vec<_>>(), ["app/server"]);
}

#[test]
fn a_pod_that_reaches_itself_through_its_service_needs_a_rule_and_directly_needs_none() {
    let direct = Cluster::new(1).deployment("api", MAIN, &["10.1.1.5", "10.1.1.6"]);
    let service = direct.clone().service("api", "10.96.0.7", "TCP", (80, 8080), &["10.1.1.5", "10.1.1.6"]);
    let rule = |cluster: &Cluster, answers_from: &str| {
        let scratch = Scratch::new();
        let mut wire = Wire::new();
        wire.translated(at("10.1.1.5:40000"), [at("10.1.1.5:8080"), at(answers_from)]);
        let inputs = cluster.inputs(&scratch, &[&wire]);
        assert_eq!(connected(&graph_of(&inputs)), ["app/Deployment/api -> app/Deployment/api 8080/TCP"]);
        let answer = recommend(&inputs);
        let has = |direction| has_rule(&answer, "api", direction, &json!(8080), "TCP");
        [has("ingress"), has("egress")]
    };
    assert_eq!(rule(&service, "10.96.0.7:80"), [true, true], "the next backend may be the sibling");
    // Bridges show the way through a service as the pod talking to itself; what is truly direct never leaves the pod.
    assert_eq!(rule(&service, "10.1.1.5:8080"), [true, true]);
    assert_eq!(rule(&direct, "10.1.1.5:8080"), [false, false], "no policy sees it");
}

#[test]
fn kubelet_probes_are_flagged_and_need_no_rule() {
    let scratch = Scratch::new();
    let cluster =
        Cluster::new(1).with(pod("server", &["10.1.1.5"], MAIN).labelled(&[("app", "server")]).probed());
    let mut wire = Wire::new();
    for n in 0..10_u16 {
        wire.from(i64::from(n) * 5).probe(at(&format!("10.1.1.1:{}", 40_000 + n)), at("10.1.1.5:8080"));
    }
    let inputs = cluster.inputs(&scratch, &[&wire]);
    let edges = graph_of(&inputs);
    let probe = edge(&edges, "node/n1", "app/Pod/server", "TCP", 8080);
    assert!(probe.probe && probe.connections == 10);
    let answer = recommend(&inputs);
    assert_eq!(
        answer["unobserved"],
        json!(["app/Pod/server"]),
        "nothing but its own node's probes: {answer:#}"
    );
    assert_eq!(answer["policies"], json!([]));
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
