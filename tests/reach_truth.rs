//! Every probe of the truth tables, through the command line, and what `reach --probes` refuses.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a test says what it measured and panics")]

mod netpol;

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use serde_json::{Value, json};

use netpol::{Case, Endpoint, cases};

#[test]
fn the_command_line_answers_every_probe_as_recorded() {
    let directory = tempfile::tempdir().unwrap();
    let mut answered = 0;
    let tables = ["np.jsonl.gz", "cyclonus.jsonl.gz", "anp.jsonl.gz", "cnp.jsonl.gz"];
    for case in &tables.into_iter().flat_map(cases).collect::<Vec<_>>() {
        let results = answers(directory.path(), case);
        assert_eq!(results.len(), case.probes.len(), "{}", case.id);
        for (probe, result) in case.probes.iter().zip(&results) {
            assert_eq!(result["egress"], probe.egress, "{}: {probe:?}", case.id);
            assert_eq!(result["ingress"], probe.ingress, "{}: {probe:?}", case.id);
            assert_eq!(result["allowed"], probe.egress && probe.ingress, "{}: {probe:?}", case.id);
            answered += 1;
        }
    }
    println!("{answered} probes through the command line");
    assert_eq!(answered, 131_997 + 56_700 + 43_665 + 43_946);
}

fn answers(directory: &Path, case: &Case) -> Vec<Value> {
    write(directory, "cluster.json", &list(&objects(case)));
    write(directory, "policies.json", &list(&case.policies));
    let probes = case.probes.iter().enumerate().map(|(at, probe)| {
        // Every other probe names the pods by address alone.
        let (from, to) = (&case.endpoints[probe.from], &case.endpoints[probe.to]);
        let mut asked = json!({
            "from": name(from, at), "to": name(to, at), "protocol": probe.protocol, "port": probe.port,
        });
        for (field, endpoint) in [("fromIP", from), ("toIP", to)] {
            if endpoint.pod.is_some() {
                asked[field] = json!(endpoint.ip);
            }
        }
        asked
    });
    write(directory, "probes.json", &probes.collect());
    let output = reach(directory);
    assert!(output.status.success(), "{}: {}", case.id, String::from_utf8_lossy(&output.stderr));
    let answer: Value = serde_json::from_slice(&output.stdout).unwrap();
    answer["results"].as_array().unwrap().clone()
}

fn name(endpoint: &Endpoint, at: usize) -> String {
    let by_name = endpoint.pod.clone().filter(|_| at.is_multiple_of(2));
    by_name.unwrap_or_else(|| endpoint.ip.to_string())
}

fn objects(case: &Case) -> Vec<Value> {
    let namespaces = case.namespaces.iter().map(|namespace| {
        json!({"apiVersion": "v1", "kind": "Namespace",
            "metadata": {"name": namespace.name, "labels": namespace.labels}})
    });
    let pods = case.pods.iter().map(|pod| {
        let ports: Vec<Value> = pod
            .ports
            .iter()
            .map(|port| json!({"name": port.name, "containerPort": port.port, "protocol": port.protocol}))
            .collect();
        let ips: Vec<Value> = pod.ips.iter().map(|ip| json!({"ip": ip})).collect();
        json!({"apiVersion": "v1", "kind": "Pod",
            "metadata": {"namespace": pod.namespace, "name": pod.name, "labels": pod.labels},
            "spec": {"containers": [{"name": "c", "ports": ports}]},
            "status": {"phase": "Running", "podIPs": ips}})
    });
    namespaces.chain(pods).collect()
}

fn list(items: &[Value]) -> Value {
    json!({"apiVersion": "v1", "kind": "List", "items": items})
}

fn write(directory: &Path, name: &str, value: &Value) {
    fs::write(directory.join(name), value.to_string()).unwrap();
}

