//! Policies from a log with replies are those from the same log without them.

#![allow(clippy::unwrap_used, reason = "a test panics where it has nothing to say")]

mod support;

use std::fmt::Write as _;
use std::path::Path;

use support::program::{Scratch, flowfence};

/// One end: address and how Hubble writes it.
type End = (String, String);

fn pod(namespace: &str, name: &str, label: &str, address: String) -> End {
    let text = format!(
        r#"{{"identity":777,"namespace":"{namespace}","pod_name":"{name}-0","labels":["k8s:{label}={name}"],"workloads":[{{"name":"{name}","kind":"Deployment"}}]}}"#
    );
    (address, text)
}

fn line(
    text: &mut String,
    from: (&End, u32),
    to: (&End, u32),
    protocol: &str,
    is_reply: bool,
    verdict: &str,
) {
    let ((source, s), sport) = from;
    let ((destination, d), dport) = to;
    writeln!(
        text,
        r#"{{"flow":{{"time":"2026-11-24T10:00:00Z",{verdict},"IP":{{"source":"{source}","destination":"{destination}"}},"l4":{{"{protocol}":{{"source_port":{sport},"destination_port":{dport}}}}},"source":{s},"destination":{d},"Type":"L3_L4","node_name":"node-1","is_reply":{is_reply}}},"node_name":"node-1"}}"#
    )
    .unwrap();
}

/// So many connections of ten namespaces: within each, to DNS, and to the world; some that were denied.
/// Each with its reply, if wanted.
fn log(connections: u32, with_replies: bool) -> String {
    let forwarded = r#""verdict":"FORWARDED""#;
    let denied = r#""verdict":"DROPPED","drop_reason_desc":"POLICY_DENIED""#;
    let dns = pod("kube-system", "coredns", "k8s-app", "10.42.0.53".to_owned());
    let world = ("203.0.113.7".to_owned(), r#"{"identity":2,"labels":["reserved:world"]}"#.to_owned());
    let mut text = String::new();
    for i in 0..connections {
        let team = i % 10;
        let namespace = format!("team-{team}");
        let web = pod(&namespace, "web", "app", format!("10.42.{team}.10"));
        let api = pod(&namespace, "api", "app.kubernetes.io/name", format!("10.42.{team}.20"));
        let other = pod(
            &format!("team-{}", (team + 1) % 10),
            "api",
            "app.kubernetes.io/name",
            format!("10.42.{}.20", (team + 1) % 10),
        );
        let ephemeral = 32_768 + i % 28_000;
        let (server, port, protocol, verdict) = match i / 10 % 4 {
            0 => (&api, 8080, "TCP", forwarded),
            1 => (&dns, 53, "UDP", forwarded),
            2 => (&world, 443, "TCP", forwarded),
            _ => (&other, 8080, "TCP", denied),
        };
        line(&mut text, (&web, ephemeral), (server, port), protocol, false, verdict);
        if with_replies && verdict == forwarded {
            line(&mut text, (server, port), (&web, ephemeral), protocol, true, verdict);
        }
    }
    text
}

fn policies(log: &Path) -> String {
    let log = log.to_str().unwrap();
    flowfence(["recommend", log, "--cluster", "none", "-o", "yaml"]).ends(0).stdout
}

#[track_caller]
fn are_the_same(connections: u32) {
    let scratch = Scratch::new();
    let with = policies(&scratch.file("with.jsonl", log(connections, true)));
    let without = policies(&scratch.file("without.jsonl", log(connections, false)));
    assert_eq!(with, without);
    let ports: Vec<&str> =
        with.lines().filter_map(|line| line.trim().trim_start_matches("- ").strip_prefix("port: ")).collect();
    assert!(ports.iter().all(|port| ["8080", "53", "443"].contains(port)), "{ports:?}");
    for port in ["8080", "53", "443"] {
        assert!(ports.contains(&port), "no rule of port {port}");
    }
    assert!(with.contains("k8s-app: coredns"), "DNS is allowed to those who use it");
}

#[test]
fn policies_of_a_log_with_replies_are_those_of_one_without() {
    are_the_same(12_000);
}

#[test]
#[ignore = "a million lines take a minute without optimisation"]
fn policies_of_a_million_lines_with_replies_are_those_of_as_many_without() {
    are_the_same(600_000);
}
