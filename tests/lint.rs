//! What `audit` says of policies without traffic, with the lines that they stand on.

#![allow(clippy::unwrap_used, reason = "a test panics where it has nothing to say")]

mod support;

use serde_json::Value;

use support::program::{Scratch, flowfence};
use support::shop;

const CLUSTER: &str = "tests/data/lint/cluster.yaml";

fn lint(policies: &str) -> Vec<Value> {
    let run = flowfence(["audit", "--cluster", CLUSTER, "--policies", policies, "-o", "json"]).ends(0);
    assert!(run.stderr.contains("only what needs no traffic"), "{}", run.stderr);
    run.json()["findings"].as_array().unwrap().clone()
}

/// Id, level and line of each finding.
fn told(findings: &[Value]) -> Vec<(String, String, u64)> {
    let text = |finding: &Value, field: &str| finding[field].as_str().unwrap().to_owned();
    let lines = findings.iter().map(|f| (text(f, "id"), text(f, "level"), f["line"].as_u64().unwrap_or(0)));
    lines.collect()
}

fn row(id: &str, level: &str, line: u64) -> (String, String, u64) {
    (id.to_owned(), level.to_owned(), line)
}

#[test]
fn mistakes_are_told_with_the_line_of_the_field() {
    let findings = lint("tests/data/lint/policies.yaml");
    assert_eq!(
        told(&findings),
        [
            // What is about web is ranked first: it may reach db, and nobody reaches web by a port that has no name there.
            row("policy-types-trap:shop/web:rules-ignored", "warning", 21),
            row("named-port-missing:shop/web:ingress[0].ports[0]", "warning", 19),
            row("policy-types-trap:shop/db:egress-left-open", "warning", 39),
            row("rule-open-to-all:shop/db:ingress[0].from", "warning", 36),
        ]
    );
    assert!(findings.iter().all(|finding| finding["file"] == "tests/data/lint/policies.yaml"));
    assert!(findings.iter().all(|finding| finding["fix"].as_str().is_some_and(|fix| fix.contains("shop/"))));
}

#[test]
fn json_has_the_lines_of_yaml() {
    let scratch = Scratch::new();
    let text = r#"{"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy",
  "metadata": {"name": "p", "namespace": "shop"},
  "spec": {"podSelector": {"matchLabels": {"app": "web"}}, "policyTypes": ["Ingress"],
    "ingress": [
      {"from": [{"podSelector": {"matchLabels": {"app": "db"}}}]},
      {"from": [{"podSelector": {"matchLabels": {"app": "gone"}}}]}]}}"#;
    let path = scratch.file("p.json", text);
    let findings = lint(path.to_str().unwrap());
    assert_eq!(told(&findings), [row("peer-selects-nothing:shop/p:ingress[1].from[0]", "warning", 6)]);
}

#[test]
fn sound_policies_are_silent() {
    assert_eq!(lint("tests/data/lint/sound.yaml"), Vec::<Value>::new());
}

#[test]
fn the_fix_stands_below_the_finding() {
    let run =
        flowfence(["audit", "--cluster", CLUSTER, "--policies", "tests/data/lint/policies.yaml"]).ends(0);
    let mut lines = run.stdout.lines().skip_while(|line| !line.contains("named-port-missing")).skip(1);
    let fix = lines.next().unwrap();
    assert!(fix.contains("fix: in spec.ingress[0].ports[0] of shop/web write the number"), "{}", run.stdout);
}

#[test]
fn what_needs_traffic_is_not_told_without_it() {
    let mut args = vec!["audit".to_owned(), "-o".to_owned(), "json".to_owned()];
    for path in shop::inputs().clusters {
        args.extend(["--cluster".to_owned(), path.display().to_string()]);
    }
    let findings = flowfence(args).ends(0).json();
    let findings = findings["findings"].as_array().unwrap();
    assert_eq!(
        findings.iter().map(|f| f["id"].as_str().unwrap()).collect::<Vec<_>>(),
        ["policy-selects-nothing:shop/stale"]
    );
}

#[test]
fn what_recommend_writes_is_sound_with_and_without_traffic() {
    let scratch = Scratch::new();
    let out = scratch.path().join("policies");
    let inputs = shop::inputs();
    inputs.run("recommend", &["--out", out.to_str().unwrap()]).ends(0);
    let lints =
        ["policy-", "selector-", "peer-", "named-", "rule-", "block-", "dns-", "priorities-", "end-port-"];
    let silent = |findings: &Value| {
        let rules: Vec<&str> =
            findings["findings"].as_array().unwrap().iter().map(|f| f["rule"].as_str().unwrap()).collect();
        assert!(!rules.iter().any(|rule| lints.iter().any(|lint| rule.starts_with(lint))), "{rules:?}");
    };
    let more = ["--policies", out.to_str().unwrap(), "-o", "json", "--fail-on", "never"];
    silent(&inputs.run("audit", &more).ends(0).json());
    let alone = support::program::Inputs { captures: Vec::new(), ..inputs };
    silent(&alone.run("audit", &more).ends(0).json());
}

#[test]
fn without_source_and_cluster_it_is_a_mistake_with_a_hint() {
    for args in [&["audit"][..], &["audit", "--cluster", "none"], &["audit", "--policies", CLUSTER]] {
        let run = flowfence(args).ends(2);
        assert!(run.stderr.contains("--cluster PATH"), "{}", run.stderr);
    }
    assert!(flowfence(["graph"]).ends(2).stderr.contains("SOURCE"), "other verbs need traffic");
}

#[test]
fn an_accepted_finding_is_not_shown_and_counted() {
    let id = "policy-types-trap:shop/web:rules-ignored";
    let policies = "tests/data/lint/policies.yaml";
    let args =
        ["audit", "--cluster", CLUSTER, "--policies", policies, "--accept", id, "--fail-on", "warning"];
    let run = flowfence(args).ends(1);
    assert!(
        !run.stdout.contains("rules are ignored") && !run.stdout.contains("rule is ignored"),
        "{}",
        run.stdout
    );
    assert!(run.stderr.contains("1 findings are accepted"), "{}", run.stderr);
}

#[test]
fn policies_alone_are_enough_for_what_needs_no_pods() {
    let run = flowfence(["audit", "--cluster", "tests/data/lint/policies.yaml", "-o", "json"]).ends(0);
    assert!(run.stderr.contains("no pod and no workload"), "{}", run.stderr);
    let report = run.json();
    let rules: Vec<&str> =
        report["findings"].as_array().unwrap().iter().map(|f| f["rule"].as_str().unwrap()).collect();
    assert_eq!(rules, ["policy-types-trap", "policy-types-trap", "rule-open-to-all"]);
}
