use super::*;

#[test]
fn dns_behind_another_pod_port_admits_the_twin_of_its_service() {
    let mut world = World::new();
    world.deployment("shop/web", "app=web", 1).deployment("dns/resolver", "app=dns", 1);
    world.service("dns/dns", "app=dns", 53, 1053, None);
    world.udp("shop/web-0", "dns/resolver-0", 1053);
    let answer = proved(&world, &Options::default());
    let both = ["[kubernetes.io/metadata.name=dns] app=dns: 1053/TCP 1053/UDP"];
    assert_eq!(rules(&answer, "shop/flowfence-web", Direction::Egress), both);
    assert!(answer.declared.iter().any(|d| d.kind == Width::Dns && d.protocol == Protocol::Tcp));
}

#[test]
fn outside_peers_are_whole_addresses_of_either_family_and_touching_ones_are_one_block() {
    let mut world = World::new();
    world.deployment("shop/pay", "app=pay", 1);
    world.pods.get_mut("shop/pay-0").unwrap().ips.push("fd00:10:244:1::5".parse().unwrap());
    world.tcp("shop/pay-0", "203.0.113.10", 443);
    world.tcp("shop/pay-0", "203.0.113.11", 443);
    world.tcp("shop/pay-0", "2001:db8::1", 443);
    let answer = proved(&world, &Options::default());
    let one = ["203.0.113.10/31 | 2001:db8::1/128: 443/TCP"];
    assert_eq!(rules(&answer, "shop/flowfence-pay", Direction::Egress), one);
}

#[test]
fn the_api_server_is_its_endpoints_and_never_pods_of_default() {
    let mut world = World::new();
    world.deployment("ops/operator", "app=operator", 1).api_server("172.30.0.1");
    world.tcp("ops/operator-0", "172.30.0.1", 6443);
    let answer = proved(&world, &Options::default());
    assert_eq!(rules(&answer, "ops/flowfence-operator", Direction::Egress), ["172.30.0.1/32: 6443/TCP"]);
}

#[test]
fn a_host_network_peer_is_every_node_and_its_own_node_needs_no_rule() {
    let mut world = World::new();
    world.deployment("ops/scraper", "app=scraper", 1).deployment("shop/web", "app=web", 1);
    world.tcp("ops/scraper-0", "172.30.0.11", 9100);
    world.tcp("10.244.2.1", "shop/web-0", 8080).own_node = true;
    let answer = proved(&world, &Options::default());
    let [egress] = rules(&answer, "ops/flowfence-scraper", Direction::Egress).try_into().unwrap();
    for node in ["172.30.0.11/32", "172.30.0.12/32", "10.244.1.0/31", "10.244.2.0/31"] {
        assert!(egress.contains(node), "{egress}");
    }
    assert!(answer.declared.iter().any(|d| d.kind == Width::Nodes));
    assert_eq!(rules(&answer, "shop/flowfence-web", Direction::Ingress), [""; 0]);
}

#[test]
fn a_published_port_that_was_used_admits_the_world_but_no_pod() {
    let mut world = World::new();
    world.deployment("shop/web", "app=web", 2).service("shop/web", "app=web", 80, 8080, Some(30080));
    world.tcp("172.30.0.12", "shop/web-0", 8080).behind = ["198.51.100.7".parse().unwrap()].into();
    let answer = proved(&world, &Options::default());
    let [any] = rules(&answer, "shop/flowfence-web", Direction::Ingress).try_into().unwrap();
    assert!(any.contains("0.0.0.0/0 except 2") && any.contains("::/0"), "{any}");
    assert!(any.contains("10.244.1.0/31"), "gateways lie among the pods: {any}");
    let observed = Options { exposed: Exposed::Observed, ..Options::default() };
    let answer = proved(&world, &observed);
    let [seen] = rules(&answer, "shop/flowfence-web", Direction::Ingress).try_into().unwrap();
    assert!(seen.contains("198.51.100.7/32") && seen.contains("172.30.0.11/32"), "{seen}");
    assert!(!seen.contains("/0"), "{seen}");
}

