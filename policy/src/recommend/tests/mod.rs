use std::collections::BTreeSet;

use flowfence_graph::Tally;
use flowfence_model::policy::Direction;
use flowfence_model::{NetworkPolicy, PolicyPeer, PolicyPort, PolicyRule, PortName, Protocol, Requirement};

use super::proof::{Proof, prove};
use super::{Exposed, Mode, Network, Options, Recommendation, ServedRange, Width, recommend};
use crate::judge::testing::{Seen, World, at, connected, workload};

mod add;
mod decided;
mod fault;
mod gather;
mod mutation;
mod namespace;
mod peer;
mod random;
mod scope;
mod width;

fn run(world: &World, options: &Options) -> (Seen, Recommendation) {
    let seen = world.seen();
    let answer = recommend(&seen.facts, &seen.inventory, &seen.judgement, &seen.today, options);
    (seen, answer)
}

fn recommended(world: &World) -> Recommendation {
    run(world, &Options::default()).1
}

fn proof_of(seen: &Seen, answer: &Recommendation, policies: &[NetworkPolicy]) -> Proof {
    prove(&seen.facts, &seen.inventory, &seen.judgement, policies, &seen.today, &answer.declared)
}

/// Recommends, and checks that the proof holds without excess.
#[track_caller]
fn proved(world: &World, options: &Options) -> Recommendation {
    let (seen, answer) = run(world, options);
    let policies: Vec<NetworkPolicy> = answer.policies.iter().map(|p| p.policy.clone()).collect();
    let proof = proof_of(&seen, &answer, &policies);
    assert!(proof.holds(), "{:#?}", proof.alone.cut);
    assert_eq!(proof.alone.excess, []);
    answer
}

fn port_text(port: &PolicyPort) -> String {
    let number = port.port.as_ref().map_or("*".to_owned(), PortName::to_string);
    format!("{number}/{}", port.protocol)
}

fn peer_text(peer: &PolicyPeer) -> String {
    let pairs = |selector: &flowfence_model::LabelSelector| {
        let equal = selector.match_labels.iter().map(|(k, v)| format!("{k}={v}"));
        let more = selector.match_expressions.iter().map(|r| match r {
            Requirement::In(key, values) => {
                format!("{key} in {}", values.iter().cloned().collect::<Vec<_>>().join(","))
            }
            other => format!("{other:?}"),
        });
        equal.chain(more).collect::<Vec<_>>().join(",")
    };
    match peer {
        PolicyPeer::Block { cidr, except } if except.is_empty() => cidr.to_string(),
        PolicyPeer::Block { cidr, except } => format!("{cidr} except {}", except.len()),
        PolicyPeer::Pods(pods) => {
            let namespace = pods.namespaces.as_ref().map(|n| format!("[{}] ", pairs(n))).unwrap_or_default();
            format!("{namespace}{}", pairs(pods.pods.as_ref().unwrap()))
        }
    }
}

fn rule_text(rule: &PolicyRule) -> String {
    let peers: Vec<String> = rule.peers.iter().map(peer_text).collect();
    let ports: Vec<String> = rule.ports.iter().map(port_text).collect();
    format!("{}: {}", peers.join(" | "), ports.join(" "))
}

/// The rules of one direction of the policy `NAMESPACE/NAME`.
#[track_caller]
fn rules(answer: &Recommendation, key: &str, direction: Direction) -> Vec<String> {
    let policy = answer.policies.iter().find(|p| p.policy.key() == key);
    let policy = policy.unwrap_or_else(|| panic!("no {key} among {:?}", keys(answer)));
    policy.policy.rules(direction).unwrap().iter().map(rule_text).collect()
}

fn keys(answer: &Recommendation) -> Vec<String> {
    answer.policies.iter().map(|p| p.policy.key()).collect()
}

/// web (2 pods) → api (2 pods) → data/db; DNS in kube-system.
fn shop() -> World {
    let mut world = World::new();
    world
        .deployment("shop/web", "app=web,tier=front", 2)
        .deployment("shop/api", "app=api,tier=back", 2)
        .deployment("data/db", "app=db", 1)
        .deployment("kube-system/coredns", "k8s-app=kube-dns", 1)
        .service("kube-system/kube-dns", "k8s-app=kube-dns", 53, 53, None);
    world.tcp("shop/web-0", "shop/api-1", 9090);
    world.tcp("shop/api-0", "data/db-0", 5432);
    world.udp("shop/api-0", "kube-system/coredns-0", 53);
    world
}

