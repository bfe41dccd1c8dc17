//! `check` through the command line: what a candidate set would have cut or newly admitted, as a plugin reads it, beside
//! cluster-wide policies, and when not all of it could be read.

#![allow(clippy::unwrap_used, reason = "a test panics where it has nothing to say")]

mod support;

use serde_json::{Value, json};

use support::cluster::{Cluster, Wire, at};
use support::program::{Inputs, Run, Scratch};

const CLIENT: &str = "10.1.1.5";
const SERVER: &str = "10.1.1.7";

fn cluster() -> Cluster {
    Cluster::new(1).deployment("client", 1, &[CLIENT]).deployment("server", 8080, &[SERVER])
}

/// Three connections from client to server.
fn connected() -> Wire {
    let mut wire = Wire::new();
    for n in 0..3 {
        wire.from(n).connect(at(&format!("{CLIENT}:{}", 40_000 + n)), at(&format!("{SERVER}:8080")));
    }
    wire
}

/// One attempt that nobody answered.
fn attempted() -> Wire {
    let mut wire = Wire::new();
    wire.unanswered(at(&format!("{CLIENT}:40000")), at(&format!("{SERVER}:8080")));
    wire
}

fn policy(name: &str, spec: &Value) -> Value {
    json!({"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy",
        "metadata": {"name": name, "namespace": "app"}, "spec": spec})
}

/// The server admits what `ingress` lists.
fn server(ingress: &Value) -> Value {
    policy(
        "server",
        &json!({"podSelector": {"matchLabels": {"app": "server"}},
        "policyTypes": ["Ingress"], "ingress": ingress}),
    )
}

fn by_block() -> Value {
    server(&json!([{"from": [{"ipBlock": {"cidr": "10.1.0.0/16"}}]}]))
}

fn baseline_deny() -> Value {
    json!({"apiVersion": "policy.networking.k8s.io/v1alpha2", "kind": "ClusterNetworkPolicy",
        "metadata": {"name": "closed"}, "spec": {"tier": "Baseline", "priority": 1,
            "subject": {"namespaces": {}},
            "ingress": [{"action": "Deny", "from": [{"namespaces": {}}]}]}})
}

/// `check` of `candidate` against what `wire` saw under `today`.
fn check(scratch: &Scratch, wire: &Wire, today: Value, candidate: &Value, more: &[&str]) -> Run {
    let inputs = cluster().with(today).inputs(scratch, &[wire]);
    run(scratch, &inputs, candidate, more)
}

fn run(scratch: &Scratch, inputs: &Inputs, candidate: &Value, more: &[&str]) -> Run {
    let path = scratch.file("candidate.json", candidate.to_string());
    inputs.run("check", &[&["--policies", path.to_str().unwrap(), "-o", "json"], more].concat())
}

fn list(items: &[Value]) -> Value {
    json!({"apiVersion": "v1", "kind": "List", "items": items})
}

/// Cut, kept, newly admitted and unspecified.
fn counts(report: &Value) -> [usize; 4] {
    let length = |field: &str| report[field].as_array().unwrap().len();
    let kept = usize::try_from(report["kept"].as_u64().unwrap()).unwrap();
    [length("cut"), kept, length("newlyAdmitted"), length("unspecified")]
}

/// A policy that changes nothing here.
fn idle() -> Value {
    policy("idle", &json!({"podSelector": {"matchLabels": {"app": "nobody"}}}))
}

#[test]
fn a_plugin_that_never_matches_pods_by_block_cuts_what_only_a_block_admits() {
    let scratch = Scratch::new();
    let ask = |more: &[&str]| check(&scratch, &connected(), idle(), &by_block(), more);
    let text = ask(&[]).ends(0).json();
    assert_eq!(counts(&text), [0, 1, 0, 1], "{text:#}");
    assert_eq!(text["unspecified"][0]["reasons"], json!(["pod-address-in-block"]));
    assert_eq!(text.get("plugin"), None);
    let cilium = ask(&["--plugin", "cilium"]).ends(1).json();
    assert_eq!(counts(&cilium), [1, 0, 0, 0], "{cilium:#}");
    assert_eq!(
        (&cilium["cut"][0]["direction"], &cilium["cut"][0]["connections"]),
        (&json!("ingress"), &json!(3))
    );
    assert_eq!(cilium["plugin"], "cilium");
    let calico = ask(&["--plugin", "calico"]).ends(0).json();
    assert_eq!(counts(&calico), [0, 1, 0, 0], "what calico documents is open no longer: {calico:#}");
}

