//! Workloads that no policy isolates.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use flowfence_graph::EdgeKey;
use flowfence_model::NodeId;
use flowfence_model::policy::Direction;

use super::finding::{Finding, Level};
use super::scene::{Detector, Scene, Unasked};
use crate::reach::Radii;
use crate::semantics::PodIndex;

pub(super) const DETECTOR: Detector = Detector {
    id: "workload-uncovered",
    level: Level::Warning,
    title: "a workload that no policy isolates",
    meaning: "Every pod whose own egress is open reaches every port of it, and it reaches everything.",
    doubt: "Policies of kinds that flowfence does not read (a plugin's own) may cover it.",
    fix: "Write a policy that selects it: `flowfence recommend` does.",
    unasked: Unasked::Kept,
    silence: "Cover it, or accept its id.",
    found: &[
        "policy db selects app=db admits nobody",
        "policy web selects app=web admits nobody",
        "policy ops/all selects {} admits nobody",
        "policy kube-system/all selects {} admits nobody",
    ],
    not_found: &[
        "policy all selects {} admits nobody",
        "policy ops/all selects {} admits nobody",
        "policy kube-system/all selects {} admits nobody",
    ],
    find,
};

fn find(scene: &Scene<'_>) -> Vec<Finding> {
    let isolated = |pod: &PodIndex, direction| scene.policies.isolates(*pod, direction);
    let open = |pods: &[PodIndex]| pods.iter().any(|pod| !Direction::BOTH.iter().any(|d| isolated(pod, *d)));
    let workloads = scene.roster.workloads().iter();
    let uncovered: Vec<&NodeId> = workloads.filter(|(_, pods)| open(pods)).map(|(id, _)| id).collect();
    if uncovered.is_empty() {
        return Vec::new();
    }
    let radii = Radii::new(scene.inventory, scene.roster, scene.policies);
    let reached_by = radii.reached_by();
    let came = who_came(scene);
    let nobody = BTreeSet::new();
    let mut found: Vec<(usize, Finding)> = Vec::new();
    for id in uncovered {
        let reaching = radii.number(id).map_or(0, |number| reached_by[number]);
        let came = came.get(id).unwrap_or(&nobody);
        let system = id.namespace().is_some_and(|namespace| namespace.starts_with("kube-"));
        let level = if system { Level::Note } else { Level::Warning };
        let title = format!("no policy covers {id}; {reaching} workloads can reach it, {} did", came.len());
        let mut finding = Finding::new(DETECTOR.id, level, &id.to_string(), title)
            .with("reachableFrom", reaching)
            .with("came", came);
        finding.to = Some(id.clone());
        finding.fix = Some(
            "apply the policies that `flowfence recommend` writes from the same recording (--out DIR)"
                .to_owned(),
        );
        found.push((reaching, finding));
    }
    found.sort_by(|x, y| (Reverse(x.0), &x.1.id).cmp(&(Reverse(y.0), &y.1.id)));
    found.into_iter().map(|(_, finding)| finding).collect()
}

/// The other workloads that connected to each.
fn who_came<'a>(scene: &'a Scene<'_>) -> BTreeMap<&'a NodeId, BTreeSet<&'a NodeId>> {
    let mut came: BTreeMap<&NodeId, BTreeSet<&NodeId>> = BTreeMap::new();
    for (EdgeKey { from, to, .. }, seen) in scene.edges() {
        if from != to && from.is_workload() && to.is_workload() && seen.tally.is_connected() {
            came.entry(to).or_default().insert(from);
        }
    }
    came
}
