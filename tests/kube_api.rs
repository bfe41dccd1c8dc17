//! Objects from a real API server: what is asked for, what is said when it is refused, and what `snapshot` writes.

#![allow(clippy::unwrap_used, reason = "a test panics where it has nothing to say")]
#![cfg(target_os = "linux")]

mod support;

use std::path::Path;

use serde_json::{Value, json};
use support::apiserver::{Server, turn};
use support::program::{Run, Scratch, command};
use support::shop;

const UNREACHABLE: i32 = 4;
const PARTIAL: i32 = 5;

/// The objects of the shop, as this server has them.
fn fill(server: &Server) {
    if server.try_request("GET", "/api/v1/namespaces/shop", None).is_ok() {
        return;
    }
    let [_, objects] = shop::objects();
    let is = |kind: &str, object: &&Value| object["kind"] == kind;
    let exists = |object: &Value| {
        let path = format!(
            "{}/{}",
            support::apiserver::collection(object),
            object["metadata"]["name"].as_str().unwrap()
        );
        server.try_request("GET", &path, None).is_ok()
    };
    for object in objects.iter().filter(|object| is("Namespace", object)) {
        if !exists(object) {
            server.create(object);
        }
    }
    for object in objects.iter().filter(|object| !is("Namespace", object)) {
        if !exists(object) {
            server.create(object);
        }
    }
}

fn run(kubeconfig: &Path, args: &[&str]) -> Run {
    let output = command().args(args).env("KUBECONFIG", kubeconfig).output().unwrap();
    Run {
        code: output.status.code().unwrap(),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

#[test]
fn a_snapshot_says_the_same_as_the_api() {
    let Some(server) = turn("a_snapshot_says_the_same_as_the_api") else { return };
    fill(&server);
    let scratch = Scratch::new();
    let dir = scratch.path().join("snapshot");
    let out = dir.to_str().unwrap();
    server.flowfence(&["snapshot", "--out", out]).ends(0);
    for args in [
        vec!["reach", "-A", "-o", "json"],
        vec!["audit", "-A", "-o", "json"],
        vec!["graph", "-A", "examples/shop/node1.pcap", "-o", "json"],
        vec!["recommend", "-A", "examples/shop/node1.pcap", "examples/shop/node2.pcap", "-o", "yaml"],
    ] {
        let live = server.flowfence(&args);
        let read = server.flowfence(&[args.clone(), vec!["--cluster", out]].concat());
        assert_eq!(live.code, read.code, "{args:?}: {}\n{}", live.stderr, read.stderr);
        assert_eq!(comparable(&live.stdout), comparable(&read.stdout), "{args:?}");
        assert!(live.stdout.len() > 500, "{args:?}: {}", live.stdout);
    }
}

/// Without what tells where objects were read.
fn comparable(text: &str) -> String {
    let Ok(mut value) = serde_json::from_str::<Value>(text) else { return text.to_owned() };
    for place in ["/completeness/objects", "/objects"] {
        if let Some(Value::Object(objects)) = value.pointer_mut(place) {
            objects.remove("api");
        }
    }
    if let Some(findings) = value["findings"].as_array_mut() {
        for finding in findings.iter_mut().filter_map(Value::as_object_mut) {
            finding.remove("file");
            finding.remove("line");
        }
    }
    format!("{value:#}")
}

#[test]
fn nobody_home() {
    let Some(server) = turn("nobody_home") else { return };
    let away = json!({"apiVersion": "v1", "kind": "Config", "current-context": "it",
        "clusters": [{"name": "it", "cluster": {"server": "https://127.0.0.1:1"}}],
        "users": [], "contexts": [{"name": "it", "context": {"cluster": "it", "user": ""}}]});
    let scratch = Scratch::new();
    let away = scratch.file("away", away.to_string());
    let run = run(&away, &["reach"]).ends(UNREACHABLE);
    println!("{}", run.stderr);
    let pods = server.user_with(&json!([{"apiGroups": [""], "resources": ["pods"], "verbs": ["list"]}]));
    let run = server.flowfence_as(&pods, &["reach"]).ends(PARTIAL);
    println!("{}", run.stderr);
}
