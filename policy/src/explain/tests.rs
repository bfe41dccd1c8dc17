//! Claims about explanations.

use flowfence_model::object::{Meta, Pod};
use flowfence_model::policy::Direction;
use flowfence_model::{
    LabelSelector, NetworkPolicy, PeerSelector, PolicyPeer, PolicyPort, PolicyRule, PortName, PortRange,
    Protocol,
};

use super::*;
use crate::semantics::{Cluster, Party};

fn pod(name: &str, ip: &str) -> Pod {
    let labels = [("app".to_owned(), name.to_owned())].into();
    let meta = Meta { namespace: "n".to_owned(), name: name.to_owned(), labels, ..Meta::default() };
    Pod { meta, ips: vec![ip.parse().unwrap()], ..Pod::default() }
}

fn from_a_on_80() -> NetworkPolicy {
    let peer = PeerSelector { namespaces: None, pods: Some(LabelSelector::labels([("app", "a")])) };
    let port = PolicyPort { protocol: Protocol::Tcp, port: Some(PortName::Range(PortRange::single(80))) };
    NetworkPolicy {
        namespace: "n".to_owned(),
        name: "b".to_owned(),
        pod_selector: LabelSelector::labels([("app", "b")]),
        ingress: Some(vec![PolicyRule { peers: vec![PolicyPeer::Pods(peer)], ports: vec![port] }]),
        egress: None,
    }
}

#[test]
fn a_denied_connection_names_the_policy_and_what_each_rule_lacks() {
    let cluster =
        Cluster::new(vec![pod("a", "10.0.0.1"), pod("b", "10.0.0.2"), pod("c", "10.0.0.3")], [], []);
    let set = PolicySet::compile(&cluster, &[from_a_on_80()]);
    let party = |ip: &str| -> Party { cluster.party(ip.parse().unwrap()) };
    let ask = |from: &str, port| {
        let to = party("10.0.0.2");
        explain(&set, &Connection { from: party(from), to, protocol: Protocol::Tcp, port })
    };
    let admitted = ask("10.0.0.1", 80);
    assert_eq!((admitted.egress.reason, admitted.ingress.reason), (Reason::NotIsolated, Reason::Admitted));
    let wrong_port = ask("10.0.0.1", 81);
    assert_eq!(wrong_port.ingress.reason, Reason::Denied);
    let rule = &wrong_port.ingress.policies[0].rules[0];
    assert!(rule.peer && !rule.port && rule.rule.direction == Direction::Ingress);
    let wrong_peer = &ask("10.0.0.3", 80).ingress.policies[0].rules[0];
    assert!(!wrong_peer.peer && wrong_peer.port);
    assert_eq!(ask("192.0.2.1", 80).egress.reason, Reason::NoPod);
}
