use super::*;

fn network(name: &str, cidrs: &[&str]) -> Network {
    Network { name: name.to_owned(), cidrs: cidrs.iter().map(|net| net.parse().unwrap()).collect() }
}

fn widths(answer: &Recommendation) -> Vec<String> {
    let texts = answer.declared.iter().map(|width| {
        format!("{} {} {}", width.kind.token(), width.port, width.network.as_deref().unwrap_or("-"))
    });
    texts.collect()
}

#[test]
fn an_address_of_a_named_network_admits_the_network_and_says_so() {
    let mut world = World::new();
    world.deployment("shop/pay", "app=pay", 1);
    world.tcp("shop/pay-0", "198.51.100.7", 443);
    world.tcp("shop/pay-0", "203.0.113.1", 443);
    let networks = vec![network("office", &["198.51.100.0/24", "10.0.0.0/8"])];
    let answer = proved(&world, &Options { networks, ..Options::default() });
    let egress = rules(&answer, "shop/flowfence-pay", Direction::Egress);
    assert_eq!(
        egress,
        ["10.0.0.0/8 except 2 | 198.51.100.0/24 | 203.0.113.1/32: 443/TCP"],
        "but never its pods"
    );
    assert_eq!(widths(&answer), ["external 443 -", "network 443 office"]);
}

/// Pods beside machines, in a range that no node tells: the surroundings of the pod are left out
/// of the network, so that what came from there stands for itself.
#[test]
fn an_address_beside_a_pod_is_admitted_although_its_network_leaves_pods_out() {
    for cidr in ["10.0.0.0/16", "10.0.2.0/24", "10.0.2.128/25"] {
        let mut world = World::new();
        world.deployment("shop/pay", "app=pay", 1).deployment("shop/job", "app=job", 1);
        world.pods.get_mut("shop/job-0").unwrap().ips = vec!["10.0.2.10".parse().unwrap()];
        world.tcp("shop/pay-0", "10.0.2.200", 3306);
        let networks = vec![network("subnet", &[cidr])];
        let answer = proved(&world, &Options { networks, ..Options::default() });
        let egress = rules(&answer, "shop/flowfence-pay", Direction::Egress);
        assert_eq!(egress, ["10.0.2.200/32: 3306/TCP"], "{cidr}");
        assert_eq!(widths(&answer), ["external 3306 -"]);
    }
}

#[test]
fn a_network_where_only_pods_live_is_not_written() {
    let mut world = World::new();
    world.deployment("shop/pay", "app=pay", 1);
    world.tcp("shop/pay-0", "198.51.100.7", 443);
    let networks = vec![network("office", &["198.51.100.0/24", "10.244.1.0/24", "10.244.2.64/26"])];
    let answer = proved(&world, &Options { networks, ..Options::default() });
    assert_eq!(rules(&answer, "shop/flowfence-pay", Direction::Egress), ["198.51.100.0/24: 443/TCP"]);
}

#[test]
fn blocks_outside_are_widened_within_the_bound_and_declared() {
    let mut world = World::new();
    world.deployment("shop/pay", "app=pay", 1);
    world.tcp("shop/pay-0", "203.0.113.8", 443);
    world.tcp("shop/pay-0", "203.0.113.11", 443);
    let answer = proved(&world, &Options { widen: 2, ..Options::default() });
    assert_eq!(rules(&answer, "shop/flowfence-pay", Direction::Egress), ["203.0.113.8/30: 443/TCP"]);
    assert_eq!(widths(&answer), ["external 443 -", "external 443 -", "widened 443 203.0.113.8/30"]);
}

#[test]
fn ports_in_a_row_that_were_all_seen_are_a_range() {
    let mut world = World::new();
    world.deployment("shop/web", "app=web", 1).deployment("shop/api", "app=api", 1);
    for port in [8080, 8081, 8082, 9090, 9091] {
        world.tcp("shop/web-0", "shop/api-0", port);
    }
    let answer = proved(&world, &Options::default());
    let ports = ["app=api: 8080-8082/TCP 9090/TCP 9091/TCP"];
    assert_eq!(rules(&answer, "shop/flowfence-web", Direction::Egress), ports);
}

/// An FTP server whose data connections went to ten ports of fifty.
fn passive() -> World {
    let mut world = World::new();
    world.deployment("shop/web", "app=web", 1).deployment("shop/ftp", "app=ftp", 1);
    world.port("shop/ftp-0", "ftp", 21);
    world.tcp("shop/web-0", "shop/ftp-0", 21);
    for n in 0..10 {
        world.tcp("shop/web-0", "shop/ftp-0", 30_000 + n * 5);
    }
    world
}

#[test]
fn a_server_that_opens_ports_as_needed_is_told_with_their_range() {
    let answer = proved(&passive(), &Options::default());
    let [found] = &answer.dynamic_ports[..] else { panic!("{:?}", answer.dynamic_ports) };
    assert_eq!((found.server.to_string().as_str(), found.seen), ("shop/Deployment/ftp", 10));
    assert_eq!(found.range.to_string(), "30000-30045");
    let mut few = World::new();
    few.deployment("shop/web", "app=web", 1).deployment("shop/api", "app=api", 1);
    for n in 0..20 {
        few.port("shop/api-0", &format!("p{n}"), 30_000 + n);
        few.tcp("shop/web-0", "shop/api-0", 30_000 + n);
    }
    assert_eq!(recommended(&few).dynamic_ports, [], "each of them is declared");
}

#[test]
fn a_range_that_is_asked_for_is_written_and_declared() {
    let range = flowfence_model::PortRange { first: 30_000, last: 30_050 };
    let served = ServedRange { server: workload("shop/Deployment/ftp"), protocol: Protocol::Tcp, range };
    let options = Options { port_ranges: vec![served], ..Options::default() };
    let (seen, answer) = run(&passive(), &options);
    assert_eq!(rules(&answer, "shop/flowfence-web", Direction::Egress), ["app=ftp: 21/TCP 30000-30050/TCP"]);
    let policies: Vec<NetworkPolicy> = answer.policies.iter().map(|p| p.policy.clone()).collect();
    assert_eq!(proof_of(&seen, &answer, &policies).alone.excess, []);
    let undeclared = Recommendation { declared: Vec::new(), ..answer };
    let excess = proof_of(&seen, &undeclared, &policies).alone.excess;
    assert_eq!(excess.len(), 1, "the range is wider than what was seen: {excess:?}");
}

#[test]
fn objects_say_whom_they_fence_and_what_outside_addresses_are_called() {
    let mut world = World::new();
    world.deployment("shop/pay", "app=pay", 1);
    world.tcp("shop/pay-0", "203.0.113.8", 443);
    let mut seen = world.seen();
    let ip = "203.0.113.8".parse().unwrap();
    seen.facts.names.insert(ip, "bank.example");
    seen.facts.names.insert(ip, "evil\u{1b}[31m.example");
    let answer = recommend(&seen.facts, &seen.inventory, &seen.judgement, &[], &Options::default());
    let annotations = &answer.policies[0].annotations;
    assert_eq!(annotations["flowfence.dev/workload"], "shop/Deployment/pay");
    assert_eq!(annotations["flowfence.dev/fqdns"], "203.0.113.8 bank.example");
}
