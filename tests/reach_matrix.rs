//! `reach` without probes, through the command line: the matrix, its formats and filters, the
//! difference of two sets, and plugins.

#![allow(clippy::unwrap_used, reason = "a test panics where it has nothing to say")]

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use serde_json::{Value, json};

fn reach(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_flowfence"))
        .env("KUBECONFIG", "/dev/null")
        .arg("reach")
        .args(arguments)
        .output()
        .unwrap()
}

fn text(arguments: &[&str]) -> String {
    let output = reach(arguments);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

fn list(directory: &Path, name: &str, items: &[Value]) -> String {
    let path = directory.join(name);
    fs::write(&path, json!({"apiVersion": "v1", "kind": "List", "items": items}).to_string()).unwrap();
    path.to_str().unwrap().to_owned()
}

fn pod(namespace: &str, name: &str, ip: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "Pod",
        "metadata": {"namespace": namespace, "name": name, "labels": {"app": name}},
        "status": {"phase": "Running", "podIPs": [{"ip": ip}]}})
}

fn allow(name: &str, peer: &Value, port: u16) -> Value {
    json!({"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy",
        "metadata": {"namespace": "shop", "name": name},
        "spec": {"podSelector": {"matchLabels": {"app": name}},
            "ingress": [{"from": [peer], "ports": [{"port": port}]}]}})
}

/// Three pods, and the policies before and after a change.
fn scene(directory: &Path) -> (String, String, String) {
    let pods =
        [pod("shop", "web", "10.0.0.1"), pod("shop", "db", "10.0.0.2"), pod("ops", "probe", "10.0.1.1")];
    let web = json!({"podSelector": {"matchLabels": {"app": "web"}}});
    let block = json!({"ipBlock": {"cidr": "10.0.0.0/8"}});
    (
        list(directory, "cluster.json", &pods),
        list(directory, "before.json", &[allow("db", &web, 5432)]),
        list(directory, "after.json", &[allow("db", &web, 5433), allow("web", &block, 80)]),
    )
}

#[test]
fn every_format_tells_the_same_connections() {
    let directory = tempfile::tempdir().unwrap();
    let (cluster, before, _) = scene(directory.path());
    let with = |more: &[&str]| {
        text(&[&["--cluster", &cluster, "--policies", &before, "--to", "shop/db"][..], more].concat())
    };
    let table = with(&[]);
    assert_eq!(
        table.lines().nth(1).unwrap().split_whitespace().collect::<Vec<_>>(),
        ["shop/Pod/web", "shop/Pod/db", "TCP", "5432"]
    );
    assert!(with(&["-o", "wide"]).contains("FROM PODS"));
    assert_eq!(with(&["-o", "csv"]), "from,to,family,protocol,ports\nshop/Pod/web,shop/Pod/db,,TCP,5432\n");
    assert!(with(&["-o", "dot"]).contains("\"shop/Pod/web\" -> \"shop/Pod/db\" [label=\"TCP 5432\"];"));
    let json: Value = serde_json::from_str(&with(&["-o", "json"])).unwrap();
    assert_eq!(json["kind"], "Reach");
    let row = json!({"from": "shop/Pod/web", "to": "shop/Pod/db", "allowed": [{"protocol": "TCP", "ports": "5432"}]});
    assert_eq!(json["connections"], json!([row]));
    assert_eq!(json["exposure"][0]["labelled"][0]["pods"], "app=web");
    assert_eq!(json["exposure"][0]["outside"], json!([]));
}

