use proptest::prelude::*;

use super::*;

const PEERS: [&str; 12] = [
    "[]",
    "",
    "app=w0",
    "app=w1 | app=w3",
    "team=t0",
    "[kubernetes.io/metadata.name=two] team=t1",
    "[] app=w2",
    "0.0.0.0/0 | ::/0",
    "10.0.0.0/8",
    "0.0.0.0/0!10.244.1.0/24",
    "203.0.113.0/24 | 172.30.0.0/16",
    "*",
];
const PORTS: [&str; 7] = ["*", "8080", "8080-8082", "*/TCP", "http", "8081 8082", "8080 http */UDP"];
const OUTSIDE: [&str; 5] = ["203.0.113.10", "2001:db8::1", "172.30.0.12", "10.244.2.1", "10.244.2.250"];

/// Who talks to whom, replica by replica; ends beyond the workloads are addresses.
type Edge = (usize, usize, usize, usize, u16);
/// Selector, namespace, direction, and rules by peers and ports.
type Policy = (usize, usize, bool, Vec<(usize, usize)>);

fn world(workloads: usize, edges: &[Edge], policies: &[Policy], asleep: usize) -> World {
    let mut world = World::new();
    let namespaces = ["one", "two"];
    for w in 0..workloads {
        let key = format!("{}/w{w}", namespaces[w % 2]);
        // Every fourth shares its labels with another.
        let app = if w % 4 == 3 { w - 2 } else { w };
        world.deployment(&key, &format!("app=w{app},team=t{}", w % 3), 2);
        if w % 3 == 0 {
            for replica in 0..2_u16 {
                world.port(&format!("{key}-{replica}"), "http", 8080 + replica);
            }
        }
    }
    if asleep < 2 {
        world.deployment(&format!("{}/idle", namespaces[asleep]), "app=idle", 1);
    }
    let end = |n: usize, replica: usize| match n.checked_sub(workloads) {
        None => format!("{}/w{n}-{}", namespaces[n % 2], replica % 2),
        Some(n) => OUTSIDE[n % OUTSIDE.len()].to_owned(),
    };
    for (from, fr, to, tr, port) in edges {
        if *from >= workloads && *to >= workloads {
            continue;
        }
        let (from, to) = (end(*from, *fr), end(*to, *tr));
        world.tcp(&from, &to, 8080 + port % 4).hairpin = from == to;
    }
    for (index, (pods, namespace, out, rules)) in policies.iter().enumerate() {
        let pods = ["", "app=w0", "app=w1", "team=t0", "team=t1", "app=w2"][pods % 6];
        let rules: Vec<String> =
            rules.iter().map(|(peers, ports)| format!("{} : {}", PEERS[*peers], PORTS[*ports])).collect();
        let rules: Vec<&str> = rules.iter().map(String::as_str).collect();
        let direction = if *out { Direction::Egress } else { Direction::Ingress };
        let key = format!("{}/p{index}", namespaces[namespace % 2]);
        world.today.push(policy(&key, pods, direction, &rules));
    }
    world
}

fn edge() -> impl Strategy<Value = Edge> {
    (0..9_usize, 0..2_usize, 0..9_usize, 0..2_usize, 0..4_u16)
}

fn policies() -> impl Strategy<Value = Vec<Policy>> {
    let rule = (0..PEERS.len(), 0..PORTS.len());
    prop::collection::vec((0..6_usize, 0..2_usize, any::<bool>(), prop::collection::vec(rule, 0..4)), 1..6)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, failure_persistence: None, ..ProptestConfig::default() })]

    /// `proved` holds that nothing is lost or added, and that a second time changes nothing.
    #[test]
    fn whatever_today_admits_of_the_seen_stays_and_nothing_comes(
        workloads in 1..6_usize,
        edges in prop::collection::vec(edge(), 0..25),
        policies in policies(),
        asleep in 0..5_usize,
        observed in any::<bool>(),
    ) {
        let exposed = if observed { Exposed::Observed } else { Exposed::Any };
        let mut world = world(workloads, &edges, &policies, asleep);
        let options = Options { exposed, ..Options::default() };
        let answer = proved(&world, &options);
        for kept in answer.kept.iter().filter(|kept| matches!(kept.why, WhyKept::Unobserved(_))) {
            prop_assert!(!answer.edits.iter().any(|edit| edit.policy == kept.policy));
        }
        world.today.reverse();
        world.contacts.reverse();
        world.objects.reverse();
        prop_assert_eq!(run(&world, &options).1, answer);
    }
}
