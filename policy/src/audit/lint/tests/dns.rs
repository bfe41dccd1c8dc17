use flowfence_model::Protocol;

use super::{Words, app, ask, block, found_beside, ids, only, policy, range, shop, tcp};
use crate::audit::Level;

#[test]
fn egress_to_peers_without_dns_is_told_with_the_rule_that_is_missing() {
    let mut world = shop();
    world.today = vec![policy("p", "web").egress(&[app("db")], &[tcp(5432)])];
    let finding = only(&world, "dns-forgotten");
    assert_eq!((finding.id.as_str(), finding.level), ("dns-forgotten:shop/Deployment/web", Level::Warning));
    let fix = finding.fix.unwrap();
    assert!(
        fix.contains("NetworkPolicy shop/p")
            && fix.contains("podSelector: {matchLabels: {k8s-app: kube-dns}}"),
        "{fix}"
    );
}

#[test]
fn dns_over_tcp_alone_is_not_enough() {
    let mut world = shop();
    let (dns, _) = ask();
    world.today = vec![policy("p", "web").egress(&[app("db")], &[tcp(5432)]).egress(&dns, &[tcp(53)])];
    assert_eq!(ids(&world), ["dns-forgotten:shop/Deployment/web"]);
}

#[test]
fn whoever_may_ask_somebody_is_silent() {
    let (dns, ports) = ask();
    let db = || policy("p", "web").egress(&[app("db")], &[tcp(5432)]);
    for today in [
        vec![db().egress(&dns, &ports)],
        vec![db(), policy("names", "").egress(&dns, &ports)],
        vec![db().egress(&[block("169.254.20.10/32", &[])], &[range(Protocol::Udp, 53, 53)])],
        vec![db().egress(&[block("10.96.0.0/12", &[])], &[])],
        vec![db().egress(&[block("198.51.100.53/32", &[])], &[range(Protocol::Udp, 53, 53)])],
    ] {
        let mut world = shop();
        world.today = today;
        let told = ids(&world);
        assert!(!told.iter().any(|id| id.starts_with("dns-forgotten")), "{told:?}");
    }
}

#[test]
fn whoever_is_denied_wholly_or_goes_to_addresses_is_silent() {
    let mut world = shop();
    world.today = vec![
        policy("deny", "db").deny(),
        policy("server", "web").egress(&[block("172.30.0.11/32", &[])], &[tcp(6443)]),
    ];
    assert_eq!(ids(&world), [""; 0]);
}

#[test]
fn the_world_is_reached_by_name() {
    let mut world = shop();
    let except = ["10.244.1.0/24", "10.244.2.0/24"];
    world.today = vec![policy("p", "web").egress(&[block("0.0.0.0/0", &except)], &[tcp(443)])];
    assert_eq!(ids(&world), ["dns-forgotten:shop/Deployment/web"]);
}

#[test]
fn where_traffic_was_recorded_only_those_who_asked_are_told() {
    let mut world = shop();
    world.today = vec![policy("p", "").egress(&[app("db")], &[tcp(5432)])];
    world.udp("shop/web-0", "kube-system/coredns-0", 53);
    world.tcp("shop/db-0", "shop/web-0", 80);
    assert_eq!(ids(&world), ["dns-forgotten:shop/Deployment/web"]);
}

#[test]
fn without_a_dns_service_it_is_a_note_where_nothing_admits_the_port() {
    let mut world = crate::judge::testing::World::new();
    world.deployment("shop/web", "app=web", 1).deployment("shop/db", "app=db", 1);
    world.today = vec![policy("p", "web").egress(&[app("db")], &[tcp(5432)])];
    let levels: Vec<Level> = found_beside(&world, &[]).iter().map(|finding| finding.level).collect();
    assert_eq!(levels, [Level::Note]);
    world.today = vec![policy("p", "web").egress(&[app("db")], &[tcp(5432), range(Protocol::Udp, 53, 53)])];
    assert_eq!(ids(&world), [""; 0]);
}
