use flowfence_model::object::Object;
use flowfence_model::tier::{Action, ClusterPolicy, ClusterPolicyKind, Tier, TierPeer, TierRule};
use flowfence_model::{LabelSelector, NetworkPolicy, PeerSelector, PolicyPeer, PolicyRule};

use super::{Outcome, prove};
use crate::judge::testing::World;

fn policy(subject: &str, ingress: Vec<PolicyRule>) -> NetworkPolicy {
    NetworkPolicy {
        namespace: "shop".to_owned(),
        name: subject.to_owned(),
        pod_selector: LabelSelector::labels([("app", subject)]),
        ingress: Some(ingress),
        egress: None,
    }
}

fn pods(app: &str) -> PolicyPeer {
    let pods = Some(LabelSelector::labels([("app", app)]));
    PolicyPeer::Pods(PeerSelector { namespaces: None, pods })
}

fn everybody() -> PolicyRule {
    PolicyRule {
        peers: vec![PolicyPeer::Pods(PeerSelector {
            namespaces: None,
            pods: Some(LabelSelector::everything()),
        })],
        ports: Vec::new(),
    }
}

fn alone(world: &World, policies: &[NetworkPolicy]) -> Outcome {
    let seen = world.seen();
    prove(&seen.facts, &seen.inventory, &seen.judgement, policies, &seen.today, &[]).alone
}

fn trio() -> World {
    let mut world = World::new();
    world.deployment("shop/a", "app=a", 2).deployment("shop/b", "app=b", 2).deployment("shop/c", "app=c", 1);
    world.port("shop/b-0", "http", 80);
    world.tcp("shop/a-0", "shop/b-0", 80);
    world
}

#[test]
fn a_rule_for_all_ports_is_excess_on_ports_that_nobody_declares() {
    let outcome = alone(&trio(), &[policy("b", vec![everybody()])]);
    let found: Vec<String> = outcome
        .excess
        .iter()
        .map(|e| format!("{} {} {}", e.from, e.protocol, e.ports))
        .filter(|line| line.contains("TCP"))
        .collect();
    assert_eq!(
        found,
        [
            "shop/Deployment/a TCP 0-79,81-65535",
            "shop/Deployment/b TCP 0-65535",
            "shop/Deployment/c TCP 0-65535",
        ]
    );
    assert!(outcome.excess[0].why.contains("shop/b ingress[0]"), "{}", outcome.excess[0].why);
}

#[test]
fn one_replica_that_is_cut_cuts_the_edge() {
    let mut world = trio();
    world.pods.get_mut("shop/a-1").unwrap().meta.labels.insert("canary".to_owned(), "yes".to_owned());
    let without = PeerSelector {
        namespaces: None,
        pods: Some(LabelSelector {
            match_labels: [("app".to_owned(), "a".to_owned())].into(),
            match_expressions: vec![flowfence_model::Requirement::DoesNotExist("canary".to_owned())],
        }),
    };
    let rule = PolicyRule { peers: vec![PolicyPeer::Pods(without)], ports: Vec::new() };
    let outcome = alone(&world, &[policy("b", vec![rule])]);
    let [cut] = outcome.cut.as_slice() else { panic!("{:?}", outcome.cut) };
    assert!(cut.example.starts_with("shop/a-1"), "{}", cut.example);
    assert_eq!((outcome.observed, outcome.admitted), (1, 0));
}

#[test]
fn a_second_family_that_is_cut_cuts_the_edge() {
    let mut world = trio();
    for (pod, ip) in [("shop/a-0", "fd00::a"), ("shop/b-0", "fd00::b")] {
        world.pods.get_mut(pod).unwrap().ips.push(ip.parse().unwrap());
    }
    let v4 = PolicyPeer::Block { cidr: "0.0.0.0/0".parse().unwrap(), except: Vec::new() };
    let rule = PolicyRule { peers: vec![v4], ports: Vec::new() };
    let outcome = alone(&world, &[policy("b", vec![rule])]);
    assert!(outcome.cut[0].example.contains("fd00::"), "{}", outcome.cut[0].example);
}

#[test]
fn reachable_counts_pairs_and_known_ports() {
    let world = trio();
    // b:80 from a and c; nothing else has a port.
    let open = alone(&world, &[]);
    assert_eq!((open.reachable_before, open.reachable_after), (2, 2));
    let shut = alone(&world, &[policy("b", Vec::new())]);
    assert_eq!((shut.reachable_before, shut.reachable_after), (2, 0));
}

#[test]
fn a_block_that_holds_pods_is_excess() {
    let block = PolicyPeer::Block { cidr: "10.244.0.0/16".parse().unwrap(), except: Vec::new() };
    let rule = PolicyRule { peers: vec![block], ports: Vec::new() };
    let outcome = alone(&trio(), &[policy("b", vec![rule])]);
    assert!(outcome.excess.iter().any(|e| e.from.to_string() == "shop/Deployment/c"));
}

#[test]
fn tiers_stay_beside_the_set_and_count_in_what_is_reachable() {
    let everywhere = || PeerSelector { namespaces: Some(LabelSelector::everything()), pods: None };
    let mut world = trio();
    world.objects.push(Object::ClusterPolicy(ClusterPolicy {
        kind: ClusterPolicyKind::ClusterNetworkPolicy,
        name: "shut".to_owned(),
        tier: Tier::Baseline,
        priority: 10,
        subject: everywhere(),
        ingress: vec![TierRule {
            name: String::new(),
            action: Action::Deny,
            peers: vec![TierPeer::Pods(everywhere())],
            ports: Vec::new(),
        }],
        egress: Vec::new(),
    }));
    let seen = world.seen();
    let rule = PolicyRule { peers: vec![pods("a")], ports: Vec::new() };
    let policies = [policy("b", vec![rule])];
    let proof = prove(&seen.facts, &seen.inventory, &seen.judgement, &policies, &[], &[]);
    assert_eq!((proof.beside.reachable_before, proof.beside.reachable_after), (0, 1));
    assert!(proof.beside.cut.is_empty(), "a NetworkPolicy ends before the Baseline tier");
    let proof = prove(&seen.facts, &seen.inventory, &seen.judgement, &[], &[], &[]);
    assert_eq!((proof.alone.cut.len(), proof.beside.cut.len()), (0, 1));
}
