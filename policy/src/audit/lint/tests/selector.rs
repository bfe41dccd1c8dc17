use flowfence_model::{LabelSelector, PeerSelector, PolicyPeer, Requirement};

use super::{Words, app, ids, namespace, only, policy, shop, tcp};
use crate::audit::Level;

fn contradictory() -> LabelSelector {
    let mut selector = LabelSelector::labels([("app", "web")]);
    selector.match_expressions.push(Requirement::In("app".to_owned(), ["db".to_owned()].into()));
    selector
}

#[test]
fn a_selector_that_contradicts_itself_is_told_with_its_key() {
    let mut world = shop();
    let peer = PolicyPeer::Pods(PeerSelector { namespaces: None, pods: Some(contradictory()) });
    world.today = vec![policy("p", "web").ingress(&[peer, app("db")], &[tcp(80)])];
    let finding = only(&world, "selector-contradictory");
    assert_eq!(finding.id, "selector-contradictory:shop/p:ingress[0].from[0].podSelector");
    assert!(finding.title.contains("on app"), "{}", finding.title);
    assert_eq!(ids(&world).len(), 1, "and not told as a peer without pods");
}

#[test]
fn two_requirements_on_one_key_that_agree_are_silent() {
    let mut world = shop();
    let mut agreeing = LabelSelector::labels([("app", "web")]);
    agreeing
        .match_expressions
        .push(Requirement::In("app".to_owned(), ["db".to_owned(), "web".to_owned()].into()));
    agreeing.match_expressions.push(Requirement::Exists("app".to_owned()));
    let peer = PolicyPeer::Pods(PeerSelector { namespaces: None, pods: Some(agreeing) });
    world.today = vec![policy("p", "db").ingress(&[peer], &[tcp(80)])];
    assert_eq!(ids(&world), [""; 0]);
}

#[test]
fn a_policy_selects_pods_of_today_or_of_a_template() {
    let mut world = shop();
    world.controlled("CronJob", "shop/later", "app=later", 0);
    world.pod("shop/host").host_network = true;
    world.pods.get_mut("shop/host").unwrap().meta.labels = [("app".to_owned(), "host".to_owned())].into();
    world.today = vec![
        policy("stale", "gone").ingress(&[app("web")], &[tcp(80)]),
        policy("planned", "later").ingress(&[app("web")], &[tcp(80)]),
        policy("host", "host").ingress(&[app("web")], &[tcp(80)]),
    ];
    assert_eq!(ids(&world), ["policy-selects-nothing:shop/stale", "host-network-bypass:shop/host"]);
}

#[test]
fn a_peer_without_pods_is_told_and_where_such_pods_are() {
    let mut world = shop();
    world.deployment("ops/scraper", "app=scraper", 1);
    world.today = vec![
        policy("p", "web").ingress(&[app("scraper")], &[tcp(80)]),
        policy("q", "db").ingress(&[app("web"), app("old-web")], &[tcp(80)]),
        policy("r", "db").ingress(&[namespace("nowhere")], &[tcp(81)]),
    ];
    let found = super::found_beside(&world, &[]);
    let told: Vec<(&str, Level)> = found.iter().map(|finding| (finding.id.as_str(), finding.level)).collect();
    assert_eq!(
        told,
        [
            ("peer-selects-nothing:shop/p:ingress[0].from[0]", Level::Warning),
            ("peer-selects-nothing:shop/r:ingress[0].from[0]", Level::Warning),
            ("peer-selects-nothing:shop/q:ingress[0].from[1]", Level::Note),
        ]
    );
    assert!(
        found[0].fix.as_ref().unwrap().contains("kubernetes.io/metadata.name: ops"),
        "{:?}",
        found[0].fix
    );
}

#[test]
fn without_any_workload_nothing_is_said_of_what_selectors_select() {
    let mut world = crate::judge::testing::World::new();
    world.today = vec![policy("p", "web").ingress(&[app("db")], &[tcp(80)])];
    assert_eq!(ids(&world), [""; 0]);
}
