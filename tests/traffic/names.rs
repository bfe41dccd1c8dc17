//! Who the ends are, whatever addresses they have on the way.

use super::*;

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
