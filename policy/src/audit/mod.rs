//! What is unexpected, too wide, unused or uncovered, and what is wrong with the policies
//! themselves.
//!
//! ```text
//! Facts + Judgement + today's policies ─▶ Scene ─┬▶ each detector of DETECTORS       ─┬▶ findings
//!         objects and policies alone    ─▶ Scene ─┴▶ each detector of lint::DETECTORS ─┘
//! ```
//!
//! One detector a file; a new one is a file and a line of its table.

mod baseline;
mod baseline_expired;
mod chance;
mod clear_text;
mod control_plane_access;
mod cross_environment;
mod decision_expired;
mod decision_unused;
mod denied;
mod dns_tunnel;
mod environment;
mod exfiltration;
mod finding;
mod first_egress;
mod grows_with_nodes;
mod late;
mod late_egress;
pub mod lint;
mod metadata_access;
mod mining;
mod new_connection;
mod odd_replica;
pub mod owner;
mod port_scan;
pub mod rank;
mod refused_attempt;
mod rule_unused;
mod rule_wider_than_used;
mod scene;
mod settings;
mod undeclared_port;
mod unexpected_connection;
mod workload_uncovered;
mod workloads;

use std::collections::BTreeMap;
use std::sync::OnceLock;

use flowfence_graph::crew::{Crew, gather};
use flowfence_graph::{EdgeKey, Facts, Inventory};
use flowfence_model::Remarks;

use crate::judge::{Judgement, Prepared};

pub use baseline::{Baseline, Draft, draft};
pub use finding::{Evidence, Finding, Level, List, Value};
pub use scene::{Detector, Scene, Unasked};
pub use settings::Settings;

/// Every detector that needs traffic, in the order in which findings of one level are listed.
pub const DETECTORS: &[&Detector] = &[
    &port_scan::DETECTOR,
    &mining::DETECTOR,
    &unexpected_connection::DETECTOR,
    &first_egress::DETECTOR,
    &exfiltration::DETECTOR,
    &dns_tunnel::DETECTOR,
    &metadata_access::DETECTOR,
    &control_plane_access::DETECTOR,
    &odd_replica::DETECTOR,
    &undeclared_port::DETECTOR,
    &cross_environment::DETECTOR,
    &new_connection::DETECTOR,
    &refused_attempt::DETECTOR,
    &denied::DETECTOR,
    &decision_expired::DETECTOR,
    &baseline_expired::DETECTOR,
    &rule_wider_than_used::DETECTOR,
    &rule_unused::DETECTOR,
    &workload_uncovered::DETECTOR,
    &clear_text::DETECTOR,
    &late_egress::DETECTOR,
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
    today: &Prepared,
    settings: &Settings,
    crew: &dyn Crew,
) -> Vec<Finding> {
    let (policies, roster, remarks) = (&today.policies, &today.roster, &Remarks::new());
    let (edges, users) = (OnceLock::new(), OnceLock::new());
    let scene = Scene { facts, inventory, judgement, policies, roster, remarks, settings, edges, users };
    run(DETECTORS, &scene, crew)
}

/// What is wrong with the policies themselves, in the same order. Traffic is not needed; where
/// some was recorded, it tells who asks for names.
pub fn lint(
    facts: &Facts,
    inventory: &Inventory,
    today: &Prepared,
    remarks: &Remarks,
    crew: &dyn Crew,
) -> Vec<Finding> {
    let (judgement, settings) = (&Judgement::default(), &Settings::default());
    let (policies, roster) = (&today.policies, &today.roster);
    let (edges, users) = (OnceLock::new(), OnceLock::new());
    let scene = Scene { facts, inventory, judgement, policies, roster, remarks, settings, edges, users };
    run(lint::DETECTORS, &scene, crew)
}

fn run(detectors: &[&Detector], scene: &Scene<'_>, crew: &dyn Crew) -> Vec<Finding> {
    let find = |row: usize| detectors.get(row).map(|detector| (detector.find)(scene)).unwrap_or_default();
    let found: Vec<Vec<Finding>> = gather(crew, detectors.len(), find).collect();
    let mut findings = Vec::with_capacity(found.iter().map(Vec::len).sum());
    for found in found {
        findings.extend(found);
    }
    findings.sort_by_cached_key(|finding| finding.level);
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
mod example;
#[cfg(test)]
mod tests;
