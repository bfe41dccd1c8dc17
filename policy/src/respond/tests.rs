mod tier;

use std::collections::BTreeSet;

use flowfence_graph::PodName;
use flowfence_graph::crew::Alone;
use flowfence_model::{LabelSelector, NetworkPolicy, PeerSelector, PolicyPeer, PolicyRule, Requirement};
use proptest::prelude::*;

use super::*;
use crate::audit::{Finding, Settings, audit};
use crate::judge::testing::{Seen, World, labels};

fn policy(name: &str, selector: LabelSelector, admits: &str) -> NetworkPolicy {
    let pods = Some(LabelSelector { match_labels: labels(admits), ..LabelSelector::everything() });
    let peers = vec![PolicyPeer::Pods(PeerSelector { namespaces: None, pods })];
    let rules = if admits.is_empty() { Vec::new() } else { vec![PolicyRule { peers, ports: Vec::new() }] };
    NetworkPolicy {
        namespace: "shop".to_owned(),
        name: name.to_owned(),
        pod_selector: selector,
        ingress: Some(rules.clone()),
        egress: Some(rules),
    }
}

fn of(text: &str) -> LabelSelector {
    LabelSelector { match_labels: labels(text), ..LabelSelector::everything() }
}

/// A scan by one of three replicas of `shop/web`.
fn world(today: &[NetworkPolicy]) -> World {
    let mut world = World::new();
    world.deployment("shop/web", "app=web,tier=front", 3).deployment("shop/api", "app=api", 2);
    world.deployment("ops/debug", "app=debug", 1).api_server("172.30.0.254");
    world.service("shop/web", "app=web", 80, 8080, None);
    for port in 20..45 {
        world.refused("shop/web-1", "shop/api-0", port, i64::from(port));
    }
    world.today = today.to_vec();
    world
}

fn scan(seen: &Seen) -> Finding {
    let all =
        audit(&seen.facts, &seen.inventory, &seen.judgement, &seen.prepared, &Settings::default(), &Alone);
    all.into_iter().find(|finding| finding.rule == "port-scan").unwrap()
}

/// The plan, and what the proof says of it as it stands.
fn planned(world: &World, allowed: &[Allowed]) -> (Plan, Isolation) {
    let seen = world.seen();
    let finding = scan(&seen);
    let suspects = suspects(&finding, &seen.facts, &seen.inventory).unwrap();
    let plan = plan(&finding.id, &suspects, &seen.inventory, &seen.today, allowed);
    let mut after = After {
        added: vec![plan.policy.clone()],
        amended: plan.amended.iter().map(|amended| amended.after.clone()).collect(),
        overruling: plan.overruling.policy.iter().cloned().collect(),
        ..After::default()
    };
    for relabelled in &plan.relabelled {
        let known = seen.inventory.pods().iter().find(|known| known.pod.meta.name == relabelled.pod.name);
        let mut labels = known.unwrap().pod.meta.labels.clone();
        labels.retain(|key, _| !relabelled.removed.contains_key(key));
        labels.insert(MARK.to_owned(), plan.mark.clone());
        after.labels.insert(relabelled.pod.clone(), labels);
    }
    let proof = prove(&seen.inventory, &seen.today, &after, &suspects.pods, allowed);
    (plan, proof)
}

fn removed(plan: &Plan) -> Vec<&str> {
    plan.relabelled.iter().flat_map(|pod| pod.removed.keys().map(String::as_str)).collect()
}

#[test]
fn one_replica_of_three_is_marked_and_leaves_the_service() {
    let (plan, proof) = planned(&world(&[]), &[]);
    assert_eq!(plan.means, Means::Mark);
    let pods: Vec<&str> = plan.relabelled.iter().map(|relabelled| relabelled.pod.name.as_str()).collect();
    assert_eq!(pods, ["web-1"]);
    assert_eq!(removed(&plan), ["app"]);
    assert!(plan.relabelled[0].is_orphaned);
    assert_eq!(proof.failures, [""; 0]);
    assert_eq!((proof.isolated, proof.untouched), (1, 5));
}

#[test]
fn a_workload_whose_every_pod_scans_is_told_by_its_own_labels() {
    let mut world = world(&[policy("deny", of("app=web"), "")]);
    for pod in ["shop/web-0", "shop/web-2"] {
        for port in 20..45 {
            world.refused(pod, "shop/api-0", port, i64::from(port));
        }
    }
    let (plan, proof) = planned(&world, &[]);
    assert_eq!((plan.means, plan.relabelled.len()), (Means::OwnLabels, 0));
    assert_eq!(plan.policy.pod_selector.match_labels.len(), 1);
    assert_eq!((proof.isolated, proof.failures), (3, Vec::new()));
}

#[test]
fn a_policy_that_admits_something_loses_the_pod() {
    let (plan, proof) = planned(&world(&[policy("front", of("tier=front"), "app=api")]), &[]);
    assert_eq!(removed(&plan), ["app", "tier"]);
    assert_eq!((plan.amended.len(), proof.failures), (0, Vec::new()));
}

