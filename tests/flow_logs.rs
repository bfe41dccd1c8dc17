//! Flow logs on the command line: policies from a log alone, forced formats, mappings, mixtures.

#![allow(clippy::unwrap_used, reason = "a test panics where it has nothing to say")]

mod support;

use std::collections::BTreeSet;

use serde_json::{Value, json};

use support::graph::{self, Key};
use support::program::{Scratch, flowfence, flowfence_with};

/// Five conversations of a shop, both directions on both nodes; three drops, one of a policy on trial, and
/// one event that the log says it lost.
const HUBBLE: &str = "tests/data/flow-logs/hubble.jsonl";

const CSV: &str = "when;who,whom,port,proto,verdict\n";

const MAPPING: &str = r#"
layout = "csv"
opener = "source"
protocol = "proto"
time = { first = ["when"], unit = "ms" }
source = { address = ["who"] }
destination = { address = ["whom"], port = "port" }
verdict = { field = "verdict", denied = ["no"] }
"#;

fn connected(report: &Value) -> Vec<String> {
    graph::connected(&graph::edges(report)).iter().map(Key::to_string).collect()
}

fn hubble(verb: &str, more: &[&str]) -> support::program::Run {
    let given = [verb, HUBBLE, "--cluster", "none", "--allow-loss", "0.05"];
    flowfence(given.iter().chain(more))
}

#[test]
fn policies_come_from_a_hubble_log_alone_and_are_proved() {
    let run = hubble("recommend", &["-o", "json"]).ends(0);
    assert!(run.stderr.contains("those that the flow logs name"), "{}", run.stderr);
    let answer = run.json();
    assert_eq!(
        (&answer["proof"]["alone"]["cut"], &answer["proof"]["alone"]["excess"]),
        (&json!([]), &json!([]))
    );
    let yaml = hubble("recommend", &["-o", "yaml"]).ends(0).stdout;
    insta::assert_snapshot!("flow-logs-hubble-policies", yaml);
}

#[test]
fn replies_and_the_second_node_make_no_connection() {
    let report = hubble("graph", &["-o", "json"]).ends(0).json();
    let expected = [
        "shop/Deployment/api -> external/203.0.113.10/32 443/TCP",
        "shop/Deployment/api -> kube-system/Deployment/coredns 53/UDP",
        "shop/Deployment/api -> shop/StatefulSet/db 5432/TCP",
        "shop/Deployment/web -> kube-system/Deployment/coredns 53/UDP",
        "shop/Deployment/web -> shop/Deployment/api 8080/TCP",
    ];
    let found: BTreeSet<String> = connected(&report).into_iter().collect();
    assert_eq!(found, expected.map(str::to_owned).into());
    assert_eq!(report["completeness"]["logLines"], 89);
    assert_eq!(report["completeness"]["counts"]["log-events-lost"], 1);
}

#[test]
fn what_a_policy_stopped_is_a_finding_that_names_it() {
    let report = hubble("audit", &["-o", "json", "--fail-on", "never"]).ends(0).json();
    let findings = report["findings"].as_array().unwrap().iter().filter(|f| f["rule"] == "refused-attempt");
    let told: BTreeSet<(String, String)> =
        findings.map(|f| (f["to"].to_string(), f["evidence"]["deniedBy"].to_string())).collect();
    let expected = [
        ("\"shop/Deployment/api\"", "[\"shop/api-from-web\"]"),
        ("\"shop/StatefulSet/db\"", "[\"shop/db-from-api\"]"),
    ];
    assert_eq!(told, expected.map(|(to, by)| (to.to_owned(), by.to_owned())).into());
}

#[test]
fn events_that_a_log_lost_stop_a_recommendation_until_somebody_allows_it() {
    let run = flowfence(["recommend", HUBBLE, "--cluster", "none", "-o", "yaml"]).ends(5);
    assert!(run.stdout.is_empty() && run.stderr.contains("were lost"), "{}", run.stderr);
}

