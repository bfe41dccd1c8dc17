//! The compiled policies against a slow evaluator that follows the API's text line by line.

use std::net::IpAddr;

use flowfence_model::policy::Direction;
use flowfence_model::{Labels, Requirement};
use proptest::collection::{btree_map, btree_set, vec};
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;

use super::super::{Cluster, Connection, Party, PodIndex, PolicySet, RuleId};
use super::*;

const NAMESPACES: [&str; 3] = ["a", "b", "c"];
const KEYS: [&str; 3] = ["app", "tier", "kubernetes.io/metadata.name"];
const VALUES: [&str; 4] = ["", "a", "b", "web"];
pub(super) const PORTS: [u16; 6] = [1, 53, 80, 81, 8080, u16::MAX];
pub(super) const NAMES: [&str; 3] = ["http", "dns", "metrics"];
pub(super) const BLOCKS: [&str; 6] =
    ["0.0.0.0/0", "10.0.0.0/24", "10.0.0.0/30", "::/0", "fd00::/120", "203.0.113.0/24"];
const OUTSIDE: [&str; 4] = ["203.0.113.7", "192.168.0.1", "2001:db8::7", "10.0.0.3"];

/// Who admits a connection into or out of its subject, by the text alone.
pub(super) fn admitted(
    cluster: &Cluster,
    policies: &[NetworkPolicy],
    asked: &Connection,
    direction: Direction,
) -> (Vec<usize>, Vec<RuleId>) {
    let (subject, peer) = match direction {
        Direction::Egress => (asked.from, asked.to),
        Direction::Ingress => (asked.to, asked.from),
    };
    let (mut isolating, mut admitting) = (Vec::new(), Vec::new());
    let Some(pod) = subject.pod.map(|pod| cluster.pod(pod)) else { return (isolating, admitting) };
    for (at, policy) in policies.iter().enumerate() {
        let Some(rules) = policy.rules(direction) else { continue };
        if policy.namespace != pod.meta.namespace || !policy.pod_selector.matches(&pod.meta.labels) {
            continue;
        }
        isolating.push(at);
        for (number, rule) in rules.iter().enumerate() {
            let by_peer = rule.peers.is_empty()
                || rule.peers.iter().any(|entry| peer_matches(cluster, policy, entry, &peer));
            let by_port =
                rule.ports.is_empty() || rule.ports.iter().any(|entry| port_matches(cluster, entry, asked));
            if by_peer && by_port {
                admitting.push(RuleId { policy: at, direction, rule: number });
            }
        }
    }
    (isolating, admitting)
}

fn peer_matches(cluster: &Cluster, policy: &NetworkPolicy, entry: &PolicyPeer, peer: &Party) -> bool {
    match entry {
        PolicyPeer::Block { cidr, except } => {
            cidr.contains(&peer.address) && !except.iter().any(|part| part.contains(&peer.address))
        }
        PolicyPeer::Pods(selector) => peer.pod.map(|pod| cluster.pod(pod)).is_some_and(|pod| {
            let by_namespace = match &selector.namespaces {
                None => pod.meta.namespace == policy.namespace,
                Some(namespaces) => namespaces.matches(&cluster.namespaces()[&pod.meta.namespace]),
            };
            by_namespace && selector.pods.as_ref().is_none_or(|pods| pods.matches(&pod.meta.labels))
        }),
    }
}

fn port_matches(cluster: &Cluster, entry: &PolicyPort, asked: &Connection) -> bool {
    entry.protocol == asked.protocol
        && match &entry.port {
            None => true,
            Some(PortName::Range(range)) => range.first <= asked.port && asked.port <= range.last,
            Some(PortName::Name(name)) => asked.to.pod.is_some_and(|pod| {
                cluster.pod(pod).ports.iter().any(|port| {
                    port.name.as_deref() == Some(name)
                        && port.protocol == asked.protocol
                        && port.port == asked.port
                })
            }),
        }
}

pub(super) fn labels() -> impl Strategy<Value = Labels> {
    btree_map(select(&KEYS[..2]).prop_map(str::to_owned), select(&VALUES[..]).prop_map(str::to_owned), 0..=2)
}

pub(super) fn selector() -> impl Strategy<Value = LabelSelector> {
    let key = || select(&KEYS[..]).prop_map(str::to_owned);
    let values = || btree_set(select(&VALUES[..]).prop_map(str::to_owned), 1..=2);
    let requirement = prop_oneof![
        (key(), values()).prop_map(|(key, values)| Requirement::In(key, values)),
        (key(), values()).prop_map(|(key, values)| Requirement::NotIn(key, values)),
        key().prop_map(Requirement::Exists),
        key().prop_map(Requirement::DoesNotExist),
    ];
    let equal = btree_map(key(), select(&VALUES[..]).prop_map(str::to_owned), 0..=1);
    (equal, vec(requirement, 0..=1))
        .prop_map(|(match_labels, match_expressions)| LabelSelector { match_labels, match_expressions })
}

pub(super) fn protocol() -> impl Strategy<Value = Protocol> {
    select(&Protocol::WITH_PORTS[..])
}

