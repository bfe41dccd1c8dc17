//! Peers and ports in a few words, for people.

use flowfence_model::label::NAMESPACE_NAME;
use flowfence_model::{LabelSelector, PeerSelector, PolicyPeer, PolicyPort, PortName};
use flowfence_policy::recommend::tighten::What;

/// What was, an arrow, and what is; empty for whole rules.
pub(super) fn of(what: &What) -> String {
    match what {
        What::RuleRemoved(_) => String::new(),
        What::RuleSplit(now) => format!(" into {}", now.len()),
        What::PeerRemoved(was) => format!(" {}", peer(was)),
        What::PeerReplaced { was, now } => format!(" {} -> {}", peer(was), all(now, peer)),
        What::PeersListed(now) => format!(" -> {}", all(now, peer)),
        What::PortRemoved(was) => format!(" {}", port(was)),
        What::PortReplaced { was, now } => format!(" {} -> {}", port(was), all(now, port)),
        What::PortsListed(now) => format!(" -> {}", all(now, port)),
    }
}

fn all<T>(items: &[T], spell: impl Fn(&T) -> String) -> String {
    items.iter().map(spell).collect::<Vec<_>>().join(" | ")
}

fn peer(peer: &PolicyPeer) -> String {
    match peer {
        PolicyPeer::Block { cidr, except } if except.is_empty() => cidr.to_string(),
        PolicyPeer::Block { cidr, except } => format!("{cidr} without {}", all(except, ToString::to_string)),
        PolicyPeer::Pods(PeerSelector { namespaces, pods }) => {
            let pods =
                pods.as_ref().map_or_else(|| "every pod".to_owned(), |pods| selector(pods, "every pod"));
            match namespaces {
                None => pods,
                Some(namespaces) => format!("{pods} in {}", selector(namespaces, "every namespace")),
            }
        }
    }
}

fn selector(selector: &LabelSelector, everything: &str) -> String {
    if selector.is_everything() {
        return everything.to_owned();
    }
    let name = selector.match_labels.get(NAMESPACE_NAME);
    if let (Some(name), 1, true) = (name, selector.match_labels.len(), selector.match_expressions.is_empty())
    {
        return name.clone();
    }
    selector.to_string()
}

fn port(port: &PolicyPort) -> String {
    let number = port.port.as_ref().map_or_else(|| "every port".to_owned(), PortName::to_string);
    format!("{number}/{}", port.protocol)
}
