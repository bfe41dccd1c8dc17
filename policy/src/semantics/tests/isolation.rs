//! Isolation, union, and what empty means.

use flowfence_model::policy::Direction;
use flowfence_model::{LabelSelector, PolicyRule, Protocol};

use super::super::{PolicySet, RuleId};
use super::*;

#[test]
fn without_policies_everything_is_allowed() {
    assert!(allows(&shop(), &[], "shop/web", "shop/db", 5432));
    assert!(allows(&shop(), &[], "203.0.113.1", "shop/db", 1));
}

#[test]
fn isolation_is_per_direction() {
    let egress_only = [policy("shop").egress(&[])];
    let out = decide_on(&shop(), &egress_only, "shop/web", "ops/probe", Protocol::Tcp, 80);
    assert!(!out.egress.allowed && out.ingress.allowed);
    assert!(allows(&shop(), &egress_only, "ops/probe", "shop/web", 80));
}

#[test]
fn a_connection_needs_both_ends_and_the_denying_one_is_named() {
    let deny_in = [policy("shop").selecting("app", "db").ingress(&[])];
    let decision = decide_on(&shop(), &deny_in, "shop/web", "shop/db", Protocol::Tcp, 5432);
    assert!(!decision.allowed() && decision.egress.allowed && !decision.ingress.allowed);
    assert_eq!(decision.ingress.isolated_by, [0]);
    assert!(decision.ingress.admitted_by.is_empty());
}

#[test]
fn policies_only_add_and_their_order_is_irrelevant() {
    let deny = policy("shop").ingress(&[]);
    let allow = policy("shop").ingress(&[rule(&[pods(&labelled("app", "web"))], &[])]);
    for set in [[deny.clone(), allow.clone()], [allow, deny]] {
        assert!(allows(&shop(), &set, "shop/web", "shop/db", 1));
        assert!(!allows(&shop(), &set, "ops/probe", "shop/db", 1));
    }
}

#[test]
fn a_policy_selects_only_pods_of_its_own_namespace() {
    let deny_web = [policy("shop").selecting("app", "web").ingress(&[])];
    assert!(!allows(&shop(), &deny_web, "shop/db", "shop/web", 1));
    assert!(allows(&shop(), &deny_web, "shop/db", "ops/probe", 1));
}

#[test]
fn an_empty_pod_selector_selects_the_namespace() {
    let cluster = shop();
    let set = PolicySet::compile(&cluster, &[policy("shop").ingress(&[])]);
    let selected: Vec<&str> = set.selected(0).map(|pod| cluster.pod(pod).meta.name.as_str()).collect();
    assert_eq!(selected, ["web", "db"]);
    let of_db = cluster.pod_named("shop", "db").unwrap();
    assert!(set.isolates(of_db, Direction::Ingress) && !set.isolates(of_db, Direction::Egress));
    assert_eq!(set.isolated_by(of_db, Direction::Ingress).collect::<Vec<_>>(), [0]);
}

#[test]
fn no_rule_denies_and_one_empty_rule_allows_every_protocol() {
    let deny = [policy("shop").ingress(&[])];
    let open = [policy("shop").ingress(&[PolicyRule::default()])];
    for protocol in Protocol::WITH_PORTS {
        let verdict = |set: &[_]| decide_on(&shop(), set, "203.0.113.1", "shop/db", protocol, 9).allowed();
        assert!(!verdict(&deny) && verdict(&open), "{protocol}");
    }
}

#[test]
fn a_rule_without_peers_admits_everybody_and_an_empty_pod_selector_only_the_namespace() {
    let anybody = [policy("shop").ingress(&[rule(&[], &[tcp(80)])])];
    let neighbours = [policy("shop").ingress(&[rule(&[pods(&LabelSelector::everything())], &[])])];
    assert!(allows(&shop(), &anybody, "203.0.113.1", "shop/db", 80));
    assert!(allows(&shop(), &anybody, "ops/probe", "shop/db", 80));
    assert!(allows(&shop(), &neighbours, "shop/web", "shop/db", 80));
    assert!(!allows(&shop(), &neighbours, "ops/probe", "shop/db", 80));
    assert!(!allows(&shop(), &neighbours, "203.0.113.1", "shop/db", 80));
}

#[test]
fn peers_and_ports_of_one_rule_are_both_needed_and_rules_are_alternatives() {
    let set = [policy("shop").selecting("app", "db").ingress(&[
        rule(&[pods(&labelled("app", "web"))], &[tcp(80)]),
        rule(&[namespaces(&labelled("team", "ops"))], &[tcp(443)]),
    ])];
    assert!(allows(&shop(), &set, "shop/web", "shop/db", 80));
    assert!(!allows(&shop(), &set, "shop/web", "shop/db", 443));
    assert!(allows(&shop(), &set, "ops/probe", "shop/db", 443));
    assert!(!allows(&shop(), &set, "ops/probe", "shop/db", 80));
}

#[test]
fn every_admitting_rule_is_named_with_the_entries_that_matched() {
    let cluster = shop();
    let web = pods(&labelled("app", "web"));
    let policies = [
        policy("shop").ingress(&[
            rule(&[pods(&labelled("app", "none"))], &[]),
            rule(&[block("192.0.2.0/24", &[]), web.clone()], &[tcp(443), tcp(80)]),
        ]),
        policy("shop").ingress(&[rule(&[web], &[])]),
    ];
    let set = PolicySet::compile(&cluster, &policies);
    let asked = connection(&cluster, "shop/web", "shop/db", Protocol::Tcp, 80);
    let id = |policy, rule| RuleId { policy, direction: Direction::Ingress, rule };
    assert_eq!(set.admitted_by(&asked, Direction::Ingress), [id(0, 1), id(1, 0)]);
    let entries = set.entries(id(0, 1), &asked).unwrap();
    assert_eq!((entries.peers, entries.ports), (vec![1], vec![1]));
    let entries = set.entries(id(1, 0), &asked).unwrap();
    assert_eq!((entries.peers, entries.ports), (vec![0], vec![]), "no ports, no entry");
    assert_eq!(set.entries(id(0, 0), &asked), None);
    assert_eq!(set.entries(id(7, 0), &asked), None);
    let who: Vec<&str> = set.peers(id(0, 1)).map(|pod| cluster.pod(pod).meta.name.as_str()).collect();
    assert_eq!(who, ["web"]);
}

#[test]
fn a_replaced_policy_keeps_its_place_among_those_that_isolate() {
    let cluster = shop();
    let policies = [policy("shop").ingress(&[]), policy("shop").ingress(&[])];
    let mut set = PolicySet::compile(&cluster, &policies);
    set.replace(0, policy("shop").ingress(&[PolicyRule::default()]));
    let asked = connection(&cluster, "shop/web", "shop/db", Protocol::Tcp, 80);
    assert_eq!(set.decide(&asked).ingress.isolated_by, [0, 1]);
    set.replace(2, policy("shop").egress(&[]));
    assert_eq!(set.decide(&asked).egress.isolated_by, [2], "one more at the end");
}
