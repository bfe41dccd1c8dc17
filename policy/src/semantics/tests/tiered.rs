//! Tiers, matrices and changes against a slow evaluator that follows the API's text.

use flowfence_model::policy::Direction;
use flowfence_model::tier::{
    Action, ClusterPolicy, ClusterPolicyKind, DomainName, Tier, TierPeer, TierPort, TierRule,
};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;

use super::super::fold::Matrix;
use super::super::{Cluster, Connection, Party, Plugin, PodIndex, PolicySet};
use super::reference::{
    self, BLOCKS, NAMES, PORTS, admitted, cluster, ends, labels, policies, protocol, selector,
};
use super::*;

/// Whether one end allows the connection, by the text alone: the tiers in their order, policies
/// by priority and name, rules as written, the first match wins.
fn allowed(
    cluster: &Cluster,
    policies: &[NetworkPolicy],
    tiers: &[ClusterPolicy],
    asked: &Connection,
    direction: Direction,
) -> bool {
    let (subject, peer) = match direction {
        Direction::Egress => (asked.from, asked.to),
        Direction::Ingress => (asked.to, asked.from),
    };
    if subject.pod.is_none() {
        return true;
    }
    match first_match(cluster, tiers, Tier::Admin, asked, &subject, &peer, direction) {
        Some(Action::Accept) => return true,
        Some(Action::Deny) => return false,
        Some(Action::Pass) | None => {}
    }
    let (isolating, admitting) = admitted(cluster, policies, asked, direction);
    if !isolating.is_empty() {
        return !admitting.is_empty();
    }
    first_match(cluster, tiers, Tier::Baseline, asked, &subject, &peer, direction) != Some(Action::Deny)
}

fn first_match(
    cluster: &Cluster,
    tiers: &[ClusterPolicy],
    tier: Tier,
    asked: &Connection,
    subject: &Party,
    peer: &Party,
    direction: Direction,
) -> Option<Action> {
    let mut of_tier: Vec<&ClusterPolicy> = tiers.iter().filter(|policy| policy.tier == tier).collect();
    of_tier.sort_by_key(|policy| (policy.priority, policy.name.clone()));
    for policy in of_tier {
        if !selects(cluster, &policy.subject, subject) {
            continue;
        }
        for rule in policy.rules(direction) {
            if rule.peers.iter().any(|peer| matches!(peer, TierPeer::Unknown(_))) {
                match rule.action {
                    Action::Accept => continue,
                    Action::Deny | Action::Pass => return Some(Action::Deny),
                }
            }
            let by_peer = rule.peers.iter().any(|entry| match entry {
                TierPeer::Pods(selector) => selects(cluster, selector, peer),
                TierPeer::Networks(networks) => networks.iter().any(|net| net.contains(&peer.address)),
                TierPeer::Nodes(selector) => cluster.nodes().iter().any(|node| {
                    node.internal_ips.contains(&peer.address) && selector.matches(&node.meta.labels)
                }),
                TierPeer::DomainNames(_) | TierPeer::Unknown(_) => false,
            });
            let by_port =
                rule.ports.is_empty() || rule.ports.iter().any(|port| has_port(cluster, port, asked));
            if by_peer && by_port {
                return Some(rule.action);
            }
        }
    }
    None
}

fn selects(cluster: &Cluster, selector: &PeerSelector, party: &Party) -> bool {
    party.pod.map(|pod| cluster.pod(pod)).is_some_and(|pod| {
        selector.namespaces.as_ref().unwrap().matches(&cluster.namespaces()[&pod.meta.namespace])
            && selector.pods.as_ref().is_none_or(|pods| pods.matches(&pod.meta.labels))
    })
}

fn has_port(cluster: &Cluster, port: &TierPort, asked: &Connection) -> bool {
    match port {
        TierPort::Numbers { protocol, range } => *protocol == asked.protocol && range.contains(asked.port),
        TierPort::Named(name) => asked.to.pod.is_some_and(|pod| {
            cluster.pod(pod).ports.iter().any(|port| {
                port.name.as_deref() == Some(name)
                    && port.protocol == asked.protocol
                    && port.port == asked.port
            })
        }),
    }
}

