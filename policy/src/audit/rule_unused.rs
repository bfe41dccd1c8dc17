//! Rules of today that nobody used.

use super::finding::{Finding, Level};
use super::scene::{Detector, Scene, Unasked};

pub(super) const DETECTOR: Detector = Detector {
    id: "rule-unused",
    level: Level::Note,
    title: "a rule that admitted no connection",
    meaning: "What the rule allows was not needed while the capture ran; every door that nobody uses is one more for an intruder.",
    doubt: "Rare traffic (a nightly job, a failover) may need it; compare with how long was watched.",
    fix: "Delete the rule when no rare job, failover or restore needs it.",
    unasked: Unasked::Kept,
    silence: "Give its id to `--accept`, or to a decision with who, why and until when.",
    found: &["policy db selects app=db admits app=api"],
    not_found: &["policy db selects app=db admits app=api", "shop/api-0 -> shop/db-0 5432/TCP"],
    find,
};

fn find(scene: &Scene<'_>) -> Vec<Finding> {
    let users = scene.users();
    let mut findings = Vec::new();
    for rule in scene.rules().into_iter().filter(|rule| !users.contains_key(rule)) {
        let subjects = scene.workloads(scene.policies.selected(rule.policy));
        // A policy without pods is told by a finding of its own.
        if subjects.is_empty() {
            continue;
        }
        let (policy, place) = scene.rule_name(rule);
        let admitted = scene.workloads(scene.policies.peers(rule));
        let title = format!("{place} of policy {policy} admitted nobody");
        let fix = format!("delete spec.{place} of NetworkPolicy {policy}, unless rare traffic needs it");
        findings.push(
            Finding::new(DETECTOR.id, Level::Note, &format!("{policy}:{place}"), title)
                .about(&policy, place.as_str())
                .fixed_by(fix)
                .with("policy", policy)
                .with("rule", place)
                .with("subjects", &subjects)
                .with("admits", &admitted),
        );
    }
    findings
}
