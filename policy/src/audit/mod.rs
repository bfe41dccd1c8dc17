//! What is unexpected, too wide, unused or uncovered, and what is wrong with the policies
//! themselves.
//!
//! ```text
//! Facts + Judgement + today's policies ─▶ Scene ─┬▶ each detector of DETECTORS       ─┬▶ findings
//!         objects and policies alone    ─▶ Scene ─┴▶ each detector of lint::DETECTORS ─┘
//! ```
//!
//! One detector a file; a new one is a file and a line of its table.

mod decision_expired;
mod decision_unused;
mod denied;
mod finding;
mod grows_with_nodes;
pub mod lint;
mod port_scan;
mod refused_attempt;
mod rule_unused;
mod rule_wider_than_used;
mod scene;
mod unexpected_connection;
mod workload_uncovered;

use std::cell::OnceCell;
use std::collections::BTreeMap;

use flowfence_graph::{EdgeKey, Facts, Inventory};
use flowfence_model::{NetworkPolicy, Remarks};

use crate::judge::{Judgement, Roster};
use crate::semantics::PolicySet;

pub use finding::{Evidence, Finding, Level, Value};
pub use scene::{Detector, Scene};

/// Every detector that needs traffic, in the order in which findings of one level are listed.
pub const DETECTORS: &[&Detector] = &[
    &port_scan::DETECTOR,
    &unexpected_connection::DETECTOR,
    &refused_attempt::DETECTOR,
    &denied::DETECTOR,
    &decision_expired::DETECTOR,
    &rule_wider_than_used::DETECTOR,
    &rule_unused::DETECTOR,
    &workload_uncovered::DETECTOR,
    &grows_with_nodes::DETECTOR,
    &decision_unused::DETECTOR,
];

/// Every detector, those that need traffic first.
pub fn detectors() -> impl Iterator<Item = &'static Detector> {
    DETECTORS.iter().chain(lint::DETECTORS).copied()
}

/// Everything that the traffic shows, by level, then in the order of [`DETECTORS`], then in the
/// detector's own.
pub fn audit(
    facts: &Facts,
    inventory: &Inventory,
    judgement: &Judgement,
    today: &[NetworkPolicy],
) -> Vec<Finding> {
    run(DETECTORS, facts, inventory, judgement, today, &Remarks::new())
}

/// What is wrong with the policies themselves, in the same order. Traffic is not needed; where
/// some was recorded, it tells who asks for names.
pub fn lint(
    facts: &Facts,
    inventory: &Inventory,
    today: &[NetworkPolicy],
    remarks: &Remarks,
) -> Vec<Finding> {
    run(lint::DETECTORS, facts, inventory, &Judgement::default(), today, remarks)
}

fn run(
    detectors: &[&Detector],
    facts: &Facts,
    inventory: &Inventory,
    judgement: &Judgement,
    today: &[NetworkPolicy],
    remarks: &Remarks,
) -> Vec<Finding> {
    let roster = Roster::new(inventory);
    let policies = PolicySet::compile_all(roster.cluster(), today, inventory.cluster_policies());
    let (policies, roster, numbering) = (&policies, &roster, OnceCell::new());
    let scene = Scene { facts, inventory, judgement, policies, roster, remarks, numbering };
    let mut findings: Vec<Finding> = detectors.iter().flat_map(|detector| (detector.find)(&scene)).collect();
    findings.sort_by_key(|finding| finding.level);
    findings
}

/// The findings of level note and above that name each edge, for the graph.
pub fn by_edge(findings: &[Finding]) -> BTreeMap<EdgeKey, Vec<String>> {
    let mut ids: BTreeMap<EdgeKey, Vec<String>> = BTreeMap::new();
    for finding in findings {
        for edge in &finding.edges {
            ids.entry(edge.clone()).or_default().push(finding.id.clone());
        }
    }
    ids
}

#[cfg(test)]
mod tests;
