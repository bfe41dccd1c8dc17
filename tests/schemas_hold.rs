//! What is written is what the published schemas say, of a large input and of inputs in which next to nothing is: what is left
//! out when it is empty, null or unknown must not be asked for.

#![allow(clippy::unwrap_used, reason = "a test panics where it has nothing to say")]

mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use support::bundle::members;
use support::capture::pcap;
use support::cluster::{Cluster, Wire, at};
use support::program::{Inputs, Run, Scratch, flowfence};
use support::rewrite::list;
use support::shop;

/// Every published schema by its name.
struct Schemas(BTreeMap<String, jsonschema::Validator>);

impl Schemas {
    fn published() -> Self {
        let directory = std::fs::read_dir(shop::path("docs/schema")).unwrap();
        let read = |path: PathBuf| {
            let schema: Value = serde_json::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
            let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
            (name, jsonschema::draft202012::new(&schema).unwrap())
        };
        Schemas(directory.map(|entry| read(entry.unwrap().path())).collect())
    }

    /// The output of a run, which the schema of its kind accepts; its kind.
    #[track_caller]
    fn accept(&self, what: &str, run: &Run) -> String {
        assert!(matches!(run.code, 0 | 1 | 5), "{what} ended with {}: {}", run.code, run.stderr);
        self.take(what, &run.json())
    }

    #[track_caller]
    fn take(&self, what: &str, output: &Value) -> String {
        let kind = output["kind"].as_str().unwrap_or("ProbeAnswers").to_owned();
        let faults: Vec<String> = self.0[&kind]
            .iter_errors(output)
            .map(|fault| format!("{}: {:.300}", fault.instance_path(), fault.to_string()))
            .collect();
        assert_eq!(faults, [""; 0], "{what}");
        kind
    }
}

/// Every verb and mode over the inputs; the kinds that were written.
fn all(schemas: &Schemas, inputs: &Inputs, what: &str, more: &[&str]) -> BTreeSet<String> {
    let mut kinds = BTreeSet::new();
    let mut run = |verb: &str, words: &[&str]| {
        let words = [&["-o", "json"], words, more].concat();
        let run = inputs.run(verb, &words);
        kinds.insert(schemas.accept(&format!("{what}: {verb} {words:?}"), &run));
    };
    for by in ["workload", "pod", "namespace", "app", "owner"] {
        run("graph", &["--by", by]);
    }
    run("audit", &["--fail-on", "never"]);
    for mode in ["replace", "add", "tighten"] {
        run("recommend", &["--mode", mode]);
    }
    for options in [["--include-blind", "--system"], ["--default-deny", "--dns=namespace"]] {
        run("recommend", &options);
    }
    kinds
}

/// What needs objects alone.
fn of_objects(schemas: &Schemas, clusters: &[PathBuf], what: &str, ends: [&str; 2]) -> BTreeSet<String> {
    let scratch = Scratch::new();
    let probes = json!([{"from": ends[0], "to": ends[1], "protocol": "TCP", "port": 80}]).to_string();
    let probes = scratch.file("probes.json", probes);
    let nothing = scratch.file("nothing.json", list(&[]));
    let [probes, nothing] = [&probes, &nothing].map(|path| path.to_str().unwrap());
    let inputs = Inputs { captures: Vec::new(), clusters: clusters.to_vec() };
    let runs: [(&str, &[&str]); 7] = [
        ("audit", &["--fail-on", "never"]),
        ("reach", &[]),
        ("reach", &["--plugin", "cilium"]),
        ("reach", &["--against", nothing]),
        ("reach", &["--probes", probes]),
        ("explain", &[ends[0], ends[1], "80"]),
        ("explain", &[ends[0], ends[1], "icmp", "--plugin", "calico"]),
    ];
    let run = |(verb, words): (&str, &[&str])| {
        let words = [words, &["-o", "json"]].concat();
        schemas.accept(&format!("{what}: {verb} {words:?}"), &inputs.run(verb, &words))
    };
    runs.into_iter().map(run).collect()
}

