//! What was reviewed before, in a file; and what differs between two recordings.

#![allow(clippy::unwrap_used, reason = "a test panics where it has nothing to say")]

mod support;

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::Value;

use support::program::{Run, Scratch};
use support::shop;

fn audit(more: &[&str]) -> Run {
    let mut args = vec!["-o", "json", "--fail-on", "never"];
    args.extend(more);
    shop::inputs().run("audit", &args)
}

fn write(path: &Path, more: &[&str]) -> Run {
    let mut args =
        vec!["--write-baseline", path.to_str().unwrap(), "--by", "ann@shop.example", "--reason", "day one"];
    args.extend(more);
    audit(&args)
}

fn rules(run: &Run) -> BTreeSet<String> {
    let report = run.json();
    let findings = report["findings"].as_array().unwrap().iter();
    findings.map(|finding| finding["rule"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn a_baseline_learns_ordinary_traffic_and_nothing_of_the_attack() {
    let scratch = Scratch::new();
    let path = scratch.path().join("baseline.yaml");
    let run = write(&path, &[]).ends(0);
    assert!(run.stderr.contains("edges were not, for a finding speaks of them"), "{}", run.stderr);
    let text = std::fs::read_to_string(&path).unwrap();
    assert!(text.contains("- accept: shop/Deployment/pay -> external/203.0.113.10/32 443/TCP"), "{text}");
    assert!(text.contains("  by: ann@shop.example\n  reason: day one\n"), "{text}");
    for never in
        ["shop/Deployment/blog ->", "198.51.100.66", "port-scan", "mining", "refused-attempt", "unknown/"]
    {
        assert!(!text.contains(never), "{never}: {text}");
    }
    let after = audit(&["--baseline", path.to_str().unwrap()]).ends(0);
    assert!(after.stderr.contains("findings are in the baseline and not shown"), "{}", after.stderr);
    // What is left is the attack with all that it reached, and what failed.
    let left = ["mining", "port-scan", "refused-attempt", "undeclared-port"];
    assert_eq!(rules(&after), left.map(str::to_owned).into());
}

#[test]
fn what_is_accepted_is_asked_for_and_is_written() {
    let scratch = Scratch::new();
    let path = scratch.path().join("baseline.yaml");
    write(&path, &["--accept", "port-scan:shop/Deployment/blog"]).ends(0);
    let text = std::fs::read_to_string(&path).unwrap();
    assert!(text.contains("shop/Deployment/blog -> shop/Deployment/web 8080/TCP"), "{text}");
    assert!(!text.contains("198.51.100.66"), "the miner was not accepted: {text}");
}

#[test]
fn what_a_file_holds_stays_and_only_what_is_new_comes_after_it() {
    let scratch = Scratch::new();
    let head = "apiVersion: flowfence.dev/v1\nkind: Baseline\ndecisions:\n# The till.\n- accept: shop/Deployment/pay -> \
                external/203.0.113.10/32 443/TCP\n  by: ben@shop.example\n  reason: it takes the money\n";
    let path = scratch.file("baseline.yaml", head);
    write(&path, &["--baseline", path.to_str().unwrap(), "--until", "2099-12-31"]).ends(0);
    let text = std::fs::read_to_string(&path).unwrap();
    assert!(text.starts_with(head), "{text}");
    assert_eq!(text.matches("pay -> external/203.0.113.10/32 443/TCP").count(), 1, "{text}");
    assert!(text.contains("until: 2099-12-31") || text.contains("until: \"2099-12-31\""), "{text}");
    let again = write(&path, &["--baseline", path.to_str().unwrap()]).ends(0);
    assert!(again.stderr.contains("0 edges and 0 findings were added"), "{}", again.stderr);
    assert_eq!(std::fs::read_to_string(&path).unwrap(), text);
}

#[test]
fn an_entry_that_ended_is_a_finding_and_its_edge_is_new() {
    let scratch = Scratch::new();
    let text = "apiVersion: flowfence.dev/v1\nkind: Baseline\ndecisions:\n- accept: shop/Deployment/pay -> \
                external/203.0.113.10/32 443/TCP\n  by: ben@shop.example\n  reason: it takes the money\n  until: \
                2026-01-31\n- accept: shop/Deployment/pay -> kube-system/Deployment/coredns 53/UDP\n  by: b\n  reason: r\n";
    let path = scratch.file("baseline.yaml", text);
    let report = audit(&["--baseline", path.to_str().unwrap()]).ends(0).json();
    let ids: Vec<&str> = report["findings"]
        .as_array()
        .unwrap()
        .iter()
        .map(|finding| finding["id"].as_str().unwrap())
        .collect();
    let edge = "shop/Deployment/pay -> external/203.0.113.10/32 443/TCP";
    assert!(ids.contains(&format!("baseline-expired:{edge}").as_str()), "{ids:?}");
    assert!(ids.contains(&"first-egress:shop/Deployment/pay->external/203.0.113.10/32:443/TCP"), "{ids:?}");
}

#[test]
fn what_is_no_baseline_is_refused_and_left_as_it_is() {
    let scratch = Scratch::new();
    let path = scratch.file("notes.txt", "kind: Notes\n");
    let run = write(&path, &[]).ends(3);
    assert!(run.stderr.contains("is no baseline"), "{}", run.stderr);
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "kind: Notes\n");
    let denies =
        "apiVersion: flowfence.dev/v1\nkind: Baseline\ndecisions:\n- deny: a/Pod/b -> c/Pod/d 1/TCP\n";
    let denies = scratch.file("denies.yaml", denies);
    let run = audit(&["--baseline", denies.to_str().unwrap()]).ends(3);
    assert!(run.stderr.contains("denies.yaml:4") && run.stderr.contains("deny"), "{}", run.stderr);
    assert_eq!(audit(&["--write-baseline", "x.yaml"]).code, 2, "who and why must be said");
}

fn graph(args: &[&str]) -> Run {
    shop::inputs().run("graph", args)
}

fn changes(report: &Value) -> BTreeSet<(String, String)> {
    let text = |row: &Value, field: &str| row[field].as_str().unwrap().to_owned();
    report["edges"].as_array().unwrap().iter().map(|row| (text(row, "change"), text(row, "from"))).collect()
}

#[test]
fn a_recording_does_not_differ_from_itself_nor_from_its_graph() {
    let scratch = Scratch::new();
    let json = graph(&["-o", "json"]).ends(0).stdout;
    let path = scratch.file("graph.json", &json);
    let report = graph(&["-o", "json", "--against", path.to_str().unwrap()]).ends(0).json();
    assert_eq!((&report["kind"], &report["edges"]), (&"GraphDifference".into(), &Value::Array(Vec::new())));
    let captures: Vec<String> =
        shop::inputs().captures.iter().map(|path| path.display().to_string()).collect();
    let args = ["-o", "json", "--against", &captures[0], "--against", &captures[1]];
    assert_eq!(changes(&graph(&args).ends(0).json()), BTreeSet::new());
}

#[test]
fn edges_are_new_gone_and_connect_for_the_first_time() {
    let scratch = Scratch::new();
    let mut before = graph(&["-o", "json"]).ends(0).json();
    let edges = before["edges"].as_array_mut().unwrap();
    edges.retain(|edge| !edge["to"].as_str().unwrap().contains("198.51.100.66"));
    let is_pay = |edge: &&mut Value| edge["from"] == "shop/Deployment/pay" && edge["port"] == 443;
    let pay = edges.iter_mut().find(is_pay).unwrap();
    (pay["connections"], pay["attempts"]["refused"]) = (0.into(), 3.into());
    let mut gone = pay.clone();
    gone["from"] = "shop/Deployment/cart".into();
    edges.push(gone);
    let path = scratch.file("graph.json", before.to_string());
    let args = ["--against", path.to_str().unwrap()];
    let run = graph(&[&args[..], &["-o", "json"]].concat()).ends(0);
    let expected = [("new", "blog"), ("gone", "cart"), ("connects", "pay")];
    let expected = expected.map(|(change, name)| (change.to_owned(), format!("shop/Deployment/{name}")));
    assert_eq!(changes(&run.json()), expected.into());
    let table = graph(&args).ends(0).stdout;
    assert!(table.contains("1 new, 1 gone, 1 changed"), "{table}");
    assert_eq!(graph(&[&args[..], &["-o", "dot"]].concat()).code, 2);
    let elsewhere = graph(&[&args[..], &["-o", "json", "-n", "ops"]].concat()).ends(0).json();
    assert_eq!(changes(&elsewhere), BTreeSet::new());
}

#[test]
fn a_graph_that_was_mended_by_hand_says_where_it_is_wrong() {
    let scratch = Scratch::new();
    let text = r#"{"kind":"CommunicationGraph","window":null,"edges":[{"from":"nobody","to":"apiserver","protocol":"TCP",
        "port":1,"connections":1,"attempts":{"unanswered":0,"refused":0},"octets":[0,0]}]}"#;
    let path = scratch.file("graph.json", text);
    let run = graph(&["--against", path.to_str().unwrap()]).ends(3);
    assert!(run.stderr.contains("edges[0]") && run.stderr.contains("nobody"), "{}", run.stderr);
}
