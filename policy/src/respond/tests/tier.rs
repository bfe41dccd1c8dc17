//! Isolation beneath cluster-wide policies.

use flowfence_model::object::Object;
use flowfence_model::tier::{Action, ClusterPolicy, ClusterPolicyKind, Tier, TierPeer, TierRule};

use super::*;

/// An Admin policy of the pods of `subject` in every namespace, with one rule in each direction for everybody.
fn admin(name: &str, priority: u16, subject: &str, action: Action) -> ClusterPolicy {
    let everywhere = || Some(LabelSelector::everything());
    let pods = TierPeer::Pods(PeerSelector { namespaces: everywhere(), pods: None });
    let rule = |peers| TierRule { name: String::new(), action, peers, ports: Vec::new() };
    let outside = TierPeer::Networks(vec!["0.0.0.0/0".parse().unwrap()]);
    ClusterPolicy {
        kind: ClusterPolicyKind::ClusterNetworkPolicy,
        name: name.to_owned(),
        tier: Tier::Admin,
        priority,
        subject: PeerSelector { namespaces: everywhere(), pods: Some(of(subject)) },
        ingress: vec![rule(vec![pods.clone()])],
        egress: vec![rule(vec![pods, outside])],
    }
}

fn beneath(tiers: &[ClusterPolicy]) -> World {
    let mut world = world(&[policy("all", LabelSelector::everything(), "app=api")]);
    world.objects.extend(tiers.iter().cloned().map(Object::ClusterPolicy));
    world
}

#[test]
fn what_the_admin_tier_accepts_is_denied_by_a_policy_that_comes_just_before_it() {
    let (plan, proof) = planned(&beneath(&[admin("open", 40, "tier=front", Action::Accept)]), &[]);
    let overruling = plan.overruling.policy.as_ref().unwrap();
    assert_eq!((overruling.priority, overruling.tier), (39, Tier::Admin));
    assert_eq!(overruling.subject.pods.as_ref(), Some(&plan.policy.pod_selector));
    assert_eq!(proof.failures, [""; 0]);
    assert_eq!((proof.isolated, proof.untouched), (1, 5));
}

#[test]
fn without_that_policy_the_proof_fails() {
    let world = beneath(&[admin("open", 40, "tier=front", Action::Accept)]);
    let seen = world.seen();
    let (plan, _) = planned(&world, &[]);
    let amended = plan.amended.iter().map(|amended| amended.after.clone()).collect();
    let mut labels = labels("tier=front");
    labels.insert(MARK.to_owned(), plan.mark.clone());
    let pod = PodName { namespace: "shop".to_owned(), name: "web-1".to_owned() };
    let mut after = After {
        added: vec![plan.policy],
        amended,
        labels: [(pod.clone(), labels)].into(),
        ..After::default()
    };
    let proof = prove(&seen.inventory, &seen.today, &after, &[pod.clone()].into(), &[]);
    assert!(proof.failures[0].contains("is not cut off"), "{proof:?}");
    // One that speaks of others too is refused.
    let mut wide = plan.overruling.policy.unwrap();
    wide.subject.pods = Some(of("tier=front"));
    after.overruling = vec![wide];
    let proof = prove(&seen.inventory, &seen.today, &after, &[pod].into(), &[]);
    assert!(proof.failures[0].contains("ClusterNetworkPolicy/flowfence-quarantine-port-scan"), "{proof:?}");
    assert!(proof.failures[0].ends_with("selects pod shop/web-0"), "{proof:?}");
}

#[test]
fn who_is_let_in_passes_the_tier_and_is_admitted_by_the_policy_of_the_namespace() {
    let allowed = [Allowed { namespace: "ops".to_owned(), pods: Some(of("app=debug")) }];
    let world = beneath(&[admin("open", 40, "tier=front", Action::Accept)]);
    let (plan, proof) = planned(&world, &allowed);
    assert_eq!(proof.failures, [""; 0]);
    let actions: Vec<Action> =
        plan.overruling.policy.unwrap().ingress.iter().map(|rule| rule.action).collect();
    assert_eq!(actions, [Action::Pass, Action::Deny]);
}