fn peer() -> impl Strategy<Value = PolicyPeer> {
    let block = (select(&BLOCKS[..]), vec(select(&BLOCKS[..]), 0..=1)).prop_map(|(cidr, except)| {
        let cidr: ipnet::IpNet = cidr.parse().unwrap();
        let except = except.iter().map(|part| part.parse().unwrap());
        PolicyPeer::Block {
            except: except.filter(|part| cidr.contains(part) && *part != cidr).collect(),
            cidr,
        }
    });
    let pods =
        (option::of(selector()), selector(), any::<bool>()).prop_map(|(namespaces, pods, has_pods)| {
            let pods = (has_pods || namespaces.is_none()).then_some(pods);
            PolicyPeer::Pods(PeerSelector { namespaces, pods })
        });
    prop_oneof![1 => block, 2 => pods]
}

fn port() -> impl Strategy<Value = PolicyPort> {
    let numbers = (select(&PORTS[..]), select(&PORTS[..]))
        .prop_map(|(a, b)| Some(PortName::Range(PortRange { first: a.min(b), last: a.max(b) })));
    let name = select(&NAMES[..]).prop_map(|name| Some(PortName::Name(name.to_owned())));
    (protocol(), prop_oneof![2 => numbers, 2 => name, 1 => Just(None)])
        .prop_map(|(protocol, port)| PolicyPort { protocol, port })
}

fn rules() -> impl Strategy<Value = Option<Vec<PolicyRule>>> {
    let rule =
        (vec(peer(), 0..=2), vec(port(), 0..=2)).prop_map(|(peers, ports)| PolicyRule { peers, ports });
    option::of(vec(rule, 0..=2))
}

pub(super) fn policies() -> impl Strategy<Value = Vec<NetworkPolicy>> {
    let policy = (select(&NAMESPACES[..]), selector(), rules(), rules()).prop_map(
        |(namespace, pod_selector, ingress, egress)| NetworkPolicy {
            namespace: namespace.to_owned(),
            name: "p".to_owned(),
            pod_selector,
            ingress,
            egress,
        },
    );
    vec(policy, 0..=4)
}

/// Up to eight dual-stack pods in three namespaces, one of which is not in the input.
pub(super) fn cluster() -> impl Strategy<Value = Cluster> {
    let ports = vec((select(&NAMES[..]), select(&PORTS[..]), protocol()), 0..=3);
    let pods = vec((select(&NAMESPACES[..]), labels(), ports), 1..=8);
    (pods, labels(), labels()).prop_map(|(described, first, second)| {
        let pods = described.into_iter().enumerate().map(|(at, (namespace, labels, ports))| {
            let mut pod = pod(namespace, &format!("p{at}"), &format!("10.0.0.{}", at + 1));
            pod.ips.push(format!("fd00::{}", at + 1).parse().unwrap());
            pod.meta.labels = labels;
            ports.into_iter().fold(pod, |pod, (name, port, protocol)| pod.port(name, port, protocol))
        });
        let mut named = [namespace("a", &[]), namespace("b", &[])];
        named[0].meta.labels = first;
        named[1].meta.labels = second;
        Cluster::new(pods.collect(), named, [])
    })
}

pub(super) fn ends(cluster: &Cluster, is_v4: bool) -> Vec<Party> {
    let pods = cluster.indices().map(|pod: PodIndex| {
        let ips = &cluster.pod(pod).ips;
        Party { pod: Some(pod), address: ips[usize::from(!is_v4)] }
    });
    let outside = OUTSIDE.iter().map(|ip| cluster.party(ip.parse().unwrap()));
    pods.chain(outside.filter(|party| matches!(party.address, IpAddr::V4(_)) == is_v4)).collect()
}

proptest! {
    // The seed of a failure is printed, and kept beside the sources.
    #![proptest_config(ProptestConfig::with_cases(3_000))]

    #[test]
    fn the_compiled_policies_say_what_the_text_says(
        cluster in cluster(),
        policies in policies(),
        is_v4 in any::<bool>(),
        protocol in protocol(),
        port in select(&PORTS[..]),
    ) {
        let set = PolicySet::compile(&cluster, &policies);
        let ends = ends(&cluster, is_v4);
        for from in &ends {
            for to in ends.iter().filter(|to| to.pod.is_none() || to.pod != from.pod) {
                let asked = Connection { from: *from, to: *to, protocol, port };
                let decision = set.decide(&asked);
                for direction in Direction::BOTH {
                    let (isolated_by, admitted_by) = admitted(&cluster, &policies, &asked, direction);
                    let verdict = decision.direction(direction);
                    prop_assert_eq!(&verdict.isolated_by, &isolated_by);
                    prop_assert_eq!(&verdict.admitted_by, &admitted_by);
                    prop_assert_eq!(verdict.allowed, isolated_by.is_empty() || !admitted_by.is_empty());
                    prop_assert_eq!(&set.admitted_by(&asked, direction), &admitted_by);
                    for rule in admitted_by {
                        prop_assert!(set.entries(rule, &asked).is_some());
                    }
                }
                prop_assert_eq!(set.allows(&asked), decision.allowed());
                prop_assert_eq!(set.ports(*from, *to, protocol).contains(port), decision.allowed());
            }
        }
    }
}
