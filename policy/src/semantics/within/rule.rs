//! Rules of NetworkPolicies, by whom and what they admit.

use std::collections::{BTreeMap, BTreeSet};

use flowfence_model::{
    PeerSelector, PolicyPeer, PolicyPort, PolicyRule, PortName, PortRange, PortSet, Protocol,
};
use ipnet::IpNet;

use super::selector::{contradiction, in_namespaces, selector_within};

/// Whether whatever a rule admits is admitted by `others`, all of policies of the namespace
/// `home`: then those of them that it takes, by their place. Every peer of the rule must lie
/// inside peers of the others which together admit its ports. `None` when something is left, and
/// for a rule that admits nobody.
pub fn rule_within(rule: &PolicyRule, others: &[&PolicyRule], home: &str) -> Option<BTreeSet<usize>> {
    let mut used = BTreeSet::new();
    let mut hold = |holds: &dyn Fn(&PolicyRule) -> bool| {
        let holding: Vec<usize> = (0..others.len()).filter(|at| holds(others[*at])).collect();
        // One alone says it more clearly than several.
        let alone = holding.iter().find(|at| ports_within(&rule.ports, &[others[**at]]));
        let taken = alone.map_or(holding.as_slice(), std::slice::from_ref);
        let rules: Vec<&PolicyRule> = taken.iter().map(|at| others[*at]).collect();
        used.extend(taken.iter().copied());
        ports_within(&rule.ports, &rules)
    };
    if rule.peers.is_empty() {
        return hold(&|other| other.peers.is_empty()).then_some(used);
    }
    let mut admits = false;
    for peer in rule.peers.iter().filter(|peer| !is_nobody(peer, home)) {
        admits = true;
        let holds = |other: &PolicyRule| {
            other.peers.is_empty() || other.peers.iter().any(|around| peer_within(peer, around, home))
        };
        if !hold(&holds) {
            return None;
        }
    }
    admits.then_some(used)
}

fn is_nobody(peer: &PolicyPeer, home: &str) -> bool {
    match peer {
        PolicyPeer::Pods(peer) => {
            contradiction(&in_namespaces(peer, home)).is_some()
                || peer.pods.as_ref().is_some_and(|pods| contradiction(pods).is_some())
        }
        PolicyPeer::Block { .. } => false,
    }
}

/// A block and a selector are never compared: whether blocks hold pods is left to plugins.
fn peer_within(inner: &PolicyPeer, outer: &PolicyPeer, home: &str) -> bool {
    match (inner, outer) {
        (PolicyPeer::Pods(inner), PolicyPeer::Pods(outer)) => pods_within(inner, outer, home),
        (PolicyPeer::Block { cidr, except }, PolicyPeer::Block { cidr: around, except: holes }) => {
            around.contains(cidr) && holes.iter().all(|hole| is_outside(hole, cidr, except))
        }
        (PolicyPeer::Pods(_), PolicyPeer::Block { .. }) | (PolicyPeer::Block { .. }, PolicyPeer::Pods(_)) => {
            false
        }
    }
}

fn pods_within(inner: &PeerSelector, outer: &PeerSelector, home: &str) -> bool {
    let pods = |peer: &PeerSelector| peer.pods.clone().unwrap_or_default();
    selector_within(&in_namespaces(inner, home), &in_namespaces(outer, home))
        && selector_within(&pods(inner), &pods(outer))
}

/// Whether a hole of the outer block takes nothing from the inner one.
fn is_outside(hole: &IpNet, cidr: &IpNet, except: &[IpNet]) -> bool {
    let touches = hole.contains(cidr) || cidr.contains(hole);
    !touches || except.iter().any(|part| part.contains(hole))
}

/// Without ports a rule admits every port of every protocol, and protocols without ports too.
fn ports_within(inner: &[PolicyPort], rules: &[&PolicyRule]) -> bool {
    if rules.iter().any(|rule| rule.ports.is_empty()) {
        return true;
    }
    if inner.is_empty() {
        return false;
    }
    let entries = || rules.iter().flat_map(|rule| &rule.ports);
    let admitted: BTreeMap<Protocol, PortSet> = Protocol::WITH_PORTS
        .into_iter()
        .map(|of| (of, entries().filter(|entry| entry.protocol == of).filter_map(numbers).collect()))
        .collect();
    inner.iter().all(|entry| {
        let admitted = &admitted[&entry.protocol];
        match numbers(entry) {
            Some(range) => PortSet::from_iter([range]).difference(admitted).is_empty(),
            // A name stands for whatever number a pod gives it.
            None => *admitted == PortSet::all() || entries().any(|other| other == entry),
        }
    })
}