#[test]
fn the_shop_is_written_as_the_schemas_say() {
    let schemas = Schemas::published();
    let inputs = shop::inputs();
    let mut kinds = all(&schemas, &inputs, "shop", &[]);
    let pod = first_pod(&shop::objects()[1]);
    kinds.extend(of_objects(&schemas, &inputs.clusters, "shop", [&pod, "198.51.100.7"]));
    let run = |verb: &str, words: &[&str]| inputs.run(verb, words);
    let again = shop::CAPTURES[0];
    kinds.insert(schemas.accept("against", &run("graph", &["-o", "json", "--against", again])));
    let policies = shop::path("tests/data/lint/policies.yaml");
    kinds.insert(
        schemas.accept("check", &run("check", &["-o", "json", "--policies", policies.to_str().unwrap()])),
    );
    let scratch = Scratch::new();
    let recommendation = scratch.file("r.json", run("recommend", &["-o", "json"]).ends(0).stdout);
    let of_workloads = Inputs { captures: Vec::new(), clusters: inputs.clusters.clone() };
    let evidence = ["--evidence", recommendation.to_str().unwrap()];
    let ends = ["shop/Deployment/web", "data/StatefulSet/cache", "6379", "-o", "json"];
    kinds.insert(schemas.accept("explain", &of_workloads.run("explain", &[&ends[..], &evidence].concat())));
    kinds.insert(replicas_that_differ(&schemas));
    for verb in ["audit", "recommend"] {
        let scratch = Scratch::new();
        let bundle = scratch.path().join("b.tar.gz");
        run(verb, &["--evidence-bundle", bundle.to_str().unwrap()]);
        let members = members(&bundle);
        for name in ["manifest.json", "findings.json", "graph.json", "recommendation.json"] {
            kinds.insert(schemas.take(name, &serde_json::from_slice(&members[name]).unwrap()));
        }
    }
    // The page has a test of its own.
    let published: BTreeSet<String> = schemas.0.keys().filter(|name| *name != "Page").cloned().collect();
    assert_eq!(kinds, published);
}

#[test]
fn next_to_nothing_is_written_as_the_schemas_say() {
    let schemas = Schemas::published();
    let scratch = Scratch::new();
    let empty = scratch.file("empty.pcap", pcap(&[]));
    let mut wire = Wire::new();
    wire.connect(at("10.1.1.5:40000"), at("10.1.1.7:80"));
    let one = scratch.file("one.pcap", wire.pcap());
    let nobody = scratch.file("nobody.json", list(&[]));
    let bare = Cluster::new(0).with(json!({"apiVersion": "v1", "kind": "Pod",
        "metadata": {"name": "p", "namespace": "app"}, "spec": {"containers": []},
        "status": {"phase": "Running", "podIP": "10.1.1.5", "podIPs": [{"ip": "10.1.1.5"}]}}));
    let bare = scratch.file("bare.json", list(&bare.objects));
    let none = PathBuf::from("none");
    for (name, capture) in [("nothing captured", &empty), ("one connection", &one)] {
        for (beside, cluster) in [("no cluster", &none), ("no object", &nobody), ("one pod", &bare)] {
            let inputs = Inputs { captures: vec![capture.clone()], clusters: vec![cluster.clone()] };
            let what = format!("{name}, {beside}");
            all(&schemas, &inputs, &what, &[]);
            let candidate = ["-o", "json", "--policies", nobody.to_str().unwrap()];
            schemas.accept(&what, &inputs.run("check", &candidate));
            let against = ["-o", "json", "--against", empty.to_str().unwrap()];
            schemas.accept(&what, &inputs.run("graph", &against));
        }
    }
    of_objects(&schemas, std::slice::from_ref(&bare), "one pod", ["app/p", "10.9.9.9"]);
    of_objects(&schemas, &[nobody], "no object", ["10.9.9.8", "10.9.9.9"]);
}

