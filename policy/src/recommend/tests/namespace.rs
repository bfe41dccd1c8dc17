use super::*;
use crate::recommend::{DefaultDeny, ForAll, Namespaced, WhyNot};

fn both(mode: DefaultDeny) -> Options {
    Options { default_deny: Some(mode), dns_per_namespace: true, ..Options::default() }
}

/// web and api ask DNS, and api a database of another namespace that asks nobody.
fn shop() -> World {
    let mut world = World::new();
    world
        .deployment("shop/web", "app=web", 2)
        .deployment("shop/api", "app=api", 2)
        .deployment("shop/cart", "app=cart", 1)
        .deployment("data/db", "app=db", 1)
        .deployment("kube-system/coredns", "k8s-app=kube-dns", 1);
    world.tcp("shop/web-0", "shop/api-1", 9090);
    world.tcp("shop/web-0", "shop/cart-0", 80);
    world.tcp("shop/api-0", "data/db-0", 5432);
    world.udp("shop/api-0", "kube-system/coredns-0", 53);
    world.udp("shop/web-0", "kube-system/coredns-0", 53);
    world.tcp("shop/web-0", "kube-system/coredns-0", 9153);
    world
}

const DNS: &str = "[kubernetes.io/metadata.name=kube-system] k8s-app=kube-dns: 53/TCP 53/UDP";

#[test]
fn a_namespace_whose_workloads_are_all_fenced_gets_both_policies() {
    let answer = proved(&shop(), &both(DefaultDeny::Safe));
    let expected = [
        "data/flowfence-db",
        "data/flowfence-default-deny",
        "shop/flowfence-api",
        "shop/flowfence-cart",
        "shop/flowfence-default-deny",
        "shop/flowfence-dns",
        "shop/flowfence-web",
    ];
    assert_eq!(keys(&answer), expected, "nobody of data asks DNS");
    assert_eq!(rules(&answer, "shop/flowfence-dns", Direction::Egress), [DNS]);
    let api = ["[kubernetes.io/metadata.name=data] app=db: 5432/TCP"];
    assert_eq!(rules(&answer, "shop/flowfence-api", Direction::Egress), api);
    let web = rules(&answer, "shop/flowfence-web", Direction::Egress);
    assert!(!web.iter().any(|rule| rule == DNS) && web.iter().any(|rule| rule.contains("9090")), "{web:?}");
    assert_eq!(answer.namespaced, []);
    let policy = |name: &str| answer.policies.iter().find(|p| p.policy.name == name).unwrap();
    let deny = &policy("flowfence-default-deny").policy;
    assert_eq!((&deny.ingress, &deny.egress), (&Some(vec![]), &Some(vec![])));
    assert_eq!(policy("flowfence-dns").policy.ingress, None);
    assert_eq!(policy("flowfence-dns").file, "shop/dns.yaml");
    for recommended in &answer.policies {
        for evidence in &recommended.evidence {
            let list = recommended.policy.rules(evidence.direction).unwrap();
            let carries = |edge: &flowfence_graph::EdgeKey| {
                list[evidence.rule].ports.iter().any(|port| {
                    port.protocol == edge.protocol
                        && port.port.as_ref().map(PortName::to_string)
                            == edge.port.map(|port| port.to_string())
                })
            };
            assert!(evidence.edges.iter().any(carries), "{} {evidence:?}", recommended.policy.key());
        }
    }
}

#[test]
fn a_workload_that_was_not_seen_is_never_isolated_silently() {
    let mut world = shop();
    world.controlled("CronJob", "shop/nightly", "app=nightly", 0);
    let others = vec![workload("shop/CronJob/nightly")];
    let refused = |policy, is_written| Namespaced {
        namespace: "shop".to_owned(),
        policy,
        why: WhyNot::Open,
        others: others.clone(),
        is_written,
    };
    let answer = proved(&world, &both(DefaultDeny::Safe));
    assert_eq!(answer.namespaced, [refused(ForAll::Dns, false), refused(ForAll::DefaultDeny, false)]);
    let expected = [
        "data/flowfence-db",
        "data/flowfence-default-deny",
        "shop/flowfence-api",
        "shop/flowfence-cart",
        "shop/flowfence-web",
    ];
    assert_eq!(keys(&answer), expected);
    assert!(rules(&answer, "shop/flowfence-api", Direction::Egress).contains(&DNS.to_owned()));

    let answer = proved(&world, &both(DefaultDeny::All));
    assert_eq!(answer.namespaced, [refused(ForAll::Dns, false), refused(ForAll::DefaultDeny, true)]);
    assert!(keys(&answer).contains(&"shop/flowfence-default-deny".to_owned()));
}

#[test]
fn who_insists_on_cutting_off_what_was_half_seen_fails_the_proof() {
    let mut world = shop();
    world.unseen.insert("cart-0".to_owned());
    let answer = proved(&world, &both(DefaultDeny::Safe));
    assert_eq!(answer.namespaced[0].others, [workload("shop/Deployment/cart")]);
    let (seen, answer) = run(&world, &both(DefaultDeny::All));
    let policies: Vec<NetworkPolicy> = answer.policies.iter().map(|p| p.policy.clone()).collect();
    assert!(!proof_of(&seen, &answer, &policies).holds());
}

#[test]
fn dns_for_all_is_not_written_where_a_suspect_lives() {
    let mut world = shop();
    for port in 0..40 {
        world.refused("shop/cart-0", "shop/web-0", 1000 + port, 60 + i64::from(port));
        world.refused("shop/cart-0", "shop/api-0", 1000 + port, 60 + i64::from(port));
    }
    let late = Tally { first: at(300), last: at(301), ..connected(1) };
    world.sees("shop/cart-0", "kube-system/coredns-0", Protocol::Udp, 53, late);
    let answer = proved(&world, &both(DefaultDeny::Safe));
    let refused = Namespaced {
        namespace: "shop".to_owned(),
        policy: ForAll::Dns,
        why: WhyNot::Suspect,
        others: vec![workload("shop/Deployment/cart")],
        is_written: false,
    };
    assert_eq!(answer.namespaced, [refused]);
    assert!(keys(&answer).contains(&"shop/flowfence-default-deny".to_owned()), "that admits nobody");
}

#[test]
fn names_of_workloads_and_users_are_left_to_them() {
    let mut world = shop();
    world.deployment("shop/dns", "app=dns", 1);
    world.tcp("shop/web-0", "shop/dns-0", 80);
    world.today = vec![NetworkPolicy {
        namespace: "shop".to_owned(),
        name: "flowfence-default-deny".to_owned(),
        pod_selector: flowfence_model::LabelSelector::everything(),
        ingress: Some(vec![]),
        egress: None,
    }];
    let keys = keys(&proved(&world, &both(DefaultDeny::Safe)));
    for name in ["dns", "dns-namespace", "default-deny-namespace"] {
        assert!(keys.contains(&format!("shop/flowfence-{name}")), "{keys:?}");
    }
    assert!(!keys.contains(&"shop/flowfence-default-deny".to_owned()));
}