#[test]
fn a_published_port_that_nobody_outside_used_stays_closed() {
    let mut world = World::new();
    world.deployment("shop/web", "app=web", 1).deployment("shop/job", "app=job", 1);
    world.service("shop/web", "app=web", 80, 8080, Some(30080));
    world.tcp("shop/job-0", "shop/web-0", 8080);
    assert_eq!(
        rules(&proved(&world, &Options::default()), "shop/flowfence-web", Direction::Ingress),
        ["app=job: 8080/TCP"],
        "the port of the pod, not of the service"
    );
}

#[test]
fn a_pod_behind_a_node_port_may_still_come_through() {
    let mut world = World::new();
    world.deployment("shop/web", "app=web", 1).deployment("shop/job", "app=job", 1);
    let client = world.pods["shop/job-0"].ips[0];
    world.tcp("172.30.0.12", "shop/web-0", 8080).behind = [client].into();
    let answer = proved(&world, &Options::default());
    assert_eq!(rules(&answer, "shop/flowfence-job", Direction::Egress), ["app=web: 8080/TCP"]);
    assert!(answer.declared.iter().any(|d| d.kind == Width::Behind));
}

#[test]
fn replicas_that_name_a_port_differently_numbered_get_the_name() {
    let mut world = World::new();
    world.deployment("shop/web", "app=web", 1).deployment("shop/api", "app=api", 2);
    world.port("shop/api-0", "http", 8080).port("shop/api-1", "http", 9090);
    world.tcp("shop/web-0", "shop/api-0", 8080);
    let answer = proved(&world, &Options::default());
    assert_eq!(rules(&answer, "shop/flowfence-web", Direction::Egress), ["app=api: http/TCP"]);
    let mut world = World::new();
    world.deployment("shop/web", "app=web", 1).deployment("shop/api", "app=api", 2);
    world.port("shop/api-0", "http", 8080).port("shop/api-1", "http", 8080);
    world.tcp("shop/web-0", "shop/api-0", 8080);
    assert_eq!(
        rules(&recommended(&world), "shop/flowfence-web", Direction::Egress),
        ["app=api: 8080/TCP"],
        "a name that says nothing more stays away"
    );
}

#[test]
fn a_hairpin_reaches_the_sibling_too_and_loopback_needs_no_rule() {
    let mut world = World::new();
    world.deployment("shop/api", "app=api", 1);
    world.tcp("shop/api-0", "shop/api-0", 9090).hairpin = true;
    let (seen, answer) = run(&world, &Options::default());
    assert_eq!(rules(&answer, "shop/flowfence-api", Direction::Egress), ["app=api: 9090/TCP"]);
    assert_eq!(rules(&answer, "shop/flowfence-api", Direction::Ingress), ["app=api: 9090/TCP"]);
    let mut shut = answer.policies[0].policy.clone();
    shut.egress = Some(Vec::new());
    assert!(!proof_of(&seen, &answer, &[shut]).holds(), "the next backend may be a sibling");
    let mut world = World::new();
    world.deployment("shop/api", "app=api", 1);
    world.tcp("shop/api-0", "shop/api-0", 9090);
    assert_eq!(rules(&recommended(&world), "shop/flowfence-api", Direction::Egress), [""; 0]);
}

#[test]
fn an_address_that_nobody_is_known_to_hold_is_declared_not_cut() {
    let mut world = World::new();
    world.deployment("shop/web", "app=web", 1);
    world.tcp("shop/web-0", "10.244.2.250", 80);
    let answer = proved(&world, &Options::default());
    assert_eq!(rules(&answer, "shop/flowfence-web", Direction::Egress), ["10.244.2.250/32: 80/TCP"]);
    assert!(answer.declared.iter().any(|d| d.kind == Width::Unknown));
}