#[test]
fn any_table_is_read_by_a_mapping() {
    let scratch = Scratch::new();
    let rows = "1772359200000;10.0.0.1,10.0.0.2,8080,tcp,yes\n1772359201000;10.0.0.9,10.0.0.2,22,6,no\nodd\n";
    let log = scratch.file("log.csv", (CSV.to_owned() + rows).replace(';', ","));
    let mapping = scratch.file("map.toml", MAPPING);
    let format = format!("map:{}", mapping.display());
    let run =
        flowfence(["graph", log.to_str().unwrap(), "--cluster", "none", "-o", "json", "--format", &format]);
    // One line of three is damaged, and nothing is hidden.
    let report = run.ends(5).json();
    assert_eq!(connected(&report), ["external/10.0.0.1/32 -> external/10.0.0.2/32 8080/TCP"]);
    let file = &report["completeness"]["files"][0];
    assert_eq!(file["damagedRecords"], 1);
    assert!(file["problems"][0].as_str().unwrap().contains("line 4: not as many values"), "{file}");
}

#[test]
fn a_mapping_that_is_wrong_says_where() {
    let scratch = Scratch::new();
    let mapping = scratch.file("map.toml", MAPPING.replace("protocol", "protokol"));
    let format = format!("map:{}", mapping.display());
    let run = flowfence(["graph", HUBBLE, "--cluster", "none", "--format", &format]).ends(2);
    assert!(run.stderr.contains("line 4") && run.stderr.contains("protokol"), "{}", run.stderr);
    let run = flowfence(["graph", HUBBLE, "--cluster", "none", "--format", "map:nowhere.toml"]).ends(3);
    assert!(run.stderr.contains("nowhere.toml"), "{}", run.stderr);
    let run = flowfence(["graph", HUBBLE, "--cluster", "none", "--format", "hubbel"]).ends(2);
    assert!(run.stderr.contains("expected one of hubble,"), "{}", run.stderr);
}

#[test]
fn formats_are_listed_with_what_they_can_tell() {
    let run = flowfence(["recommend", "--list-formats"]).ends(0);
    let first = run.stdout.lines().next().unwrap();
    assert!(first.starts_with("FORMAT") && first.contains("OPENER"), "{first}");
    let page = include_str!("../docs/formats.md");
    for format in flowfence_capture::FORMATS {
        assert!(run.stdout.contains(format.token), "{}", format.token);
        let name = format!("| `{}` |", format.token);
        assert!(page.contains(&name), "docs/formats.md has no row of {}", format.token);
    }
}

#[test]
fn a_log_through_a_pipe_is_the_same_log() {
    let log = std::fs::read(HUBBLE).unwrap();
    let given = ["graph", "-", "--cluster", "none", "-o", "json", "--allow-loss", "0.05"];
    let piped = flowfence_with(given, &log).ends(0).json();
    assert_eq!(piped["edges"], hubble("graph", &["-o", "json"]).json()["edges"]);
}

#[test]
fn a_flow_file_is_not_made_of_a_log() {
    let scratch = Scratch::new();
    let out = scratch.path().join("out.flow");
    let run = flowfence(["capture", HUBBLE, "--out", out.to_str().unwrap()]).ends(3);
    assert!(run.stderr.contains("flow files are made of packets"), "{}", run.stderr);
}

/// A log may say anything, and what it says ends in policies.
#[test]
fn a_pod_that_no_api_server_holds_costs_only_itself() {
    let scratch = Scratch::new();
    let log = std::fs::read_to_string(HUBBLE).unwrap();
    for odd in ["../../odd", r"shop\n---\nkind: Odd\u001b[31m"] {
        let lines = log.lines().filter(|line| line.contains("odd-0")).map(|line| {
            let source =
                line.split("\"source\":{\"ID\"").nth(1).unwrap().split("\"destination\":{").next().unwrap();
            line.replace(source, &source.replace("shop", odd))
        });
        let evil = lines.collect::<Vec<_>>().join("\n").replace("DROPPED", "FORWARDED");
        let both = scratch.file("both.jsonl", format!("{log}{evil}\n"));
        let out = scratch.path().join("out");
        let given = ["recommend", both.to_str().unwrap(), "--cluster", "none", "--allow-loss", "0.05"];
        let run = flowfence(given.into_iter().chain(["--out", out.to_str().unwrap()])).ends(0);
        assert!(
            run.stderr.contains("no API server holds") && !run.stderr.contains('\u{1b}'),
            "{}",
            run.stderr
        );
        assert!(out.join("shop").is_dir() && !scratch.path().join("odd").exists());
        std::fs::remove_dir_all(&out).unwrap();
    }
}
