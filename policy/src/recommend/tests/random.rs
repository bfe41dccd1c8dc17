use flowfence_model::{NetworkPolicy, NodeId};
use proptest::prelude::*;

use super::*;
use crate::recommend::DefaultDeny;

type Edges = Vec<(usize, usize, usize, usize, u16)>;

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
        if *port == 3 {
            world.udp(&from, &to, 53).hairpin = from == to;
        } else {
            world.tcp(&from, &to, 8080 + port).hairpin = from == to;
        }
    }
    world
}

fn edge() -> impl Strategy<Value = (usize, usize, usize, usize, u16)> {
    (0..9_usize, 0..2_usize, 0..9_usize, 0..2_usize, 0..4_u16)
}

fn edges() -> impl Strategy<Value = Edges> {
    prop::collection::vec(edge(), 0..25)
}

fn policies(answer: &Recommendation) -> Vec<NetworkPolicy> {
    answer.policies.iter().map(|p| p.policy.clone()).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_is_seen_is_admitted_and_between_distinct_workloads_nothing_else(
        workloads in 1..6_usize,
        edges in edges(),
        distinct in any::<bool>(),
        for_all in any::<bool>(),
    ) {
        let default_deny = for_all.then_some(DefaultDeny::Safe);
        let options = Options { default_deny, dns_per_namespace: for_all, ..Options::default() };
        let (seen, answer) = run(&world(workloads, &edges, distinct), &options);
        let policies = policies(&answer);
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

    #[test]
    fn what_is_admitted_beyond_is_exactly_what_is_declared(workloads in 1..6_usize, edges in edges()) {
        let (seen, answer) = run(&world(workloads, &edges, true), &Options::default());
        let undeclared = Recommendation { declared: Vec::new(), ..answer.clone() };
        let excess = proof_of(&seen, &undeclared, &policies(&answer)).alone.excess;
        let found: BTreeSet<(NodeId, NodeId, Protocol, String)> =
            excess.into_iter().map(|e| (e.from, e.to, e.protocol, e.ports.to_string())).collect();
        let declared: BTreeSet<_> = answer
            .declared
            .iter()
            .filter_map(|width| {
                let peer = width.peer.clone().filter(NodeId::is_workload)?;
                let own = width.subject.clone();
                let (from, to) = match width.direction {
                    Direction::Egress => (own, peer),
                    Direction::Ingress => (peer, own),
                };
                Some((from, to, width.protocol, width.port.clone()))
            })
            .collect();
        prop_assert_eq!(found, declared);
    }

    #[test]
    fn the_order_of_traffic_and_objects_changes_nothing(
        edges in edges(),
        shuffled in any::<u64>(),
    ) {
        let one = world(5, &edges, false);
        let mut other = one.clone();
        // A permutation by an arbitrary key.
        let key = |at: usize| (at as u64 ^ shuffled).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let mut contacts: Vec<_> = other.contacts.into_iter().enumerate().collect();
        contacts.sort_by_key(|(at, _)| key(*at));
        other.contacts = contacts.into_iter().map(|(_, contact)| contact).collect();
        other.objects.reverse();
        prop_assert_eq!(recommended(&one).policies, recommended(&other).policies);
    }

    #[test]
    fn one_edge_more_changes_only_the_objects_of_its_ends(edges in edges(), more in edge()) {
        let before = recommended(&world(6, &edges, true));
        let mut grown = edges.clone();
        grown.push(more);
        let after = recommended(&world(6, &grown, true));
        let mut changed: BTreeSet<String> = BTreeSet::new();
        for (all, others) in [(&before, &after), (&after, &before)] {
            let new = all.policies.iter().filter(|p| !others.policies.iter().any(|o| o.policy == p.policy));
            changed.extend(new.map(|p| p.policy.name.clone()));
        }
        let ends: BTreeSet<String> = [more.0, more.2].iter().map(|n| format!("flowfence-w{n}")).collect();
        prop_assert!(changed.is_subset(&ends), "{changed:?} for {more:?}");
    }

    #[test]
    fn added_to_its_own_result_there_is_nothing_to_add(edges in edges(), distinct in any::<bool>()) {
        for mode in [Mode::Replace, Mode::Add] {
            let mut world = world(5, &edges, distinct);
            let (_, first) = run(&world, &Options { mode, ..Options::default() });
            world.today = policies(&first);
            let ours = world.today.iter().map(NetworkPolicy::key).collect();
            let again = Options { mode: Mode::Add, ours, ..Options::default() };
            prop_assert_eq!(run(&world, &again).1.policies, []);
        }
    }

    #[test]
    fn what_is_added_to_holed_policies_mends_them(
        edges in edges(),
        holes in prop::collection::vec(any::<bool>(), 40),
    ) {
        let mut world = world(5, &edges, true);
        let whole = recommended(&world);
        let mut today = policies(&whole);
        let mut holes = holes.into_iter().cycle();
        for (at, policy) in today.iter_mut().enumerate() {
            policy.name = format!("user-{at}");
            for rules in [&mut policy.ingress, &mut policy.egress].into_iter().flatten() {
                rules.retain(|_| holes.next() == Some(true));
            }
            if holes.next() == Some(true) {
                policy.egress = None;
            }
        }
        world.today = today.clone();
        let (seen, answer) = run(&world, &Options { mode: Mode::Add, ..Options::default() });
        let resulting: Vec<NetworkPolicy> = policies(&answer).into_iter().chain(today).collect();
        // The widths of what the user has are those that it was made with.
        let proof = proof_of(&seen, &whole, &resulting);
        prop_assert!(proof.holds(), "{:#?}", proof.alone.cut);
        prop_assert_eq!(proof.alone.excess, []);
    }
}