#[test]
fn filters_choose_ends_and_name_what_the_cluster_does_not_have() {
    let directory = tempfile::tempdir().unwrap();
    let (cluster, before, _) = scene(directory.path());
    let rows = |more: &[&str]| {
        let arguments = [&["--cluster", &cluster, "--policies", &before, "-o", "csv"][..], more].concat();
        text(&arguments)
            .lines()
            .skip(1)
            .map(|line| line.split(',').take(2).collect::<Vec<_>>().join(" "))
            .collect::<std::collections::BTreeSet<_>>()
    };
    assert_eq!(rows(&["--from", "ops/probe", "--to", "namespace/shop"]).len(), 1);
    assert!(rows(&["-n", "ops"]).iter().all(|row| row.contains("ops/")));
    assert!(rows(&["-l", "app in (probe)"]).iter().all(|row| row.contains("probe")));
    assert_eq!(rows(&["--from", "8.8.8.8"]).len(), 2, "an address stands for its range");
    let output = reach(&["--cluster", &cluster, "--from", "shop/zebra"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("shop/zebra"));
    assert_eq!(reach(&["--cluster", &cluster, "-l", "a b"]).status.code(), Some(2));
}

#[test]
fn a_difference_tells_what_was_added_removed_and_changed() {
    let directory = tempfile::tempdir().unwrap();
    let (cluster, before, after) = scene(directory.path());
    let ask = |policies: &str, against: &str, format: &str| {
        text(&["--cluster", &cluster, "--policies", policies, "--against", against, "-o", format])
    };
    let json: Value = serde_json::from_str(&ask(&after, &before, "json")).unwrap();
    assert_eq!(json["kind"], "ReachDifference");
    let changed = &json["changed"];
    let into = |rows: &Value, to: &str| rows.as_array().unwrap().iter().filter(|row| row["to"] == to).count();
    assert_eq!(into(changed, "shop/Pod/db"), 1, "{json:#}");
    let to_db = changed.as_array().unwrap().iter().find(|row| row["to"] == "shop/Pod/db").unwrap();
    assert_eq!(to_db["gained"], json!([{"protocol": "TCP", "ports": "5433"}]));
    assert_eq!(to_db["lost"], json!([{"protocol": "TCP", "ports": "5432"}]));
    assert_eq!(into(changed, "shop/Pod/web"), 3, "two pods and the block are left port 80");
    assert_eq!(into(&json["removed"], "shop/Pod/web"), 1, "the rest of the world nothing");
    assert!(ask(&before, &after, "csv").contains("added,external/0.0.0.0/0,shop/Pod/web,,TCP,all"));
    assert_eq!(ask(&before, &before, "table"), "No difference.\n");
    let dot = ask(&after, &before, "dot");
    assert!(dot.starts_with("digraph") && dot.contains("TCP 5432 -> TCP 5433"));
}

#[test]
fn a_named_plugin_answers_as_it_is_documented() {
    let directory = tempfile::tempdir().unwrap();
    let (cluster, _, after) = scene(directory.path());
    let probes = directory.path().join("probes.json");
    fs::write(&probes, json!([{"from": "shop/db", "to": "shop/web", "port": 80}]).to_string()).unwrap();
    let ask = |more: &[&str]| {
        let first = ["--cluster", &cluster, "--policies", &after, "--probes", probes.to_str().unwrap()];
        serde_json::from_str::<Value>(&text(&[&first[..], more].concat())).unwrap()["results"][0].clone()
    };
    let yes = json!({"egress": true, "ingress": true, "allowed": true});
    assert_eq!(ask(&[])["unspecified"], json!(["pod-address-in-block"]));
    assert_eq!(ask(&["--plugin", "calico"]), yes);
    assert_eq!(ask(&["--plugin", "cilium"]), json!({"egress": true, "ingress": false, "allowed": false}));
    let first = ["--cluster", &cluster, "--policies", &after, "--to", "shop/web", "-o", "csv"];
    assert!(text(&first).contains("ops/Pod/probe,shop/Pod/web,,TCP,80"));
    let by_cilium = text(&[&first[..], &["--plugin", "cilium"]].concat());
    assert!(!by_cilium.contains("probe"), "{by_cilium}");
    let output = reach(&["--cluster", &cluster, "--probes", probes.to_str().unwrap(), "-o", "table"]);
    assert_eq!(output.status.code(), Some(2));
}

#[test]
fn names_from_outside_do_not_break_out_of_any_format() {
    let directory = tempfile::tempdir().unwrap();
    let hostile = "=x\u{1b}[31m\"]; a -> b [label=\"\n,y";
    let pods = [pod(hostile, "web", "10.0.0.1"), pod("shop", "db", "10.0.0.2")];
    let cluster = list(directory.path(), "cluster.json", &pods);
    for format in ["table", "wide", "json", "csv", "dot"] {
        let output = reach(&["--cluster", &cluster, "-o", format]);
        let told = String::from_utf8(output.stdout).unwrap();
        assert!(!told.contains('\u{1b}'), "{format}: {told}");
        assert!(!told.lines().any(|line| line.trim_start().starts_with("a -> b")), "{format}: {told}");
        assert!(format != "csv" || told.lines().all(|line| !line.starts_with('=')), "{told}");
    }
}

#[test]
fn the_shop_before_and_after_a_policy_is_told() {
    let example = |name: &str| {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/shop").join(name).to_str().unwrap().to_owned()
    };
    let told = text(&["--cluster", &example("snapshot"), "--to", "data/StatefulSet/cache"]);
    assert!(told.contains("shop/Deployment/api"), "{told}");
    assert!(told.lines().any(|line| line.contains("data/StatefulSet/cache") && line.contains("TCP 6379")));
    let directory = tempfile::tempdir().unwrap();
    let none = list(directory.path(), "none.json", &[]);
    let told = text(&["--cluster", &example("snapshot"), "--against", &none, "-o", "csv"]);
    assert!(told.contains("removed,node/node2,data/StatefulSet/cache,,TCP,all"), "{told}");
    assert!(!told.contains("added"));
}

/// A rule that accepts names, and what stands before or after it.
fn names(priority: u16, name: &str, rule: &Value) -> Value {
    json!({"apiVersion": "policy.networking.k8s.io/v1alpha2", "kind": "ClusterNetworkPolicy",
        "metadata": {"name": name}, "spec": {"tier": "Admin", "priority": priority, "subject": {"namespaces": {}},
            "egress": [rule]}})
}

fn accept(domains: &[&str]) -> Value {
    json!({"action": "Accept", "to": [{"domainNames": domains}], "protocols": [{"tcp": {"destinationPort": {"number": 443}}}]})
}

#[test]
fn names_that_rules_accept_are_ends_of_their_own() {
    let directory = tempfile::tempdir().unwrap();
    let pods = [pod("shop", "web", "10.0.0.1"), pod("shop", "db", "10.0.0.2")];
    let cluster = list(directory.path(), "cluster.json", &pods);
    let deny = json!({"action": "Deny", "to": [{"networks": ["0.0.0.0/0"]}]});
    let set = list(
        directory.path(),
        "set.json",
        &[
            names(1, "names", &accept(&["*.example.org", "www.example.org", "db.example.net"])),
            names(2, "shut", &deny),
        ],
    );
    let with = |more: &[&str]| text(&[&["--cluster", &cluster, "--policies", &set], more].concat());
    let all: Value = serde_json::from_str(&with(&["-o", "json"])).unwrap();
    let hosts: Vec<&str> = all["nodes"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|end| end["kind"] == "Domain")
        .map(|end| end["id"].as_str().unwrap())
        .collect();
    assert_eq!(hosts, ["domain/*.example.org", "domain/db.example.net", "domain/www.example.org"]);
    let rows = all["connections"].as_array().unwrap();
    let to = |id: &str| -> Vec<&Value> { rows.iter().filter(|row| row["to"] == id).collect() };
    for host in &hosts {
        let found = to(host);
        assert_eq!(found.len(), 2, "{host}: both pods");
        assert_eq!(found[0]["allowed"], json!([{"protocol": "TCP", "ports": "443"}]), "{host}");
    }
    assert!(to("external/0.0.0.0/0").is_empty(), "an address without a name is denied");
    assert!(
        rows.iter().all(|row| !row["from"].as_str().unwrap().starts_with("domain/")),
        "nothing comes from a name"
    );
    // Every format has them, and a filter takes a name that a wildcard means.
    let row = "shop/Pod/web,domain/*.example.org,,TCP,443";
    assert!(with(&["-o", "csv"]).contains(row));
    assert!(
        with(&["-o", "dot"]).contains("\"shop/Pod/web\" -> \"domain/*.example.org\" [label=\"TCP 443\"];")
    );
    let chosen = |name: &str| -> Vec<String> {
        let table = with(&["--from", "shop/web", "--to", name, "-o", "csv"]);
        table.lines().skip(1).map(|line| line.split(',').nth(1).unwrap().to_owned()).collect()
    };
    assert_eq!(chosen("domain/www.example.org"), ["domain/www.example.org"]);
    assert_eq!(chosen("domain/api.example.org"), ["domain/*.example.org"]);
    assert_eq!(chosen("domain/*.example.org"), ["domain/*.example.org"]);
    let unknown = reach(&["--cluster", &cluster, "--policies", &set, "--to", "domain/example.org"]);
    assert_eq!(unknown.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&unknown.stderr).contains("no rule of a cluster-wide policy accepts"));
}

