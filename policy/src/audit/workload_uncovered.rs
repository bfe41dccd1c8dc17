//! Workloads that no policy isolates.

use std::cmp::Reverse;
use std::collections::BTreeSet;

use flowfence_model::NodeId;
use flowfence_model::policy::Direction;

use super::finding::{Finding, Level};
use super::scene::{Detector, Scene};
use crate::semantics::{Party, PodIndex};

pub(super) const DETECTOR: Detector = Detector {
    id: "workload-uncovered",
    level: Level::Warning,
    title: "a workload that no policy isolates",
    meaning: "Every pod whose own egress is open reaches every port of it, and it reaches everything.",
    doubt: "Policies of kinds that flowfence does not read (a plugin's own) may cover it.",
    fix: "Write a policy that selects it: `flowfence recommend` does.",
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
    let senders: BTreeSet<&NodeId> = scene
        .roster
        .workloads()
        .iter()
        .filter(|(_, pods)| pods.iter().any(|pod| !isolated(pod, Direction::Egress)))
        .map(|(id, _)| id)
        .collect();
    let mut found: Vec<(usize, Finding)> = Vec::new();
    for (id, pods) in open {
        let Some(target) = pods.iter().find_map(|pod| party(scene, *pod)) else { continue };
        let reaching = scene
            .roster
            .workloads()
            .iter()
            .filter(|(from, pods)| {
                *from != id && (senders.contains(from) || pods.iter().any(|pod| reaches(scene, *pod, target)))
            })
            .count();
        let came: BTreeSet<&NodeId> = scene
            .judged()
            .filter(|(contact, judged)| {
                contact.to.id == *id && contact.from.id != *id && judged.tally.is_connected()
            })
            .map(|(contact, _)| &contact.from.id)
            .filter(|from| from.is_workload())
            .collect();
        let system = id.namespace().is_some_and(|namespace| namespace.starts_with("kube-"));
        let level = if system { Level::Note } else { Level::Warning };
        let title = format!("no policy covers {id}; {reaching} workloads can reach it, {} did", came.len());
        let mut finding = Finding::new(DETECTOR.id, level, &id.to_string(), title)
            .with("reachableFrom", reaching)
            .with("came", &came);
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
