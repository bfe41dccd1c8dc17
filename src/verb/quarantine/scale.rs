//! How to stop a workload, kind by kind, and how to start it again.

use std::collections::BTreeSet;

use flowfence_graph::Inventory;
use flowfence_model::{NodeId, WorkloadName};
use flowfence_policy::respond::Suspects;
use serde_json::json;

use crate::output::quarantine::{Step, patch, shell};

/// How to stop the workload of suspects.
pub(super) fn steps(suspects: &Suspects, inventory: &Inventory) -> Vec<Step> {
    of_workload(&suspects.workload, inventory)
}

/// Likewise, of any workload: all of its pods, healthy ones too.
pub(super) fn of_workload(id: &NodeId, inventory: &Inventory) -> Vec<Step> {
    let NodeId::Workload(named) = id else { return Vec::new() };
    let WorkloadName { namespace, kind, name } = &**named;
    let workload = inventory.workload(id);
    let pods = workload.map_or(0, |workload| workload.pods.len());
    let replicas = workload.and_then(|workload| workload.replicas);
    match kind.as_str() {
        "Deployment" | "StatefulSet" | "ReplicaSet" | "ReplicationController" => {
            vec![replicated(namespace, kind, name, replicas, pods)]
        }
        "DaemonSet" => vec![daemon_set(namespace, name)],
        "CronJob" => cron_job(id, namespace, name, inventory),
        "Job" => vec![job(namespace, name)],
        "Pod" => vec![bare(namespace, name)],
        _ => vec![other(namespace, kind, name, replicas)],
    }
}

fn replicated(namespace: &str, kind: &str, name: &str, replicas: Option<u32>, pods: usize) -> Step {
    let before = replicas.map_or_else(|| pods.max(1).to_string(), |count| count.to_string());
    let source = if replicas.is_some() {
        "it is told to keep"
    } else {
        "pods were seen; it may have been told another number:"
    };
    let set = |count: &serde_json::Value| {
        patch(&kind.to_lowercase(), namespace, name, &json!({"spec": {"replicas": count}}))
    };
    let count = before.parse::<u32>().unwrap_or(1);
    Step {
        about: format!(
            "{kind} to zero: all of its pods end, healthy ones too ({source} {before}). A HorizontalPodAutoscaler leaves \
             alone what has 0 replicas; whoever keeps the object in Git, and KEDA, may start it again."
        ),
        run: Some(set(&json!(0))),
        undo: Some(set(&json!(count))),
    }
}

fn daemon_set(namespace: &str, name: &str) -> Step {
    let select = |value: serde_json::Value| {
        let selector = json!({"flowfence.dev/quarantine": value});
        patch(
            "daemonset",
            namespace,
            name,
            &json!({"spec": {"template": {"spec": {"nodeSelector": selector}}}}),
        )
    };
    Step {
        about: "A DaemonSet has no replicas: it is sent to nodes with a label that no node has. With updateStrategy OnDelete \
                delete its pods, too."
            .to_owned(),
        run: Some(select(json!("no-node"))),
        undo: Some(select(json!(null))),
    }
}

/// No further run; those that are running end with their Jobs.
fn cron_job(id: &NodeId, namespace: &str, name: &str, inventory: &Inventory) -> Vec<Step> {
    let suspend = |kind: &str, name: &str, value: bool| {
        patch(kind, namespace, name, &json!({"spec": {"suspend": value}}))
    };
    let was = inventory.schedules().iter().find(|scheduled| scheduled.cron_job == *id);
    let was = was.is_some_and(|scheduled| scheduled.schedule.suspended);
    let mut steps = vec![Step {
        about: "No further run of the CronJob.".to_owned(),
        run: Some(suspend("cronjob", name, true)),
        undo: Some(suspend("cronjob", name, was)),
    }];
    let pods = inventory.workload(id).map_or(&[][..], |workload| &workload.pods);
    let running =
        pods.iter().filter_map(|at| inventory.pods().get(*at)).filter(|known| !known.pod.is_finished);
    let jobs: BTreeSet<&str> = running
        .filter_map(|known| known.pod.meta.owner.as_ref())
        .filter(|owner| owner.kind == "Job")
        .map(|owner| owner.name.as_str())
        .collect();
    steps.extend(
        jobs.into_iter()
            .map(|name| Step { about: format!("The run {name}: {SUSPENDED}"), ..job(namespace, name) }),
    );
    steps
}

const SUSPENDED: &str = "its running pods end, and it begins anew when it is resumed.";

fn job(namespace: &str, name: &str) -> Step {
    let suspend = |value: bool| patch("job", namespace, name, &json!({"spec": {"suspend": value}}));
    Step {
        about: format!("A Job that is suspended: {SUSPENDED}"),
        run: Some(suspend(true)),
        undo: Some(suspend(false)),
    }
}

fn bare(namespace: &str, name: &str) -> Step {
    let (ns, pod) = (shell(namespace), shell(name));
    Step {
        about: "A pod without a controller can only be deleted, and nobody makes it again: keep its object first, and undo by \
                creating it from what it was made of."
            .to_owned(),
        run: Some(format!("kubectl get pod -n {ns} {pod} -o yaml > pod.yaml && kubectl delete pod -n {ns} {pod}")),
        undo: Some("kubectl create -f pod.yaml".to_owned()),
    }
}

fn other(namespace: &str, kind: &str, name: &str, replicas: Option<u32>) -> Step {
    let resource = shell(&format!("{}/{name}", kind.to_lowercase()));
    let scale = |count: u32| format!("kubectl scale -n {} {resource} --replicas={count}", shell(namespace));
    Step {
        about: format!(
            "{kind} is no kind of Kubernetes itself: this works where it has a scale subresource."
        ),
        run: Some(scale(0)),
        undo: Some(scale(replicas.unwrap_or(1))),
    }
}
