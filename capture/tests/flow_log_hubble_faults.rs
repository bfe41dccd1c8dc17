//! What other programs make of Hubble flows and should not: replies that become openings, DNS that is
//! lost, verdicts that are forgotten, ends that are mistaken for others, lines that end everything.

mod logs;

use std::fmt::Write as _;

use flowfence_model::Recording;
use flowfence_model::logged::Identity;
use logs::{Detail, conversations, read, read_lines, told, who};

const POD: &str = r#"{"identity":20001,"namespace":"shop","pod_name":"web-1","labels":["k8s:app=web"]}"#;
const SYN: &str = r#""TCP":{"source_port":40000,"destination_port":8080,"flags":{"SYN":true}}"#;

/// A forwarded flow between two ends, as they are written.
fn between(source: &str, destination: &str, l4: &str, is_reply: bool) -> String {
    format!(
        r#"{{"flow":{{"time":"2026-11-24T10:00:00Z","verdict":"FORWARDED","IP":{{"source":"10.42.1.10","destination":"10.42.2.20"}},"l4":{{{l4}}},"source":{source},"destination":{destination},"Type":"L3_L4","is_reply":{is_reply}}},"node_name":"node-1"}}"#
    )
}

fn only(recording: &Recording) -> String {
    let lines = who(recording);
    assert_eq!(lines.len(), 1, "{lines:#?} {}", told(recording));
    lines[0].clone()
}

/// The end that is asked, written so.
fn asked(end: &str) -> String {
    let line = only(&read_lines(&[&between(POD, end, SYN, false)]));
    line.split(" -> ").nth(1).expect("two ends").to_owned()
}

/// The end that opens, written so.
fn opens(end: &str) -> String {
    let line = only(&read_lines(&[&between(end, POD, SYN, false)]));
    line.split(" -> ").next().expect("two ends").to_owned()
}

