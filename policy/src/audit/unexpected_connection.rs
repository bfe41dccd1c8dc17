//! Connections that today's policies deny, and that happened all the same.

use std::collections::BTreeSet;

use flowfence_model::Protocol;

use super::finding::{Finding, Level};
use super::scene::{Detector, Scene, Unasked};
use crate::judge::{Said, Standing};

pub(super) const DETECTOR: Detector = Detector {
    id: "unexpected-connection",
    level: Level::Error,
    title: "a connection that today's policies deny",
    meaning: "The policies are not enforced, or not everywhere, or they came after the connection.",
    doubt: "The policies given may not be those that were in force at the time of the capture.",
    fix: "Make sure that the network plugin enforces policies on these nodes; admit the connection if it is wanted.",
    unasked: Unasked::Suspect,
    silence: "Admit the connection by a rule, or accept its id.",
    found: &["policy shut selects app=db admits nobody", "shop/api-0 -> shop/db-0 5432/TCP"],
    not_found: &["policy open selects app=db admits app=api", "shop/api-0 -> shop/db-0 5432/TCP"],
    find,
};

fn find(scene: &Scene<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (edge, seen) in scene.edges() {
        let denied: Vec<_> = seen
            .contacts()
            .filter(|(contact, judged)| judged.verdict.is_denied() && contact.tally.connections > 0)
            .filter(|(_, judged)| !matches!(judged.standing, Standing::Attempt | Standing::Undirected))
            .collect();
        if denied.is_empty() || edge.protocol == Protocol::Icmp {
            continue;
        }
        let connections: u64 = denied.iter().map(|(contact, _)| contact.tally.connections).sum();
        let sides: BTreeSet<&str> = denied
            .iter()
            .flat_map(|(_, judged)| [("egress", judged.verdict.egress), ("ingress", judged.verdict.ingress)])
            .filter(|(_, said)| *said == Some(Said::Denied))
            .map(|(side, _)| side)
            .collect();
        let policies: BTreeSet<String> = denied
            .iter()
            .flat_map(|(contact, _)| {
                let decision = scene.policies.decide(&scene.roster.connection(contact));
                let sides = [decision.egress, decision.ingress].into_iter().filter(|side| !side.allowed);
                sides.flat_map(|side| side.isolated_by).collect::<Vec<usize>>()
            })
            .filter_map(|policy| scene.policies.policies().get(policy))
            .map(flowfence_model::NetworkPolicy::key)
            .collect();
        let title = format!("{edge} was connected although policies deny it");
        let fix = "check that the network plugin enforces NetworkPolicy on both nodes; if the connection is \
                   wanted, admit it by a rule";
        let mut finding = Finding::of_edge(DETECTOR.id, Level::Error, edge, &seen.tally, title)
            .fixed_by(fix)
            .with("connections", connections)
            .with("deniedBy", &policies)
            .with("directions", &sides);
        finding.policy = policies.first().cloned();
        findings.push(finding);
    }
    findings
}