#[test]
fn a_policy_for_the_whole_namespace_has_to_step_aside() {
    let negative = LabelSelector {
        match_expressions: vec![Requirement::DoesNotExist("app".to_owned())],
        ..LabelSelector::everything()
    };
    let today = [policy("all", LabelSelector::everything(), "app=api"), policy("rest", negative, "app=api")];
    let (plan, proof) = planned(&world(&today), &[]);
    // The second selects the pod only once it has lost its label.
    let names: Vec<&str> = plan.amended.iter().map(|amended| amended.after.name.as_str()).collect();
    assert_eq!(names, ["all", "rest"]);
    assert_eq!((proof.isolated, proof.failures), (1, Vec::new()));
}

#[test]
fn a_policy_alone_cuts_nothing_that_another_admits_and_the_proof_says_so() {
    let world = world(&[policy("all", LabelSelector::everything(), "app=api")]);
    let seen = world.seen();
    let suspects = suspects(&scan(&seen), &seen.facts, &seen.inventory).unwrap();
    let plan = plan("port-scan:x", &suspects, &seen.inventory, &seen.today, &[]);
    let mut labels = seen
        .inventory
        .pods()
        .iter()
        .find(|known| known.pod.meta.name == "web-1")
        .unwrap()
        .pod
        .meta
        .labels
        .clone();
    labels.insert(MARK.to_owned(), plan.mark.clone());
    let pod = PodName { namespace: "shop".to_owned(), name: "web-1".to_owned() };
    let after = After { added: vec![plan.policy], labels: [(pod, labels)].into(), ..After::default() };
    let proof = prove(&seen.inventory, &seen.today, &after, &suspects.pods, &[]);
    assert!(!proof.holds() && proof.failures[0].contains("is not cut off"), "{proof:?}");
}

#[test]
fn whom_a_person_lets_in_may_come_and_nobody_else() {
    let allowed = [Allowed { namespace: "ops".to_owned(), pods: Some(of("app=debug")) }];
    let (plan, proof) = planned(&world(&[]), &allowed);
    assert_eq!((proof.isolated, proof.failures), (1, Vec::new()));
    assert_eq!(plan.policy.ingress.as_ref().map(Vec::len), Some(1));
    // The same plan is refused where nobody was let in.
    let seen = world(&[]).seen();
    let suspects = suspects(&scan(&seen), &seen.facts, &seen.inventory).unwrap();
    let mut labels = labels("tier=front");
    labels.insert(MARK.to_owned(), plan.mark.clone());
    let pod = suspects.pods.first().unwrap().clone();
    let after = After { added: vec![plan.policy], labels: [(pod, labels)].into(), ..After::default() };
    let proof = prove(&seen.inventory, &seen.today, &after, &suspects.pods, &[]);
    assert!(proof.failures[0].contains("may send TCP to it"), "{proof:?}");
}

#[test]
fn a_selector_that_holds_others_too_is_refused() {
    let seen = world(&[]).seen();
    let pod = PodName { namespace: "shop".to_owned(), name: "web-1".to_owned() };
    let after = After { added: vec![policy("wide", of("app=web"), "")], ..After::default() };
    let proof = prove(&seen.inventory, &seen.today, &after, &[pod].into(), &[]);
    assert_eq!(proof.failures, ["shop/wide selects pod shop/web-0", "shop/wide selects pod shop/web-2"]);
}

#[test]
fn a_finding_about_a_policy_or_of_pods_that_ended_has_nobody_to_isolate() {
    let mut gone = world(&[]);
    gone.pods.get_mut("shop/web-1").unwrap().is_finished = true;
    let seen = gone.seen();
    assert_eq!(suspects(&scan(&seen), &seen.facts, &seen.inventory), Err(NoPods::Gone));
    let mut on_node = world(&[]);
    on_node.pods.get_mut("shop/web-1").unwrap().host_network = true;
    let seen = on_node.seen();
    assert_eq!(suspects(&scan(&seen), &seen.facts, &seen.inventory), Err(NoPods::OnNode));
    let about = Finding::new("rule-unused", crate::audit::Level::Note, "shop/x", String::new());
    assert_eq!(suspects(&about, &seen.facts, &seen.inventory), Err(NoPods::Nobody));
}

prop_compose! {
    fn any_policy()(at in 0usize..6, admits in 0usize..3, number in 0u32..100) -> NetworkPolicy {
        let requirement = |requirement| LabelSelector {
            match_expressions: vec![requirement],
            ..LabelSelector::everything()
        };
        let values: BTreeSet<String> = ["web".to_owned()].into();
        let selector = match at {
            0 => LabelSelector::everything(),
            1 => of("app=web"),
            2 => of("app=web,tier=front"),
            3 => requirement(Requirement::NotIn("app".to_owned(), values)),
            4 => requirement(Requirement::In("app".to_owned(), values)),
            _ => requirement(Requirement::DoesNotExist("tier".to_owned())),
        };
        policy(&format!("p{number}"), selector, ["", "app=api", "app=web"][admits])
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn whatever_policies_there_are_the_plan_isolates_exactly_the_pod(today in prop::collection::vec(any_policy(), 0..5)) {
        let mut today = today;
        today.sort_by_key(NetworkPolicy::key);
        today.dedup_by_key(|policy| policy.key());
        let (_, proof) = planned(&world(&today), &[]);
        prop_assert_eq!(&proof.failures, &Vec::<String>::new());
        prop_assert_eq!((proof.isolated, proof.untouched), (1, 5));
    }
}
