//! Rules that others of the same pods contain.

use std::collections::{BTreeMap, BTreeSet};

use flowfence_model::PolicyRule;
use flowfence_model::policy::Direction;

use super::{policy_shadowed, view, words};
use crate::audit::finding::{Finding, Level};
use crate::audit::scene::{Detector, Scene, Unasked};
use crate::semantics::RuleId;
use crate::semantics::within::{rule_within, selector_within};

pub(super) const DETECTOR: Detector = Detector {
    id: "rule-contained",
    level: Level::Note,
    title: "a rule that others contain",
    meaning: "Whatever the rule admits, other rules of the same policy or of one with the same subjects admit \
              too, for pods to come as well: narrowing it changes nothing while they stand.",
    doubt: "It may be kept to say whom the port is for.",
    fix: "Delete it, or narrow the rules that contain it.",
    unasked: Unasked::Kept,
    silence: "Give its id to `--accept`, or to a decision with who, why and until when.",
    found: &[
        "p: {podSelector: {matchLabels: {app: web}}, policyTypes: [Ingress], ingress: [{from: [{podSelector: {}}]}, {from: [{podSelector: {matchLabels: {app: db}}}]}]}",
    ],
    not_found: &[
        "p: {podSelector: {matchLabels: {app: web}}, policyTypes: [Ingress], ingress: [{from: [{podSelector: {matchLabels: {app: web}}}]}, {from: [{podSelector: {matchLabels: {app: db}}}]}]}",
    ],
    find,
};

fn find(scene: &Scene<'_>) -> Vec<Finding> {
    let shadowed = policy_shadowed::shadowed(scene);
    let policies = scene.policies.policies();
    let mut groups: BTreeMap<(&str, Direction), Vec<view::Rule<'_>>> = BTreeMap::new();
    for rule in view::rules(scene).filter(|rule| !shadowed.contains_key(&rule.id.policy)) {
        groups.entry((rule.policy.namespace.as_str(), rule.id.direction)).or_default().push(rule);
    }
    let mut findings = Vec::new();
    for rules in groups.values_mut() {
        rules.sort_by_cached_key(|rule| (rule.policy.key(), rule.id.rule));
        let mut gone: BTreeSet<RuleId> = BTreeSet::new();
        // Of two that are alike the later one goes.
        for rule in rules.iter().rev() {
            let has_same_subjects = |other: usize| {
                let (mine, theirs) = (&rule.policy.pod_selector, &policies[other].pod_selector);
                other == rule.id.policy || (selector_within(mine, theirs) && selector_within(theirs, mine))
            };
            let others: Vec<&view::Rule<'_>> = rules
                .iter()
                .filter(|other| other.id != rule.id && !gone.contains(&other.id))
                .filter(|other| has_same_subjects(other.id.policy))
                .collect();
            let objects: Vec<&PolicyRule> = others.iter().map(|other| other.object).collect();
            if let Some(used) = rule_within(rule.object, &objects, &rule.policy.namespace) {
                gone.insert(rule.id);
                findings.push(describe(*rule, used.iter().map(|at| others[*at])));
            }
        }
    }
    findings.sort_by(|one, other| one.id.cmp(&other.id));
    findings
}

fn describe<'r>(rule: view::Rule<'_>, others: impl Iterator<Item = &'r view::Rule<'r>>) -> Finding {
    let (policy, field) = (rule.policy.key(), words::rule(rule.id.direction, rule.id.rule));
    let others: BTreeSet<String> = others
        .map(|other| {
            let field = words::rule(other.id.direction, other.id.rule);
            if other.id.policy == rule.id.policy {
                field
            } else {
                format!("{field} of {}", other.policy.key())
            }
        })
        .collect();
    let listed = words::some_of(&others);
    let title = format!("{field} of policy {policy} admits nothing that {listed} does not");
    Finding::new(DETECTOR.id, DETECTOR.level, &format!("{policy}:{field}"), title)
        .about(&policy, field.as_str())
        .fixed_by(format!("delete spec.{field} of NetworkPolicy {policy}, or narrow {listed}"))
        .with("policy", policy.as_str())
        .with("rule", field)
        .with("containedIn", &others)
}
