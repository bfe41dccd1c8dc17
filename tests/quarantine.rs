//! `audit --quarantine`: what it prints isolates exactly the pods of a finding.

#![allow(clippy::unwrap_used, reason = "a test panics where it has nothing to say")]

mod support;

use support::crd::Crd;
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

/// A policy of the Admin tier, in either API, that accepts everything of and to every pod.
fn open(kind: &str, priority: u16) -> String {
    let (version, tier, action) = match kind {
        "ClusterNetworkPolicy" => ("v1alpha2", "tier: Admin, ", "Accept"),
        _ => ("v1alpha1", "", "Allow"),
    };
    format!(
        "apiVersion: policy.networking.k8s.io/{version}\nkind: {kind}\nmetadata: {{name: open}}\n\
         spec: {{{tier}priority: {priority}, subject: {{namespaces: {{}}}}, \
         ingress: [{{action: {action}, from: [{{namespaces: {{}}}}]}}], \
         egress: [{{action: {action}, to: [{{networks: [0.0.0.0/0]}}]}}]}}\n"
    )
}

#[test]
fn what_stands_above_network_policies_is_denied_before_it_and_the_engine_agrees() {
    for kind in ["ClusterNetworkPolicy", "AdminNetworkPolicy"] {
        let scratch = Scratch::new();
        let today = scratch.file("policies.yaml", open(kind, 40));
        let text = printed(&["--policies", today.to_str().unwrap(), "--quarantine-allow", "ops/app=scraper"]);
        let objects: Vec<serde_json::Value> = serde_yaml::from_multiple(&text).unwrap();
        assert_eq!((objects.len(), &objects[1]["kind"]), (2, &kind.into()), "{text}");
        assert_eq!(objects[1]["spec"]["priority"], 39);
        if kind == "ClusterNetworkPolicy" {
            assert_eq!(Crd::of(&objects[1]).faults(&objects[1]), [""; 0]);
        }
        let pod = text.lines().find_map(|line| line.strip_prefix("# Isolates: ")).unwrap().to_owned();
        let both = |printed: &str| scratch.file("both.yaml", format!("{}---\n{printed}", open(kind, 40)));
        let closed = both(&text);
        assert_eq!(allowed(closed.to_str().unwrap(), &pod, "198.51.100.66", 3333), (false, true));
        // The policy of the namespace alone cuts nothing of it.
        let alone = both(text.split("---\napiVersion: policy.networking").next().unwrap());
        assert_eq!(allowed(alone.to_str().unwrap(), &pod, "198.51.100.66", 3333), (true, true));
        let undo = format!("kubectl delete {} flowfence-quarantine-port-scan-", kind.to_lowercase());
        assert!(text.split_once("# --- undo").unwrap().1.contains(&undo), "{text}");
    }
}

#[test]
fn what_nothing_can_stand_before_is_named_with_what_stops_the_workload_instead() {
    let scratch = Scratch::new();
    let today = scratch.file("policies.yaml", open("ClusterNetworkPolicy", 0));
    let more = ["--quarantine", SCAN, "--policies", today.to_str().unwrap()];
    let run = shop::inputs().run("audit", &more).ends(6);
    assert!(
        run.stdout.is_empty() && run.stderr.contains("ClusterNetworkPolicy/open accepts traffic"),
        "{}",
        run.stderr
    );
    assert!(run.stderr.contains("kubectl patch deployment -n shop blog"), "{}", run.stderr);
}

#[test]
fn policies_of_other_kinds_are_said_not_to_be_looked_at() {
    let scratch = Scratch::new();
    let policy = "apiVersion: cilium.io/v2\nkind: CiliumNetworkPolicy\nmetadata: {name: x, namespace: shop}\nspec: {}\n";
    scratch.file("in/policy.yaml", policy);
    scratch.file("in/pod.yaml", "apiVersion: v1\nkind: Namespace\nmetadata: {name: shop}\n");
    let text = printed(&["--cluster", scratch.path().join("in").to_str().unwrap()]);
    assert!(text.contains("# Not looked at: 1 objects of cilium.io/v2 CiliumNetworkPolicy."), "{text}");
    assert!(!printed(&[]).contains("Not looked at"));
}
