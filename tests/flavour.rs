//! The shop's recommendation in every flavour: proved, valid by the schema of its kind, whole in its files.

#![allow(clippy::unwrap_used, reason = "a test panics where it has nothing to say")]

mod support;

use std::collections::BTreeSet;

use flowfence::manifest::flavour::FLAVOURS;
use serde_json::{Value, json};

use support::cluster::{Cluster, PodExt, Wire, at, pod};
use support::crd::Crd;
use support::program::Scratch;
use support::shop;

/// `recommend -o json` of the shop.
fn recommended(flavour: &str) -> Value {
    shop::inputs().run("recommend", &["--flavour", flavour, "-o", "json"]).ends(0).json()
}

#[test]
fn every_flavour_is_proved_on_the_shop() {
    let plain = recommended("networkpolicy");
    assert_eq!(plain["flavour"], "networkpolicy");
    assert_eq!(plain["flavourNotes"], json!([]));
    for flavour in &FLAVOURS {
        let answer = recommended(flavour.name);
        assert_eq!(answer["flavour"], flavour.name);
        let (proof, want) = (&answer["proof"]["alone"], &plain["proof"]["alone"]);
        assert_eq!(proof["cut"], json!([]), "{flavour:?}");
        for field in ["observed", "admitted", "excess", "reachableBefore", "reachableAfter"] {
            assert_eq!(proof[field], want[field], "{flavour:?} {field}");
        }
        // What no policy of another kind replaces is listed, and nothing else.
        assert_eq!(answer["supersedes"], plain["supersedes"], "{flavour:?}");
        // Ingress from addresses is nothing that a ClusterNetworkPolicy has rules for.
        let is_wide = flavour.name == "clusternetworkpolicy";
        let mut said = edges(&plain);
        said.retain(|edge| !is_wide || !edge.contains("\"from\":\"node/"));
        assert_eq!(edges(&answer), said, "{flavour:?}: every edge is behind a rule");
    }
}

/// The edges that are behind some rule.
fn edges(answer: &Value) -> BTreeSet<String> {
    let rows = answer["evidence"].as_array().unwrap().iter();
    rows.flat_map(|row| row["edges"].as_array().unwrap()).map(Value::to_string).collect()
}

#[test]
fn evidence_names_rules_of_the_objects_that_are_written() {
    for flavour in &FLAVOURS {
        let answer = recommended(flavour.name);
        let objects = answer["policies"].as_array().unwrap();
        for row in answer["evidence"].as_array().unwrap() {
            let key = row["policy"].as_str().unwrap();
            let object = objects.iter().find(|object| key_of(object) == key);
            let object = object.unwrap_or_else(|| panic!("{flavour:?}: no object {key}"));
            let list = &object["spec"][row["direction"].as_str().unwrap()];
            let rule = &list[usize::try_from(row["rule"].as_u64().unwrap()).unwrap()];
            assert!(rule.is_object(), "{flavour:?}: {row}");
            assert_ne!(row["edges"], json!([]), "{flavour:?}: {row}");
        }
    }
}

fn key_of(object: &Value) -> String {
    let meta = &object["metadata"];
    let place = meta["namespace"].as_str().or(object["kind"].as_str()).unwrap();
    format!("{place}/{}", meta["name"].as_str().unwrap())
}

#[test]
fn every_object_is_valid_by_the_schema_of_its_kind() {
    for flavour in FLAVOURS.iter().filter(|flavour| !flavour.is_plain()) {
        let answer = recommended(flavour.name);
        let objects = answer["policies"].as_array().unwrap();
        assert!(objects.len() >= 14, "{flavour:?}: {}", objects.len());
        for object in objects {
            assert_eq!(Crd::of(object).faults(object), [""; 0], "{flavour:?}: {object:#}");
        }
    }
}

#[test]
fn the_schemas_find_what_is_wrong() {
    for flavour in FLAVOURS.iter().filter(|flavour| !flavour.is_plain()) {
        let answer = recommended(flavour.name);
        let object = &answer["policies"][0];
        let fault = |change: &dyn Fn(&mut Value)| {
            let mut object = object.clone();
            change(&mut object);
            !Crd::of(&object).faults(&object).is_empty()
        };
        assert!(!fault(&|_| {}), "{flavour:?}");
        assert!(fault(&|o| o["spec"]["surprise"] = json!(1)), "{flavour:?}: unknown field");
        assert!(fault(&|o| o["spec"]["egress"] = json!("all")), "{flavour:?}: wrong type");
        assert!(
            fault(&|o| o["spec"]["egress"] = json!([{"surprise": {}}])),
            "{flavour:?}: unknown field of a rule"
        );
    }
    let answer = recommended("clusternetworkpolicy");
    let mut object = answer["policies"][0].clone();
    let rule = object["spec"]["egress"][0].clone();
    object["spec"]["egress"] = Value::Array(vec![rule; 26]);
    assert_eq!(Crd::of(&object).faults(&object).len(), 1, "26 rules are one too many");
}

