use std::collections::BTreeSet;

use flowfence_graph::Tally;
use flowfence_model::policy::Direction;
use flowfence_model::{
    LabelSelector, NetworkPolicy, PeerSelector, PolicyPeer, PolicyPort, PolicyRule, PortName, PortRange,
    Protocol,
};

use super::{Tightening, WhyKept, tighten};
use crate::judge::testing::{Seen, World, at, connected, labels};
use crate::recommend::proof::{prove, prove_narrower};
use crate::recommend::{Exposed, Options};

mod block;
mod port;
mod random;
mod rule;

fn selector(text: &str) -> LabelSelector {
    LabelSelector::labels(labels(text))
}

/// A peer: `app=web` in the policy's namespace, `[team=a] app=web`, `[] ` for all pods of all
/// namespaces, a block, or a block `cidr!except`.
fn peer(text: &str) -> PolicyPeer {
    let (cidr, except) = text.split_once('!').unwrap_or((text, ""));
    if let Ok(cidr) = cidr.parse() {
        return PolicyPeer::Block { cidr, except: except.parse().into_iter().collect() };
    }
    match text.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((namespaces, pods)) => PolicyPeer::Pods(PeerSelector {
            namespaces: Some(selector(namespaces)),
            pods: (!pods.trim().is_empty()).then(|| selector(pods.trim())),
        }),
        None => PolicyPeer::Pods(PeerSelector { namespaces: None, pods: Some(selector(text)) }),
    }
}

/// `80`, `80-90`, `http`, `*`, each with `/UDP` or for TCP.
fn port_of(text: &str) -> PolicyPort {
    let (port, protocol) = text.split_once('/').unwrap_or((text, "TCP"));
    let number = |text: &str| text.parse::<u16>().ok();
    let port = match port.split_once('-') {
        _ if port == "*" => None,
        Some((first, last)) => {
            Some(PortName::Range(PortRange { first: number(first).unwrap(), last: number(last).unwrap() }))
        }
        None => Some(
            number(port)
                .map_or(PortName::Name(port.to_owned()), |port| PortName::Range(PortRange::single(port))),
        ),
    };
    PolicyPort { protocol: protocol.parse().unwrap(), port }
}

/// `PEER | PEER : PORT PORT`; `*` before or after the colon for everybody or every port.
fn rule_of(text: &str) -> PolicyRule {
    let (peers, ports) = text.split_once(" : ").unwrap();
    let list = |text: &str| text.trim() != "*" && !text.trim().is_empty();
    PolicyRule {
        peers: if peers.trim() == "*" {
            Vec::new()
        } else {
            peers.split(" | ").map(|p| peer(p.trim())).collect()
        },
        ports: if list(ports) { ports.split_whitespace().map(port_of).collect() } else { Vec::new() },
    }
}

fn policy(key: &str, pods: &str, direction: Direction, rules: &[&str]) -> NetworkPolicy {
    let (namespace, name) = key.split_once('/').unwrap();
    let rules = Some(rules.iter().map(|rule| rule_of(rule)).collect());
    let (egress, ingress) = match direction {
        Direction::Egress => (rules, None),
        Direction::Ingress => (None, rules),
    };
    NetworkPolicy {
        namespace: namespace.to_owned(),
        name: name.to_owned(),
        pod_selector: selector(pods),
        ingress,
        egress,
    }
}

fn ingress(key: &str, pods: &str, rules: &[&str]) -> NetworkPolicy {
    policy(key, pods, Direction::Ingress, rules)
}

fn egress(key: &str, pods: &str, rules: &[&str]) -> NetworkPolicy {
    policy(key, pods, Direction::Egress, rules)
}

fn run(world: &World, options: &Options) -> (Seen, Tightening) {
    let seen = world.seen();
    let answer = tighten(&seen.facts, &seen.inventory, &seen.judgement, &seen.today, options);
    (seen, answer)
}

/// Narrows, and checks that nothing is lost, nothing is added, and that a second time changes
/// nothing.
#[track_caller]
fn proved(world: &World, options: &Options) -> Tightening {
    let (seen, answer) = run(world, options);
    let objects = answer.objects();
    let proof = prove_narrower(&seen.facts, &seen.inventory, &seen.judgement, &seen.today, &objects);
    assert!(proof.holds(), "{proof:#?}\n{objects:#?}");
    let again = tighten(&seen.facts, &seen.inventory, &seen.judgement, &objects, options);
    assert_eq!(again.objects(), objects);
    assert_eq!(again.edits, [], "{objects:#?}");
    answer
}

fn selector_text(selector: &LabelSelector) -> String {
    let equal = selector.match_labels.iter().map(|(key, value)| format!("{key}={value}"));
    let more = selector.match_expressions.iter().map(|requirement| format!("{requirement:?}"));
    equal.chain(more).collect::<Vec<_>>().join(",")
}

fn peer_text(peer: &PolicyPeer) -> String {
    match peer {
        PolicyPeer::Block { cidr, except } if except.is_empty() => cidr.to_string(),
        PolicyPeer::Block { cidr, except } => format!("{cidr} except {}", except.len()),
        PolicyPeer::Pods(PeerSelector { namespaces, pods }) => {
            let namespaces = namespaces.as_ref().map(|n| format!("[{}] ", selector_text(n)));
            let pods = pods.as_ref().map(selector_text).unwrap_or_default();
            format!("{}{pods}", namespaces.unwrap_or_default()).trim_end().to_owned()
        }
    }
}

fn rule_text(rule: &PolicyRule) -> String {
    let port = |port: &PolicyPort| {
        let number = port.port.as_ref().map_or("*".to_owned(), PortName::to_string);
        format!("{number}/{}", port.protocol)
    };
    let peers: Vec<String> = rule.peers.iter().map(peer_text).collect();
    let ports: Vec<String> = rule.ports.iter().map(port).collect();
    format!("{}: {}", peers.join(" | "), ports.join(" "))
}

/// The rules of the only policy, or of the one with that key.
fn rules(answer: &Tightening, key: &str) -> Vec<String> {
    let sheet = answer.policies.iter().find(|sheet| sheet.policy.key() == key).unwrap();
    let all = sheet.policy.egress.iter().chain(&sheet.policy.ingress).flatten();
    all.map(rule_text).collect()
}

fn what(answer: &Tightening) -> Vec<String> {
    let edits = answer.edits.iter();
    edits.map(|e| format!("{} {}[{}] {}", e.policy, e.direction, e.rule, e.what.token())).collect()
}

fn kept(answer: &Tightening) -> Vec<String> {
    answer.kept.iter().map(|kept| format!("{} {}", kept.policy, kept.why)).collect()
}

/// web, api and a batch job in shop, a scraper in ops, DNS; web asks api, the scraper asks both.
fn shop() -> World {
    let mut world = World::new();
    world
        .deployment("shop/web", "app=web", 2)
        .deployment("shop/api", "app=api", 2)
        .deployment("shop/cart", "app=cart", 1)
        .deployment("ops/scraper", "app=scraper", 1)
        .deployment("ops/clock", "app=clock", 1);
    world.tcp("shop/web-0", "shop/api-1", 9090);
    world.tcp("ops/scraper-0", "shop/api-0", 9100);
    world.tcp("ops/scraper-0", "shop/web-0", 9100);
    world.tcp("shop/cart-0", "ops/clock-0", 123);
    world
}
