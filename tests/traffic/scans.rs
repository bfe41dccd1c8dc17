//! What is a scan, and what only fails often.

use super::*;

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
