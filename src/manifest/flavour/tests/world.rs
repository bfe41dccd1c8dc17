//! A small cluster, and policies over its words.

use std::collections::BTreeSet;
use std::net::IpAddr;

use flowfence_graph::Inventory;
use flowfence_model::object::{ContainerPort, EndpointSlice, Meta, Namespace, Node, Object, Pod};
use flowfence_model::{
    LabelSelector, Labels, Names, NetworkPolicy, PeerSelector, PolicyPeer, PolicyPort, PolicyRule, PortName,
    PortRange, Protocol, Requirement,
};
use flowfence_policy::judge::Roster;
use flowfence_policy::semantics::{Connection, Party, PodIndex};
use ipnet::IpNet;
use proptest::collection::{btree_map, btree_set, vec};
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;

use crate::manifest::flavour::Scene;
use crate::manifest::tests::roundtrip::NASTY;

const KEYS: &[&str] = &["app", "app.kubernetes.io/name", "team"];
const VALUES: &[&str] = &["x", "y", "on", "1_000", ""];
const SPACES: &[&str] = &["a", "b"];
/// Outside addresses; the first two have a name each, the third two.
const OUTSIDE: &[&str] = &["203.0.113.1", "203.0.113.2", "203.0.113.3", "198.51.100.7", "2001:db8::7"];

/// Pods of namespaces `a` and `b` on two nodes, an API server of its own, names of outside hosts.
pub(super) struct World {
    pub(super) inventory: Inventory,
    names: Names,
}

fn labels(pairs: &[(&str, &str)]) -> Labels {
    pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect()
}

fn meta(namespace: &str, name: &str, pairs: &[(&str, &str)]) -> Meta {
    Meta {
        namespace: namespace.to_owned(),
        name: name.to_owned(),
        uid: format!("{namespace}/{name}"),
        labels: labels(pairs),
        ..Meta::default()
    }
}

impl World {
    pub(super) fn new() -> Self {
        let mut objects = Vec::new();
        for (n, name) in SPACES.iter().enumerate() {
            let namespace = meta("", name, &[("team", VALUES[n]), ("kubernetes.io/metadata.name", name)]);
            objects.push(Object::Namespace(Namespace { meta: namespace }));
        }
        for n in 1..=2 {
            objects.push(Object::Node(Node {
                meta: meta("", &format!("node{n}"), &[]),
                internal_ips: vec![format!("172.30.0.{n}").parse().unwrap()],
                external_ips: vec![format!("192.0.2.{n}").parse().unwrap()],
                pod_cidrs: vec![format!("10.244.{n}.0/24").parse().unwrap()],
            }));
        }
        let sets: [&[(&str, &str)]; 5] = [
            &[("app", "x")],
            &[("app", "y"), ("team", "on")],
            &[("app", "on"), ("app.kubernetes.io/name", "x")],
            &[("team", "1_000"), ("app", "")],
            &[],
        ];
        for (n, (namespace, set)) in
            SPACES.iter().flat_map(|s| sets.iter().map(move |set| (s, set))).enumerate()
        {
            let node = n % 2 + 1;
            let mut pod = Pod {
                meta: meta(namespace, &format!("p{n}"), set),
                node: format!("node{node}"),
                ips: vec![format!("10.244.{node}.{}", 10 + n).parse().unwrap()],
                ..Pod::default()
            };
            let port =
                |name: &str, port, protocol| ContainerPort { name: Some(name.to_owned()), port, protocol };
            pod.ports = vec![
                port("http", 8080 + u16::try_from(n % 2).unwrap(), Protocol::Tcp),
                port("dns", 53, if n % 3 == 0 { Protocol::Tcp } else { Protocol::Udp }),
            ];
            objects.push(Object::Pod(pod));
        }
        objects.push(Object::EndpointSlice(EndpointSlice {
            meta: meta("default", "kubernetes", &[]),
            service: "kubernetes".to_owned(),
            addresses: vec!["172.30.0.1".parse().unwrap(), "172.31.0.1".parse().unwrap()],
            ports: vec![ContainerPort { name: None, port: 6443, protocol: Protocol::Tcp }],
        }));
        let mut names = Names::default();
        for (ip, name) in [(0, "one.example"), (1, "two.example"), (2, "one.example"), (2, "other.example")] {
            assert!(names.insert(OUTSIDE[ip].parse().unwrap(), name));
        }
        World { inventory: Inventory::new(vec![objects]), names }
    }

