//! The pods that a finding tells of.

use std::collections::{BTreeMap, BTreeSet};

use flowfence_graph::{EdgeKey, Facts, Inventory, PodName};
use flowfence_model::NodeId;
use flowfence_model::object::Pod;

use crate::audit::Finding;

/// Findings in which whoever was asked is the suspicious one.
const OF_THE_ASKED: &[&str] = &["undeclared-port"];

/// Pods of one workload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Suspects {
    /// Their workload.
    pub workload: NodeId,
    /// Those that are there and that policies can select.
    pub pods: BTreeSet<PodName>,
    /// Those that have ended.
    pub gone: BTreeSet<PodName>,
    /// Those that use their node's network, which no policy holds.
    pub on_node: BTreeSet<PodName>,
    /// Whether the traffic names no single pod, so that all of the workload are meant.
    pub is_whole: bool,
}

/// Why a finding has no pods to isolate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoPods {
    /// It is about a policy, a decision or an address.
    #[error("it is about no pod that did something: there is nothing to isolate")]
    Nobody,
    /// All of its pods have ended.
    #[error("all of its pods have ended; isolate the workload by scaling it, or look at a younger snapshot")]
    Gone,
    /// All of its pods use the network of their node.
    #[error("its pods use the network of their node, which no NetworkPolicy holds: only scaling stops them")]
    OnNode,
}

/// The pods of a finding: those that were seen on its edges at the end that is suspicious, which is the one that acted.
pub fn suspects(finding: &Finding, facts: &Facts, inventory: &Inventory) -> Result<Suspects, NoPods> {
    let is_workload = |id: &&NodeId| id.is_workload();
    let asked = OF_THE_ASKED.contains(&finding.rule);
    let acting = if asked { &finding.to } else { &finding.from };
    let workload = acting.as_ref().filter(is_workload).ok_or(NoPods::Nobody)?;
    let edges: BTreeSet<&EdgeKey> = finding.edges.iter().collect();
    let contacts = facts.contacts.iter().filter(|contact| edges.contains(&EdgeKey::of(contact)));
    let ends = contacts.map(|contact| if asked { &contact.to } else { &contact.from });
    let seen: BTreeSet<&PodName> =
        ends.filter(|party| party.id == *workload).filter_map(|party| party.pod.as_ref()).collect();
    let is_whole = seen.is_empty();
    // Of several pods that had one name the last counts.
    let members = inventory.workload(workload).map_or(&[][..], |workload| &workload.pods);
    let members = members.iter().filter_map(|at| inventory.pods().get(*at)).map(|known| &known.pod);
    let named: BTreeMap<PodName, &Pod> = members.map(|pod| (name_of(pod), pod)).collect();
    let mut found = Suspects {
        workload: workload.clone(),
        pods: BTreeSet::new(),
        gone: BTreeSet::new(),
        on_node: BTreeSet::new(),
        is_whole,
    };
    for (name, pod) in named.into_iter().filter(|(name, _)| is_whole || seen.contains(name)) {
        let list = match pod {
            pod if pod.is_finished || pod.ended().is_some() => &mut found.gone,
            pod if pod.host_network => &mut found.on_node,
            _ => &mut found.pods,
        };
        list.insert(name);
    }
    match (found.pods.is_empty(), found.on_node.is_empty(), found.gone.is_empty()) {
        (false, ..) => Ok(found),
        (true, false, _) => Err(NoPods::OnNode),
        (true, true, false) => Err(NoPods::Gone),
        (true, true, true) => Err(NoPods::Nobody),
    }
}

pub(super) fn name_of(pod: &Pod) -> PodName {
    PodName { namespace: pod.meta.namespace.clone(), name: pod.meta.name.clone() }
}
