//! Parts of policies in the words of kubectl.

use flowfence_model::tier::{TierPeer, TierPort};
use flowfence_model::{LabelSelector, PeerSelector, PolicyPeer, PolicyPort, PortName, PortRange};

/// A selector as kubectl writes it; `*` for all.
pub fn selector(selector: &LabelSelector) -> String {
    if selector.is_everything() { "*".to_owned() } else { selector.to_string() }
}

/// An entry of `from` or `to`; `home` is the namespace of its policy.
pub fn peer(peer: &PolicyPeer, home: &str) -> String {
    match peer {
        PolicyPeer::Block { cidr, except } if except.is_empty() => cidr.to_string(),
        PolicyPeer::Block { cidr, except } => {
            let except: Vec<String> = except.iter().map(ToString::to_string).collect();
            format!("{cidr} except {}", except.join(","))
        }
        PolicyPeer::Pods(PeerSelector { namespaces: None, pods }) => {
            format!("pods {} of namespace {home}", optional(pods.as_ref()))
        }
        PolicyPeer::Pods(selector) => pods(selector),
    }
}

/// An entry of `ports`.
pub fn port(port: &PolicyPort) -> String {
    match &port.port {
        None => format!("every {} port", port.protocol),
        Some(PortName::Range(range)) => format!("{} {range}", port.protocol),
        Some(PortName::Name(name)) => format!("{} port named {name}", port.protocol),
    }
}

/// An entry of `from` or `to` of a cluster-wide policy.
pub fn tier_peer(peer: &TierPeer) -> String {
    let joined = |texts: Vec<String>| texts.join(",");
    match peer {
        TierPeer::Pods(selector) => pods(selector),
        TierPeer::Networks(blocks) => joined(blocks.iter().map(ToString::to_string).collect()),
        TierPeer::Nodes(nodes) => format!("nodes {}", selector(nodes)),
        TierPeer::DomainNames(names) => joined(names.iter().map(|name| name.as_str().to_owned()).collect()),
        TierPeer::Unknown(field) => format!("a peer of the unknown kind {field}"),
    }
}

/// An entry of `protocols` or `ports` of a cluster-wide policy.
pub fn tier_port(port: &TierPort) -> String {
    match port {
        TierPort::Numbers { protocol, range } if *range == PortRange::ALL => format!("every {protocol} port"),
        TierPort::Numbers { protocol, range } => format!("{protocol} {range}"),
        TierPort::Named(name) => format!("port named {name}"),
    }
}

fn pods(selector: &PeerSelector) -> String {
    format!(
        "pods {} of namespaces {}",
        optional(selector.pods.as_ref()),
        optional(selector.namespaces.as_ref())
    )
}

fn optional(given: Option<&LabelSelector>) -> String {
    given.map_or_else(|| "*".to_owned(), selector)
}
