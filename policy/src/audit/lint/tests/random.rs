use flowfence_model::{
    LabelSelector, NetworkPolicy, PeerSelector, PolicyPeer, PolicyPort, PolicyRule, Protocol, Requirement,
};
use proptest::prelude::*;

use super::{block, found_beside, namespace, range};
use crate::judge::Roster;
use crate::judge::testing::World;
use crate::semantics::PolicySet;
use crate::semantics::fold::{Atoms, Matrix};
use crate::semantics::{Party, PodIndex};

fn selector() -> impl Strategy<Value = LabelSelector> {
    let value = || prop::sample::select(vec!["web", "db"]);
    prop_oneof![
        Just(LabelSelector::everything()),
        value().prop_map(|app| LabelSelector::labels([("app", app)])),
        value().prop_map(|app| LabelSelector {
            match_expressions: vec![Requirement::NotIn("app".to_owned(), [app.to_owned()].into())],
            ..LabelSelector::default()
        }),
        Just(LabelSelector {
            match_expressions: vec![Requirement::Exists("app".to_owned())],
            ..LabelSelector::default()
        }),
    ]
}

fn peer() -> impl Strategy<Value = PolicyPeer> {
    let blocks = prop::sample::select(vec!["192.0.2.0/24", "192.0.0.0/16", "192.0.2.128/25"]);
    prop_oneof![
        3 => selector().prop_map(|pods| PolicyPeer::Pods(PeerSelector { namespaces: None, pods: Some(pods) })),
        1 => Just(namespace("shop")),
        1 => blocks.prop_map(|cidr| block(cidr, &[])),
        1 => Just(block("192.0.0.0/16", &["192.0.2.128/26"])),
    ]
}

fn port() -> impl Strategy<Value = PolicyPort> {
    (prop::sample::select(vec![Protocol::Tcp, Protocol::Udp]), 80u16..83, 0u16..3)
        .prop_map(|(protocol, first, more)| range(protocol, first, first + more))
}

fn rules() -> impl Strategy<Value = Option<Vec<PolicyRule>>> {
    let rule = (prop::collection::vec(peer(), 0..3), prop::collection::vec(port(), 0..3));
    prop::option::of(prop::collection::vec(rule.prop_map(|(peers, ports)| PolicyRule { peers, ports }), 0..3))
}

fn policies() -> impl Strategy<Value = Vec<NetworkPolicy>> {
    prop::collection::vec((selector(), rules(), rules()), 1..5).prop_map(|policies| {
        let policies = policies.into_iter().enumerate();
        policies
            .map(|(at, (pod_selector, ingress, egress))| NetworkPolicy {
                namespace: "shop".to_owned(),
                name: format!("p{at}"),
                pod_selector,
                ingress,
                egress,
            })
            .collect()
    })
}

/// Whether two sets say the same of all pods and blocks.
fn is_same(world: &World, before: &[NetworkPolicy], after: &[NetworkPolicy]) -> bool {
    let roster = Roster::new(&world.seen().inventory);
    let [before, after] = [before, after].map(|set| PolicySet::compile(roster.cluster(), set));
    let pods = roster.cluster().pods().iter().enumerate();
    let pods = pods.map(|(at, pod)| Party { pod: Some(PodIndex::at(at)), address: pod.ips[0] });
    let atoms = Atoms::new(&[&before, &after]);
    let outside = atoms.iter().filter_map(|(block, inner)| Atoms::address_in(block, &inner));
    let parties: Vec<Party> = pods.chain(outside.map(|address| Party { pod: None, address })).collect();
    Matrix::new(&[&before, &after], &parties).changed().is_empty()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    /// The engine agrees with what lint proves: everything that it tells to go can go at once.
    #[test]
    fn what_is_told_to_go_changes_no_verdict(today in policies()) {
        let mut world = World::new();
        world.deployment("shop/web", "app=web", 1).deployment("shop/db", "app=db", 1).deployment("shop/x", "tier=x", 1);
        world.today = today.clone();
        let found = found_beside(&world, &[]);
        let gone = |rule: &str, subject: &str| found.iter().any(|f| f.id == format!("{rule}:{subject}"));
        let mut left: Vec<NetworkPolicy> =
            today.iter().filter(|policy| !gone("policy-shadowed", &policy.key())).cloned().collect();
        for policy in &mut left {
            let key = policy.key();
            let thin = |rules: &mut Option<Vec<PolicyRule>>, direction: &str| {
                let mut at = 0;
                if let Some(rules) = rules {
                    rules.retain(|_| {
                        at += 1;
                        !gone("rule-contained", &format!("{key}:{direction}[{}]", at - 1))
                    });
                }
            };
            thin(&mut policy.ingress, "ingress");
            thin(&mut policy.egress, "egress");
        }
        prop_assert!(is_same(&world, &today, &left), "{found:#?}");
    }

    /// Policies without effect change no verdict when all of them go.
    #[test]
    fn policies_without_effect_can_go_together(today in policies()) {
        let mut world = World::new();
        world.deployment("shop/web", "app=web", 1).deployment("shop/db", "app=db", 1);
        world.today = today.clone();
        let found = found_beside(&world, &[]);
        let is_idle = |rule: &str| ["policy-without-effect", "policy-shadowed"].contains(&rule);
        let gone: Vec<&Option<String>> = found.iter().filter(|f| is_idle(f.rule)).map(|f| &f.policy).collect();
        let left: Vec<NetworkPolicy> =
            today.iter().filter(|policy| !gone.contains(&&Some(policy.key()))).cloned().collect();
        prop_assert!(is_same(&world, &today, &left), "{found:#?}");
    }
}
