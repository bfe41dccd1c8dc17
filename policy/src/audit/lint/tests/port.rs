use flowfence_model::Protocol::{Tcp, Udp};

use super::{Words, app, block, found_beside, ids, named, only, policy, range, shop, tcp};

#[test]
fn a_port_name_is_looked_up_on_the_destination_by_protocol() {
    let mut world = shop();
    world.port("shop/web-0", "http", 8080).port("shop/db-0", "sql", 5432);
    world.today = vec![
        policy("p", "web")
            .ingress(&[app("db")], &[named(Tcp, "http"), named(Udp, "http"), named(Tcp, "sql")]),
        policy("q", "db").ingress(&[app("web")], &[named(Tcp, "sql")]),
    ];
    let told =
        ["named-port-missing:shop/p:ingress[0].ports[1]", "named-port-missing:shop/p:ingress[0].ports[2]"];
    assert_eq!(ids(&world), told);
    let found = found_beside(&world, &[]);
    assert!(found[0].fix.as_ref().unwrap().contains("protocol: TCP"), "{:?}", found[0].fix);
    assert!(found[1].fix.as_ref().unwrap().contains("http=8080/TCP"), "{:?}", found[1].fix);
}

#[test]
fn an_egress_name_is_that_of_the_peers() {
    let mut world = shop();
    world.port("shop/web-0", "http", 8080).port("shop/db-0", "sql", 5432);
    let (dns, ports) = super::ask();
    world.today = vec![
        policy("p", "web").egress(&[app("db")], &[named(Tcp, "sql")]).egress(&dns, &ports),
        policy("q", "db").egress(&[app("web")], &[named(Tcp, "sql")]).egress(&dns, &ports),
    ];
    assert_eq!(ids(&world), ["named-port-missing:shop/q:egress[0].ports[0]"]);
}

#[test]
fn a_name_towards_blocks_matches_nothing() {
    let mut world = shop();
    world.port("shop/db-0", "https", 443);
    world.today =
        vec![policy("p", "web").egress(&[block("192.0.2.0/24", &[])], &[named(Tcp, "https"), tcp(443)])];
    let finding = only(&world, "named-port-missing");
    assert!(finding.title.contains("ipBlocks only"), "{}", finding.title);
    assert!(finding.fix.unwrap().contains("the number of https/TCP"));
}

#[test]
fn a_name_of_some_pods_of_many_is_silent() {
    let mut world = shop();
    world.port("shop/web-0", "metrics", 9090);
    world.today = vec![policy("p", "").ingress(&[app("web")], &[named(Tcp, "metrics")])];
    assert_eq!(ids(&world), [""; 0]);
}

#[test]
fn ranges_over_everything_and_over_the_node_ports_are_told_and_others_are_not() {
    let mut world = shop();
    world.today = vec![policy("p", "web").ingress(
        &[app("db")],
        &[
            range(Tcp, 1, 65_535),
            range(Udp, 30_000, 32_767),
            range(Tcp, 30_000, 30_100),
            range(Udp, 8000, 9000),
        ],
    )];
    let told = ["end-port-wide:shop/p:ingress[0].ports[0]", "end-port-wide:shop/p:ingress[0].ports[1]"];
    assert_eq!(ids(&world), told);
}

#[test]
fn ranges_are_told_beside_cilium_alone() {
    let mut world = shop();
    world.today = vec![
        policy("p", "web").ingress(&[app("db")], &[range(Tcp, 8000, 9000)]),
        policy("q", "db").ingress(&[app("web")], &[tcp(80)]),
    ];
    assert_eq!(ids(&world), [""; 0]);
    let agent = world.pod("kube-system/cilium-x");
    agent.host_network = true;
    agent.meta.labels = [("k8s-app".to_owned(), "cilium".to_owned())].into();
    assert_eq!(ids(&world), ["end-port-ignored:shop/p"]);
}
