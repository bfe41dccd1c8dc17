//! Ports.

use flowfence_model::{PolicyPort, Protocol};

use super::super::{Cluster, PolicySet};
use super::*;

fn pair() -> Cluster {
    let pods_ = vec![
        pod("n", "one", "10.0.0.1").port("http", 80, Protocol::Tcp).port("dns", 53, Protocol::Udp),
        pod("n", "two", "10.0.0.2").port("http", 8080, Protocol::Tcp),
        pod("n", "bare", "10.0.0.3"),
    ];
    Cluster::new(pods_, [], [])
}

#[test]
fn a_protocol_admits_no_other() {
    let set = [policy("n").ingress(&[rule(&[], &[tcp(53)])])];
    for (protocol, expected) in [(Protocol::Tcp, true), (Protocol::Udp, false), (Protocol::Sctp, false)] {
        assert_eq!(decide_on(&pair(), &set, "n/one", "n/two", protocol, 53).allowed(), expected);
    }
}

#[test]
fn a_port_entry_without_a_number_is_every_port_of_its_protocol() {
    let udp = PolicyPort { protocol: Protocol::Udp, port: None };
    let set = [policy("n").ingress(&[rule(&[], &[udp])])];
    for port in [1, 53, u16::MAX] {
        assert!(decide_on(&pair(), &set, "n/one", "n/two", Protocol::Udp, port).allowed());
        assert!(!decide_on(&pair(), &set, "n/one", "n/two", Protocol::Tcp, port).allowed());
    }
}

#[test]
fn an_end_port_is_inclusive() {
    let set = [policy("n").ingress(&[rule(&[], &[range(Protocol::Tcp, 100, 200)])])];
    for (port, expected) in [(99, false), (100, true), (200, true), (201, false)] {
        assert_eq!(allows(&pair(), &set, "n/one", "n/two", port), expected, "{port}");
    }
}

#[test]
fn a_named_port_resolves_on_each_destination() {
    let http = rule(&[], &[named(Protocol::Tcp, "http")]);
    for set in [[policy("n").ingress(std::slice::from_ref(&http))], [policy("n").egress(&[http])]] {
        assert!(allows(&pair(), &set, "n/bare", "n/one", 80));
        assert!(!allows(&pair(), &set, "n/bare", "n/one", 8080));
        assert!(allows(&pair(), &set, "n/bare", "n/two", 8080));
        assert!(!allows(&pair(), &set, "n/bare", "n/two", 80));
    }
}

#[test]
fn a_named_port_of_another_protocol_or_of_no_pod_matches_nothing() {
    let wrong = [policy("n").ingress(&[rule(&[], &[named(Protocol::Udp, "http")])])];
    assert!(!decide_on(&pair(), &wrong, "n/bare", "n/one", Protocol::Udp, 80).allowed());
    assert!(!allows(&pair(), &wrong, "n/bare", "n/one", 80));
    let absent = [policy("n").ingress(&[rule(&[], &[named(Protocol::Tcp, "http")])])];
    assert!(!allows(&pair(), &absent, "n/one", "n/bare", 80));
}

#[test]
fn a_named_port_towards_an_address_matches_nothing_and_the_rest_of_the_rule_holds() {
    let ports = [named(Protocol::Tcp, "http"), tcp(443)];
    let set = [policy("n").egress(&[rule(&[block("0.0.0.0/0", &[])], &ports)])];
    assert!(!allows(&pair(), &set, "n/one", "203.0.113.1", 80));
    assert!(allows(&pair(), &set, "n/one", "203.0.113.1", 443));
}

#[test]
fn an_undeclared_port_is_reachable_when_admitted() {
    let set = [policy("n").ingress(&[rule(&[], &[range(Protocol::Tcp, 1, u16::MAX)])])];
    assert!(allows(&pair(), &set, "n/one", "n/bare", 12_345));
}

#[test]
fn ports_are_the_pods_and_never_the_services() {
    // Service 80 leads to pod port 8080; a rule that names the service port admits nothing.
    let set = [policy("n").ingress(&[rule(&[], &[tcp(80)])])];
    assert!(!allows(&pair(), &set, "n/one", "n/two", 8080));
}

#[test]
fn a_port_set_holds_what_both_ends_allow() {
    let cluster = pair();
    let out = rule(&[], &[range(Protocol::Tcp, 50, 100), named(Protocol::Tcp, "http")]);
    let policies =
        [policy("n").egress(&[out]), policy("n").ingress(&[rule(&[], &[range(Protocol::Tcp, 80, 9000)])])];
    let set = PolicySet::compile(&cluster, &policies);
    let (one, two) = (end(&cluster, "n/one"), end(&cluster, "n/two"));
    assert_eq!(set.ports(one, two, Protocol::Tcp).to_string(), "80-100,8080");
    assert!(set.ports(one, two, Protocol::Udp).is_empty());
    assert_eq!(set.ports(one, one, Protocol::Udp).len(), 65_536, "a pod may reach itself");
}