fn numbers(entry: &PolicyPort) -> Option<PortRange> {
    match &entry.port {
        None => Some(PortRange::ALL),
        Some(PortName::Range(range)) => Some(*range),
        Some(PortName::Name(_)) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use flowfence_model::LabelSelector;

    fn pods(namespace: Option<&str>, app: &str) -> PolicyPeer {
        let namespaces = namespace.map(|name| LabelSelector::labels([("kubernetes.io/metadata.name", name)]));
        let pods = (!app.is_empty()).then(|| LabelSelector::labels([("app", app)]));
        PolicyPeer::Pods(PeerSelector { namespaces, pods: Some(pods.unwrap_or_default()) })
    }

    fn block(cidr: &str, except: &[&str]) -> PolicyPeer {
        let except = except.iter().map(|part| part.parse().unwrap()).collect();
        PolicyPeer::Block { cidr: cidr.parse().unwrap(), except }
    }

    fn tcp(first: u16, last: u16) -> PolicyPort {
        PolicyPort { protocol: Protocol::Tcp, port: Some(PortName::Range(PortRange { first, last })) }
    }

    fn named(name: &str) -> PolicyPort {
        PolicyPort { protocol: Protocol::Tcp, port: Some(PortName::Name(name.to_owned())) }
    }

    fn rule(peers: &[PolicyPeer], ports: &[PolicyPort]) -> PolicyRule {
        PolicyRule { peers: peers.to_vec(), ports: ports.to_vec() }
    }

    #[test]
    fn a_rule_lies_inside_what_admits_all_of_it() {
        let every = PolicyPort { protocol: Protocol::Tcp, port: None };
        let web = rule(&[pods(None, "web")], &[tcp(80, 80)]);
        for (inner, outer, expected) in [
            (web.clone(), rule(&[], &[]), true),
            (web.clone(), rule(&[pods(Some("shop"), "")], &[tcp(80, 90)]), true),
            (web.clone(), rule(&[pods(Some("data"), "")], &[tcp(80, 90)]), false),
            (web.clone(), rule(&[pods(None, "")], &[tcp(81, 90)]), false),
            (rule(&[], &[tcp(80, 80)]), web.clone(), false),
            (rule(&[pods(None, "web")], &[named("http")]), rule(&[pods(None, "web")], &[tcp(80, 80)]), false),
            (rule(&[pods(None, "web")], &[named("http")]), rule(&[], &[every]), true),
            (rule(&[pods(None, "web")], &[]), rule(&[], &[tcp(0, u16::MAX)]), false),
            (rule(&[block("10.1.0.0/16", &[])], &[]), rule(&[block("10.0.0.0/8", &[])], &[]), true),
            (
                rule(&[block("10.1.0.0/16", &[])], &[]),
                rule(&[block("10.0.0.0/8", &["10.1.2.0/24"])], &[]),
                false,
            ),
            (
                rule(&[block("10.1.0.0/16", &["10.1.2.0/23"])], &[]),
                rule(&[block("10.0.0.0/8", &["10.1.2.0/24", "10.9.0.0/16"])], &[]),
                true,
            ),
        ] {
            assert_eq!(rule_within(&inner, &[&outer], "shop").is_some(), expected, "{inner:?} in {outer:?}");
        }
    }

    #[test]
    fn several_rules_hold_one_together() {
        let inner = rule(&[pods(None, "a"), pods(None, "b")], &[tcp(80, 81)]);
        let a = rule(&[pods(None, "a")], &[tcp(80, 80)]);
        let a_too = rule(&[pods(None, "a")], &[tcp(81, 81)]);
        let b = rule(&[pods(None, "b")], &[]);
        let all = rule_within(&inner, &[&a, &a_too, &b], "shop");
        assert_eq!(all, Some(BTreeSet::from([0, 1, 2])));
        assert_eq!(rule_within(&inner, &[&a, &b], "shop"), None);
    }
}
