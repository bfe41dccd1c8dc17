//! The object as the API writes it: `ClusterNetworkPolicy`, and the kinds of v1alpha1 that went before it.

use std::collections::BTreeMap;

use flowfence_model::policy::Direction;
use flowfence_model::tier::{Action, ClusterPolicy, ClusterPolicyKind, TierPeer, TierPort, TierRule};
use flowfence_model::{DomainName, LabelSelector, PeerSelector, PortRange, Protocol};

use super::FLAVOUR;
use crate::manifest::flavour::draft::{self, Draft, metadata};

/// Labels and annotations.
pub(super) type Marks<'a> = [&'a BTreeMap<String, String>; 2];

/// The object with a comment for each rule, egress before ingress.
pub(super) fn object(
    policy: &ClusterPolicy,
    [labels, annotations]: Marks<'_>,
    [egress, ingress]: &[Vec<String>; 2],
) -> Draft {
    let is_old = policy.kind != ClusterPolicyKind::ClusterNetworkPolicy;
    let has_priority = policy.kind != ClusterPolicyKind::BaselineAdminNetworkPolicy;
    let spec = Draft::map([
        ("tier", (!is_old).then(|| Draft::text(policy.tier.token()))),
        ("priority", has_priority.then(|| Draft::Number(u32::from(policy.priority)))),
        ("subject", Some(pods(&policy.subject))),
        ("ingress", rules(policy, Direction::Ingress, ingress)),
        ("egress", rules(policy, Direction::Egress, egress)),
    ]);
    let version = if is_old { "policy.networking.k8s.io/v1alpha1" } else { FLAVOUR.api_version };
    let metadata = metadata(&policy.name, None, labels, annotations);
    draft::object([version, policy.kind.token()], metadata, spec)
}

fn rules(policy: &ClusterPolicy, direction: Direction, comments: &[String]) -> Option<Draft> {
    let is_old = policy.kind != ClusterPolicyKind::ClusterNetworkPolicy;
    let of = |(at, rule): (usize, &TierRule)| {
        let peers = Some(Draft::List(rule.peers.iter().map(peer).collect()));
        let (from, to) = if direction == Direction::Ingress { (peers, None) } else { (None, peers) };
        let ports = |write: fn(&TierPort) -> Draft| Draft::list(rule.ports.iter().map(write).collect());
        let draft = Draft::map([
            ("name", (!rule.name.is_empty()).then(|| Draft::text(rule.name.as_str()))),
            ("action", Some(Draft::text(action(rule.action, is_old)))),
            ("from", from),
            ("to", to),
            ("protocols", if is_old { None } else { ports(port) }),
            ("ports", if is_old { ports(old_port) } else { None }),
        ]);
        draft.noted(comments.get(at).map_or("", String::as_str))
    };
    Draft::list(policy.rules(direction).iter().enumerate().map(of).collect())
}

fn action(action: Action, is_old: bool) -> &'static str {
    match action {
        Action::Accept if is_old => "Allow",
        Action::Accept => "Accept",
        Action::Deny => "Deny",
        Action::Pass => "Pass",
    }
}

fn peer(peer: &TierPeer) -> Draft {
    match peer {
        TierPeer::Pods(selector) => pods(selector),
        TierPeer::Networks(blocks) => Draft::map([("networks", Some(Draft::texts(blocks)))]),
        TierPeer::Nodes(selector) => Draft::map([("nodes", Some(plain(selector)))]),
        TierPeer::DomainNames(names) => {
            let names = names.iter().map(DomainName::as_str);
            Draft::map([("domainNames", Some(Draft::texts(names)))])
        }
        TierPeer::Unknown(field) => Draft::Map(vec![(field.clone(), Draft::Map(Vec::new()))]),
    }
}

/// A selector of namespaces alone, or of pods in them. Both always say which namespaces.
fn pods(selector: &PeerSelector) -> Draft {
    let everything = LabelSelector::everything();
    let namespaces = plain(selector.namespaces.as_ref().unwrap_or(&everything));
    let Some(pods) = &selector.pods else { return Draft::map([("namespaces", Some(namespaces))]) };
    let both = Draft::map([("namespaceSelector", Some(namespaces)), ("podSelector", Some(plain(pods)))]);
    Draft::map([("pods", Some(both))])
}

fn plain(selector: &LabelSelector) -> Draft {
    draft::selector(selector, str::to_owned)
}

/// The CRD takes no protocol without a port: all of them are written as a range.
fn port(port: &TierPort) -> Draft {
    let (protocol, range) = match port {
        TierPort::Named(name) => return Draft::map([("destinationNamedPort", Some(Draft::text(name)))]),
        TierPort::Numbers { protocol, range } => (*protocol, *range),
    };
    let first = range.first.max(1);
    let number = |port: u16| Some(Draft::Number(u32::from(port)));
    let destination = if first == range.last {
        Draft::map([("number", number(first))])
    } else {
        let range = PortRange { first, ..range };
        let bounds = Draft::map([("start", number(range.first)), ("end", number(range.last))]);
        Draft::map([("range", Some(bounds))])
    };
    let key = match protocol {
        Protocol::Udp => "udp",
        Protocol::Sctp => "sctp",
        // No policy speaks of ICMP.
        Protocol::Tcp | Protocol::Icmp => "tcp",
    };
    let port = Draft::map([("destinationPort", Some(destination))]);
    Draft::map([(key, Some(port))])
}

/// A port of v1alpha1.
fn old_port(port: &TierPort) -> Draft {
    let (protocol, range) = match port {
        TierPort::Named(name) => return Draft::map([("namedPort", Some(Draft::text(name)))]),
        TierPort::Numbers { protocol, range } => (*protocol, *range),
    };
    let number = |port: u16| Some(Draft::Number(u32::from(port)));
    let protocol = Some(Draft::text(protocol.to_string()));
    let first = range.first.max(1);
    if first == range.last {
        let port = Draft::map([("protocol", protocol), ("port", number(first))]);
        return Draft::map([("portNumber", Some(port))]);
    }
    let bounds = Draft::map([("protocol", protocol), ("start", number(first)), ("end", number(range.last))]);
    Draft::map([("portRange", Some(bounds))])
}