#[test]
fn policies_that_accept_nothing_of_the_pods_need_no_answer() {
    let others = [
        admin("closed", 3, "tier=front", Action::Deny),
        admin("passed", 4, "tier=front", Action::Pass),
        admin("api", 5, "app=api", Action::Accept),
        // The pod loses this label.
        admin("web", 6, "app=web", Action::Accept),
        ClusterPolicy { tier: Tier::Baseline, ..admin("base", 7, "tier=front", Action::Accept) },
    ];
    let (plan, proof) = planned(&beneath(&others), &[]);
    assert_eq!((plan.overruling, proof.failures), (Overruling::default(), Vec::new()));
}

#[test]
fn a_priority_is_one_that_nobody_has() {
    let tiers = [
        admin("open", 40, "tier=front", Action::Accept),
        admin("later", 90, "tier=front", Action::Accept),
        admin("other", 39, "app=api", Action::Accept),
    ];
    let (plan, proof) = planned(&beneath(&tiers), &[]);
    assert_eq!((plan.overruling.policy.unwrap().priority, proof.failures), (38, Vec::new()));
}

#[test]
fn what_an_earlier_policy_of_the_tier_denies_needs_no_room_before_it() {
    let tiers = [admin("closed", 0, "", Action::Deny), admin("open", 1, "tier=front", Action::Accept)];
    let (plan, proof) = planned(&beneath(&tiers), &[]);
    assert_eq!(plan.overruling.unbeatable, ["ClusterNetworkPolicy/open"]);
    assert_eq!((proof.isolated, proof.failures), (1, Vec::new()));
    // Of one priority either may be asked first, whatever their names.
    for names in [["a", "b"], ["b", "a"]] {
        let tiers = [admin(names[0], 0, "", Action::Deny), admin(names[1], 0, "tier=front", Action::Accept)];
        assert!(!planned(&beneath(&tiers), &[]).1.holds());
    }
}

#[test]
fn nothing_comes_before_the_first_priority_and_that_is_told() {
    let (plan, proof) = planned(&beneath(&[admin("open", 0, "tier=front", Action::Accept)]), &[]);
    assert_eq!(plan.overruling.policy, None);
    assert_eq!(plan.overruling.unbeatable, ["ClusterNetworkPolicy/open"]);
    assert!(!proof.holds());
}

prop_compose! {
    fn any_tier()(name in "[a-z]{3}", priority in 0u16..6, subject in 0usize..4, action in 0usize..3) -> ClusterPolicy {
        let action = [Action::Accept, Action::Deny, Action::Pass][action];
        admin(&name, priority, ["", "app=web", "tier=front", "app=api"][subject], action)
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn whatever_stands_above_the_plan_isolates_exactly_the_pod_or_says_what_it_cannot_overrule(
        tiers in prop::collection::vec(any_tier(), 0..5),
    ) {
        let mut tiers = tiers;
        tiers.sort_by_key(ClusterPolicy::key);
        tiers.dedup_by_key(|policy| policy.key());
        let (plan, proof) = planned(&beneath(&tiers), &[]);
        if plan.overruling.unbeatable.is_empty() {
            prop_assert_eq!(&proof.failures, &Vec::<String>::new());
            prop_assert_eq!((proof.isolated, proof.untouched), (1, 5));
        } else {
            // Where an earlier policy of the tier takes what the later one would accept, the pod is cut off all the same.
            let accepts = |policy: &ClusterPolicy| policy.ingress[0].action == Action::Accept;
            let first = tiers.iter().filter(|policy| plan.overruling.unbeatable.contains(&policy.key()));
            let first = first.map(|policy| policy.priority).min().unwrap();
            let is_taken = tiers.iter().any(|policy| policy.priority < first && !accepts(policy));
            prop_assert!(!proof.holds() || is_taken, "{:?}", proof);
        }
    }
}
