//! Objects from a real API server: what is asked for, what is said when it is refused, and what `snapshot` writes.

#![allow(clippy::unwrap_used, reason = "a test panics where it has nothing to say")]
#![cfg(target_os = "linux")]

mod support;

use std::collections::BTreeSet;

use serde_json::{Value, json};
use support::apiserver::{Server, collection, turn, wait_for};
use support::program::Scratch;
use support::shop;

const UNREACHABLE: i32 = 4;
const PARTIAL: i32 = 5;

/// The objects of the shop, as this server has them, and a cluster-wide policy.
fn fill(server: &Server) {
    if server.try_request("GET", "/api/v1/namespaces/shop", None).is_ok() {
        return;
    }
    let [_, objects] = shop::objects();
    let exists = |object: &Value| {
        let name = object["metadata"]["name"].as_str().unwrap();
        server.try_request("GET", &format!("{}/{name}", collection(object)), None).is_ok()
    };
    let (namespaces, others): (Vec<&Value>, Vec<&Value>) =
        objects.iter().partition(|object| object["kind"] == "Namespace");
    namespaces
        .into_iter()
        .chain(others)
        .filter(|object| !exists(object))
        .for_each(|object| server.create(object));
    let plural = "clusternetworkpolicies.policy.networking.k8s.io";
    let schema =
        std::fs::read_to_string("tests/data/crd/policy.networking.k8s.io_clusternetworkpolicies.json")
            .unwrap();
    let mut schema: Value = serde_json::from_str(&schema).unwrap();
    schema["type"] = "object".into();
    server.post("/apis/apiextensions.k8s.io/v1/customresourcedefinitions", &json!({
        "metadata": {"name": plural, "annotations": {"api-approved.kubernetes.io": "unapproved, for tests"}},
        "spec": {"group": "policy.networking.k8s.io", "scope": "Cluster",
            "names": {"kind": "ClusterNetworkPolicy", "plural": "clusternetworkpolicies"},
            "versions": [{"name": "v1alpha2", "served": true, "storage": true, "schema": {"openAPIV3Schema": schema}}]}}));
    let policy = json!({"apiVersion": "policy.networking.k8s.io/v1alpha2", "kind": "ClusterNetworkPolicy",
        "metadata": {"name": "no-data"},
        "spec": {"tier": "Admin", "priority": 1, "subject": {"namespaces": {"matchLabels": {"kubernetes.io/metadata.name": "data"}}},
            "ingress": [{"action": "Deny", "from": [{"namespaces": {"matchLabels": {"kubernetes.io/metadata.name": "ops"}}}]}]}});
    wait_for("the kind of cluster-wide policies", || {
        server.try_request("GET", &collection(&policy), None).is_ok()
    });
    server.create(&policy);
}

#[test]
fn a_snapshot_says_the_same_as_the_api() {
    let Some(server) = turn("a_snapshot_says_the_same_as_the_api") else { return };
    fill(&server);
    let scratch = Scratch::new();
    let dir = scratch.path().join("snapshot");
    let out = dir.to_str().unwrap();
    server.flowfence(&["snapshot", "--out", out]).ends(0);
    let traffic = ["examples/shop/node1.pcap", "examples/shop/node2.pcap"];
    for args in [
        vec!["reach", "-A", "-o", "json"],
        vec!["audit", "-A", "-o", "json"],
        vec!["graph", "-A", traffic[0], traffic[1], "--by", "pod", "-o", "json"],
        vec!["recommend", "-A", traffic[0], traffic[1], "-o", "json"],
    ] {
        let live = server.flowfence(&args);
        let read = server.flowfence(&[args.clone(), vec!["--cluster", out]].concat());
        assert_eq!(live.code, read.code, "{args:?}: {}\n{}", live.stderr, read.stderr);
        assert_eq!(comparable(&live.stdout), comparable(&read.stdout), "{args:?}");
        assert!(live.stdout.contains("shop/"), "{args:?}: {:.2000}", live.stdout);
    }
}

