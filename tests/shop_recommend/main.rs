//! The policies for the shop, read back from what was written and judged by the engine against the kernels' truth.

#![allow(clippy::unwrap_used, reason = "a test panics where it has nothing to say")]

mod judge;
#[path = "../support/mod.rs"]
mod support;

use std::collections::{BTreeMap, BTreeSet};

use flowfence::manifest::parse_policies;
use flowfence_model::{Direction, NetworkPolicy, PolicyPeer, PortName, Protocol};
use flowfence_policy::semantics::{self, Connection, PodIndex, PolicySet};
use serde_json::Value;

use judge::{Judge, files_of};
use support::program::Scratch;
use support::shop;

/// Labels that change with a rollout, a replica or a run.
const VOLATILE: [&str; 8] = [
    "pod-template-hash",
    "controller-revision-hash",
    "statefulset.kubernetes.io/pod-name",
    "apps.kubernetes.io/pod-index",
    "job-name",
    "controller-uid",
    "batch.kubernetes.io/",
    "pod-template-generation",
];

fn cut(set: &PolicySet, genuine: &[(String, Connection)]) -> BTreeSet<String> {
    genuine.iter().filter(|(_, connection)| !set.allows(connection)).map(|(edge, _)| edge.clone()).collect()
}

#[test]
fn every_genuine_connection_is_admitted() {
    let judge = Judge::new();
    let genuine = judge.genuine();
    assert!(genuine.len() > 1_000, "the truth was read: {}", genuine.len());
    assert_eq!(cut(&judge.compile(&judge.policies), &genuine), BTreeSet::new());
}

#[test]
fn between_pods_nothing_else_is_admitted() {
    let judge = Judge::new();
    let set = judge.compile(&judge.policies);
    let mut needed: BTreeMap<(String, String, Protocol), BTreeSet<u16>> = BTreeMap::new();
    for (_, connection) in judge.genuine() {
        let (Some(from), Some(to)) = (connection.from.pod, connection.to.pod) else { continue };
        let ends = (judge.workload(from), judge.workload(to));
        needed
            .entry((ends.0.clone(), ends.1.clone(), connection.protocol))
            .or_default()
            .insert(connection.port);
        if connection.port == 53 {
            // Truncated answers are asked for again over TCP.
            for protocol in [Protocol::Tcp, Protocol::Udp] {
                needed.entry((ends.0.clone(), ends.1.clone(), protocol)).or_default().insert(53);
            }
        }
    }
    let pods: Vec<PodIndex> =
        judge.cluster.indices().filter(|pod| !judge.cluster.pod(*pod).host_network).collect();
    let (mut excess, mut pairs) = (BTreeSet::new(), 0);
    for from in &pods {
        for to in pods.iter().filter(|to| *to != from) {
            if !set.isolates(*from, Direction::Egress) && !set.isolates(*to, Direction::Ingress) {
                continue;
            }
            pairs += 1;
            let party =
                |pod: PodIndex| semantics::Party { pod: Some(pod), address: judge.cluster.pod(pod).ips[0] };
            for protocol in [Protocol::Tcp, Protocol::Udp, Protocol::Sctp] {
                let key = (judge.workload(*from), judge.workload(*to), protocol);
                let admitted = set.ports(party(*from), party(*to), protocol);
                let wanted = needed.get(&key).map_or(0, BTreeSet::len);
                let all_wanted = needed.get(&key).into_iter().flatten().all(|port| admitted.contains(*port));
                if admitted.len() as usize != wanted || !all_wanted {
                    excess.insert(format!("{} -> {} {protocol} {admitted}, needed {wanted}", key.0, key.1));
                }
            }
        }
    }
    assert!(pairs > 200, "pairs of pods were judged: {pairs}");
    assert_eq!(excess, BTreeSet::new());
}

#[test]
fn nothing_of_the_attack_is_admitted() {
    let judge = Judge::new();
    let set = judge.compile(&judge.policies);
    let attack: Vec<_> = judge.truth.visible().filter(|c| judge.truth.is_attack(c)).collect();
    assert!(attack.len() > 130, "the scan was read: {}", attack.len());
    assert!(attack.iter().any(|c| c.server.1 == 3333), "the miner's pool is among it");
    let admitted: Vec<String> = attack
        .iter()
        .filter(|c| set.allows(&judge.question(c)))
        .map(|c| judge.truth.key(c).to_string())
        .collect();
    assert_eq!(admitted, [""; 0]);
    let knocks = judge.truth.refused_knocks();
    assert_eq!(knocks.len(), 9);
    for (client, server) in knocks {
        let (from, to) = (judge.cluster.party(client.0), judge.cluster.party(server.0));
        let knock = Connection { from, to, protocol: Protocol::Tcp, port: server.1 };
        assert!(from.pod.is_some() && to.pod.is_some() && !set.allows(&knock), "{knock:?}");
    }
}

