//! Rules that accept what a rule of v1 admits, and those that deny the rest.

use std::collections::BTreeSet;

use flowfence_model::label::NAMESPACE_NAME;
use flowfence_model::policy::Direction;
use flowfence_model::tier::{Action, TierPeer, TierPort, TierRule};
use flowfence_model::{
    LabelSelector, NetworkPolicy, PeerSelector, PolicyPeer, PolicyPort, PolicyRule, PortName, PortRange,
};
use ipnet::{IpNet, Ipv4Net, Ipv6Net};

use super::MOST;
use crate::manifest::flavour::block;
use crate::manifest::flavour::part::Part;

/// The rules that accept what the policy admits in a direction.
pub(super) fn accepts(policy: &NetworkPolicy, direction: Direction) -> Vec<(Part, TierRule)> {
    let rules = policy.rules(direction).unwrap_or_default().iter().enumerate();
    rules.flat_map(|(at, rule)| accept(at, rule, direction, &policy.namespace)).collect()
}

/// What denies everything else, where the policy isolates. Networks hold the addresses of pods
/// too; naming pods as well keeps the rule true to a plugin that sees it otherwise.
pub(super) fn closing(policy: &NetworkPolicy, direction: Direction) -> Vec<TierRule> {
    if policy.rules(direction).is_none() {
        return Vec::new();
    }
    let peers = match direction {
        Direction::Egress => vec![every_pod(), TierPeer::Networks(everywhere())],
        Direction::Ingress => vec![every_pod()],
    };
    vec![TierRule { name: String::new(), action: Action::Deny, peers, ports: Vec::new() }]
}

/// The selector of one namespace.
pub(super) fn namespace(name: &str) -> LabelSelector {
    LabelSelector::labels([(NAMESPACE_NAME, name)])
}

/// A peer and what of the rule it says.
type Entry = (TierPeer, Vec<PolicyPeer>);

fn accept(at: usize, rule: &PolicyRule, direction: Direction, own: &str) -> Vec<(Part, TierRule)> {
    let pods: Vec<Entry> = if rule.peers.is_empty() {
        vec![(every_pod(), Vec::new())]
    } else {
        rule.peers.iter().filter_map(|peer| Some((pods(peer, own)?, vec![peer.clone()]))).collect()
    };
    let networks = match direction {
        Direction::Egress if rule.peers.is_empty() => vec![(TierPeer::Networks(everywhere()), Vec::new())],
        Direction::Egress => networks(&rule.peers),
        Direction::Ingress => Vec::new(),
    };
    let is_name = |port: &PolicyPort| matches!(port.port, Some(PortName::Name(_)));
    let numbers: Vec<PolicyPort> = rule.ports.iter().filter(|port| !is_name(port)).cloned().collect();
    let mut rules = Vec::new();
    if numbers.len() == rule.ports.len() {
        rules.extend(pack(at, &[pods, networks].concat(), &numbers));
    } else {
        rules.extend(pack(at, &pods, &rule.ports));
        // Addresses have no named ports, and without ports a rule would accept them all.
        if !numbers.is_empty() {
            rules.extend(pack(at, &networks, &numbers));
        }
    }
    rules
}

/// As many rules as the limits ask for.
fn pack(at: usize, entries: &[Entry], ports: &[PolicyPort]) -> Vec<(Part, TierRule)> {
    let chunks: Vec<&[PolicyPort]> = if ports.is_empty() { vec![&[]] } else { ports.chunks(MOST).collect() };
    let mut rules = Vec::new();
    for entries in entries.chunks(MOST) {
        for ports in &chunks {
            let peers = entries.iter().map(|(peer, _)| peer.clone()).collect();
            let said: BTreeSet<&PolicyPeer> = entries.iter().flat_map(|(_, said)| said).collect();
            let part = Part { rule: at, peers: said.into_iter().cloned().collect(), ports: ports.to_vec() };
            let ports = ports.iter().map(port).collect();
            rules.push((part, TierRule { name: String::new(), action: Action::Accept, peers, ports }));
        }
    }
    rules
}

fn pods(peer: &PolicyPeer, own: &str) -> Option<TierPeer> {
    let PolicyPeer::Pods(PeerSelector { namespaces, pods }) = peer else { return None };
    let namespaces = namespaces.clone().unwrap_or_else(|| namespace(own));
    Some(TierPeer::Pods(PeerSelector { namespaces: Some(namespaces), pods: pods.clone() }))
}

/// The blocks of the rule, `except` taken out, 25 a peer.
fn networks(peers: &[PolicyPeer]) -> Vec<Entry> {
    let mut seen: BTreeSet<IpNet> = BTreeSet::new();
    let mut blocks: Vec<(IpNet, &PolicyPeer)> = Vec::new();
    for peer in peers {
        let PolicyPeer::Block { cidr, except } = peer else { continue };
        let parts = block::without(*cidr, except).into_iter().filter(|part| seen.insert(*part));
        blocks.extend(parts.map(|part| (part, peer)));
    }
    let entry = |chunk: &[(IpNet, &PolicyPeer)]| {
        let said: BTreeSet<&PolicyPeer> = chunk.iter().map(|(_, peer)| *peer).collect();
        let blocks = chunk.iter().map(|(block, _)| *block).collect();
        (TierPeer::Networks(blocks), said.into_iter().cloned().collect())
    };
    blocks.chunks(MOST).map(entry).collect()
}

fn port(source: &PolicyPort) -> TierPort {
    match &source.port {
        None => TierPort::Numbers { protocol: source.protocol, range: PortRange::ALL },
        Some(PortName::Range(range)) => TierPort::Numbers { protocol: source.protocol, range: *range },
        Some(PortName::Name(name)) => TierPort::Named(name.clone()),
    }
}

fn every_pod() -> TierPeer {
    TierPeer::Pods(PeerSelector { namespaces: Some(LabelSelector::everything()), pods: None })
}

fn everywhere() -> Vec<IpNet> {
    vec![IpNet::V4(Ipv4Net::default()), IpNet::V6(Ipv6Net::default())]
}
