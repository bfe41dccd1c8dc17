//! Policies that fit the traffic are broken in every way that `audit` knows: each is told of the policy or the workload that
//! it is about, and nothing is told of those that fit.

#![allow(clippy::unwrap_used, reason = "a test panics where it has nothing to say")]

mod support;

use std::collections::BTreeSet;
use std::net::SocketAddr;

use serde_json::{Value, json};

use support::cluster::{Cluster, PodExt, Wire, at, pod};
use support::program::{Inputs, Scratch};

/// Detectors whose truth follows from the policies and the traffic, without thresholds.
const RULES: &[&str] = &[
    "policy-selects-nothing",
    "rule-wider-than-used",
    "rule-unused",
    "policy-shadowed",
    "workload-uncovered",
    "host-network-bypass",
    "unexpected-connection",
];

const WEB: &str = "10.1.1.5";
const API: &str = "10.1.1.7";
const DB: &str = "10.1.2.8";
const JOBS: &str = "10.1.2.9";

fn cluster() -> Cluster {
    let agent = pod("agent", &["192.168.0.2"], 9100).labelled(&[("app", "agent")]).on_host();
    let mut agent = agent;
    agent["spec"]["nodeName"] = "n2".into();
    Cluster::new(2)
        .dns()
        .deployment("web", 8080, &[WEB, "10.1.2.5"])
        .deployment("api", 8080, &[API])
        .deployment("db", 5432, &[DB])
        .deployment("jobs", 8080, &[JOBS])
        .with(agent)
}

fn traffic() -> Wire {
    let end = |address: &str, port: u16| -> SocketAddr { at(&format!("{address}:{port}")) };
    let mut wire = Wire::new();
    for (n, seconds) in (0..).zip([0, 200, 400, 590]) {
        wire.from(seconds);
        wire.connect(end(WEB, 40_000 + n), end(API, 8080));
        wire.connect(end("10.1.2.5", 40_000 + n), end(API, 8080));
        wire.connect(end(API, 41_000 + n), end(DB, 5432));
        wire.connect(end(JOBS, 42_000 + n), end(DB, 5432));
        wire.ask(end(API, 43_000 + n), end("10.1.1.53", 53));
        wire.connect(end(JOBS, 44_000 + n), end("203.0.113.10", 443));
    }
    wire
}

/// Policies that admit what happens and nothing else.
fn right(inputs: &Inputs) -> Vec<Value> {
    let text = inputs.run("recommend", &["-o", "yaml", "--include-blind"]).ends(0).stdout;
    let documents = text.split("\n---\n").filter(|part| part.contains("kind: NetworkPolicy"));
    documents.map(|part| serde_yaml::from_str(part).unwrap()).collect()
}

/// What these policies are found to be: rule, and the policy or workload.
fn told(inputs: &Inputs, scratch: &Scratch, policies: &[Value]) -> BTreeSet<(String, String)> {
    let list = json!({"apiVersion": "v1", "kind": "List", "items": policies}).to_string();
    let path = scratch.file("policies.json", list);
    let args = ["--policies", path.to_str().unwrap(), "-o", "json", "--fail-on", "never"];
    let report = inputs.run("audit", &args).ends(0).json();
    let findings = report["findings"].as_array().unwrap().iter();
    let text = |finding: &Value, field: &str| finding[field].as_str().map(str::to_owned);
    findings
        .filter(|finding| RULES.iter().any(|rule| finding["rule"] == *rule))
        .map(|finding| {
            let about = text(finding, "policy").or_else(|| text(finding, "to")).unwrap_or_default();
            (text(finding, "rule").unwrap(), about)
        })
        .collect()
}

fn name(policy: &Value) -> String {
    let part = |field: &str| policy["metadata"][field].as_str().unwrap().to_owned();
    format!("{}/{}", part("namespace"), part("name"))
}

fn policy(name: &str, app: &str, ingress: &Value) -> Value {
    json!({"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": {"name": name, "namespace": "app"},
        "spec": {"podSelector": {"matchLabels": {"app": app}}, "policyTypes": ["Ingress"], "ingress": ingress}})
}

/// The policy that selects a workload.
fn of<'a>(policies: &'a mut [Value], app: &str) -> &'a mut Value {
    policies.iter_mut().find(|policy| policy["spec"]["podSelector"]["matchLabels"]["app"] == app).unwrap()
}

/// A fault: what it is, who makes it and says of what, and by which detector it is told.
type Fault = (&'static str, fn(&mut Vec<Value>) -> String, &'static str);

const FAULTS: &[Fault] = &[
    (
        "a policy over pods that are gone",
        |policies| {
            policies.push(policy("gone", "gone", &json!([])));
            "app/gone".to_owned()
        },
        "policy-selects-nothing",
    ),
    (
        "a rule that admits the whole namespace",
        |policies| {
            let db = of(policies, "db");
            db["spec"]["ingress"][0]["from"] = json!([{"podSelector": {}}]);
            name(db)
        },
        "rule-wider-than-used",
    ),
    (
        "a rule that nobody uses",
        |policies| {
            let db = of(policies, "db");
            let rule = json!({"from": [{"podSelector": {"matchLabels": {"app": "web"}}}], "ports": [{"port": 9187}]});
            db["spec"]["ingress"].as_array_mut().unwrap().push(rule);
            name(db)
        },
        "rule-unused",
    ),
    (
        "a policy that another contains",
        |policies| {
            let from = json!([{"from": [{"podSelector": {"matchLabels": {"app": "api"}}}], "ports": [{"port": 5432}]}]);
            policies.push(policy("old-db", "db", &from));
            "app/old-db".to_owned()
        },
        "policy-shadowed",
    ),
    (
        "a workload without a policy",
        |policies| {
            let api = name(of(policies, "api"));
            policies.retain(|policy| name(policy) != api);
            "app/Deployment/api".to_owned()
        },
        "workload-uncovered",
    ),
    (
        "a policy over pods on the network of their node",
        |policies| {
            policies.push(policy("agent", "agent", &json!([])));
            "app/agent".to_owned()
        },
        "host-network-bypass",
    ),
    (
        "a policy that does not admit what happens",
        |policies| {
            let db = of(policies, "db");
            db["spec"]["ingress"] = json!([]);
            name(db)
        },
        "unexpected-connection",
    ),
];

#[test]
fn every_fault_is_told_of_what_is_faulty_and_nothing_of_what_fits() {
    let scratch = Scratch::new();
    let inputs = cluster().inputs(&scratch, &[&traffic()]);
    let fitting = right(&inputs);
    assert!(fitting.len() >= 4, "{fitting:?}");
    let before = told(&inputs, &scratch, &fitting);
    let about: BTreeSet<String> = fitting.iter().map(name).collect();
    let covered = ["web", "api", "db", "jobs"].map(|app| format!("app/Deployment/{app}"));
    let wrong: Vec<_> =
        before.iter().filter(|(_, what)| about.contains(what) || covered.contains(what)).collect();
    assert!(wrong.is_empty(), "nothing is wrong with them: {wrong:?}");
    for (fault, make, rule) in FAULTS {
        let mut policies = fitting.clone();
        let what = make(&mut policies);
        let after = told(&inputs, &scratch, &policies);
        assert!(after.contains(&((*rule).to_owned(), what.clone())), "{fault}: {what}: {after:?}");
        // Others are touched only as they are: who may not send is denied on both sides, say.
        let new: Vec<_> = after.difference(&before).filter(|(told, _)| told == rule).collect();
        assert_eq!(new.len(), 1, "{fault}: {new:?}");
    }
}
