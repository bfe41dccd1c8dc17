//! `audit --quarantine`: what it prints isolates exactly the pods of a finding.

#![allow(clippy::unwrap_used, reason = "a test panics where it has nothing to say")]

mod support;

use support::program::{Scratch, flowfence};
use support::shop;

const SCAN: &str = "port-scan:shop/Deployment/blog";

fn printed(more: &[&str]) -> String {
    shop::inputs().run("audit", &[&["--quarantine", SCAN, "-o", "yaml"], more].concat()).ends(0).stdout
}

/// Whether policies let one end reach another, by `reach --probes`: egress and ingress.
fn allowed(policies: &str, from: &str, to: &str, port: u16) -> (bool, bool) {
    let scratch = Scratch::new();
    let probes = scratch.path().join("probes.json");
    let text = format!(r#"[{{"from":"{from}","to":"{to}","protocol":"TCP","port":{port}}}]"#);
    std::fs::write(&probes, text).unwrap();
    let snapshot = shop::path("examples/shop/snapshot");
    let args = [
        "reach",
        "--cluster",
        snapshot.to_str().unwrap(),
        "--policies",
        policies,
        "--probes",
        probes.to_str().unwrap(),
        "-o",
        "json",
    ];
    let answer = flowfence(args).ends(0).json();
    let result = &answer["results"][0];
    (result["egress"].as_bool().unwrap(), result["ingress"].as_bool().unwrap())
}

#[test]
fn what_is_printed_is_a_policy_that_cuts_the_blog_off_and_nobody_else() {
    let text = printed(&[]);
    let scratch = Scratch::new();
    let file = scratch.path().join("quarantine.yaml");
    std::fs::write(&file, &text).unwrap();
    let pod = text.lines().find_map(|line| line.strip_prefix("# Isolates: ")).unwrap().to_owned();
    let file = file.to_str().unwrap();
    assert_eq!(allowed(file, &pod, "198.51.100.66", 3333), (false, true));
    assert!(!allowed(file, "203.0.113.9", &pod, 8080).1);
    assert_eq!(text, printed(&[]), "the same input gives the same octets");
}

#[test]
fn how_to_stop_the_workload_and_how_to_undo_all_of_it_stand_beside() {
    let text = printed(&[]);
    let (done, undone) = text.split_once("# --- undo").unwrap();
    assert!(
        done.contains(r#"kubectl patch deployment -n shop blog --type merge -p '{"spec":{"replicas":0}}'"#),
        "{text}"
    );
    assert!(
        undone.contains(r#"'{"spec":{"replicas":1}}'"#) && undone.contains("kubectl delete networkpolicy"),
        "{text}"
    );
}

#[test]
fn a_debugger_is_let_in_where_it_is_asked_for() {
    let text = printed(&["--quarantine-allow", "ops/app=scraper"]);
    assert!(text.contains("kubernetes.io/metadata.name: ops"), "{text}");
}

#[test]
fn an_unknown_finding_names_the_nearest_and_one_without_pods_says_why() {
    let run = |id: &str| shop::inputs().run("audit", &["--quarantine", id]).ends(2).stderr;
    assert!(run("port-scan:shop/Deployment/blag").contains(SCAN));
    assert!(run("policy-selects-nothing:shop/stale").contains("nothing to isolate"));
    let other = shop::inputs().run("audit", &["--quarantine", SCAN, "-o", "json"]).ends(2).stderr;
    assert!(other.contains("-o yaml"), "{other}");
    let alone = shop::inputs().run("audit", &["-o", "yaml"]).ends(2).stderr;
    assert!(alone.contains("--quarantine"), "{alone}");
}

#[test]
fn a_policy_for_everybody_steps_aside_and_the_pod_loses_the_label_of_another() {
    let scratch = Scratch::new();
    let policies = "apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: all, namespace: shop}
spec: {podSelector: {}, policyTypes: [Ingress, Egress], ingress: [{}], egress: [{}]}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: blog, namespace: shop}
spec: {podSelector: {matchLabels: {app: blog}}, policyTypes: [Ingress], ingress: [{}]}
";
    let file = scratch.file("policies.yaml", policies);
    let text = printed(&["--policies", file.to_str().unwrap()]);
    let patch = r#"'{"spec":{"podSelector":{"matchExpressions":[{"key":"flowfence.dev/quarantine","operator":"DoesNotExist"}]}}}'"#;
    assert!(
        text.contains(&format!("kubectl patch networkpolicy -n shop all --type merge -p {patch}")),
        "{text}"
    );
    assert!(
        text.contains(r#"{"metadata":{"labels":{"app":null,"flowfence.dev/quarantine":"port-scan-"#),
        "{text}"
    );
    assert!(
        text.contains(r#"{"metadata":{"labels":{"app":"blog","flowfence.dev/quarantine":null}}}"#),
        "{text}"
    );
    assert!(!text.contains("patch networkpolicy -n shop blog"), "{text}");
}