fn pods_of_tier() -> impl Strategy<Value = PeerSelector> {
    (selector(), option::of(selector()))
        .prop_map(|(namespaces, pods)| PeerSelector { namespaces: Some(namespaces), pods })
}

fn tier_peer(direction: Direction) -> BoxedStrategy<TierPeer> {
    let pods = pods_of_tier().prop_map(TierPeer::Pods);
    let unknown = Just(TierPeer::Unknown("services".to_owned()));
    match direction {
        Direction::Ingress => prop_oneof![12 => pods, 1 => unknown].boxed(),
        Direction::Egress => {
            let networks = vec(select(&BLOCKS[..]), 1..=2).prop_map(|blocks| {
                TierPeer::Networks(blocks.iter().map(|block| block.parse().unwrap()).collect())
            });
            let nodes = selector().prop_map(TierPeer::Nodes);
            let domains = Just(TierPeer::DomainNames(vec![DomainName::new("*.example.org")]));
            prop_oneof![6 => pods, 4 => networks, 2 => nodes, 1 => domains, 1 => unknown].boxed()
        }
    }
}

fn tier_rules(direction: Direction) -> impl Strategy<Value = Vec<TierRule>> {
    let numbers = (protocol(), select(&PORTS[..]), select(&PORTS[..])).prop_map(|(protocol, a, b)| {
        TierPort::Numbers { protocol, range: PortRange { first: a.min(b), last: a.max(b) } }
    });
    let name = select(&NAMES[..]).prop_map(|name| TierPort::Named(name.to_owned()));
    let ports = vec(prop_oneof![2 => numbers, 1 => name], 0..=2);
    let action = select(&[Action::Accept, Action::Deny, Action::Pass][..]);
    let rule = (action, vec(tier_peer(direction), 1..=2), ports)
        .prop_map(|(action, peers, ports)| TierRule { name: String::new(), action, peers, ports });
    vec(rule, 0..=3)
}

pub(super) fn tiers() -> impl Strategy<Value = Vec<ClusterPolicy>> {
    let policy = (
        select(&Tier::BOTH[..]),
        0..4u16,
        pods_of_tier(),
        tier_rules(Direction::Ingress),
        tier_rules(Direction::Egress),
    );
    vec(policy, 0..=5).prop_map(|policies| {
        let named = policies.into_iter().enumerate();
        named
            .map(|(at, (tier, priority, subject, ingress, egress))| ClusterPolicy {
                kind: ClusterPolicyKind::ClusterNetworkPolicy,
                name: format!("p{}", 9 - at),
                tier,
                priority,
                subject,
                ingress,
                egress,
            })
            .collect()
    })
}

/// The pods of the other strategy, with two nodes that have labels.
pub(super) fn with_nodes() -> impl Strategy<Value = Cluster> {
    (cluster(), labels(), labels()).prop_map(|(cluster, first, second)| {
        let mut nodes = [node("n1", "203.0.113.7", "10.9.1.0/24"), node("n2", "192.168.0.1", "10.9.2.0/24")];
        nodes[0].meta.labels = first;
        nodes[1].meta.labels = second;
        let namespaces = cluster.namespaces().iter().map(|(name, labels)| Namespace {
            meta: Meta { name: name.clone(), labels: labels.clone(), ..Meta::default() },
        });
        Cluster::new(cluster.pods().to_vec(), namespaces, nodes)
    })
}

pub(super) fn pairs(ends: &[Party]) -> impl Iterator<Item = (Party, Party)> + '_ {
    let pairs = ends.iter().flat_map(|from| ends.iter().map(move |to| (*from, *to)));
    pairs.filter(|(from, to)| from.pod.is_none() || from.pod != to.pod)
}

