//! `explain` through the command line: who admits or denies, what plugins make of it, and what names are understood.

#![allow(clippy::unwrap_used, reason = "a test panics where it has nothing to say")]

mod support;

use serde_json::{Value, json};

use support::cluster::{Cluster, PodExt, pod, service};
use support::program::{Inputs, Run, Scratch, flowfence};

const CLIENTS: [&str; 2] = ["10.1.1.5", "10.1.2.5"];
const SERVER: &str = "10.1.1.7";

/// A client of two pods, a server behind a service, a bare pod, and `policies`.
fn cluster(scratch: &Scratch, policies: &[Value]) -> Inputs {
    let mut cluster = Cluster::new(2)
        .deployment("client", 1, &CLIENTS)
        .deployment("server", 8080, &[SERVER])
        .with(pod("canary", &["10.1.2.9"], 8080).labelled(&[("app", "canary")]))
        .with(service("front", "10.96.0.7", "TCP", (80, 8080)));
    let front = cluster.objects.last_mut().unwrap();
    front["spec"]["selector"] = json!({"app": "server"});
    cluster.objects.extend(policies.iter().cloned());
    cluster.inputs(scratch, &[])
}

fn server(ingress: &Value) -> Value {
    json!({"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy",
        "metadata": {"name": "server", "namespace": "app"},
        "spec": {"podSelector": {"matchLabels": {"app": "server"}}, "policyTypes": ["Ingress"], "ingress": ingress}})
}

fn ask(inputs: &Inputs, from: &str, to: &str, port: &str, more: &[&str]) -> Run {
    inputs.run("explain", &[&[from, to, port], more].concat())
}

fn one(inputs: &Inputs, from: &str, to: &str, port: &str, more: &[&str]) -> Value {
    ask(inputs, from, to, port, &[&["-o", "json"], more].concat()).ends(0).json()
}

#[test]
fn a_plugin_turns_the_answer_and_is_told_beside_an_open_one() {
    let scratch = Scratch::new();
    let inputs = cluster(&scratch, &[server(&json!([{"from": [{"ipBlock": {"cidr": "10.1.0.0/16"}}]}]))]);
    let open = one(&inputs, "app/canary", "app/Deployment/server", "8080", &[]);
    assert_eq!((&open["allowed"], open.get("plugin")), (&json!(true), None));
    let reason = &open["unspecified"][0];
    assert_eq!(
        (&reason["reason"], &reason["allowedOtherwise"]),
        (&json!("pod-address-in-block"), &json!(false))
    );
    let says = |plugin: &str| {
        let all = reason["plugins"].as_array().unwrap();
        all.iter().find(|row| row["plugin"] == plugin).map(|row| row["allowed"].as_bool().unwrap())
    };
    assert_eq!([says("cilium"), says("calico"), says("aws")], [Some(false), Some(true), None]);
    let cilium = one(&inputs, "app/canary", "app/Deployment/server", "8080", &["--plugin", "cilium"]);
    assert_eq!((&cilium["allowed"], &cilium["plugin"]), (&json!(false), &json!("cilium")));
    assert_eq!(cilium.get("unspecified"), None);
    assert_eq!(cilium["ingress"]["policies"][0]["rules"][0]["peer"], false, "its block holds no pod there");
    let text = ask(&inputs, "app/canary", "app/Deployment/server", "8080", &[]).ends(0).stdout;
    assert!(text.contains("otherwise: it does not: denied") && text.contains("  cilium: denied: "), "{text}");
}