#[test]
fn what_is_newly_admitted_depends_on_the_plugin_on_both_sides() {
    let scratch = Scratch::new();
    let shut = server(&json!([]));
    let open = server(&json!([{}]));
    let ask = |today: &Value, candidate: &Value, more: &[&str]| {
        let report = check(&scratch, &attempted(), today.clone(), candidate, more).ends(0).json();
        counts(&report)[2]
    };
    let cilium = ["--plugin", "cilium"];
    assert_eq!(ask(&shut, &by_block(), &[]), 1);
    assert_eq!(ask(&shut, &by_block(), &cilium), 0, "the candidate's block admits no pod there");
    assert_eq!(ask(&by_block(), &open, &[]), 0, "today's block admits it already");
    assert_eq!(ask(&by_block(), &open, &cilium), 1, "today's block admits no pod there");
}

#[test]
fn cluster_wide_policies_of_the_candidate_and_of_the_cluster_count() {
    let scratch = Scratch::new();
    let cut = |today: Value, candidate: &Value, more: &[&str]| {
        let report = check(&scratch, &connected(), today, candidate, more).json();
        counts(&report)[0]
    };
    assert_eq!(cut(idle(), &list(&[baseline_deny()]), &[]), 1, "a candidate of tiers alone");
    assert_eq!(cut(baseline_deny(), &idle(), &[]), 1, "the cluster's stay beside a candidate without any");
    let egress = policy(
        "client",
        &json!({"podSelector": {"matchLabels": {"app": "server"}},
        "policyTypes": ["Egress"], "egress": [{}]}),
    );
    let both = list(&[baseline_deny(), egress]);
    assert_eq!(cut(idle(), &both, &[]), 1, "Baseline is judged per direction");
    assert_eq!(cut(idle(), &both, &["--plugin", "kube-network-policies"]), 0, "there it is skipped");
}

#[test]
fn a_candidate_that_was_not_read_whole_is_no_success() {
    let scratch = Scratch::new();
    let broken = policy("broken", &json!({"podSelector": {}, "ingress": [{"ports": [{"port": 0}]}]}));
    let mixed = list(&[server(&json!([{}])), broken.clone()]);
    let run = check(&scratch, &connected(), idle(), &mixed, &[]).ends(5);
    assert!(run.stderr.contains("app/broken") && run.stderr.contains("another set"), "{}", run.stderr);
    let refused = run.json()["completeness"]["objects"]["refused"].to_string();
    assert!(
        refused.contains("candidate.json:1") && refused.contains("spec.ingress[0].ports[0].port"),
        "{refused}"
    );
    let cutting = list(&[server(&json!([])), broken.clone()]);
    check(&scratch, &connected(), idle(), &cutting, &[]).ends(1);
    // Nothing of it is left: there is no set to replay.
    let run = check(&scratch, &connected(), idle(), &broken, &[]).ends(3);
    assert!(run.stdout.is_empty() && run.stderr.contains("app/broken"), "{}", run.stderr);
}

#[test]
fn a_candidate_without_a_policy_is_said_to_be_one() {
    let scratch = Scratch::new();
    let run = check(&scratch, &connected(), server(&json!([{}])), &list(&[]), &[]).ends(0);
    assert!(run.stderr.contains("candidate.json holds no policy"), "{}", run.stderr);
    let run = cluster().inputs(&scratch, &[&connected()]).run("check", &[]).ends(2);
    assert!(run.stderr.contains("--policies"), "{}", run.stderr);
}
