//! For each lint what triggers it, and beside it what is sound and must stay silent.

mod block;
mod dns;
mod effect;
mod port;
mod random;
mod selector;
mod spelling;
mod tier;

use flowfence_graph::crew::Alone;
use flowfence_model::{
    LabelSelector, NetworkPolicy, PeerSelector, PolicyPeer, PolicyPort, PolicyRule, PortName, PortRange,
    Protocol, Remark, Remarks,
};

use crate::audit::{Finding, lint};
use crate::judge::testing::World;

/// What lint says of a world whose policies have these remarks.
pub(super) fn found_beside(world: &World, remarks: &[(&str, Remark)]) -> Vec<Finding> {
    let mut by_policy = Remarks::new();
    for (policy, remark) in remarks {
        by_policy.entry((*policy).to_owned()).or_default().push(*remark);
    }
    let seen = world.seen();
    let mut facts = seen.facts;
    if world.contacts.is_empty() {
        facts.window = None;
    }
    lint(&facts, &seen.inventory, &seen.prepared, &by_policy, &Alone)
}

/// The ids of what lint says.
pub(super) fn ids(world: &World) -> Vec<String> {
    found_beside(world, &[]).into_iter().map(|finding| finding.id).collect()
}

/// The only finding of a rule.
pub(super) fn only(world: &World, rule: &str) -> Finding {
    let found = found_beside(world, &[]);
    let mut of_rule = found.iter().filter(|finding| finding.rule == rule);
    let first = of_rule.next().unwrap_or_else(|| panic!("no {rule} in {found:#?}"));
    assert!(of_rule.next().is_none(), "one {rule} in {found:#?}");
    first.clone()
}

/// Web and db in shop, DNS in kube-system behind its service.
pub(super) fn shop() -> World {
    let mut world = World::new();
    world
        .deployment("shop/web", "app=web", 2)
        .deployment("shop/db", "app=db", 1)
        .deployment("kube-system/coredns", "k8s-app=kube-dns", 1)
        .service("kube-system/kube-dns", "k8s-app=kube-dns", 53, 53, None);
    world
}

/// A policy of shop for an app that isolates nothing yet; every pod for an empty name.
pub(super) fn policy(name: &str, app: &str) -> NetworkPolicy {
    let pod_selector =
        if app.is_empty() { LabelSelector::everything() } else { LabelSelector::labels([("app", app)]) };
    NetworkPolicy {
        namespace: "shop".to_owned(),
        name: name.to_owned(),
        pod_selector,
        ingress: None,
        egress: None,
    }
}

pub(super) trait Words {
    fn ingress(self, peers: &[PolicyPeer], ports: &[PolicyPort]) -> Self;
    fn egress(self, peers: &[PolicyPeer], ports: &[PolicyPort]) -> Self;
    fn deny(self) -> Self;
}

impl Words for NetworkPolicy {
    fn ingress(mut self, peers: &[PolicyPeer], ports: &[PolicyPort]) -> Self {
        let rule = PolicyRule { peers: peers.to_vec(), ports: ports.to_vec() };
        self.ingress.get_or_insert_default().push(rule);
        self
    }

    fn egress(mut self, peers: &[PolicyPeer], ports: &[PolicyPort]) -> Self {
        let rule = PolicyRule { peers: peers.to_vec(), ports: ports.to_vec() };
        self.egress.get_or_insert_default().push(rule);
        self
    }

    /// Isolates in both directions, with the rules that it has.
    fn deny(mut self) -> Self {
        self.ingress.get_or_insert_default();
        self.egress.get_or_insert_default();
        self
    }
}

/// Pods of the policy's namespace with that app; all of them for an empty name.
pub(super) fn app(app: &str) -> PolicyPeer {
    let pods =
        if app.is_empty() { LabelSelector::everything() } else { LabelSelector::labels([("app", app)]) };
    PolicyPeer::Pods(PeerSelector { namespaces: None, pods: Some(pods) })
}

/// Every pod of a namespace.
pub(super) fn namespace(name: &str) -> PolicyPeer {
    let namespaces = Some(LabelSelector::labels([("kubernetes.io/metadata.name", name)]));
    PolicyPeer::Pods(PeerSelector { namespaces, pods: None })
}

pub(super) fn block(cidr: &str, except: &[&str]) -> PolicyPeer {
    let except = except.iter().map(|part| part.parse().unwrap()).collect();
    PolicyPeer::Block { cidr: cidr.parse().unwrap(), except }
}

pub(super) fn tcp(port: u16) -> PolicyPort {
    range(Protocol::Tcp, port, port)
}

pub(super) fn range(protocol: Protocol, first: u16, last: u16) -> PolicyPort {
    PolicyPort { protocol, port: Some(PortName::Range(PortRange { first, last })) }
}

pub(super) fn named(protocol: Protocol, name: &str) -> PolicyPort {
    PolicyPort { protocol, port: Some(PortName::Name(name.to_owned())) }
}

/// The rule that lets pods ask for names.
pub(super) fn ask() -> ([PolicyPeer; 1], [PolicyPort; 2]) {
    ([namespace("kube-system")], [range(Protocol::Udp, 53, 53), tcp(53)])
}

#[test]
fn a_sound_set_of_policies_is_silent() {
    let mut world = shop();
    world.port("shop/db-0", "sql", 5432);
    let (dns, ports) = ask();
    world.today = vec![
        policy("default-deny", "").deny(),
        policy("names", "").egress(&dns, &ports),
        policy("web", "web")
            .ingress(
                &[block("0.0.0.0/0", &["10.244.1.0/24", "10.244.2.0/24"]), block("10.244.1.1/32", &[])],
                &[tcp(8080)],
            )
            .egress(&[app("db")], &[named(Protocol::Tcp, "sql")])
            .egress(&[block("172.30.0.11/32", &[]), block("172.30.0.12/32", &[])], &[tcp(9100)]),
        policy("db", "db").ingress(&[app("web")], &[named(Protocol::Tcp, "sql")]),
    ];
    assert_eq!(ids(&world), [""; 0]);
}

#[test]
fn every_finding_names_its_fix_and_a_policy() {
    let mut world = shop();
    world.today = vec![
        policy("stale", "gone").ingress(&[app("web")], &[tcp(80)]),
        policy("web", "web")
            .ingress(&[app("nobody")], &[named(Protocol::Tcp, "http")])
            .egress(&[app("db")], &[]),
        policy("wide", "db")
            .ingress(&[], &[range(Protocol::Tcp, 1, 65_535)])
            .ingress(&[app("web")], &[tcp(80)]),
    ];
    let found = found_beside(&world, &[]);
    assert!(found.len() >= 6, "{found:#?}");
    for finding in found {
        assert!(finding.fix.is_some_and(|fix| fix.contains("shop/")), "{}", finding.id);
        assert!(finding.policy.is_some(), "{}", finding.id);
    }
}