/// So many lines of ten clients and five servers, each third of them a reply if wanted.
fn generated(lines: u32, with_replies: bool) -> Vec<u8> {
    let mut text = String::new();
    for i in 0..lines {
        let (client, server) = (i % 10, i / 10 % 5);
        let is_udp = server == 4;
        let port = if is_udp { 53 } else { 8080 + server };
        let ephemeral = 32_768 + i % 28_000;
        let mut line = |is_reply: bool| {
            let c =
                format!(r#"{{"identity":{},"namespace":"shop","pod_name":"client-{client}"}}"#, 300 + client);
            let s =
                format!(r#"{{"identity":{},"namespace":"shop","pod_name":"server-{server}"}}"#, 400 + server);
            let (ca, sa) = (format!("10.42.1.{client}"), format!("10.42.2.{server}"));
            let ((x, xa, xp), (y, ya, yp)) = if is_reply {
                ((s, sa, port), (c, ca, ephemeral))
            } else {
                ((c, ca, ephemeral), (s, sa, port))
            };
            let protocol = if is_udp { "UDP" } else { "TCP" };
            let second = i % 60;
            writeln!(
                text,
                r#"{{"flow":{{"time":"2026-11-24T10:00:{second:02}Z","verdict":"FORWARDED","IP":{{"source":"{xa}","destination":"{ya}"}},"l4":{{"{protocol}":{{"source_port":{xp},"destination_port":{yp}}}}},"source":{x},"destination":{y},"Type":"L3_L4","node_name":"node-1","is_reply":{is_reply}}},"node_name":"node-1"}}"#
            )
            .expect("a text");
        };
        line(false);
        if with_replies && i % 2 == 0 {
            line(true);
        }
    }
    text.into_bytes()
}

#[test]
fn replies_never_become_openings() {
    let without = read(&generated(66_667, false));
    let with = read(&generated(66_667, true));
    assert_eq!(with.logged.lines, 100_001);
    assert_eq!(who(&with), who(&without));
    assert_eq!(who(&with).len(), 50);
    assert!(who(&with).iter().all(|line| line.ends_with("seen")), "{:#?}", who(&with));
    let ports = |recording: &Recording| -> Vec<u64> {
        recording.logged.conversations.iter().map(|c| c.counts.client_ports).collect()
    };
    assert_eq!(ports(&with), ports(&without), "{}", conversations(&with, Detail::All));
}

#[test]
fn dns_is_kept_whatever_labels_its_server_has() {
    let dns = r#"{"identity":5,"namespace":"kube-system","pod_name":"coredns-1","labels":["k8s:k8s-app=kube-dns"]}"#;
    let line = between(POD, dns, r#""UDP":{"source_port":50000,"destination_port":53}"#, false);
    assert_eq!(
        only(&read_lines(&[&line])),
        "10.42.1.10 shop/web-1[app=web] -> 10.42.2.20 kube-system/coredns-1[k8s-app=kube-dns] UDP/53 seen"
    );
}

#[test]
fn dropped_and_audited_flows_stay_apart_from_what_passed() {
    let line = between(POD, POD, SYN, false);
    let dropped = line.replace(r#""FORWARDED""#, r#""DROPPED","drop_reason_desc":"POLICY_DENIED""#);
    let audit = line.replace("FORWARDED", "AUDIT");
    let lines = who(&read_lines(&[&line, &dropped, &audit, &line.replace("FORWARDED", "ERROR")]));
    let ends: Vec<&str> = lines.iter().filter_map(|line| line.split("TCP/8080 ").nth(1)).collect();
    assert_eq!(ends, ["seen", "seen denied", "seen dropped", "seen would-deny"]);
}

#[test]
fn pings_are_told_and_their_answers_and_errors_open_nothing() {
    let echo = between(POD, "{}", r#""ICMPv4":{"type":8}"#, false);
    let answer = between("{}", POD, r#""ICMPv4":{}"#, true).replace(
        r#""source":"10.42.1.10","destination":"10.42.2.20""#,
        r#""source":"10.42.2.20","destination":"10.42.1.10""#,
    );
    let untold = answer.replace(r#","is_reply":true"#, "");
    let recording = read_lines(&[&echo, &answer, &untold]);
    assert_eq!(only(&recording), "10.42.1.10 shop/web-1[app=web] -> 10.42.2.20 ICMP/8.0 seen");
    let error = between("{}", POD, r#""ICMPv4":{"type":3,"code":1}"#, false);
    let expired = between("{}", POD, r#""ICMPv4":{"type":11}"#, false);
    let recording = read_lines(&[&error, &expired]);
    assert!(who(&recording).is_empty(), "{}", told(&recording));
    assert_eq!(recording.counts.get("icmp-error-unmatched"), 1);
    assert_eq!(recording.counts.get("icmp-error-ignored"), 1);
}

#[test]
fn neighbour_discovery_is_no_connection() {
    let line = between(POD, "{}", r#""ICMPv6":{"type":135}"#, false)
        .replace("10.42.1.10", "2001:db8:42::a")
        .replace("10.42.2.20", "2001:db8:42::14");
    let recording = read_lines(&[&line]);
    assert_eq!((who(&recording).len(), recording.counts.get("link-local-control")), (0, 1));
}

#[test]
fn reserved_identities_are_who_they_are() {
    let cases = [
        (r#"{"identity":1,"labels":["reserved:host"]}"#, "10.42.2.20 node(node-1)"),
        (r#"{"identity":1}"#, "10.42.2.20 node(node-1)"),
        (r#"{"identity":2,"labels":["reserved:world"]}"#, "10.42.2.20"),
        (r#"{"identity":16777300,"labels":["cidr:203.0.113.0/24","reserved:world"]}"#, "10.42.2.20"),
        (r#"{"identity":4,"labels":["reserved:health"]}"#, "10.42.2.20 node(?)"),
        (r#"{"identity":6,"labels":["reserved:remote-node"]}"#, "10.42.2.20 node(?)"),
        (r#"{"identity":8,"labels":["reserved:ingress"]}"#, "10.42.2.20 node(?)"),
        (r#"{"identity":7,"labels":["reserved:kube-apiserver"]}"#, "10.42.2.20 apiserver"),
        (r#"{"identity":7}"#, "10.42.2.20 apiserver"),
    ];
    for (end, expected) in cases {
        assert_eq!(asked(end), format!("{expected} TCP/8080 seen"), "{end}");
    }
}

#[test]
fn of_two_reserved_labels_the_one_that_says_more_counts() {
    let world = r#"{"identity":16777217,"labels":["reserved:kube-apiserver","reserved:world"]}"#;
    let remote = r#"{"identity":7,"labels":["reserved:kube-apiserver","reserved:remote-node"]}"#;
    for end in [world, remote] {
        assert_eq!(asked(end), "10.42.2.20 apiserver TCP/8080 seen", "{end}");
        assert_eq!(opens(end), "10.42.1.10 apiserver", "{end}");
    }
}

#[test]
fn a_node_with_the_api_server_is_itself_when_it_opens() {
    let end = r#"{"identity":1,"labels":["reserved:host","reserved:kube-apiserver"]}"#;
    assert_eq!(asked(end), "10.42.2.20 apiserver TCP/8080 seen");
    assert_eq!(opens(end), "10.42.1.10 node(node-1)");
    let both = read_lines(&[&between(end, POD, SYN, false), &between(POD, end, SYN, false)]);
    assert_eq!(both.logged.identities.iter().filter(|i| **i == Identity::ApiServer).count(), 1);
}

#[test]
fn each_node_means_itself_by_host() {
    let line = between(r#"{"identity":1,"labels":["reserved:host"]}"#, POD, SYN, false);
    let lines = who(&read_lines(&[&line, &line.replace("node-1", "node-2")]));
    let nodes: Vec<&str> = lines.iter().filter_map(|line| line.split(' ').nth(1)).collect();
    assert_eq!(nodes, ["node(node-1)", "node(node-2)"]);
}

#[test]
fn labels_keep_their_keys_and_their_owners() {
    let end = |pod: &str, labels: &str| {
        format!(r#"{{"identity":9,"namespace":"shop","pod_name":"{pod}","labels":[{labels}]}}"#)
    };
    let one = end("a-1", r#""k8s:app=shop","k8s:app.kubernetes.io/name=a""#);
    let other = end("b-1", r#""k8s:app=shop","k8s:app.kubernetes.io/name=b","k8s:flag""#);
    let lines = who(&read_lines(&[&between(&one, &other, SYN, false)]));
    assert_eq!(
        lines,
        [
            "10.42.1.10 shop/a-1[app=shop,app.kubernetes.io/name=a] -> 10.42.2.20 shop/b-1[app=shop,app.kubernetes.io/name=b,flag=] TCP/8080 seen"
        ]
    );
}

#[test]
fn a_pod_without_labels_is_a_pod() {
    assert_eq!(
        asked(r#"{"identity":9,"namespace":"shop","pod_name":"bare-1"}"#),
        "10.42.2.20 shop/bare-1 TCP/8080 seen"
    );
}

#[test]
fn the_namespace_may_be_told_by_a_label_only() {
    let end = r#"{"identity":9,"pod_name":"api-1","labels":["k8s:io.kubernetes.pod.namespace=shop","k8s:app=api"]}"#;
    assert_eq!(asked(end), "10.42.2.20 shop/api-1[app=api] TCP/8080 seen");
}

#[test]
fn null_is_what_is_not_there() {
    let pod = r#"{"identity":20002,"namespace":"shop","pod_name":"api-1","labels":null,"workloads":null}"#;
    let line = between(pod, pod, SYN, false);
    let expected = "10.42.1.10 shop/api-1 -> 10.42.2.20 shop/api-1 TCP/8080 seen";
    assert_eq!(only(&read_lines(&[&line])), expected);
    let names = line.replace(r#""Type""#, r#""source_names":null,"egress_denied_by":null,"Type""#);
    assert_eq!(only(&read_lines(&[&names])), expected);
    let nothing = read_lines(&[
        &line.replace(&format!("{{{SYN}}}"), "null"),
        &line.replace(pod, "null"),
        r#"{"flow":null}"#,
    ]);
    assert_eq!(only(&nothing), "10.42.1.10 -> 10.42.2.20 TCP/8080 seen");
    assert_eq!((nothing.counts.get("log-lines-incomplete"), nothing.files[0].damaged_records), (2, 0));
}

#[test]
fn a_line_that_is_no_event_costs_itself_only() {
    let line = between(POD, "{}", SYN, false);
    for bad in ["[1,2,3]", "\"text\"", "7", "null", "{\"flow\":[]}", "{\"flow\":{\"IP\":7}}"] {
        let recording = read_lines(&[&line, bad, &line]);
        assert_eq!(recording.logged.lines, 2, "{bad}");
        let file = &recording.files[0];
        assert_eq!((file.damaged_records, file.problems.len()), (1, 1), "{bad}");
        // What is no object is passed over to where one may begin.
        let sample = bad.trim_start_matches('[');
        assert!(
            file.problems[0].contains("line 2") && file.problems[0].contains(sample),
            "{:?}",
            file.problems
        );
    }
}

#[test]
fn multicast_and_loopback_are_no_connections() {
    let line = between(POD, "{}", r#""UDP":{"source_port":5353,"destination_port":5353}"#, false);
    let recording =
        read_lines(&[&line.replace("10.42.2.20", "224.0.0.251"), &line.replace("10.42.2.20", "127.0.0.1")]);
    assert!(who(&recording).is_empty());
    assert_eq!((recording.counts.get("non-unicast"), recording.counts.get("loopback-address")), (1, 1));
}