#[test]
fn the_entries_that_match_are_named_with_their_places() {
    let scratch = Scratch::new();
    let inputs = cluster(
        &scratch,
        &[server(&json!([
            {"from": [{"podSelector": {"matchLabels": {"app": "nobody"}}}]},
            {"from": [{"podSelector": {"matchLabels": {"app": "nobody"}}}, {"podSelector": {"matchLabels": {"app": "client"}}}],
                "ports": [{"port": 1}, {"port": "main"}]},
        ]))],
    );
    let told = one(&inputs, "app/Deployment/client", "app/Deployment/server", "8080", &[]);
    let rules = &told["ingress"]["policies"][0]["rules"];
    assert_eq!((&rules[0]["admits"], &rules[1]["admits"]), (&json!(false), &json!(true)));
    let matching = |list: &str| -> Vec<u64> {
        let all = rules[1][list].as_array().unwrap().iter().filter(|row| row["matches"] == true);
        all.map(|row| row["entry"].as_u64().unwrap()).collect()
    };
    assert_eq!((matching("peers"), matching("ports")), (vec![1], vec![1]));
    assert_eq!(rules[1]["peers"][1]["text"], "pods app=client of namespace app");
    assert_eq!(told["pairs"], 2, "both clients get one answer");
    assert!(told["toDeny"].to_string().contains("ingress rule 1 of app/server"), "{}", told["toDeny"]);
    let file = told["ingress"]["policies"][0]["file"].as_str().unwrap();
    assert!(file.ends_with("cluster.json"), "{file}");
    let text = ask(&inputs, "app/Deployment/client", "app/Deployment/server", "81", &[]).ends(0).stdout;
    assert!(
        text.contains("ingress rule 1: the peer matches (from[1] pods app=client of namespace app)"),
        "{text}"
    );
    assert!(text.contains("to allow it: add port 81/TCP to ingress rule 1 of app/server"), "{text}");
}

#[test]
fn rules_of_tiers_are_named_with_tier_and_entries() {
    let scratch = Scratch::new();
    let tier = |name: &str, tier: &str, action: &str| {
        json!({"apiVersion": "policy.networking.k8s.io/v1alpha2", "kind": "ClusterNetworkPolicy",
            "metadata": {"name": name}, "spec": {"tier": tier, "priority": 5, "subject": {"namespaces": {}},
                "ingress": [{"action": action, "name": "by-label",
                    "from": [{"namespaces": {"matchLabels": {"no": "such"}}}, {"namespaces": {}}],
                    "protocols": [{"udp": {}}, {"tcp": {"destinationPort": {"number": 8080}}}]}]}})
    };
    let inputs = cluster(&scratch, &[tier("early", "Admin", "Pass"), tier("late", "Baseline", "Deny")]);
    let told = one(&inputs, "app/canary", "app/Deployment/server", "8080", &[]);
    let tiers = told["ingress"]["tiers"].as_array().unwrap();
    let said: Vec<[&Value; 3]> =
        tiers.iter().map(|row| [&row["policy"], &row["tier"], &row["action"]]).collect();
    assert_eq!(
        said,
        [["ClusterNetworkPolicy/early", "Admin", "Pass"], ["ClusterNetworkPolicy/late", "Baseline", "Deny"]]
    );
    assert_eq!(tiers[1]["name"], "by-label");
    for list in ["peers", "ports"] {
        let matches: Vec<&Value> =
            tiers[1][list].as_array().unwrap().iter().map(|row| &row["matches"]).collect();
        assert_eq!(matches, [false, true], "{list}");
    }
    assert!(told["toAllow"][0].as_str().unwrap().contains("or isolate app/server"), "{}", told["toAllow"]);
    let other = one(&inputs, "app/canary", "app/Deployment/server", "9", &[]);
    assert_eq!(
        other["ingress"]["otherTiers"].as_array().unwrap().len(),
        2,
        "they select it and say nothing of port 9"
    );
}

#[test]
fn replicas_that_differ_are_one_list_in_one_document() {
    let scratch = Scratch::new();
    let half = json!([{"from": [{"ipBlock": {"cidr": "10.1.1.0/24"}}]}]);
    let inputs = cluster(&scratch, &[server(&half)]);
    let list = one(&inputs, "app/Deployment/client", "app/Deployment/server", "8080", &[]);
    assert_eq!(list["kind"], "ExplanationList");
    let items = list["items"].as_array().unwrap();
    let mut allowed: Vec<bool> = items.iter().map(|item| item["allowed"].as_bool().unwrap()).collect();
    allowed.sort_unstable();
    assert_eq!(allowed, [false, true]);
    assert!(items.iter().all(|item| item["kind"] == "Explanation" && item["pairs"] == 1));
    assert_eq!(one(&inputs, "app/canary", "app/Deployment/server", "8080", &[])["kind"], "Explanation");
}