#[test]
fn flow_logs_and_what_is_wrong_with_inputs_are_written_as_the_schemas_say() {
    let schemas = Schemas::published();
    let scratch = Scratch::new();
    let log = shop::path("tests/data/flow-logs/hubble.jsonl");
    let silent = scratch.file(
        "vpc.log",
        "2 123456789010 eni-1 10.1.1.5 10.1.1.7 40000 80 6 10 840 1780315200 1780315260 ACCEPT OK\n\
         2 123456789010 eni-1 10.1.1.5 10.1.1.9 40001 81 6 1 40 1780315200 1780315260 REJECT OK\nno line\n",
    );
    let cut = scratch.file("cut.pcap", &pcap(&[])[..20]);
    let refused = json!({"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy",
        "metadata": {"name": "x", "namespace": "app"}, "spec": {"podSelector": {"matchLabels": {"a": "/"}}}});
    let tiers = json!({"apiVersion": "policy.networking.k8s.io/v1alpha2", "kind": "ClusterNetworkPolicy",
        "metadata": {"name": "closed"}, "spec": {"tier": "Admin", "priority": 1, "subject": {"namespaces": {}},
            "ingress": [{"action": "Deny", "from": [{"namespaces": {}}]}]}});
    let cluster =
        Cluster::new(1).deployment("client", 80, &["10.1.1.5"]).deployment("server", 80, &["10.1.1.7"]);
    let odd = scratch.file("odd.json", list(&cluster.clone().with(refused).with(tiers.clone()).objects));
    let tiered = scratch.file("tiered.json", list(&cluster.with(tiers).objects));
    let none = PathBuf::from("none");
    for (captures, cluster) in [(&log, &none), (&silent, &none), (&silent, &tiered)] {
        let inputs = Inputs { captures: vec![captures.clone()], clusters: vec![cluster.clone()] };
        all(&schemas, &inputs, &format!("{}", captures.display()), &["--allow-loss", "1"]);
    }
    let inputs = Inputs { captures: vec![silent.clone(), cut], clusters: vec![odd.clone()] };
    schemas.accept("damaged", &inputs.run("audit", &["-o", "json", "--fail-on", "never"]));
    schemas.accept("damaged", &inputs.run("graph", &["-o", "json"]));
    let ends = ["app/Deployment/client", "app/Deployment/server", "80"];
    for cluster in [&odd, &tiered] {
        explained(&schemas, cluster, &ends);
    }
}

fn explained(schemas: &Schemas, cluster: &Path, ends: &[&str]) {
    let cluster = cluster.to_str().unwrap();
    for more in [
        &["--cluster", cluster, "-o", "json"][..],
        &["--cluster", cluster, "-o", "json", "--plugin", "cilium"],
    ] {
        schemas.accept("explain", &flowfence([&["explain"], ends, more].concat()));
    }
}

#[test]
fn a_schema_refuses_what_lacks_a_field_and_what_has_another_type() {
    let schemas = Schemas::published();
    let inputs =
        Inputs { captures: vec![shop::path(shop::CAPTURES[0])], clusters: vec![PathBuf::from("none")] };
    let report = inputs.run("audit", &["-o", "json", "--fail-on", "never"]).json();
    let validator = &schemas.0["Report"];
    assert!(validator.is_valid(&report));
    let mut lacking = report.clone();
    lacking["findings"][0].as_object_mut().unwrap().remove("level");
    assert!(!validator.is_valid(&lacking));
    let mut other = report;
    other["findings"][0]["port"] = "eighty".into();
    assert!(!validator.is_valid(&other));
}

/// Two clients, of which a policy admits one: two stories.
fn replicas_that_differ(schemas: &Schemas) -> String {
    let policy = json!({"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy",
        "metadata": {"name": "half", "namespace": "app"}, "spec": {"podSelector": {"matchLabels": {"app": "server"}},
            "ingress": [{"from": [{"ipBlock": {"cidr": "10.1.1.0/24"}}]}]}});
    let cluster = Cluster::new(2).deployment("client", 80, &["10.1.1.5", "10.1.2.5"]);
    let cluster = cluster.deployment("server", 80, &["10.1.1.7"]).with(policy);
    let scratch = Scratch::new();
    let cluster = scratch.file("differing.json", list(&cluster.objects));
    let ends = ["app/Deployment/client", "app/Deployment/server", "80", "-o", "json"];
    schemas
        .accept("replicas", &Inputs { captures: Vec::new(), clusters: vec![cluster] }.run("explain", &ends))
}

fn first_pod(objects: &[Value]) -> String {
    let is_shown = |object: &&Value| object["kind"] == "Pod" && object["metadata"]["namespace"] == "shop";
    let meta = &objects.iter().find(is_shown).unwrap()["metadata"];
    format!("shop/{}", meta["name"].as_str().unwrap())
}
