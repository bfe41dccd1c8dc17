//! The object as the API writes it.

use flowfence_model::policy::Direction;
use flowfence_model::tier::{Action, ClusterPolicy, TierPeer, TierPort, TierRule};
use flowfence_model::{DomainName, LabelSelector, PeerSelector, PortRange, Protocol};

use super::FLAVOUR;
use crate::manifest::flavour::draft::{self, Draft, metadata};
use crate::manifest::write::PolicyManifest;

/// The object with a comment for each rule, egress before ingress.
pub(super) fn object(
    policy: &ClusterPolicy,
    manifest: &PolicyManifest,
    [egress, ingress]: &[Vec<String>; 2],
) -> Draft {
    let spec = Draft::map([
        ("tier", Some(Draft::text(policy.tier.token()))),
        ("priority", Some(Draft::Number(u32::from(policy.priority)))),
        ("subject", Some(pods(&policy.subject))),
        ("ingress", rules(&policy.ingress, Direction::Ingress, ingress)),
        ("egress", rules(&policy.egress, Direction::Egress, egress)),
    ]);
    let metadata = metadata(&policy.name, None, &manifest.labels, &manifest.annotations);
    draft::object(&FLAVOUR, metadata, spec)
}

fn rules(rules: &[TierRule], direction: Direction, comments: &[String]) -> Option<Draft> {
    let of = |(at, rule): (usize, &TierRule)| {
        let peers = Some(Draft::List(rule.peers.iter().map(peer).collect()));
        let (from, to) = if direction == Direction::Ingress { (peers, None) } else { (None, peers) };
        let draft = Draft::map([
            ("action", Some(Draft::text(action(rule.action)))),
            ("from", from),
            ("to", to),
            ("protocols", Draft::list(rule.ports.iter().map(port).collect())),
        ]);
        draft.noted(comments.get(at).map_or("", String::as_str))
    };
    Draft::list(rules.iter().enumerate().map(of).collect())
}

fn action(action: Action) -> &'static str {
    match action {
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
