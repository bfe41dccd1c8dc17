use super::{Words, app, block, ids, namespace, only, policy, range, shop, tcp};
use crate::judge::testing::World;
use flowfence_model::Protocol::Tcp;
use flowfence_model::{LabelSelector, PeerSelector, PolicyPeer, Requirement};

#[test]
fn a_rule_inside_another_of_the_same_pods_is_told() {
    let mut world = shop();
    world.today = vec![
        policy("p", "web").ingress(&[app("db")], &[tcp(80)]).ingress(&[app("")], &[range(Tcp, 80, 90)]),
        policy("q", "web")
            .ingress(&[namespace("shop")], &[tcp(85)])
            .ingress(&[block("192.0.2.0/25", &[])], &[tcp(80)]),
        policy("r", "web").ingress(&[block("192.0.2.0/24", &[]), app("db")], &[tcp(80), tcp(91)]),
    ];
    world.today[1].egress = Some(Vec::new());
    assert_eq!(
        ids(&world),
        [
            "rule-contained:shop/p:ingress[0]",
            "rule-contained:shop/q:ingress[0]",
            "rule-contained:shop/q:ingress[1]",
        ]
    );
}

#[test]
fn of_two_rules_that_are_alike_one_is_told() {
    let mut world = shop();
    world.today =
        vec![policy("p", "web").ingress(&[app("db")], &[tcp(80)]).ingress(&[app("db")], &[tcp(80)])];
    let finding = only(&world, "rule-contained");
    assert_eq!(finding.id, "rule-contained:shop/p:ingress[1]");
    assert!(finding.fix.unwrap().starts_with("delete spec.ingress[1] of NetworkPolicy shop/p"));
}

#[test]
fn rules_that_overlap_only_in_the_pods_of_today_are_silent() {
    let mut world = shop();
    world.today = vec![
        policy("p", "web")
            .ingress(&[app("db")], &[tcp(80)])
            .ingress(&[app("web")], &[tcp(80)])
            .ingress(&[block("10.244.0.0/16", &["10.244.1.0/24", "10.244.2.0/24"])], &[tcp(80)]),
        policy("q", "db").ingress(&[app("db")], &[tcp(80)]),
    ];
    assert_eq!(ids(&world), [""; 0]);
}

#[test]
fn a_policy_inside_others_is_shadowed_and_its_rules_are_not_told_again() {
    let mut world = shop();
    world.today = vec![
        policy("wide", "").ingress(&[app("")], &[]),
        policy("narrow", "web").ingress(&[app("db")], &[tcp(80)]),
        policy("copy", "web").ingress(&[app("db")], &[tcp(80)]),
    ];
    assert_eq!(ids(&world), ["policy-shadowed:shop/narrow", "policy-shadowed:shop/copy"]);
}

#[test]
fn of_two_policies_that_are_alike_the_later_name_is_told() {
    let mut world = shop();
    world.today = vec![
        policy("a", "web").ingress(&[app("db")], &[tcp(80)]),
        policy("b", "web").ingress(&[app("db")], &[tcp(80)]),
        policy("deny", "").deny(),
        policy("deny-too", "").deny(),
    ];
    assert_eq!(ids(&world), ["policy-shadowed:shop/b", "policy-shadowed:shop/deny-too"]);
}

#[test]
fn a_general_deny_is_never_told_to_go() {
    let mut world = shop();
    world.today = vec![
        policy("deny", "").deny(),
        policy("db", "db").ingress(&[app("web")], &[tcp(80)]).deny(),
        policy("web", "web").ingress(&[app("web")], &[tcp(80)]).deny(),
    ];
    assert_eq!(ids(&world), [""; 0]);
}

#[test]
fn a_policy_that_admits_everything_where_nothing_else_isolates_has_no_effect() {
    let mut world = shop();
    world.today = vec![policy("open", "web").ingress(&[], &[])];
    assert_eq!(ids(&world), ["policy-without-effect:shop/open", "rule-open-to-all:shop/open:ingress[0]"]);
    // Beside a deny it opens what the deny closes.
    world.today.push(policy("deny", "").deny());
    assert_eq!(ids(&world), ["rule-open-to-all:shop/open:ingress[0]"]);
}

#[test]
fn a_policy_for_peers_that_come_later_has_an_effect() {
    let mut world = shop();
    world.today =
        vec![policy("deny", "").deny(), policy("later", "web").ingress(&[namespace("later")], &[tcp(80)])];
    assert_eq!(ids(&world), ["peer-selects-nothing:shop/later:ingress[0].from[0]"]);
}

#[test]
fn a_policy_for_siblings_of_a_pod_that_is_alone_has_an_effect() {
    let where_app = |requirement: Requirement| LabelSelector {
        match_expressions: vec![requirement],
        ..LabelSelector::default()
    };
    let is_not = |app: &str| where_app(Requirement::NotIn("app".to_owned(), [app.to_owned()].into()));
    let pods = |selector| PolicyPeer::Pods(PeerSelector { namespaces: None, pods: Some(selector) });
    let has_app = || where_app(Requirement::Exists("app".to_owned()));
    let found = |replicas| {
        let mut world = World::new();
        world.deployment("shop/web", "app=web", replicas).deployment("shop/db", "app=db", 1);
        world.today = vec![
            policy("web", "").egress(&[pods(is_not("web"))], &[]),
            policy("deny", "").deny(),
            policy("all", "").egress(&[pods(LabelSelector::everything())], &[]),
            policy("db", "").egress(&[], &[]),
        ];
        let selectors = [is_not("db"), has_app(), has_app(), is_not("web")];
        for (policy, selector) in world.today.iter_mut().zip(selectors) {
            policy.pod_selector = selector;
        }
        ids(&world)
    };
    // Without `all`, no pod of web would reach another.
    assert!(!found(2).contains(&"policy-without-effect:shop/all".to_owned()), "{:?}", found(2));
    assert_eq!(found(1), found(2));
}
