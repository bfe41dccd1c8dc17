use super::*;

/// web is asked from outside and asks outside; api lives beside it.
fn world(written: &str) -> World {
    let mut world = shop();
    world.tcp("198.51.100.7", "shop/web-0", 8443);
    world.tcp("198.51.100.9", "shop/web-1", 8443);
    world.today = vec![ingress("shop/web", "app=web", &[written, "[] app=scraper : 9100"])];
    world
}

fn narrowed(written: &str, exposed: Exposed) -> String {
    let answer = proved(&world(written), &Options { exposed, ..Options::default() });
    let gateways = " | 10.244.1.0/32 | 10.244.1.1/32 | 10.244.2.0/32 | 10.244.2.1/32";
    let mut all: Vec<String> =
        rules(&answer, "shop/web").iter().map(|rule| rule.replace(gateways, " and gateways")).collect();
    assert_eq!(all.pop().unwrap(), "[] app=scraper: 9100/TCP");
    all.join("; ")
}

#[test]
fn a_block_that_was_used_from_outside_stays_without_the_pods_in_it() {
    let kept = narrowed("0.0.0.0/0 : 8443", Exposed::Any);
    assert_eq!(kept, "0.0.0.0/0 except 2 and gateways: 8443/TCP", "the pod ranges of both nodes");
    assert_eq!(narrowed("198.51.100.0/24 : 8443", Exposed::Any), "198.51.100.0/24: 8443/TCP");
    assert_eq!(
        narrowed("198.51.100.0/24 | 203.0.113.0/24 : 8443", Exposed::Any),
        "198.51.100.0/24: 8443/TCP"
    );
    assert_eq!(narrowed("* : 8443", Exposed::Any), "0.0.0.0/0 except 2 and gateways: 8443/TCP", "everybody");
}

#[test]
fn a_block_narrows_to_who_came_when_asked() {
    let both = "198.51.100.7/32 | 198.51.100.9/32: 8443/TCP";
    for written in
        ["0.0.0.0/0 : 8443", "198.51.100.0/24 : 8443", "* : 8443", "198.51.0.0/16!198.51.99.0/24 : *"]
    {
        assert_eq!(narrowed(written, Exposed::Observed), both, "{written}");
    }
}

#[test]
fn nodes_that_speak_by_their_gateway_still_get_in() {
    let mut world = world("0.0.0.0/0 : 8443");
    world.tcp("10.244.2.1", "shop/web-0", 8443);
    let answer = proved(&world, &Options::default());
    let rule = &answer.policies[0].policy.ingress.as_ref().unwrap()[0];
    let gateways = ["10.244.1.1/32", "10.244.2.1/32"].map(peer);
    assert!(gateways.iter().all(|gateway| rule.peers.contains(gateway)), "{:?}", rule.peers);
    assert_eq!(rule.peers.len(), 5, "of each node the first two addresses");
}

#[test]
fn a_list_of_nodes_stays_when_one_of_them_came() {
    let mut world = world("172.30.0.11/32 | 172.30.0.12/32 | 172.30.0.13/32 | 198.51.100.0/24 : 8443 9000");
    world.tcp("172.30.0.12", "shop/web-0", 9000);
    let answer = proved(&world, &Options::default());
    assert_eq!(
        rules(&answer, "shop/web")[..2],
        ["172.30.0.11/32 | 172.30.0.12/32: 9000/TCP", "198.51.100.0/24: 8443/TCP"],
        "172.30.0.13 is nobody's"
    );
}

#[test]
fn a_block_that_only_pods_used_becomes_their_selectors() {
    let mut world = shop();
    world.today = vec![ingress("shop/api", "app=api", &["10.0.0.0/8 : 9090 9100"])];
    let answer = proved(&world, &Options::default());
    assert_eq!(
        rules(&answer, "shop/api"),
        ["[kubernetes.io/metadata.name=ops] app=scraper: 9100/TCP", "app=web: 9090/TCP"]
    );
}

#[test]
fn a_block_of_some_addresses_of_a_workload_stays() {
    let mut world = shop();
    let pod = world.pods.get_mut("shop/web-0").unwrap();
    pod.ips.push("fd00::7".parse().unwrap());
    world.today = vec![ingress("shop/api", "app=api", &["10.0.0.0/8 : 9090"])];
    let answer = proved(&world, &Options::default());
    assert_eq!(rules(&answer, "shop/api"), ["10.0.0.0/8: 9090/TCP"]);
    assert!(kept(&answer)[0].contains("only some addresses of shop/Deployment/web"), "{:?}", kept(&answer));
}

#[test]
fn egress_to_everybody_becomes_what_was_asked() {
    let mut world = shop();
    world.deployment("kube-system/coredns", "k8s-app=kube-dns", 1);
    world.udp("shop/web-0", "kube-system/coredns-0", 53);
    world.tcp("shop/web-1", "203.0.113.5", 443);
    world.today = vec![egress("shop/web", "app=web", &["* : *"])];
    let answer = proved(&world, &Options::default());
    assert_eq!(
        rules(&answer, "shop/web"),
        [
            "[kubernetes.io/metadata.name=kube-system] k8s-app=kube-dns: 53/TCP 53/UDP",
            "app=api: 9090/TCP",
            "0.0.0.0/0 except 2: 443/TCP",
        ]
    );
    assert_eq!(what(&answer).len(), 3, "{:?}", what(&answer));
    let seen = world.seen();
    let proof = prove(
        &seen.facts,
        &seen.inventory,
        &seen.judgement,
        &answer.objects(),
        &seen.today,
        &answer.declared,
    );
    assert_eq!((proof.alone.cut, proof.alone.excess), (vec![], vec![]));
}