#[test]
fn both_ends_of_an_edge_get_one_policy_each_with_both_directions() {
    let answer = proved(&shop(), &Options::default());
    assert_eq!(keys(&answer), ["data/flowfence-db", "shop/flowfence-api", "shop/flowfence-web"]);
    assert_eq!(rules(&answer, "shop/flowfence-api", Direction::Ingress), ["app=web: 9090/TCP"]);
    assert_eq!(
        rules(&answer, "shop/flowfence-api", Direction::Egress),
        [
            "[kubernetes.io/metadata.name=data] app=db: 5432/TCP",
            "[kubernetes.io/metadata.name=kube-system] k8s-app=kube-dns: 53/TCP 53/UDP",
        ],
        "the namespace of the peer, and DNS on both protocols"
    );
    assert_eq!(
        rules(&answer, "shop/flowfence-web", Direction::Ingress),
        [""; 0],
        "denied where nothing came"
    );
    assert_eq!(answer.policies[1].file, "shop/api.yaml");
    let unfenced: BTreeSet<String> = answer.unfenced.iter().map(|u| format!("{} {}", u.id, u.why)).collect();
    assert_eq!(unfenced, ["kube-system/Deployment/coredns system".to_owned()].into());
}

#[test]
fn peers_that_share_ports_share_a_rule() {
    let mut world = World::new();
    for client in ["a", "b", "c"] {
        world.deployment(&format!("shop/{client}"), &format!("app={client}"), 1);
    }
    world.deployment("shop/db", "app=db", 1);
    for client in ["a", "b"] {
        world.tcp(&format!("shop/{client}-0"), "shop/db-0", 5432);
        world.tcp(&format!("shop/{client}-0"), "shop/db-0", 8008);
    }
    world.tcp("shop/c-0", "shop/db-0", 8008);
    let answer = proved(&world, &Options::default());
    let expected = ["app in a,b: 5432/TCP 8008/TCP", "app=c: 8008/TCP"];
    assert_eq!(rules(&answer, "shop/flowfence-db", Direction::Ingress), expected);
    let evidence = &answer.policies.iter().find(|p| p.policy.name == "flowfence-db").unwrap().evidence;
    assert_eq!(evidence.iter().map(|e| e.edges.len()).collect::<Vec<_>>(), [4, 1]);
}

#[test]
fn names_never_clash_with_each_other_or_a_users_object() {
    let mut world = World::new();
    world.deployment("shop/web", "app=web", 1).controlled("StatefulSet", "shop/store", "app=store", 1);
    world.deployment("shop/store2", "app=store2", 1);
    world.tcp("shop/web-0", "shop/store-0", 80);
    let user = |name: &str| NetworkPolicy {
        namespace: "shop".to_owned(),
        name: name.to_owned(),
        pod_selector: flowfence_model::LabelSelector::labels([("app", "web")]),
        ingress: Some(vec![PolicyRule::default()]),
        egress: None,
    };
    world.today = vec![user("flowfence-web")];
    let answer = recommended(&world);
    assert_eq!(keys(&answer), ["shop/flowfence-store", "shop/flowfence-web-deployment"]);
    assert_eq!(answer.supersedes, ["shop/flowfence-web"]);
    assert_eq!(answer.policies[1].file, "shop/web-deployment.yaml");
    let ours = Options { ours: ["shop/flowfence-web".to_owned()].into(), ..Options::default() };
    let (_, answer) = run(&world, &ours);
    assert_eq!(keys(&answer), ["shop/flowfence-store", "shop/flowfence-web"]);
    assert!(answer.supersedes.is_empty(), "written anew under its own name");
    world.controlled("StatefulSet", "shop/web", "app=webset", 0);
    world.today.clear();
    assert!(keys(&recommended(&world)).contains(&"shop/flowfence-web-deployment".to_owned()));
}

#[test]
fn the_order_of_what_was_seen_changes_nothing() {
    let (one, mut other) = (shop(), shop());
    other.contacts.reverse();
    other.objects.reverse();
    assert_eq!(recommended(&one).policies, recommended(&other).policies);
}
