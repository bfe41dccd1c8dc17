//! Workloads that no policy isolates.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use flowfence_model::NodeId;
use flowfence_model::policy::Direction;

use super::finding::{Finding, Level};
use super::scene::{Detector, Scene, Unasked};
use crate::semantics::{Party, PodIndex};

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
    let open: Vec<(&NodeId, &[PodIndex])> = scene
        .roster
        .workloads()
        .iter()
        .map(|(id, pods)| (id, pods.as_slice()))
        .filter(|(_, pods)| pods.iter().any(|pod| !Direction::BOTH.iter().any(|d| isolated(pod, *d))))
        .collect();
    // Whoever may send anything reaches each of them; only the others need be asked.
    let (senders, closed): (Vec<_>, Vec<_>) = scene
        .roster
        .workloads()
        .iter()
        .partition(|(_, pods)| pods.iter().any(|pod| !isolated(pod, Direction::Egress)));
    let senders: BTreeSet<&NodeId> = senders.into_iter().map(|(id, _)| id).collect();
    let came = who_came(scene);
    let nobody = BTreeSet::new();
    let mut found: Vec<(usize, Finding)> = Vec::new();
    for (id, pods) in open {
        let Some(target) = pods.iter().find_map(|pod| party(scene, *pod)) else { continue };
        let reaches = |pods: &[PodIndex]| pods.iter().any(|pod| reaches(scene, *pod, target));
        let reaching = senders.len() - usize::from(senders.contains(id))
            + closed.iter().filter(|(from, pods)| *from != id && reaches(pods)).count();
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
    for (contact, judged) in scene.judged() {
        let (from, to) = (&contact.from.id, &contact.to.id);
        if from != to && from.is_workload() && to.is_workload() && judged.tally.is_connected() {
            came.entry(to).or_default().insert(from);
        }
    }
    came
}

fn party(scene: &Scene<'_>, pod: PodIndex) -> Option<Party> {
    let address = *scene.roster.cluster().pod(pod).ips.first()?;
    Some(Party { pod: Some(pod), address })
}

/// Whether the pod's egress rules let it reach the target on any port.
fn reaches(scene: &Scene<'_>, pod: PodIndex, target: Party) -> bool {
    party(scene, pod).is_some_and(|from| {
        flowfence_model::Protocol::WITH_PORTS
            .into_iter()
            .any(|protocol| !scene.policies.ports_in(from, target, protocol, Direction::Egress).is_empty())
    })
}
