//! Parts of policies as findings spell them.

use flowfence_model::policy::Direction;
use flowfence_model::{LabelSelector, PeerSelector, PolicyPort};

/// A selector as kubectl's `-l` takes it; `{}` for the one that selects everything.
pub(super) fn selector(selector: &LabelSelector) -> String {
    if selector.is_everything() { "{}".to_owned() } else { selector.to_string() }
}

/// Pods by the fields of their selectors.
pub(super) fn pods(peer: &PeerSelector) -> String {
    let parts = [("namespaceSelector", &peer.namespaces), ("podSelector", &peer.pods)];
    let parts = parts.iter().filter_map(|(field, of)| Some(format!("{field} {}", selector(of.as_ref()?))));
    parts.collect::<Vec<_>>().join(" and ")
}

/// `80/TCP`, `http/TCP`, `8000-8010/TCP`; the protocol alone for every port.
pub(super) fn port(port: &PolicyPort) -> String {
    match &port.port {
        None => port.protocol.to_string(),
        Some(name) => format!("{name}/{}", port.protocol),
    }
}

/// The field of a rule: `ingress[0]`.
pub(super) fn rule(direction: Direction, rule: usize) -> String {
    format!("{direction}[{rule}]")
}

/// The field of a peer: `ingress[0].from[1]`.
pub(super) fn peer_field(direction: Direction, rule: usize, peer: usize) -> String {
    format!("{direction}[{rule}].{}[{peer}]", direction.peers())
}

/// The field of a port: `ingress[0].ports[1]`.
pub(super) fn port_field(direction: Direction, rule: usize, port: usize) -> String {
    format!("{direction}[{rule}].ports[{port}]")
}

/// A few of a list, and how many more there are.
pub(super) fn some_of<T: ToString>(list: impl IntoIterator<Item = T>) -> String {
    const SHOWN: usize = 3;
    let list: Vec<String> = list.into_iter().map(|one| one.to_string()).collect();
    let shown = list.iter().take(SHOWN).cloned().collect::<Vec<_>>().join(", ");
    match list.len().saturating_sub(SHOWN) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}