#[test]
fn the_program_says_of_its_proof_what_the_judge_finds() {
    let answer = shop::inputs().run("recommend", &["-o", "json"]).ends(0).json();
    assert_eq!(answer["kind"], "Recommendation");
    let judge = Judge::new();
    let genuine: BTreeSet<String> = judge.genuine().into_iter().map(|(edge, _)| edge).collect();
    for set in ["alone", "beside"] {
        let proof = &answer["proof"][set];
        assert_eq!(proof["cut"], serde_json::json!([]), "{set}");
        assert_eq!(proof["observed"], genuine.len(), "{set}");
        assert_eq!(proof["admitted"], genuine.len(), "{set}");
    }
    assert_eq!(answer["proof"]["alone"]["excess"], serde_json::json!([]));
    let reachable = |when: &str| answer["proof"]["alone"][when].as_u64().unwrap();
    assert!(reachable("reachableAfter") < reachable("reachableBefore"));
    assert_eq!(answer["suspects"], serde_json::json!(["shop/Deployment/blog"]));
    assert_eq!(
        support::graph::texts(&answer["supersedes"]),
        BTreeSet::from(["data/cache-from-shop".to_owned()]),
        "shop/stale selects nothing, so nothing takes its place"
    );
    let ping = answer["proof"]["inexpressible"].to_string();
    assert!(ping.contains("ops/Deployment/operator") && ping.contains("203.0.113.10"), "{ping}");
    assert!(answer["evidence"].as_array().is_some_and(|list| !list.is_empty()));
}

#[test]
fn no_selector_names_a_label_that_a_rollout_changes() {
    let yaml = shop::inputs().run("recommend", &["-o", "yaml"]).ends(0).stdout;
    for label in VOLATILE {
        assert!(!yaml.contains(label), "{label}");
    }
    let judge = Judge::new();
    for policy in &judge.policies {
        assert!(policy.name.starts_with("flowfence-"), "{}", policy.key());
        assert!(policy.ingress.is_some() && policy.egress.is_some(), "{}: both directions", policy.key());
    }
}

#[test]
fn a_policy_selects_the_pods_of_one_workload_and_every_observed_workload_has_one() {
    let judge = Judge::new();
    let set = judge.compile(&judge.policies);
    let mut fenced = BTreeSet::new();
    for (n, policy) in judge.policies.iter().enumerate() {
        let workloads: BTreeSet<String> = set.selected(n).map(|pod| judge.workload(pod)).collect();
        assert_eq!(workloads.len(), 1, "{} selects {workloads:?}", policy.key());
        assert!(fenced.insert(workloads.into_iter().next().unwrap()), "{}: a second one", policy.key());
    }
    let everybody: BTreeSet<String> = judge
        .inventory
        .workloads()
        .values()
        .filter(|workload| !workload.host_network && workload.id.namespace() != Some("kube-system"))
        .map(|workload| workload.id.to_string())
        .collect();
    assert_eq!(fenced, everybody);
}

#[test]
fn a_directory_holds_one_file_a_workload_and_a_kustomization_that_lists_them() {
    let scratch = Scratch::new();
    let out = scratch.path().join("deep/policies");
    shop::inputs().run("recommend", &["--out", out.to_str().unwrap()]).ends(0);
    let listed = files_of(&out);
    assert!(listed.contains(&"shop/web.yaml".to_owned()), "{listed:?}");
    let mut sorted = listed.clone();
    sorted.sort();
    assert_eq!(listed, sorted);
    let mut found = Vec::new();
    for namespace in
        std::fs::read_dir(&out).unwrap().map(|entry| entry.unwrap().path()).filter(|path| path.is_dir())
    {
        for file in std::fs::read_dir(&namespace).unwrap().map(|entry| entry.unwrap().path()) {
            found.push(file.strip_prefix(&out).unwrap().to_str().unwrap().to_owned());
        }
    }
    found.sort();
    assert_eq!(found, sorted);
    for file in &listed {
        let text = std::fs::read_to_string(out.join(file)).unwrap();
        let policies = parse_policies(&text, file).policies();
        let workload = |policy: &NetworkPolicy| policy.name.strip_prefix("flowfence-").unwrap().to_owned();
        let names: Vec<String> =
            policies.iter().map(|policy| format!("{}/{}.yaml", policy.namespace, workload(policy))).collect();
        assert_eq!(names, [file.as_str()]);
        assert!(text.contains("app.kubernetes.io/managed-by: flowfence"), "{text}");
    }
}

