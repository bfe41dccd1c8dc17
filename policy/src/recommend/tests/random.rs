use flowfence_model::NetworkPolicy;
use proptest::prelude::*;

use super::*;
use crate::recommend::DefaultDeny;

/// Workloads `w0`…, each with labels of its own and one that several share; who talks to whom is
/// a list of (from, replica, to, replica, port). Ends beyond the workloads are addresses.
fn world(workloads: usize, edges: &[(usize, usize, usize, usize, u16)], distinct: bool) -> World {
    let mut world = World::new();
    let namespaces = ["one", "two"];
    for w in 0..workloads {
        let own = if distinct {
            format!("app=w{w},team=t{}", w % 2)
        } else {
            format!("app=w{},team=t{}", w % 3, w % 2)
        };
        world.deployment(&format!("{}/w{w}", namespaces[w % 2]), &own, 2);
        // Replicas of every third workload give their port different numbers.
        if w % 3 == 0 {
            for replica in 0..2_u16 {
                world.port(&format!("{}/w{w}-{replica}", namespaces[w % 2]), "http", 8080 + replica);
            }
        }
    }
    let outside = ["203.0.113.10", "2001:db8::1", "172.30.0.12", "10.244.2.1", "10.244.2.250"];
    let end = |n: usize, replica: usize| match n.checked_sub(workloads) {
        None => format!("{}/w{n}-{}", namespaces[n % 2], replica % 2),
        Some(n) => outside[n % outside.len()].to_owned(),
    };
    for (from, fr, to, tr, port) in edges {
        if *from >= workloads && *to >= workloads {
            continue;
        }
        let (from, to) = (end(*from, *fr), end(*to, *tr));
        let port = if *port == 3 { 53 } else { 8080 + port % 3 };
        world.tcp(&from, &to, port).hairpin = from == to;
    }
    world
}

fn edge() -> impl Strategy<Value = (usize, usize, usize, usize, u16)> {
    (0..9_usize, 0..2_usize, 0..9_usize, 0..2_usize, 0..4_u16)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_is_seen_is_admitted_and_between_distinct_workloads_nothing_else(
        workloads in 1..6_usize,
        edges in prop::collection::vec(edge(), 0..25),
        distinct in any::<bool>(),
        for_all in any::<bool>(),
    ) {
        let default_deny = for_all.then_some(DefaultDeny::Safe);
        let options = Options { default_deny, dns_per_namespace: for_all, ..Options::default() };
        let (seen, answer) = run(&world(workloads, &edges, distinct), &options);
        let policies: Vec<NetworkPolicy> = answer.policies.iter().map(|p| p.policy.clone()).collect();
        let proof = proof_of(&seen, &answer, &policies);
        prop_assert!(proof.holds(), "{:#?}", proof.alone.cut);
        if distinct {
            prop_assert_eq!(proof.alone.excess, []);
        }
        for policy in &policies {
            prop_assert!(!policy.pod_selector.is_everything() || for_all);
            for rule in policy.egress.iter().chain(&policy.ingress).flatten() {
                prop_assert!(!rule.peers.is_empty() && !rule.ports.is_empty(), "{:?}", rule);
            }
        }
    }
}