#[test]
fn a_workload_and_itself_means_two_of_its_pods() {
    let scratch = Scratch::new();
    let inputs = cluster(&scratch, &[]);
    let told = one(&inputs, "app/Deployment/client", "app/Deployment/client", "1", &[]);
    assert_eq!(told["pairs"], 2, "each to the other");
    assert_ne!(told["from"], told["to"]);
    let alone = one(&inputs, "app/Deployment/server", "app/Deployment/server", "1", &[]);
    assert_eq!(alone["from"], alone["to"]);
}

#[test]
fn a_policy_that_selects_for_the_other_direction_is_said_to() {
    let scratch = Scratch::new();
    let inputs = cluster(&scratch, &[server(&json!([]))]);
    let told = one(&inputs, "app/Deployment/server", "app/canary", "8080", &[]);
    assert_eq!(told["egress"]["reason"], "not-isolated");
    assert_eq!(told["egress"]["otherDirection"][0]["policy"], "app/server");
}

#[test]
fn names_that_are_no_end_get_help() {
    let scratch = Scratch::new();
    let inputs = cluster(&scratch, &[]);
    for (name, words) in [
        ("app/front", &["is a service", "app/Deployment/server", "80/TCP is 8080"][..]),
        ("app/Service/front", &["is a service", "app/Deployment/server"]),
        ("svc/front", &["is a service"]),
        ("app/Deployment/sever", &["nearest", "app/Deployment/server"]),
        ("app/server", &["did you mean", "app/Deployment/server"]),
        ("server", &["did you mean", "app/Deployment/server"]),
        ("app/StatefulSet/server", &["did you mean", "app/Deployment/server"]),
        ("node/m1", &["nearest", "node/n1"]),
        ("namespace/app", &["a namespace is no end"]),
        ("zzzzzzzzzz", &["no pod", "no node id", "no address"]),
    ] {
        let run = ask(&inputs, "app/canary", name, "8080", &[]).ends(2);
        for word in words {
            assert!(run.stderr.contains(word), "{name}: {word:?} in {}", run.stderr);
        }
        assert!(run.stdout.is_empty());
    }
    let run = ask(&inputs, "app/canary", "10.96.0.7", "80", &[]).ends(0);
    assert!(run.stderr.contains("app/front is a service"), "{}", run.stderr);
    assert_eq!(
        one(&inputs, "app/canary", "app/Pod/canary", "1", &[])["to"],
        "app/canary",
        "a pod's id is understood"
    );
}

#[test]
fn exit_codes_tell_usage_input_and_partial_sets_apart() {
    let scratch = Scratch::new();
    let inputs = cluster(&scratch, &[]);
    ask(&inputs, "app/canary", "app/Deployment/server", "80/QUIC", &[]).ends(2);
    ask(&inputs, "app/canary", "app/Deployment/server", "0", &[]).ends(2);
    flowfence(["explain", "1.2.3.4", "1.2.3.5", "80", "--cluster", "no-such"]).ends(3);
    let denied = server(&json!([]));
    let set = |items: &[Value]| {
        let list = json!({"apiVersion": "v1", "kind": "List", "items": items});
        scratch.file("set.json", list.to_string()).to_str().unwrap().to_owned()
    };
    let whole = set(std::slice::from_ref(&denied));
    ask(&inputs, "app/canary", "app/Deployment/server", "80", &["--policies", &whole]).ends(0);
    let mut broken = denied.clone();
    broken["metadata"]["name"] = "broken".into();
    broken["spec"]["ingress"] = json!([{"port": 1}]);
    let partial = set(&[denied, broken]);
    let run =
        ask(&inputs, "app/canary", "app/Deployment/server", "80", &["--policies", &partial, "-o", "json"])
            .ends(5);
    assert!(run.json()["objects"]["refused"].to_string().contains("app/broken"), "{}", run.stdout);
    let run = flowfence(["explain", "1.2.3.4", "1.2.3.5", "80"]).ends(0);
    assert!(run.stderr.contains("no --cluster given"), "{}", run.stderr);
}
