//! The rules of NetworkPolicy v1, one test each, named after what they say.

mod block;
mod isolation;
mod otherwise;
mod port;
mod reference;
mod selector;
mod special;
mod tier;
mod tier_words;
mod tiered;

use std::net::IpAddr;

use flowfence_model::object::{ContainerPort, Meta, Namespace, Node, Pod};
use flowfence_model::{
    LabelSelector, NetworkPolicy, PeerSelector, PolicyPeer, PolicyPort, PolicyRule, PortName, PortRange,
    Protocol,
};

use super::{Cluster, Connection, Decision, Party, PolicySet};

pub(super) fn pod(namespace: &str, name: &str, ip: &str) -> Pod {
    let meta = Meta { namespace: namespace.into(), name: name.into(), ..Meta::default() };
    Pod { meta, ips: vec![ip.parse().unwrap()], ..Pod::default() }
}

pub(super) trait PodWords {
    fn label(self, key: &str, value: &str) -> Self;
    fn port(self, name: &str, port: u16, protocol: Protocol) -> Self;
    fn on(self, node: &str) -> Self;
}

impl PodWords for Pod {
    fn label(mut self, key: &str, value: &str) -> Self {
        self.meta.labels.insert(key.into(), value.into());
        self
    }

    fn port(mut self, name: &str, port: u16, protocol: Protocol) -> Self {
        self.ports.push(ContainerPort { name: Some(name.into()), port, protocol });
        self
    }

    fn on(mut self, node: &str) -> Self {
        self.node = node.into();
        self
    }
}

pub(super) fn namespace(name: &str, labels: &[(&str, &str)]) -> Namespace {
    let labels = labels.iter().map(|(k, v)| ((*k).into(), (*v).into())).collect();
    Namespace { meta: Meta { name: name.into(), labels, ..Meta::default() } }
}

pub(super) fn node(name: &str, ip: &str, cidr: &str) -> Node {
    let meta = Meta { name: name.into(), ..Meta::default() };
    Node {
        meta,
        internal_ips: vec![ip.parse().unwrap()],
        pod_cidrs: vec![cidr.parse().unwrap()],
        ..Node::default()
    }
}

/// A policy that selects every pod of its namespace and isolates for nothing.
pub(super) fn policy(namespace: &str) -> NetworkPolicy {
    NetworkPolicy {
        namespace: namespace.into(),
        name: "p".into(),
        pod_selector: LabelSelector::everything(),
        ingress: None,
        egress: None,
    }
}

pub(super) trait PolicyWords {
    fn selecting(self, key: &str, value: &str) -> Self;
    fn ingress(self, rules: &[PolicyRule]) -> Self;
    fn egress(self, rules: &[PolicyRule]) -> Self;
}

impl PolicyWords for NetworkPolicy {
    fn selecting(mut self, key: &str, value: &str) -> Self {
        self.pod_selector = LabelSelector::labels([(key, value)]);
        self
    }

    fn ingress(mut self, rules: &[PolicyRule]) -> Self {
        self.ingress = Some(rules.to_vec());
        self
    }

    fn egress(mut self, rules: &[PolicyRule]) -> Self {
        self.egress = Some(rules.to_vec());
        self
    }
}

pub(super) fn rule(peers: &[PolicyPeer], ports: &[PolicyPort]) -> PolicyRule {
    PolicyRule { peers: peers.to_vec(), ports: ports.to_vec() }
}

pub(super) fn pods(selector: &LabelSelector) -> PolicyPeer {
    PolicyPeer::Pods(PeerSelector { namespaces: None, pods: Some(selector.clone()) })
}

pub(super) fn namespaces(selector: &LabelSelector) -> PolicyPeer {
    PolicyPeer::Pods(PeerSelector { namespaces: Some(selector.clone()), pods: None })
}

pub(super) fn labelled(key: &str, value: &str) -> LabelSelector {
    LabelSelector::labels([(key, value)])
}

pub(super) fn block(cidr: &str, except: &[&str]) -> PolicyPeer {
    let except = except.iter().map(|part| part.parse().unwrap()).collect();
    PolicyPeer::Block { cidr: cidr.parse().unwrap(), except }
}

pub(super) fn range(protocol: Protocol, first: u16, last: u16) -> PolicyPort {
    PolicyPort { protocol, port: Some(PortName::Range(PortRange { first, last })) }
}

pub(super) fn tcp(port: u16) -> PolicyPort {
    range(Protocol::Tcp, port, port)
}

pub(super) fn named(protocol: Protocol, name: &str) -> PolicyPort {
    PolicyPort { protocol, port: Some(PortName::Name(name.into())) }
}

/// A pod as `NAMESPACE/NAME`, or an address that nobody holds.
pub(super) fn end(cluster: &Cluster, text: &str) -> Party {
    match text.split_once('/') {
        Some((namespace, name)) => {
            let pod = cluster.pod_named(namespace, name).unwrap();
            Party { pod: Some(pod), address: cluster.pod(pod).ips[0] }
        }
        None => Party { pod: None, address: text.parse::<IpAddr>().unwrap() },
    }
}

pub(super) fn connection(
    cluster: &Cluster,
    from: &str,
    to: &str,
    protocol: Protocol,
    port: u16,
) -> Connection {
    Connection { from: end(cluster, from), to: end(cluster, to), protocol, port }
}

pub(super) fn decide_on(
    cluster: &Cluster,
    policies: &[NetworkPolicy],
    from: &str,
    to: &str,
    protocol: Protocol,
    port: u16,
) -> Decision {
    let set = PolicySet::compile(cluster, policies);
    let connection = connection(cluster, from, to, protocol, port);
    let decision = set.decide(&connection);
    assert_eq!(set.allows(&connection), decision.allowed(), "allows and decide are one");
    decision
}

/// Whether TCP from one end to the other is allowed.
pub(super) fn allows(cluster: &Cluster, policies: &[NetworkPolicy], from: &str, to: &str, port: u16) -> bool {
    decide_on(cluster, policies, from, to, Protocol::Tcp, port).allowed()
}

/// Pods `shop/web` (app=web), `shop/db` (app=db) and `ops/probe` (app=web); namespace `ops` has
/// team=ops.
pub(super) fn shop() -> Cluster {
    let pods = vec![
        pod("shop", "web", "10.0.1.1").label("app", "web"),
        pod("shop", "db", "10.0.1.2").label("app", "db"),
        pod("ops", "probe", "10.0.2.1").label("app", "web"),
    ];
    Cluster::new(pods, [namespace("shop", &[]), namespace("ops", &[("team", "ops")])], [])
}
