//! Policies all of whose effect others have.

use std::collections::{BTreeMap, BTreeSet};

use flowfence_model::policy::Direction;
use flowfence_model::{NetworkPolicy, PolicyRule};

use super::view;
use crate::audit::finding::{Finding, Level};
use crate::audit::scene::{Detector, Scene, Unasked};
use crate::semantics::within::{rule_within, selector_within};

pub(super) const DETECTOR: Detector = Detector {
    id: "policy-shadowed",
    level: Level::Note,
    title: "a policy all of whose effect is contained in others",
    meaning: "Other policies isolate all of its pods in the same directions and admit everything that it admits, \
              for pods to come as well: it can go without any verdict changing. A direction without rules is \
              contained only in one without rules, so that a general deny is never told to go.",
    doubt: "It may be kept so that it stands when the others go.",
    fix: "Delete it, or narrow the others.",
    unasked: Unasked::Kept,
    silence: "Give its id to `--accept`, or to a decision with who, why and until when.",
    found: &[
        "p: {podSelector: {matchLabels: {app: web}}, policyTypes: [Ingress], ingress: [{from: [{podSelector: {matchLabels: {app: db}}}]}]}",
        "wide: {podSelector: {}, policyTypes: [Ingress], ingress: [{from: [{podSelector: {}}]}]}",
    ],
    not_found: &[
        "p: {podSelector: {matchLabels: {app: web}}, policyTypes: [Ingress], ingress: [{from: [{podSelector: {matchLabels: {app: db}}}]}]}",
        "deny: {podSelector: {}, policyTypes: [Ingress]}",
    ],
    find,
};

fn find(scene: &Scene<'_>) -> Vec<Finding> {
    shadowed(scene).into_iter().map(|(policy, others)| describe(scene, policy, &others)).collect()
}

/// The policies whose effect others contain, with the others. All of them can go together.
pub(super) fn shadowed(scene: &Scene<'_>) -> BTreeMap<usize, BTreeSet<usize>> {
    let policies = scene.policies.policies();
    let mut order: Vec<usize> = (0..policies.len()).collect();
    // Of two that are alike the later name goes.
    order.sort_by_key(|at| std::cmp::Reverse(policies[*at].key()));
    let mut by_namespace: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for (at, policy) in policies.iter().enumerate() {
        by_namespace.entry(&policy.namespace).or_default().push(at);
    }
    let mut gone: BTreeMap<usize, BTreeSet<usize>> = BTreeMap::new();
    for at in order {
        if scene.policies.selected(at).next().is_none() && view::has_workloads(scene) {
            continue;
        }
        let near = by_namespace[policies[at].namespace.as_str()].iter().copied();
        let around: Vec<usize> = near
            .filter(|other| *other != at && !gone.contains_key(other))
            .filter(|other| selector_within(&policies[at].pod_selector, &policies[*other].pod_selector))
            .collect();
        if let Some(others) = holders(policies, at, &around) {
            gone.insert(at, others);
        }
    }
    gone
}

/// Those of `around` that together do what a policy does; `None` when something is left.
fn holders(policies: &[NetworkPolicy], at: usize, around: &[usize]) -> Option<BTreeSet<usize>> {
    let policy = &policies[at];
    let mut holders = BTreeSet::new();
    for direction in Direction::BOTH {
        let Some(rules) = policy.rules(direction) else { continue };
        let isolating = around.iter().filter_map(|other| Some((*other, policies[*other].rules(direction)?)));
        let isolating: Vec<(usize, &[PolicyRule])> = isolating.collect();
        if rules.is_empty() {
            let (deny, _) = isolating.iter().find(|(_, rules)| rules.is_empty())?;
            holders.insert(*deny);
            continue;
        }
        let others: Vec<(usize, &PolicyRule)> =
            isolating.iter().flat_map(|(other, rules)| rules.iter().map(|rule| (*other, rule))).collect();
        let all: Vec<&PolicyRule> = others.iter().map(|(_, rule)| *rule).collect();
        for rule in rules {
            let used = rule_within(rule, &all, &policy.namespace)?;
            holders.extend(used.into_iter().map(|rule| others[rule].0));
        }
    }
    (!holders.is_empty()).then_some(holders)
}

fn describe(scene: &Scene<'_>, policy: usize, others: &BTreeSet<usize>) -> Finding {
    let policies = scene.policies.policies();
    let key = policies[policy].key();
    let others: BTreeSet<String> = others.iter().map(|at| policies[*at].key()).collect();
    let listed = super::words::some_of(&others);
    let title = format!("policy {key} does nothing that {listed} would not do without it");
    Finding::new(DETECTOR.id, DETECTOR.level, &key, title)
        .about(&key, "")
        .fixed_by(format!("delete NetworkPolicy {key}, or narrow {listed}"))
        .with("policy", key.as_str())
        .with("containedIn", &others)
}
