//! Who is fenced, who is left open and why.

use std::collections::{BTreeMap, BTreeSet};

use flowfence_graph::{Facts, Holder, Inventory, PodName, Workload};
use flowfence_model::NodeId;

use super::options::Options;
use super::recommendation::Why;

/// What becomes of a workload before anybody looks at labels.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    /// Gets a policy.
    Fenced,
    /// Is not a subject of this run.
    Elsewhere,
    /// Had no traffic.
    Unobserved,
    /// Had traffic and stays open.
    Open(Why),
}

/// The standing of every workload that has a network of its own.
pub(super) fn scope(facts: &Facts, inventory: &Inventory, options: &Options) -> BTreeMap<NodeId, Standing> {
    let beyond_probes = || facts.contacts.iter().filter(|contact| !contact.probe);
    let behind = beyond_probes().flat_map(|contact| {
        let clients = contact.behind.iter().map(|ip| inventory.holder_at(*ip, contact.tally.first));
        clients.filter_map(|holder| match holder {
            Holder::Pod(pod) => inventory.pods().get(pod).map(|known| &known.workload),
            Holder::Ambiguous | Holder::Nobody => None,
        })
    });
    let seen: BTreeSet<&NodeId> =
        beyond_probes().flat_map(|contact| [&contact.from.id, &contact.to.id]).chain(behind).collect();
    let own_network = inventory.workloads().values().filter(|workload| has_own_network(workload, inventory));
    own_network
        .map(|workload| {
            let namespace = workload.id.namespace().unwrap_or_default();
            let standing = if !options.is_subject(namespace) {
                Standing::Elsewhere
            } else if !seen.contains(&workload.id) {
                Standing::Unobserved
            } else if options.is_system(namespace) && !options.system {
                Standing::Open(Why::System)
            } else if !options.include_blind && is_blind(workload, facts, inventory) {
                Standing::Open(Why::Blind)
            } else {
                Standing::Fenced
            };
            (workload.id.clone(), standing)
        })
        .collect()
}

/// The workloads that get a policy.
pub(crate) fn fenced(facts: &Facts, inventory: &Inventory, options: &Options) -> BTreeSet<NodeId> {
    let all = scope(facts, inventory, options).into_iter();
    all.filter(|(_, standing)| *standing == Standing::Fenced).map(|(id, _)| id).collect()
}

/// Whether policies can select any of its pods. While a rollout turns `hostNetwork` on or off it
/// has pods of both kinds.
pub(crate) fn has_own_network(workload: &Workload, inventory: &Inventory) -> bool {
    let mut pods = workload.pods.iter().filter_map(|index| inventory.pods().get(*index));
    if workload.pods.is_empty() { !workload.host_network } else { pods.any(|known| !known.pod.host_network) }
}

/// Whether a pod that ran during the window passed no tap with all of its traffic. What one
/// replica was seen to need is not all that its siblings need.
fn is_blind(workload: &Workload, facts: &Facts, inventory: &Inventory) -> bool {
    let Some(window) = facts.window else { return true };
    let pods = workload.pods.iter().filter_map(|index| inventory.pods().get(*index));
    let mut running = pods.map(|known| &known.pod).filter(|pod| pod.ran_during(window));
    running.any(|pod| {
        let name = PodName { namespace: pod.meta.namespace.clone(), name: pod.meta.name.clone() };
        !facts.visible.contains(&name)
    })
}
