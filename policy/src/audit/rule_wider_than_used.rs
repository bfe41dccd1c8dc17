//! Rules of today that admit workloads which never came.

use std::collections::BTreeSet;

use flowfence_model::NodeId;

use super::finding::{Finding, Level};
use super::scene::{Detector, Scene};

pub(super) const DETECTOR: Detector = Detector {
    id: "rule-wider-than-used",
    level: Level::Warning,
    title: "a rule that admits more workloads than used it",
    meaning: "Every workload that the rule admits without need can use it once it is broken into.",
    doubt: "Those who never came while the capture ran may come later.",
    find,
};

fn find(scene: &Scene<'_>) -> Vec<Finding> {
    let users = scene.users();
    let mut findings = Vec::new();
    for rule in scene.rules() {
        let Some(users) = users.get(&rule) else { continue };
        let subjects = scene.workloads(scene.policies.selected(rule.policy));
        let admitted = scene.workloads(scene.policies.peers(rule));
        let alone = subjects.len() == 1;
        // A lone workload that selects itself among others is no door.
        let is_own = |id: &&NodeId| alone && subjects.contains(*id);
        let beyond: BTreeSet<&NodeId> =
            admitted.difference(&users.genuine).filter(|id| !is_own(id)).collect();
        if beyond.is_empty() {
            continue;
        }
        let (policy, place) = scene.rule_name(rule);
        let title = format!(
            "{place} of policy {policy} admits {} workloads, of which {} never used it rightfully",
            admitted.len(),
            beyond.len()
        );
        let mut finding = Finding::new(DETECTOR.id, Level::Warning, &format!("{policy}:{place}"), title)
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
