//! Policies whose `policyTypes` make them mean something else than their rules look like.

use flowfence_model::Remark;

use crate::audit::finding::{Finding, Level};
use crate::audit::scene::{Detector, Scene, Unasked};

pub(super) const DETECTOR: Detector = Detector {
    id: "policy-types-trap",
    level: Level::Warning,
    title: "a `policyTypes` that does not fit the rules",
    meaning: "`policyTypes` alone decides which directions a policy restricts. Rules of a direction that it does \
              not list are ignored. Without it, ingress is always restricted, and egress only when there is an \
              egress rule: `egress: []` then leaves egress open, and egress rules alone deny all ingress.",
    doubt: "The author may know the defaults. Objects read back from the API server have them filled in, so \
            that there only ignored rules show.",
    fix: "Write `policyTypes` with every direction that the policy is meant to restrict.",
    unasked: Unasked::Kept,
    silence: "Write `policyTypes`, or accept its id.",
    found: &["p: {podSelector: {matchLabels: {app: db}}, policyTypes: [Ingress], egress: [{}]}"],
    not_found: &[
        "p: {podSelector: {matchLabels: {app: db}}, policyTypes: [Ingress, Egress], egress: [{ports: [{port: 53, protocol: UDP}]}]}",
    ],
    find,
};

fn find(scene: &Scene<'_>) -> Vec<Finding> {
    let keys = scene.policies.policies().iter().map(flowfence_model::NetworkPolicy::key);
    let remarks = keys.flat_map(|key| {
        let remarks = scene.remarks.get(&key).cloned().unwrap_or_default();
        remarks.into_iter().map(move |remark| (key.clone(), remark))
    });
    remarks.filter_map(|(key, remark)| describe(&key, &remark)).collect()
}

fn describe(policy: &str, remark: &Remark) -> Option<Finding> {
    let (level, title, fix) = match remark {
        Remark::RulesIgnored { direction, rules } => {
            let listed = direction.policy_type();
            let plural = if *rules == 1 { "rule is" } else { "rules are" };
            (
                Level::Warning,
                format!(
                    "{rules} {direction} {plural} ignored in policy {policy}: policyTypes does not list {listed}"
                ),
                format!(
                    "add {listed} to spec.policyTypes of NetworkPolicy {policy}, or delete spec.{direction}"
                ),
            )
        }
        Remark::EgressLeftOpen => (
            Level::Warning,
            format!("policy {policy} has an empty egress list and no policyTypes: egress stays open"),
            format!(
                "write policyTypes: [Ingress, Egress] into spec of NetworkPolicy {policy} to deny egress too"
            ),
        ),
        Remark::IngressDeniedToo => (
            Level::Warning,
            format!(
                "policy {policy} has only egress rules and no policyTypes: it denies all ingress as well"
            ),
            format!(
                "write policyTypes: [Egress] into spec of NetworkPolicy {policy} if ingress is to stay as it is"
            ),
        ),
        Remark::OnlyIngressDenied => (
            Level::Note,
            format!(
                "policy {policy} has neither rules nor policyTypes: it denies ingress and leaves egress open"
            ),
            format!(
                "write policyTypes into spec of NetworkPolicy {policy}: [Ingress], or [Ingress, Egress] for both"
            ),
        ),
        // Told by the lint on rules that admit everybody.
        Remark::EmptyPeers { .. } => return None,
    };
    let finding = Finding::new(DETECTOR.id, level, &format!("{policy}:{remark}"), title);
    Some(finding.about(policy, remark.field()).fixed_by(fix).with("policy", policy))
}
