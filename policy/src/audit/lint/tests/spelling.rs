use flowfence_model::{Direction, LabelSelector, PeerSelector, PolicyPeer, Remark};

use super::{Words, app, found_beside, ids, only, policy, shop, tcp};
use crate::audit::Level;

fn told(remark: Remark) -> Vec<(String, Level)> {
    let mut world = shop();
    world.today = vec![policy("p", "db").ingress(&[app("web")], &[tcp(80)])];
    let found = found_beside(&world, &[("shop/p", remark)]);
    found.into_iter().map(|finding| (finding.id, finding.level)).collect()
}

#[test]
fn rules_that_policy_types_leave_out_are_ignored() {
    let remark = Remark::RulesIgnored { direction: Direction::Egress, rules: 2 };
    assert_eq!(told(remark), [("policy-types-trap:shop/p:rules-ignored".to_owned(), Level::Warning)]);
}

#[test]
fn defaults_of_policy_types_are_told_by_how_much_they_surprise() {
    let of = |token: &str| format!("policy-types-trap:shop/p:{token}");
    assert_eq!(told(Remark::EgressLeftOpen), [(of("egress-left-open"), Level::Warning)]);
    assert_eq!(told(Remark::IngressDeniedToo), [(of("ingress-denied-too"), Level::Warning)]);
    assert_eq!(told(Remark::OnlyIngressDenied), [(of("only-ingress-denied"), Level::Note)]);
}

#[test]
fn remarks_on_policies_that_are_not_in_force_are_silent() {
    let world = shop();
    assert!(found_beside(&world, &[("shop/other", Remark::EgressLeftOpen)]).is_empty());
}

#[test]
fn no_peers_are_everybody_and_an_empty_list_is_a_warning() {
    let mut world = shop();
    world.today = vec![policy("p", "db").ingress(&[app("web")], &[tcp(80)]).ingress(&[], &[tcp(81)])];
    let finding = only(&world, "rule-open-to-all");
    assert_eq!((finding.id.as_str(), finding.level), ("rule-open-to-all:shop/p:ingress[1]", Level::Note));
    let remark = Remark::EmptyPeers { direction: Direction::Ingress, rule: 1 };
    let found = found_beside(&world, &[("shop/p", remark)]);
    let told: Vec<(&str, Level)> = found.iter().map(|finding| (finding.id.as_str(), finding.level)).collect();
    assert_eq!(told, [("rule-open-to-all:shop/p:ingress[1].from", Level::Warning)]);
}

#[test]
fn every_pod_of_every_namespace_is_told_and_every_pod_of_one_is_not() {
    let every = |pods| PolicyPeer::Pods(PeerSelector { namespaces: Some(LabelSelector::everything()), pods });
    let mut world = shop();
    world.today = vec![
        policy("p", "db").ingress(&[every(None), app("web")], &[tcp(80)]),
        policy("q", "web").ingress(&[every(Some(LabelSelector::labels([("app", "db")])))], &[tcp(80)]),
        policy("r", "web").ingress(&[app("")], &[tcp(81)]),
    ];
    assert_eq!(ids(&world), ["rule-open-to-all:shop/p:ingress[0].from[0]"]);
}