/// Without what tells where and when objects were read.
fn comparable(text: &str) -> String {
    let mut value: Value = serde_json::from_str(text).unwrap();
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
fn a_snapshot_is_the_same_bytes_and_holds_nothing_secret() {
    let Some(server) = turn("a_snapshot_is_the_same_bytes_and_holds_nothing_secret") else { return };
    fill(&server);
    let secret = "hunter2";
    let labels = json!({"app": "vault"});
    let container = json!({"name": "c", "image": secret, "command": [secret], "args": [secret], "workingDir": format!("/{secret}"),
        "env": [{"name": "PASSWORD", "value": secret}], "ports": [{"containerPort": 8200}],
        "readinessProbe": {"httpGet": {"port": 8200, "path": format!("/{secret}"), "httpHeaders": [{"name": "Authorization", "value": secret}]}}});
    let pod = json!({"metadata": {"labels": labels, "annotations": {"token": secret}}, "spec": {"containers": [container],
        "volumes": [{"name": "v", "hostPath": {"path": format!("/{secret}")}}]}});
    let meta = json!({"name": "vault", "namespace": "default", "annotations": {"kubectl.kubernetes.io/last-applied-configuration": secret}});
    for object in [
        json!({"apiVersion": "v1", "kind": "Secret", "metadata": meta, "stringData": {"x": secret}}),
        json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta, "data": {"x": secret}}),
        json!({"apiVersion": "v1", "kind": "Pod", "metadata": meta, "spec": pod["spec"]}),
        json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": meta,
            "spec": {"selector": {"matchLabels": labels}, "template": pod}}),
    ] {
        server.create(&object);
    }
    let [one, two] = [(), ()].map(|()| server.flowfence(&["snapshot"]).ends(0).stdout);
    assert_eq!(one, two);
    assert!(one.contains("name: vault") && one.contains("8200"));
    for word in [secret, "managedFields", "annotations", "env:", "Secret", "ConfigMap"] {
        assert!(!one.contains(word), "{word}");
    }
    let some = server.flowfence(&["snapshot", "-n", "shop"]).ends(0).stdout;
    assert!(
        some.contains("namespace: shop") && !some.contains("namespace: data") && some.contains("kind: Node")
    );
    assert_eq!(
        server.flowfence(&["reach", "-n", "shop"]).ends(0).stdout,
        server
            .flowfence_as(
                &server.kubeconfig_of("at-home", &json!({"token": "admin-token"}), "shop"),
                &["reach"]
            )
            .ends(0)
            .stdout,
        "the namespace of the context"
    );
}

#[test]
fn who_cannot_be_asked_ends_the_run_with_code_4_and_what_to_do() {
    let Some(server) = turn("who_cannot_be_asked_ends_the_run_with_code_4_and_what_to_do") else { return };
    let scratch = Scratch::new();
    let file = |name: &str, text: &str| scratch.file(name, text);
    let good = std::fs::read_to_string(server.kubeconfig()).unwrap();
    let port =
        good.split("127.0.0.1:").nth(1).unwrap().chars().take_while(char::is_ascii_digit).collect::<String>();
    let nobody = server.user_with(&json!([]));
    for (kubeconfig, words) in [
        (file("away", &good.replace(&port, "1")), "refused"),
        (
            file("stranger", &good.replace("admin-token", "wrong")),
            "the token or certificate is missing, wrong or expired",
        ),
        (file("empty", "{}"), "the configuration of the kube API cannot be used"),
        (scratch.path().join("nothing"), "and nothing is there"),
        (nobody, "namespaces: forbidden: whoever asks needs the verb list on namespaces"),
    ] {
        for args in [&["reach"][..], &["graph", "examples/shop/node1.pcap"], &["audit"]] {
            let run = server.flowfence_as(&kubeconfig, args).ends(UNREACHABLE);
            assert!(
                run.stderr.contains(words) && run.stderr.contains("--cluster none"),
                "{words}: {}",
                run.stderr
            );
            assert_eq!(run.stdout, "");
        }
        server.flowfence_as(&kubeconfig, &["graph", "examples/shop/node1.pcap", "--cluster", "none"]).ends(0);
    }
    let run = server.flowfence(&["reach", "--context", "elsewhere"]).ends(UNREACHABLE);
    assert!(run.stderr.contains("elsewhere"), "{}", run.stderr);
    let run = server.flowfence_as("/dev/null".as_ref(), &["graph", "examples/shop/node1.pcap"]).ends(0);
    assert!(
        run.stderr.contains("no --cluster given, and no kubeconfig: addresses stay addresses"),
        "{}",
        run.stderr
    );
    let run = server.flowfence_as("/dev/null".as_ref(), &["snapshot"]).ends(UNREACHABLE);
    assert!(run.stderr.contains("there is no kubeconfig"), "{}", run.stderr);
}