#[test]
fn a_name_is_judged_in_the_order_of_rules_and_differences_tell_names() {
    let directory = tempfile::tempdir().unwrap();
    let cluster = list(directory.path(), "cluster.json", &[pod("shop", "web", "10.0.0.1")]);
    let deny = json!({"action": "Deny", "to": [{"networks": ["0.0.0.0/0"]}]});
    let before = list(directory.path(), "before.json", &[names(2, "shut", &deny)]);
    let set = |name: &str, first: u16| {
        list(
            directory.path(),
            name,
            &[names(first, "names", &accept(&["*.example.org"])), names(2, "shut", &deny)],
        )
    };
    let (early, late) = (set("early.json", 1), set("late.json", 3));
    let host = ["--to", "domain/*.example.org", "-o", "csv"];
    let rows = |set: &str| {
        text(&[&["--cluster", &cluster, "--policies", set], &host[..]].concat()).lines().count() - 1
    };
    assert_eq!(
        (rows(&early), rows(&late)),
        (1, 0),
        "a Deny of all addresses that goes before denies the name"
    );
    let difference =
        |set: &str| text(&["--cluster", &cluster, "--policies", set, "--against", &before, "-o", "csv"]);
    assert_eq!(
        difference(&early),
        "change,from,to,family,protocol,ports\nadded,shop/Pod/web,domain/*.example.org,,TCP,443\n"
    );
    assert_eq!(difference(&late).lines().count(), 1);
    // An address is not a name: whether a pod resolved it so is not known.
    let probes = directory.path().join("probes.json");
    fs::write(&probes, r#"[{"from": "shop/web", "to": "203.0.113.9", "port": 443}]"#).unwrap();
    let asked = text(&["--cluster", &cluster, "--policies", &early, "--probes", probes.to_str().unwrap()]);
    let answer: Value = serde_json::from_str(&asked).unwrap();
    assert_eq!(answer["results"][0]["allowed"], false);
    assert_eq!(answer["results"][0]["unspecified"], json!(["domain-name-peer"]));
}
