//! Which nodes are isolated, today and under the recommended set.

use std::collections::BTreeMap;

use flowfence_model::{Direction, NodeId};
use flowfence_policy::judge::Roster;
use flowfence_policy::semantics::PodIndex;

use super::force::InForce;
use crate::output::page::{IsolatedRow, PageNodeRow};

/// Fills in the isolation of each node that stands for pods.
pub(super) fn tell(nodes: &mut [PageNodeRow], today: &InForce, after: Option<&InForce>) {
    let pods = pods(&today.roster);
    for row in nodes {
        let Some(pods) = pods.get(&row.node.id) else { continue };
        let isolated = |set: &InForce| IsolatedRow {
            ingress: set.isolates(pods, Direction::Ingress),
            egress: set.isolates(pods, Direction::Egress),
        };
        row.isolated = Some(isolated(today));
        row.after = after.map(isolated);
    }
}

/// The pods with a network of their own that a workload, a pod or a namespace is or holds.
fn pods(roster: &Roster) -> BTreeMap<NodeId, Vec<PodIndex>> {
    let mut all = roster.workloads().clone();
    for (id, pods) in roster.workloads() {
        for pod in pods {
            let meta = &roster.cluster().pod(*pod).meta;
            let own = NodeId::workload(&meta.namespace, "Pod", &meta.name);
            if own != *id {
                all.entry(own).or_default().push(*pod);
            }
            all.entry(NodeId::Namespace(meta.namespace.as_str().into())).or_default().push(*pod);
        }
    }
    all
}