    pub(super) fn scene(&self) -> Scene<'_> {
        Scene::new(&self.inventory, &self.names, &BTreeSet::new())
    }

    pub(super) fn pod_addresses(&self) -> impl Iterator<Item = IpAddr> {
        self.inventory.pods().iter().flat_map(|known| known.pod.ips.iter().copied())
    }

    /// A pod `NAMESPACE/NAME` or an address.
    pub(super) fn party(&self, text: &str) -> Party {
        if let Ok(address) = text.parse() {
            return Party { pod: None, address };
        }
        let roster = Roster::new(&self.inventory);
        let (namespace, name) = text.split_once('/').unwrap();
        let pod = roster.cluster().pod_named(namespace, name).unwrap();
        Party { pod: Some(pod), address: roster.cluster().pod(pod).ips[0] }
    }

    /// Pods with each other and with every kind of address, on ports that rules name or just miss.
    pub(super) fn questions(roster: &Roster) -> Vec<Connection> {
        let pods: Vec<PodIndex> = roster.cluster().indices().collect();
        let pods: Vec<Party> = pods
            .into_iter()
            .map(|pod| Party { pod: Some(pod), address: roster.cluster().pod(pod).ips[0] })
            .collect();
        let nodes = ["172.30.0.1", "172.30.0.2", "192.0.2.2", "10.244.1.1", "172.31.0.1"];
        let others: Vec<Party> = OUTSIDE
            .iter()
            .chain(&nodes)
            .map(|ip| Party { pod: None, address: ip.parse().unwrap() })
            .collect();
        let ports = [
            (Protocol::Tcp, 80),
            (Protocol::Tcp, 8080),
            (Protocol::Tcp, 8081),
            (Protocol::Tcp, 53),
            (Protocol::Udp, 53),
            (Protocol::Sctp, 80),
        ];
        let mut all = Vec::new();
        for (protocol, port) in ports {
            for pod in &pods {
                for other in pods.iter().filter(|other| *other != pod).chain(&others) {
                    all.push(Connection { from: *pod, to: *other, protocol, port });
                    if other.pod.is_none() {
                        all.push(Connection { from: *other, to: *pod, protocol, port });
                    }
                }
            }
        }
        all
    }

    pub(super) fn describe(&self, connection: &Connection) -> String {
        let name = |party: Party| {
            let known = party.pod.and_then(|pod| self.inventory.pods().get(pod.0 as usize));
            known.map_or_else(
                || party.address.to_string(),
                |known| {
                    format!("{}/{}{:?}", known.pod.meta.namespace, known.pod.meta.name, known.pod.meta.labels)
                },
            )
        };
        format!("{} -> {}", name(connection.from), name(connection.to))
    }
}

/// A policy that closes both directions of the pods with these labels.
pub(super) fn isolating(namespace: &str, pairs: &[(&str, &str)]) -> NetworkPolicy {
    NetworkPolicy {
        namespace: namespace.to_owned(),
        name: "flowfence-p".to_owned(),
        pod_selector: LabelSelector::labels(pairs.iter().copied()),
        ingress: Some(Vec::new()),
        egress: Some(Vec::new()),
    }
}

pub(super) fn block(cidr: &str, except: &[&str]) -> PolicyPeer {
    let except = except.iter().map(|text| text.parse().unwrap()).collect();
    PolicyPeer::Block { cidr: cidr.parse().unwrap(), except }
}

pub(super) fn tcp(port: u16) -> PolicyPort {
    PolicyPort { protocol: Protocol::Tcp, port: Some(PortName::Range(PortRange::single(port))) }
}

/// With names of their own, as the recommender gives them.
pub(super) fn renamed(policies: Vec<NetworkPolicy>) -> Vec<NetworkPolicy> {
    let policies = policies.into_iter().enumerate();
    policies.map(|(n, policy)| NetworkPolicy { name: format!("flowfence-p{n}"), ..policy }).collect()
}

fn text(of: &'static [&'static str]) -> impl Strategy<Value = String> {
    select(of).prop_map(str::to_owned)
}