#[test]
fn files_hold_the_objects_and_the_index_all_files() {
    for flavour in &FLAVOURS {
        let scratch = Scratch::new();
        let out = scratch.path().join("policies");
        let more = ["--flavour", flavour.name, "--out", out.to_str().unwrap(), "-o", "json"];
        let answer = shop::inputs().run("recommend", &more).ends(0).json();
        let index: Value =
            serde_yaml::from_str(&std::fs::read_to_string(out.join("kustomization.yaml")).unwrap()).unwrap();
        let files: Vec<&str> =
            index["resources"].as_array().unwrap().iter().map(|f| f.as_str().unwrap()).collect();
        assert_eq!(files.len(), 14, "{flavour:?}: one a workload");
        let is_wide = flavour.name == "clusternetworkpolicy";
        assert!(files.iter().all(|file| file.starts_with("cluster/") == is_wide), "{files:?}");
        let texts: Vec<String> =
            files.iter().map(|file| std::fs::read_to_string(out.join(file)).unwrap()).collect();
        let objects: Vec<Value> =
            texts.iter().flat_map(|text| serde_yaml::from_multiple(text).unwrap()).collect();
        assert_eq!(Value::Array(objects), answer["policies"], "{flavour:?}");
        let printed = shop::inputs().run("recommend", &["--flavor", flavour.name]).ends(0).stdout;
        let documents: Vec<&str> = texts.iter().flat_map(|text| ["---\n", text.as_str()]).collect();
        assert_eq!(printed, documents.concat());
    }
}

#[test]
fn an_object_of_each_flavour() {
    for flavour in &FLAVOURS {
        let scratch = Scratch::new();
        let out = scratch.path().join("policies");
        shop::inputs().run("recommend", &["--flavour", flavour.name, "--out", out.to_str().unwrap()]).ends(0);
        let file = if flavour.name == "clusternetworkpolicy" {
            "cluster/shop/report.yaml"
        } else {
            "shop/report.yaml"
        };
        insta::assert_snapshot!(flavour.name, std::fs::read_to_string(out.join(file)).unwrap());
    }
}

#[test]
fn the_page_shows_real_objects() {
    let page = std::fs::read_to_string(shop::path("docs/flavours.md")).unwrap();
    let mut printed = String::new();
    for flavour in &FLAVOURS {
        assert!(page.contains(&format!("| `{}`", flavour.name)), "{flavour:?} is on the page");
        assert!(page.contains(flavour.api_version) && page.contains(flavour.kind), "{flavour:?}");
        printed += &shop::inputs().run("recommend", &["--flavour", flavour.name]).ends(0).stdout;
    }
    let samples: Vec<&str> =
        page.split("```yaml\n").skip(1).map(|rest| rest.split("```").next().unwrap()).collect();
    assert_eq!(samples.len(), 3);
    for sample in samples {
        assert!(printed.contains(sample), "{sample}");
    }
}

#[test]
fn a_selector_that_cilium_cannot_see_fails_the_proof() {
    // The one label that outlives a rollout is one that Cilium leaves out of identities.
    let labelled = |name: &str, address: &str| {
        pod(name, &[address], 80).labelled(&[("kubernetes.io/role", name), ("pod-template-hash", "1")])
    };
    let cluster = Cluster::new(2).with(labelled("client", "10.1.1.2")).with(labelled("server", "10.1.2.2"));
    let mut wire = Wire::new();
    wire.connect(at("10.1.1.2:40000"), at("10.1.2.2:80"));
    let scratch = Scratch::new();
    let inputs = cluster.inputs(&scratch, &[&wire, &wire]);
    let more = ["--include-blind", "--flavour"];
    inputs.run("recommend", &[&more[..], &["networkpolicy"]].concat()).ends(0);
    let run = inputs.run("recommend", &[&more[..], &["cilium"]].concat()).ends(6);
    assert_eq!(run.stdout, "");
    assert!(run.stderr.contains("leaves the label kubernetes.io/role out of identities"), "{}", run.stderr);
    assert!(run.stderr.contains("is not closed for ingress by what was written"), "{}", run.stderr);
}

#[test]
fn a_flavour_that_does_not_exist_is_a_usage_error() {
    let run = shop::inputs().run("recommend", &["--flavour", "istio"]).ends(2);
    assert!(run.stderr.contains("clusternetworkpolicy"), "the ones that there are: {}", run.stderr);
}
