//! Who selectors select.

use std::collections::BTreeSet;

use flowfence_model::{LabelSelector, PeerSelector, PolicyPeer, Requirement};

use super::*;

fn only(requirement: Requirement) -> LabelSelector {
    LabelSelector { match_expressions: vec![requirement], ..LabelSelector::default() }
}

fn values(values: &[&str]) -> BTreeSet<String> {
    values.iter().map(|value| (*value).to_owned()).collect()
}

/// Whether each of four pods, tier=a, tier=b, tier="" and without tier, may reach `n/target`.
fn admitted(selector: &LabelSelector) -> [bool; 4] {
    let pods_ = vec![
        pod("n", "a", "10.0.0.1").label("tier", "a"),
        pod("n", "b", "10.0.0.2").label("tier", "b"),
        pod("n", "empty", "10.0.0.3").label("tier", ""),
        pod("n", "absent", "10.0.0.4"),
        pod("n", "target", "10.0.0.5").label("is", "target"),
    ];
    let cluster = Cluster::new(pods_, [], []);
    let set = [policy("n").selecting("is", "target").ingress(&[rule(&[pods(selector)], &[])])];
    ["n/a", "n/b", "n/empty", "n/absent"].map(|from| allows(&cluster, &set, from, "n/target", 1))
}

#[test]
fn not_in_matches_an_absent_key() {
    let not_a = only(Requirement::NotIn("tier".into(), values(&["a"])));
    assert_eq!(admitted(&not_a), [false, true, true, true]);
}

#[test]
fn exists_matches_an_empty_value_and_does_not_exist_only_an_absent_key() {
    assert_eq!(admitted(&only(Requirement::Exists("tier".into()))), [true, true, true, false]);
    assert_eq!(admitted(&only(Requirement::DoesNotExist("tier".into()))), [false, false, false, true]);
}

#[test]
fn an_empty_value_is_not_an_absent_key() {
    assert_eq!(admitted(&labelled("tier", "")), [false, false, true, false]);
    assert_eq!(
        admitted(&only(Requirement::In("tier".into(), values(&["", "b"])))),
        [false, true, true, false]
    );
}

#[test]
fn labels_and_expressions_are_all_needed_also_on_one_key() {
    let both = LabelSelector {
        match_labels: [("tier".to_owned(), "a".to_owned())].into(),
        match_expressions: vec![Requirement::In("tier".into(), values(&["b"]))],
    };
    assert_eq!(admitted(&both), [false; 4]);
}

#[test]
fn both_selectors_in_one_peer_mean_and_in_two_peers_mean_or() {
    let (ops, web) = (labelled("team", "ops"), labelled("app", "web"));
    let one = PolicyPeer::Pods(PeerSelector { namespaces: Some(ops.clone()), pods: Some(web.clone()) });
    let and = [policy("shop").selecting("app", "db").ingress(&[rule(&[one], &[])])];
    let or = [policy("shop").selecting("app", "db").ingress(&[rule(&[namespaces(&ops), pods(&web)], &[])])];
    assert!(!allows(&shop(), &and, "shop/web", "shop/db", 1));
    assert!(allows(&shop(), &and, "ops/probe", "shop/db", 1));
    assert!(allows(&shop(), &or, "shop/web", "shop/db", 1));
    assert!(allows(&shop(), &or, "ops/probe", "shop/db", 1));
}

#[test]
fn a_pod_selector_alone_means_the_policys_namespace() {
    let set = [policy("shop").selecting("app", "db").ingress(&[rule(&[pods(&labelled("app", "web"))], &[])])];
    assert!(!allows(&shop(), &set, "ops/probe", "shop/db", 1));
}

#[test]
fn an_empty_namespace_selector_means_all_pods_and_never_an_address() {
    let set = [policy("shop").ingress(&[rule(&[namespaces(&LabelSelector::everything())], &[])])];
    assert!(allows(&shop(), &set, "ops/probe", "shop/db", 1));
    assert!(!allows(&shop(), &set, "203.0.113.1", "shop/db", 1));
}

#[test]
fn a_namespace_bears_its_name_as_a_label_whatever_the_input_says() {
    let by_name = |name| {
        let selector = labelled("kubernetes.io/metadata.name", name);
        [policy("shop").ingress(&[rule(&[namespaces(&selector)], &[])])]
    };
    let pods_ = || vec![pod("shop", "db", "10.0.1.2"), pod("ops", "probe", "10.0.2.1")];
    let silent = Cluster::new(pods_(), [], []);
    assert!(allows(&silent, &by_name("ops"), "ops/probe", "shop/db", 1), "added where it is absent");
    let lying = namespace("ops", &[("kubernetes.io/metadata.name", "shop")]);
    let lying = Cluster::new(pods_(), [lying], []);
    assert!(!allows(&lying, &by_name("shop"), "ops/probe", "shop/db", 1), "nobody can fake it");
}
