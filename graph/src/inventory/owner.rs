//! From a pod up to its topmost controller.

use std::collections::{BTreeMap, BTreeSet};

use flowfence_model::NodeId;
use flowfence_model::object::{Owner, Pod};

use super::moment::Merged;
use super::{KnownPod, Scheduled, Workload};

/// A chain of owners longer than this is a loop.
const MAX_OWNERS: usize = 16;

/// Pods with their workloads, in the order of `merged.pods`.
pub fn name_workloads(merged: &Merged) -> Vec<KnownPod> {
    merged.pods.iter().map(|pod| KnownPod { workload: workload_of(pod, merged), pod: pod.clone() }).collect()
}

/// Workloads of pods, and topmost controllers that have none.
pub fn workloads(merged: &Merged, pods: &[KnownPod]) -> BTreeMap<NodeId, Workload> {
    let mut found: BTreeMap<NodeId, Workload> = BTreeMap::new();
    let mut labels: BTreeMap<NodeId, BTreeSet<_>> = BTreeMap::new();
    for (index, known) in pods.iter().enumerate() {
        let id = &known.workload;
        let workload = found.entry(id.clone()).or_insert_with(|| Workload::named(id.clone()));
        workload.pods.push(index);
        workload.host_network |= known.pod.host_network;
        workload.privileges.extend(known.pod.privileges.iter().cloned());
        labels.entry(id.clone()).or_default().insert(known.pod.meta.labels.clone());
    }
    for controller in merged.controllers.values() {
        let namespace = &controller.meta.namespace;
        let start = Owner { kind: controller.kind.clone(), name: controller.meta.name.clone() };
        let id = topmost(namespace, start, None, merged);
        let workload = found.entry(id.clone()).or_insert_with(|| Workload::named(id.clone()));
        // An old ReplicaSet keeps the template of a revision that may be rolled back to, but only a
        // template without an owner says what the next pod will look like.
        if controller.meta.owner.is_none() {
            workload.host_network |= controller.host_network;
            workload.privileges.extend(controller.privileges.iter().cloned());
            workload.replicas = controller.replicas;
            workload.labels.clone_from(&controller.meta.labels);
            workload.annotations.clone_from(&controller.meta.annotations);
            labels.entry(id).or_default().insert(controller.template_labels.clone());
        }
    }
    for (id, sets) in labels {
        if let Some(workload) = found.get_mut(&id) {
            workload.label_sets = sets.into_iter().collect();
        }
    }
    found
}

/// Every CronJob that tells its schedule, by namespace and name.
pub fn schedules(merged: &Merged) -> Vec<Scheduled> {
    let controllers = merged.controllers.values();
    let scheduled = controllers.filter_map(|controller| {
        let (namespace, name) = (&controller.meta.namespace, &controller.meta.name);
        let start = Owner { kind: controller.kind.clone(), name: name.clone() };
        Some(Scheduled {
            cron_job: NodeId::workload(namespace, &controller.kind, name),
            workload: topmost(namespace, start, None, merged),
            schedule: controller.schedule.clone()?,
        })
    });
    scheduled.collect()
}

fn workload_of(pod: &Pod, merged: &Merged) -> NodeId {
    match &pod.meta.owner {
        // A mirror pod is "controlled" by its Node (kubelet static pods); it is its own workload.
        Some(owner) if owner.kind != "Node" => {
            let hash = pod.meta.labels.get("pod-template-hash").map(String::as_str);
            topmost(&pod.meta.namespace, owner.clone(), hash, merged)
        }
        _ => NodeId::workload(&pod.meta.namespace, "Pod", &pod.meta.name),
    }
}

/// Climbs `owner` to the top. Where an object of the chain is missing from the input, its last
/// known reference stands; a missing ReplicaSet's own owner is the Deployment of its name
/// without the pod-template-hash.
fn topmost(namespace: &str, mut owner: Owner, hash: Option<&str>, merged: &Merged) -> NodeId {
    for _ in 0..MAX_OWNERS {
        let key = (owner.kind.clone(), namespace.to_owned(), owner.name.clone());
        let Some(object) = merged.controllers.get(&key) else {
            owner = presumed_owner(namespace, &owner, hash, merged).unwrap_or(owner);
            break;
        };
        match &object.meta.owner {
            Some(next) => owner = next.clone(),
            None => break,
        }
    }
    NodeId::workload(namespace, &owner.kind, &owner.name)
}

fn presumed_owner(namespace: &str, owner: &Owner, hash: Option<&str>, merged: &Merged) -> Option<Owner> {
    match owner.kind.as_str() {
        "ReplicaSet" => {
            let name = owner.name.strip_suffix(hash?)?.strip_suffix('-')?;
            Some(Owner { kind: "Deployment".to_owned(), name: name.to_owned() })
        }
        // The CronJob controller names its Jobs NAME-MINUTES, minutes since the epoch.
        "Job" => {
            let (name, minutes) = owner.name.rsplit_once('-')?;
            let key = ("CronJob".to_owned(), namespace.to_owned(), name.to_owned());
            (minutes.bytes().all(|b| b.is_ascii_digit()) && merged.controllers.contains_key(&key))
                .then_some(Owner { kind: key.0, name: key.2 })
        }
        _ => None,
    }
}
