use std::collections::BTreeSet;

use flowfence_model::policy::Direction;
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

prop_compose! {
    fn any_policy()(
        subject in 0usize..4, peer in 0usize..5, egress: bool, ports in 0u16..3, number in 0u32..1000
    ) -> NetworkPolicy {
        let who = ["app=web", "app=api", "app=db", ""];
        let ports = if ports == 0 { Vec::new() } else { vec![port(ports)] };
        let block = PolicyPeer::Block { cidr: "10.244.1.0/24".parse().unwrap(), except: Vec::new() };
        let peers = if peer == 4 { vec![block] } else { vec![pods(who[peer])] };
        let direction = if egress { Direction::Egress } else { Direction::Ingress };
        policy(&format!("p{number}"), who[subject], direction, vec![PolicyRule { peers, ports }])
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// The sets of pods and the engine, which is asked pod by pod, never disagree.
    #[test]
    fn what_is_folded_is_what_the_engine_says(policies in prop::collection::vec(any_policy(), 0..6)) {
        let seen = world().seen();
        let roster = Roster::new(&seen.inventory);
        let set = PolicySet::compile(roster.cluster(), &policies);
        let mut radii = Radii::new(&seen.inventory, &roster, &set);
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
            prop_assert_eq!(radii.of(id).unwrap().workloads, asked, "{}", id);
        }
    }
}
