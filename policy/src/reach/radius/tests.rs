use std::collections::BTreeSet;

use flowfence_model::policy::Direction;
use flowfence_model::tier::{Action, ClusterPolicy, ClusterPolicyKind, Tier, TierPeer, TierPort, TierRule};
use flowfence_model::{
    LabelSelector, NetworkPolicy, NodeId, PeerSelector, PolicyPeer, PolicyPort, PolicyRule, PortName,
    PortRange, Protocol,
};
use proptest::prelude::*;

use super::*;
use crate::judge::testing::{World, labels, workload};

fn world() -> World {
    let mut world = World::new();
    world.deployment("shop/web", "app=web", 2).deployment("shop/api", "app=api", 1);
    world.deployment("shop/db", "app=db", 1).deployment("ops/scraper", "app=scraper", 1);
    world.api_server("172.30.0.254");
    world
}

fn pods(text: &str) -> PolicyPeer {
    let pods = LabelSelector { match_labels: labels(text), ..LabelSelector::everything() };
    PolicyPeer::Pods(PeerSelector { namespaces: None, pods: Some(pods) })
}

fn port(number: u16) -> PolicyPort {
    PolicyPort { protocol: Protocol::Tcp, port: Some(PortName::Range(PortRange::single(number))) }
}

fn policy(name: &str, subject: &str, direction: Direction, rules: Vec<PolicyRule>) -> NetworkPolicy {
    let (ingress, egress) = match direction {
        Direction::Ingress => (Some(rules), None),
        Direction::Egress => (None, Some(rules)),
    };
    NetworkPolicy {
        namespace: "shop".to_owned(),
        name: name.to_owned(),
        pod_selector: LabelSelector { match_labels: labels(subject), ..LabelSelector::everything() },
        ingress,
        egress,
    }
}

/// What a workload reaches, by name.
fn reached(policies: &[NetworkPolicy], from: &str) -> (BTreeSet<String>, Internet, bool) {
    let seen = world().seen();
    let roster = Roster::new(&seen.inventory);
    let set = PolicySet::compile(roster.cluster(), policies);
    let radius = Radii::new(&seen.inventory, &roster, &set).of(&workload(from)).unwrap();
    let ids: Vec<&NodeId> = roster.workloads().keys().collect();
    let names = radius.workloads.ones().map(|number| ids[number].to_string()).collect();
    (names, radius.internet, radius.api_server)
}

#[test]
fn without_policies_everything_is_reached_but_itself() {
    let (names, internet, api_server) = reached(&[], "shop/Deployment/web");
    assert_eq!(names.len(), 3);
    assert!(!names.contains("shop/Deployment/web"));
    assert_eq!((internet, api_server), (Internet::Anywhere, true));
}

#[test]
fn rules_of_both_ends_that_share_no_port_admit_nothing() {
    let out = |number| {
        let rule = PolicyRule { peers: vec![pods("app=db")], ports: vec![port(number)] };
        policy("out", "app=web", Direction::Egress, vec![rule])
    };
    let into = PolicyRule { peers: vec![pods("app=web")], ports: vec![port(5432)] };
    let into = policy("in", "app=db", Direction::Ingress, vec![into]);
    let (names, internet, api_server) = reached(&[out(80), into.clone()], "shop/Deployment/web");
    assert_eq!((names.len(), internet, api_server), (0, Internet::None, false));
    assert_eq!(reached(&[out(5432), into], "shop/Deployment/web").0.len(), 1);
}

#[test]
fn a_block_outside_is_some_of_the_internet_and_the_whole_of_it_anywhere() {
    let to = |block: &str, except: &[&str]| {
        let except = except.iter().map(|part| part.parse().unwrap()).collect();
        let peers = vec![PolicyPeer::Block { cidr: block.parse().unwrap(), except }];
        let rule = PolicyRule { peers, ports: vec![port(443)] };
        vec![policy("out", "app=web", Direction::Egress, vec![rule])]
    };
    let internet = |policies: &[NetworkPolicy]| reached(policies, "shop/Deployment/web").1;
    assert_eq!(internet(&to("198.51.100.20/32", &[])), Internet::Some);
    assert_eq!(internet(&to("0.0.0.0/0", &["10.0.0.0/8"])), Internet::Anywhere);
    assert_eq!(internet(&to("10.0.0.0/8", &[])), Internet::None);
    assert_eq!(internet(&to("203.0.113.0/24", &["203.0.113.0/32"])), Internet::Some);
}