fn selector() -> impl Strategy<Value = LabelSelector> {
    let value = || prop_oneof![4 => text(VALUES), 1 => text(NASTY)];
    let values = move || btree_set(value(), 1..=3);
    let requirement = prop_oneof![
        (text(KEYS), values()).prop_map(|(key, values)| Requirement::In(key, values)),
        (text(KEYS), values()).prop_map(|(key, values)| Requirement::NotIn(key, values)),
        text(KEYS).prop_map(Requirement::Exists),
        text(KEYS).prop_map(Requirement::DoesNotExist),
    ];
    (btree_map(text(KEYS), value(), 0..=1), vec(requirement, 0..=2))
        .prop_map(|(match_labels, match_expressions)| LabelSelector { match_labels, match_expressions })
}

fn namespaces() -> impl Strategy<Value = LabelSelector> {
    let name = "kubernetes.io/metadata.name".to_owned();
    let values = || btree_set(text(&["a", "b", "c"]), 1..=2);
    let by_name = prop_oneof![
        text(SPACES).prop_map(|space| LabelSelector::labels([("kubernetes.io/metadata.name", space)])),
        (Just(name.clone()), values()).prop_map(|(k, v)| one(Requirement::In(k, v))),
        (Just(name.clone()), values()).prop_map(|(k, v)| one(Requirement::NotIn(k, v))),
        Just(one(Requirement::Exists(name))),
    ];
    prop_oneof![2 => by_name, 1 => selector()]
}

fn one(requirement: Requirement) -> LabelSelector {
    LabelSelector { match_expressions: vec![requirement], ..LabelSelector::default() }
}

fn blocks() -> impl Strategy<Value = Vec<PolicyPeer>> {
    let pods = ["10.244.1.0/24", "10.244.2.0/24"];
    let single = OUTSIDE
        .iter()
        .map(|ip| PolicyPeer::Block { cidr: IpNet::from(ip.parse::<IpAddr>().unwrap()), except: Vec::new() });
    let other = [
        vec![block("0.0.0.0/0", &pods), block("::/0", &[])],
        vec![block("0.0.0.0/0", &pods)],
        vec![block("172.30.0.1/32", &[]), block("172.30.0.2/32", &[]), block("10.244.1.1/32", &[])],
        vec![block("172.30.0.0/30", &[])],
        vec![block("172.30.0.2/32", &[])],
        vec![block("172.31.0.1/32", &[])],
        vec![block("172.30.0.1/32", &[])],
        vec![block("192.0.2.2/32", &[])],
        vec![block("203.0.113.0/24", &["203.0.113.2/31"])],
        vec![block("203.0.113.0/30", &[]), block("198.51.100.0/24", &["198.51.100.7/32"])],
        vec![block("203.0.113.2/31", &[])],
    ];
    select(single.map(|peer| vec![peer]).chain(other).collect::<Vec<_>>())
}

fn port() -> impl Strategy<Value = PolicyPort> {
    let name = prop_oneof![
        1 => Just(None),
        5 => select(vec![(53, 53), (80, 80), (8080, 8080), (8000, 8080), (1, 65535)])
            .prop_map(|(first, last)| Some(PortName::Range(PortRange { first, last }))),
        1 => text(&["http", "dns"]).prop_map(|name| Some(PortName::Name(name))),
    ];
    (select(&Protocol::WITH_PORTS[..]), name).prop_map(|(protocol, port)| PolicyPort { protocol, port })
}

fn rule() -> impl Strategy<Value = PolicyRule> {
    let own = selector().prop_map(|pods| PeerSelector { namespaces: None, pods: Some(pods) });
    let any = (namespaces(), option::of(selector()))
        .prop_map(|(namespaces, pods)| PeerSelector { namespaces: Some(namespaces), pods });
    let pods = prop_oneof![own, any].prop_map(|selector| vec![PolicyPeer::Pods(selector)]);
    let peer = prop_oneof![2 => pods, 1 => blocks()];
    (vec(peer, 0..=3), vec(port(), 0..=3))
        .prop_map(|(peers, ports)| PolicyRule { peers: peers.into_iter().flatten().collect(), ports })
}

/// Any policy over the words of the world that isolates something.
pub(super) fn policy() -> impl Strategy<Value = NetworkPolicy> {
    let rules = || option::weighted(0.8, vec(rule(), 0..=3));
    (text(SPACES), selector(), rules(), rules()).prop_filter_map(
        "isolates",
        |(namespace, pod_selector, ingress, egress)| {
            let name = "flowfence-p".to_owned();
            (ingress.is_some() || egress.is_some()).then_some(NetworkPolicy {
                namespace,
                name,
                pod_selector,
                ingress,
                egress,
            })
        },
    )
}