#[test]
fn the_same_input_in_any_order_gives_the_same_bytes() {
    let shop = shop::inputs();
    let mut turned = shop.clone();
    turned.captures.reverse();
    turned.clusters.reverse();
    for format in ["yaml", "json"] {
        let bytes =
            |inputs: &support::program::Inputs| inputs.run("recommend", &["-o", format]).ends(0).stdout;
        let mut answers = [bytes(&shop), bytes(&turned)];
        if format == "json" {
            // Which input is named first is not part of the answer.
            answers = answers.map(|text| {
                let mut answer: Value = serde_json::from_str(&text).unwrap();
                answer["completeness"] = Value::Null;
                answer.to_string()
            });
        }
        assert_eq!(answers[0], answers[1], "{format}");
    }
}

#[test]
fn only_the_namespaces_that_were_asked_for_get_policies() {
    let yaml = shop::inputs().run("recommend", &["-o", "yaml", "-n", "data"]).ends(0).stdout;
    let policies = parse_policies(&yaml, "stdout").policies();
    let all = Judge::new().policies;
    let of_data: Vec<NetworkPolicy> = all.into_iter().filter(|policy| policy.namespace == "data").collect();
    assert_eq!(policies, of_data, "the same as in the whole");
}

/// Widths that a rule has on purpose: nodes that were not seen but may be, the whole outside of an exposed port.
fn is_declared_width(peer: &PolicyPeer, judge: &Judge) -> bool {
    match peer {
        PolicyPeer::Block { cidr, .. } => {
            cidr.prefix_len() == 0 || judge.inventory.node_of(cidr.addr()).is_some()
        }
        PolicyPeer::Pods(_) => false,
    }
}

#[test]
fn without_any_rule_peer_or_port_of_them_something_genuine_is_cut() {
    let judge = Judge::new();
    let genuine = judge.genuine();
    let (mut mutants, mut survivors) = (0, Vec::new());
    let mut try_without = |what: String, policies: &[NetworkPolicy]| {
        mutants += 1;
        if cut(&judge.compile(policies), &genuine).is_empty() {
            survivors.push(what);
        }
    };
    for (n, policy) in judge.policies.iter().enumerate() {
        for direction in Direction::BOTH {
            let rules = policy.rules(direction).unwrap_or_default();
            for (r, rule) in rules.iter().enumerate() {
                let mut mutant = judge.policies.clone();
                rules_mut(&mut mutant[n], direction).remove(r);
                let whole = rule.peers.iter().all(|peer| is_declared_width(peer, &judge));
                let name = format!("{} {direction} rule {r}", policy.key());
                // A rule that admits every node still answers to the nodes that were seen.
                try_without(name.clone(), &mutant);
                for (p, peer) in rule
                    .peers
                    .iter()
                    .enumerate()
                    .filter(|(_, peer)| !whole && !is_declared_width(peer, &judge))
                {
                    let mut mutant = judge.policies.clone();
                    let peers = &mut rules_mut(&mut mutant[n], direction)[r].peers;
                    peers.remove(p);
                    if peers.is_empty() {
                        continue; // an empty list would admit everybody; the rule itself was deleted above
                    }
                    try_without(format!("{name} peer {peer:?}"), &mutant);
                }
                for (p, port) in rule.ports.iter().enumerate().filter(|_| rule.ports.len() > 1) {
                    let is_dns =
                        matches!(&port.port, Some(PortName::Range(range)) if range.to_string() == "53");
                    if is_dns && port.protocol == Protocol::Tcp {
                        continue; // declared: DNS is admitted on both protocols
                    }
                    let mut mutant = judge.policies.clone();
                    rules_mut(&mut mutant[n], direction)[r].ports.remove(p);
                    try_without(format!("{name} port {port:?}"), &mutant);
                }
            }
        }
    }
    assert!(mutants > 40, "rules and peers were deleted: {mutants}");
    assert_eq!(survivors, [""; 0], "of {mutants}");
}

fn rules_mut(policy: &mut NetworkPolicy, direction: Direction) -> &mut Vec<flowfence_model::PolicyRule> {
    match direction {
        Direction::Ingress => policy.ingress.as_mut().unwrap(),
        Direction::Egress => policy.egress.as_mut().unwrap(),
    }
}
