//! Labels, names and addresses that are like those of others.

use serde_json::{Value, json};

use crate::support::cluster::{PodExt, namespace, pod};
use crate::support::program::{Inputs, Scratch, flowfence};
use crate::{API, BOT, DB, cluster, end, ordinary, recommended, support};

/// Whether the policies of `inputs` admit connections between pods, `NAMESPACE/NAME`.
fn admitted(inputs: &Inputs, scratch: &Scratch, probes: &[(&str, &str, u16)]) -> Vec<bool> {
    let yaml = inputs.run("recommend", &["-o", "yaml", "--include-blind"]).ends(0).stdout;
    let policies = scratch.file("policies.yaml", yaml);
    let probes: Vec<Value> = probes
        .iter()
        .map(|(from, to, port)| json!({"from": from, "to": to, "protocol": "TCP", "port": port}))
        .collect();
    let probes = scratch.file("probes.json", Value::from(probes).to_string());
    let cluster = inputs.clusters.last().unwrap();
    let args = ["reach", "--cluster", cluster.to_str().unwrap(), "--policies", policies.to_str().unwrap()];
    let more = ["--probes", probes.to_str().unwrap(), "-o", "json"];
    let answer = flowfence(args.into_iter().chain(more)).ends(0).json();
    let results = answer["results"].as_array().unwrap().iter();
    results.map(|result| result["allowed"].as_bool().unwrap()).collect()
}

const HASH: &str = "5d4f8c7b9";

#[test]
fn a_namespace_that_is_labelled_alike_and_a_pod_that_is_labelled_alike_in_it_get_nothing() {
    let mut twin = pod("twin", &["10.1.1.77"], 8080).labelled(&[("app", "api"), ("pod-template-hash", HASH)]);
    twin["metadata"]["namespace"] = "app-copy".into();
    let mut copy = namespace("app-copy");
    copy["metadata"]["labels"]["team"] = "app".into();
    let mut cluster = cluster().with(twin).with(copy);
    for object in &mut cluster.objects {
        if object["kind"] == "Namespace" {
            object["metadata"]["labels"]["team"] = "app".into();
        }
    }
    let scratch = Scratch::new();
    let inputs = cluster.inputs(&scratch, &[&ordinary()]);
    let api = format!("app/api-{HASH}-00000");
    let db = format!("app/db-{HASH}-00000");
    let probes =
        [(api.as_str(), db.as_str(), 5432), ("app-copy/twin", &db, 5432), ("app-copy/twin", &api, 8080)];
    assert_eq!(admitted(&inputs, &scratch, &probes), [true, false, false]);
}

#[test]
fn a_pod_that_takes_the_labels_of_another_in_mid_run_gives_its_own_traffic_to_nobody() {
    // Bot asks the database as itself, in vain; then it is seen with the labels of the API.
    let scratch = Scratch::new();
    let mut wire = ordinary();
    wire.from(100);
    for n in 0..4 {
        wire.refused(end(BOT, 52_000 + n), end(DB, 5432));
    }
    let before = cluster();
    let mut after = cluster();
    for object in &mut after.objects {
        if object["kind"] == "Pod" && object["status"]["podIP"] == BOT {
            object["metadata"]["labels"]["app"] = "api".into();
        }
    }
    let mut inputs = before.inputs(&scratch, &[&wire]);
    let later = after.inputs(&Scratch::new(), &[]);
    assert!(later.captures.is_empty());
    inputs.clusters.push(scratch.file("later.json", support::rewrite::list(&after.objects)));
    let answer = recommended(&inputs);
    // The rules of the database name the API; that another carries its labels now is counted, and not hidden.
    let excess = answer["proof"]["alone"]["excess"].to_string();
    assert!(excess.contains("app/Deployment/bot"), "{excess}");
}

#[test]
fn a_bare_pod_with_the_labels_of_another_is_counted_as_excess() {
    let scratch = Scratch::new();
    let twin = pod("twin", &["10.1.1.78"], 8080).labelled(&[("app", "api"), ("pod-template-hash", HASH)]);
    let mut wire = ordinary();
    wire.refused(end("10.1.1.78", 53_000), end(DB, 5432));
    let answer = recommended(&cluster().with(twin).inputs(&scratch, &[&wire]));
    let excess = answer["proof"]["alone"]["excess"].to_string();
    assert!(excess.contains("app/Pod/twin"), "{excess}");
}

#[test]
fn an_address_that_changes_hands_carries_nothing_over() {
    let scratch = Scratch::new();
    let set = format!("web-{HASH}");
    let gone = pod("web-gone", &["10.1.1.99"], 8080).owned_by("ReplicaSet", &set).between(-60, Some(200));
    let gone = gone.labelled(&[("app", "web"), ("pod-template-hash", HASH)]);
    let heir = pod("heir", &["10.1.1.99"], 8080).labelled(&[("app", "heir")]).between(300, None);
    let mut wire = ordinary();
    wire.from(100).connect(end("10.1.1.99", 54_000), end(API, 8080));
    wire.from(400).refused(end("10.1.1.99", 54_001), end(API, 9_999));
    let inputs = cluster().with(gone).with(heir).inputs(&scratch, &[&wire]);
    let (api, web) = (format!("app/api-{HASH}-00000"), format!("app/web-{HASH}-00000"));
    let probes = [(web.as_str(), api.as_str(), 8080), ("app/heir", &api, 8080), ("app/heir", &api, 9_999)];
    assert_eq!(admitted(&inputs, &scratch, &probes), [true, false, false]);
}