/// Rows of the table of rights: `pods`, `deployments.apps`.
fn documented() -> BTreeSet<String> {
    let page = std::fs::read_to_string("docs/kube.md").unwrap();
    let table = page.split("| group | resource |").nth(1).unwrap();
    let rows = table.lines().skip(2).take_while(|line| line.starts_with('|'));
    rows.map(|row| {
        let cells: Vec<&str> = row.split('|').map(str::trim).collect();
        if cells[1].is_empty() { cells[2].to_owned() } else { format!("{}.{}", cells[2], cells[1]) }
    })
    .collect()
}

#[test]
fn the_role_grants_what_is_documented_and_needed_and_nothing_else() {
    let Some(server) = turn("the_role_grants_what_is_documented_and_needed_and_nothing_else") else { return };
    fill(&server);
    server.kubectl(&["apply", "-f", "deploy/rbac.yaml"]);
    let can = |who: &str| -> BTreeSet<(String, String)> {
        let list = server.kubectl(&[
            "auth",
            "can-i",
            "--list",
            "--as",
            &format!("system:serviceaccount:flowfence:{who}"),
        ]);
        list.lines()
            .skip(1)
            .map(|line| {
                let resource =
                    if line.starts_with(' ') { "" } else { line.split_whitespace().next().unwrap() };
                (resource.to_owned(), line[line.rfind('[').unwrap()..].to_owned())
            })
            .collect()
    };
    // What every account may, such as asking what it may.
    let everybody = can("nobody");
    let granted: BTreeSet<(String, String)> = can("flowfence").difference(&everybody).cloned().collect();
    let expected =
        documented().into_iter().map(|resource| (resource, "[get list watch]".to_owned())).collect();
    assert_eq!(granted, expected);
    let asked: BTreeSet<String> =
        flowfence::kube::RESOURCES.iter().map(flowfence::kube::Resource::name).collect();
    assert_eq!(documented(), asked);

    let account = json!({"token": "admin-token", "as": "system:serviceaccount:flowfence:flowfence"});
    let account = server.kubeconfig_of("account", &account, "default");
    let whole = server.flowfence_as(&account, &["snapshot"]).ends(0).stdout;
    assert_eq!(whole, server.flowfence(&["snapshot"]).stdout);

    // Each alone is missed by its name, and costs nothing but itself.
    let pods = server.user_with(&json!([{"apiGroups": [""], "resources": ["pods"], "verbs": ["list"]}]));
    let run =
        server.flowfence_as(&pods, &["graph", "-A", "examples/shop/node1.pcap", "-o", "json"]).ends(PARTIAL);
    let missing = run.json()["completeness"]["objects"]["api"]["missing"].to_string();
    for resource in documented().iter().filter(|resource| *resource != "pods") {
        let is_served = !resource.contains("adminnetworkpolicies");
        let line =
            format!("left out: {resource}: forbidden: whoever asks needs the verb list on {resource} ");
        assert_eq!(run.stderr.contains(&line), is_served, "{resource}: {}", run.stderr);
        assert_eq!(missing.contains(&format!("the verb list on {resource} ")), is_served, "{resource}");
    }
    assert!(run.stdout.contains("\"shop/"), "pods are named: {:.3000}", run.stdout);
}