proptest! {
    // The seed of a failure is printed, and kept beside the sources.
    #![proptest_config(ProptestConfig::with_cases(3_000))]

    #[test]
    fn tiers_say_what_the_text_says(
        cluster in with_nodes(),
        policies in policies(),
        tiers in tiers(),
        is_v4 in any::<bool>(),
        protocol in protocol(),
        port in select(&PORTS[..]),
    ) {
        let set = PolicySet::compile_all(&cluster, &policies, &tiers);
        let ends = ends(&cluster, is_v4);
        for (from, to) in pairs(&ends) {
            let asked = Connection { from, to, protocol, port };
            let decision = set.decide(&asked);
            for direction in Direction::BOTH {
                let expected = allowed(&cluster, &policies, &tiers, &asked, direction);
                prop_assert_eq!(decision.direction(direction).allowed, expected);
                prop_assert_eq!(set.allows_in(&asked, direction), expected);
                prop_assert_eq!(set.ports_in(from, to, protocol, direction).contains(port), expected);
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_200))]

    #[test]
    fn a_matrix_says_of_all_ports_what_each_question_says(
        cluster in with_nodes(),
        policies in policies(),
        tiers in tiers(),
        other in policies(),
        other_tiers in tiers(),
        plugin in select(&[None, Some(Plugin::KubeNetworkPolicies), Some(Plugin::Cilium)][..]),
    ) {
        let before = PolicySet::compile_all(&cluster, &policies, &tiers).with_plugin(plugin);
        let after = PolicySet::compile_all(&cluster, &other, &other_tiers).with_plugin(plugin);
        let mut ends = ends(&cluster, true);
        ends.extend(reference::ends(&cluster, false));
        let mut matrix = Matrix::new(&[&before, &after], &ends);
        let changed = matrix.changed();
        for (from, source) in ends.iter().enumerate() {
            for (to, destination) in ends.iter().enumerate() {
                let is_self = source.pod.is_some() && source.pod == destination.pod;
                if is_self || source.address.is_ipv4() != destination.address.is_ipv4() {
                    continue;
                }
                let (from, to) = (matrix.kind(from), matrix.kind(to));
                let cells = [0, 1].map(|set| matrix.allowed(set, from, to));
                for (cell, set) in cells.into_iter().zip([&before, &after]) {
                    for protocol in [Protocol::Tcp, Protocol::Udp, Protocol::Sctp, Protocol::Icmp] {
                        let expected = set.ports(*source, *destination, protocol);
                        prop_assert_eq!(matrix.profile(cell).ports(protocol), &expected);
                    }
                }
                prop_assert!(cells[0] == cells[1] || changed.contains(&(from, to)), "a change is missed");
            }
        }
    }

    #[test]
    fn a_changed_set_is_the_set_of_what_it_changed_to(
        cluster in with_nodes(),
        policies in vec(policies(), 2),
        tiers in tiers(),
        relabelled in labels(),
        removes in any::<bool>(),
        at in any::<prop::sample::Index>(),
        port in select(&PORTS[..]),
    ) {
        let mut set = PolicySet::compile_all(&cluster, &policies[0], &tiers);
        let mut current = policies[0].clone();
        for policy in &policies[1] {
            let at = at.index(current.len() + 1);
            if at == current.len() { current.push(policy.clone()) } else { current[at] = policy.clone() }
            set.replace(at, policy.clone());
        }
        if removes && !current.is_empty() {
            let at = at.index(current.len());
            prop_assert_eq!(set.remove(at), current.remove(at));
        }
        let pod = PodIndex::at(at.index(cluster.pods().len()));
        let mut pods = cluster.pods().to_vec();
        pods[at.index(cluster.pods().len())].meta.labels.clone_from(&relabelled);
        set.relabel(pod, relabelled);
        let namespaces = cluster.namespaces().iter().map(|(name, labels)| Namespace {
            meta: Meta { name: name.clone(), labels: labels.clone(), ..Meta::default() },
        });
        let fresh = Cluster::new(pods, namespaces, cluster.nodes().to_vec());
        let fresh = PolicySet::compile_all(&fresh, &current, &tiers);
        let ends = ends(&cluster, true);
        for (from, to) in pairs(&ends) {
            let asked = Connection { from, to, protocol: Protocol::Tcp, port };
            prop_assert_eq!(set.decide(&asked), fresh.decide(&asked));
        }
        set.replace_tiers(&[]);
        let fresh = PolicySet::compile(fresh.cluster(), &current);
        for (from, to) in pairs(&ends) {
            let asked = Connection { from, to, protocol: Protocol::Tcp, port };
            prop_assert_eq!(set.decide(&asked), fresh.decide(&asked));
        }
    }
}
