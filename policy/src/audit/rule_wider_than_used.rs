//! Rules of today that admit workloads which never came.

use std::collections::BTreeSet;

use flowfence_model::NodeId;

use super::finding::{Finding, Level};
use super::scene::{Detector, Scene, Unasked};

pub(super) const DETECTOR: Detector = Detector {
    id: "rule-wider-than-used",
    level: Level::Warning,
    title: "a rule that admits more workloads than used it",
    meaning: "Every workload that the rule admits without need can use it once it is broken into.",
    doubt: "Those who never came while the capture ran may come later.",
    fix: "Narrow the selectors of the rule to the workloads that use it.",
    unasked: Unasked::Kept,
    silence: "Give its id to `--accept`, or to a decision with who, why and until when.",
    found: &["policy db selects app=db admits everybody", "shop/api-0 -> shop/db-0 5432/TCP"],
    not_found: &["policy db selects app=db admits app=api", "shop/api-0 -> shop/db-0 5432/TCP"],
    find,
};

fn find(scene: &Scene<'_>) -> Vec<Finding> {
    let users = scene.users();
    let mut findings = Vec::new();
    for rule in scene.rules() {
        let Some(users) = users.get(&rule) else { continue };
        let subjects = scene.workloads(scene.policies.selected(rule.policy));
        let admitted = scene.workloads(scene.policies.peers(rule));
        let mut beyond = admitted.clone();
        users.genuine.iter().for_each(|id| beyond.remove(id));
        // A lone workload that selects itself among others is no door.
        if subjects.len() == 1 {
            subjects.iter().for_each(|id| beyond.remove(id));
        }
        if beyond.is_empty() {
            continue;
        }
        let (policy, place) = scene.rule_name(rule);
        let title = format!(
            "{place} of policy {policy} admits {} workloads, of which {} never used it rightfully",
            admitted.len(),
            beyond.len()
        );
        let fix = format!(
            "narrow spec.{place}.{} of NetworkPolicy {policy} to {}",
            rule.direction.peers(),
            listed(&users.genuine)
        );
        let mut finding = Finding::new(DETECTOR.id, Level::Warning, &format!("{policy}:{place}"), title)
            .about(&policy, place.as_str())
            .fixed_by(fix)
            .with("policy", policy)
            .with("rule", place)
            .with("subjects", &subjects)
            .with("admitted", &admitted)
            .with("came", &users.genuine)
            .with("beyondUse", &beyond);
        if !users.suspicious.is_empty() {
            finding = finding.with("cameUnderSuspicion", &users.suspicious);
        }
        findings.push(finding);
    }
    findings
}

/// Those who came, or that nobody did; a long list is cut, for the evidence has it.
fn listed(users: &BTreeSet<&NodeId>) -> String {
    const SHOWN: usize = 5;
    if users.is_empty() {
        return "nobody: nothing genuine uses it".to_owned();
    }
    let shown: Vec<String> = users.iter().take(SHOWN).map(ToString::to_string).collect();
    let more = users.len().saturating_sub(SHOWN);
    if more == 0 { shown.join(", ") } else { format!("{} and {more} more", shown.join(", ")) }
}