/// One that has pods of both families, and a port that has a name.
fn mixed_world() -> World {
    let mut world = world();
    for (pod, ip) in [("shop/web-0", "fd00::1"), ("shop/api-0", "fd00::2"), ("shop/db-0", "fd01::3")] {
        world.pod(pod).ips.push(ip.parse().unwrap());
    }
    world.port("shop/db-0", "sql", 1);
    world
}

const WHO: [&str; 4] = ["app=web", "app=api", "app=db", ""];
const BLOCKS: [&str; 3] = ["10.244.1.0/24", "fd00::/64", "10.244.1.1/32"];

prop_compose! {
    fn any_policy()(
        subject in 0usize..4, peer in 0usize..7, egress: bool, ports in 0u16..4, number in 0u32..1000
    ) -> NetworkPolicy {
        let who = WHO;
        let named = PolicyPort { protocol: Protocol::Tcp, port: Some(PortName::Name("sql".to_owned())) };
        let ports = match ports {
            0 => Vec::new(),
            3 => vec![named],
            number => vec![port(number)],
        };
        let peers = match peer.checked_sub(4) {
            Some(block) => vec![PolicyPeer::Block { cidr: BLOCKS[block].parse().unwrap(), except: Vec::new() }],
            None => vec![pods(who[peer])],
        };
        let direction = if egress { Direction::Egress } else { Direction::Ingress };
        policy(&format!("p{number}"), who[subject], direction, vec![PolicyRule { peers, ports }])
    }
}

prop_compose! {
    fn any_tier()(
        subject in 0usize..4, peer in 0usize..8, egress: bool, ports in 0u16..3, priority in 0u16..3,
        action in prop::sample::select(vec![Action::Accept, Action::Deny, Action::Pass]), baseline: bool, number in 0u32..1000,
    ) -> ClusterPolicy {
        let selector = |text: &str| PeerSelector {
            namespaces: Some(LabelSelector::everything()),
            pods: Some(LabelSelector { match_labels: labels(text), ..LabelSelector::everything() }),
        };
        let peers = match peer.checked_sub(4) {
            Some(3) => vec![TierPeer::Unknown("magic".to_owned())],
            Some(block) => vec![TierPeer::Networks(vec![BLOCKS[block].parse().unwrap()])],
            None => vec![TierPeer::Pods(selector(WHO[peer]))],
        };
        let range = |number| TierPort::Numbers { protocol: Protocol::Tcp, range: PortRange::single(number) };
        let ports = if ports == 0 { Vec::new() } else { vec![range(ports)] };
        let rules = vec![TierRule { name: String::new(), action, peers, ports }];
        let (ingress, egress) = if egress { (Vec::new(), rules) } else { (rules, Vec::new()) };
        ClusterPolicy {
            kind: ClusterPolicyKind::ClusterNetworkPolicy,
            name: format!("t{number}"),
            tier: if baseline { Tier::Baseline } else { Tier::Admin },
            priority,
            subject: selector(WHO[subject]),
            ingress,
            egress,
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    /// The sets of pods and the engine, which is asked pod by pod, never disagree.
    #[test]
    fn what_is_folded_is_what_the_engine_says(
        policies in prop::collection::vec(any_policy(), 0..6), tiers in prop::collection::vec(any_tier(), 0..5)
    ) {
        let seen = mixed_world().seen();
        let roster = Roster::new(&seen.inventory);
        let set = PolicySet::compile_all(roster.cluster(), &policies, &tiers);
        let radii = Radii::new(&seen.inventory, &roster, &set);
        for id in roster.workloads().keys() {
            let own = radii.number(id);
            let mut asked = FixedBitSet::with_capacity(radii.workloads());
            for pod in roster.pods_of(id) {
                let reached = radii.asked(*pod);
                reached.ones().filter_map(|pod| radii.workload_of[pod]).for_each(|n| asked.insert(n));
            }
            if let Some(own) = own {
                asked.set(own, false);
            }
            let numbers = |set: &FixedBitSet| set.ones().collect::<Vec<_>>();
            prop_assert_eq!(numbers(&radii.of(id).unwrap().workloads), numbers(&asked), "{}", id);
        }
    }

    /// Counted together or one by one, as many reach each.
    #[test]
    fn from_the_other_end_it_is_the_same(policies in prop::collection::vec(any_policy(), 0..6)) {
        let seen = world().seen();
        let roster = Roster::new(&seen.inventory);
        let set = PolicySet::compile(roster.cluster(), &policies);
        let radii = Radii::new(&seen.inventory, &roster, &set);
        let mut counts = vec![0; radii.workloads()];
        for id in roster.workloads().keys() {
            radii.of(id).unwrap().workloads.ones().for_each(|number| counts[number] += 1);
        }
        prop_assert_eq!(radii.reached_by(), counts);
    }
}