fn reach(directory: &Path) -> Output {
    let file = |name: &str| directory.join(name);
    Command::new(env!("CARGO_BIN_EXE_flowfence"))
        .arg("reach")
        .args(["--cluster".as_ref(), file("cluster.json").as_os_str()])
        .args(["--policies".as_ref(), file("policies.json").as_os_str()])
        .args(["--probes".as_ref(), file("probes.json").as_os_str()])
        .args(["-o", "json"])
        .output()
        .unwrap()
}

/// Two dual-stack pods of one namespace, the second isolated for ingress but for IPv6.
fn small(directory: &Path) {
    let pod = |name: &str, last: u8| {
        json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"namespace": "n", "name": name, "labels": {"app": name}},
            "status": {"podIPs": [{"ip": format!("10.0.0.{last}")}, {"ip": format!("fd00::{last}")}]}})
    };
    write(directory, "cluster.json", &list(&[pod("a", 1), pod("b", 2)]));
    let policy = json!({"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy",
        "metadata": {"namespace": "n", "name": "p"},
        "spec": {"podSelector": {"matchLabels": {"app": "b"}}, "ingress": [{"from": [{"ipBlock": {"cidr": "::/0"}}]}]}});
    write(directory, "policies.json", &list(&[policy]));
}

#[test]
fn families_and_reasons_are_answered() {
    let directory = tempfile::tempdir().unwrap();
    small(directory.path());
    let probes = json!([
        {"from": "n/a", "to": "n/b", "protocol": "TCP", "port": 80},
        {"from": "n/a", "to": "n/b", "protocol": "TCP", "port": 80, "fromIP": "fd00::1"},
        {"from": "2001:db8::1", "to": "n/b", "protocol": "udp", "port": 53},
        {"from": "n/b", "to": "10.0.0.2", "protocol": "TCP", "port": 80},
        {"from": "n/a", "to": "n/b", "protocol": "ICMP"},
    ]);
    write(directory.path(), "probes.json", &probes);
    let output = reach(directory.path());
    let answer: Value = serde_json::from_slice(&output.stdout).unwrap();
    let yes =
        |reasons: &[&str]| json!({"egress": true, "ingress": true, "allowed": true, "unspecified": reasons});
    let expected = json!([
        {"egress": true, "ingress": false, "allowed": false},
        yes(&["pod-address-in-block"]),
        {"egress": true, "ingress": true, "allowed": true},
        yes(&["self-traffic"]),
        {"egress": true, "ingress": false, "allowed": false, "unspecified": ["icmp"]},
    ]);
    assert_eq!(answer["results"], expected);
}

#[test]
fn a_bad_probe_is_refused_with_its_index() {
    let directory = tempfile::tempdir().unwrap();
    small(directory.path());
    let good = json!({"from": "n/a", "to": "n/b", "protocol": "TCP", "port": 80});
    for (field, value, reason) in [
        ("from", json!("n/zebra"), "no pod \"n/zebra\""),
        ("to", json!("web"), "neither an address nor a pod"),
        ("protocol", json!("TPC"), "unknown protocol"),
        ("port", json!(0), "not a port number"),
        ("port", json!(70_000), "not a port number"),
        ("port", json!("http"), "invalid type"),
        ("port", Value::Null, "needs a port"),
        ("fromIP", json!("10.0.0.9"), "not an address of n/a"),
        ("prot", json!("TCP"), "unknown field"),
    ] {
        let mut bad = good.clone();
        bad[field] = value;
        write(directory.path(), "probes.json", &json!([good, bad]));
        let output = reach(directory.path());
        let message = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success() && output.stdout.is_empty(), "{field}");
        assert!(message.contains("probe 1: ") && message.contains(reason), "{field}: {message}");
    }
    write(directory.path(), "probes.json", &json!({"from": "n/a"}));
    let message = String::from_utf8_lossy(&reach(directory.path()).stderr).into_owned();
    assert!(message.contains("not a JSON list of probes"), "{message}");
}
