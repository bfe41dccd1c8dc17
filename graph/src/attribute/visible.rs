//! Which pods could be seen wholly.
//!
//! A tap sees everything of a node's pods when it shows what only the pod side of that node
//! shows: a pod talking to its own node or to a neighbour on it, to a service address, or to the
//! outside. A tap on the way between nodes shows none of these. Inside a tunnel the outside
//! proves nothing, but neighbours on one node do: that is a mirror of the pod side. A tap at
//! which one pod is an end of everything is that pod's own and speaks for no other.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use flowfence_model::{FlowRecord, Logged, Tap, TapId, Timestamp};

use super::PIECE;
use crate::contact::PodName;
use crate::crew::{Crew, gather};
use crate::inventory::{Holder, Inventory};

#[derive(Default)]
struct Sight {
    nodes: BTreeSet<String>,
    /// Ends that all traffic so far had in common; `None` before the first.
    common: Option<BTreeSet<IpAddr>>,
    records: u64,
}

/// Pods all of whose traffic passed some tap.
pub fn visible_pods(
    records: &[FlowRecord],
    taps: &[Tap],
    inventory: &Inventory,
    crew: &dyn Crew,
) -> BTreeSet<PodName> {
    if inventory.pods().is_empty() {
        return BTreeSet::new();
    }
    let pieces: Vec<&[FlowRecord]> = records.chunks(PIECE).collect();
    let look = |piece: usize| {
        let mut sights: BTreeMap<TapId, Sight> = BTreeMap::new();
        for record in pieces.get(piece).copied().unwrap_or_default() {
            let in_tunnel = taps.get(usize::from(record.tap.0)).is_some_and(|tap| tap.depth > 0);
            sights.entry(record.tap).or_default().look(record, in_tunnel, inventory);
        }
        sights
    };
    let mut sights: BTreeMap<TapId, Sight> = BTreeMap::new();
    for (tap, sight) in gather(crew, pieces.len(), look).flatten() {
        sights.entry(tap).or_default().take_in(sight);
    }
    let pods = inventory.pods().iter().filter(|known| !known.pod.host_network);
    pods.filter(|known| sights.values().any(|sight| sight.covers(&known.pod)))
        .map(|known| name_of(&known.pod))
        .collect()
}

/// Pods whose node wrote down everything that they did. Where nobody knows the node of a pod that
/// such a log names, the log is taken at its word.
pub fn logged_pods(logged: &Logged, inventory: &Inventory) -> BTreeSet<PodName> {
    let whole: BTreeSet<&str> = logged
        .observers
        .iter()
        .filter(|observer| observer.is_whole)
        .map(|observer| &*observer.name)
        .collect();
    if whole.is_empty() {
        return BTreeSet::new();
    }
    let pods = inventory.pods().iter().map(|known| &known.pod).filter(|pod| !pod.host_network);
    pods.filter(|pod| pod.node.is_empty() || whole.contains(pod.node.as_str())).map(name_of).collect()
}

/// Pods that ran at some moment of the window.
pub fn running_pods(window: Option<(Timestamp, Timestamp)>, inventory: &Inventory) -> BTreeSet<PodName> {
    let Some(window) = window else { return BTreeSet::new() };
    let pods = inventory.pods().iter().map(|known| &known.pod);
    pods.filter(|pod| pod.ran_during(window)).map(name_of).collect()
}

fn name_of(pod: &flowfence_model::object::Pod) -> PodName {
    PodName { namespace: pod.meta.namespace.clone(), name: pod.meta.name.clone() }
}

impl Sight {
    fn look(&mut self, record: &FlowRecord, in_tunnel: bool, inventory: &Inventory) {
        let ends = [record.a.address.ip(), record.b.address.ip()];
        self.records += 1;
        match &mut self.common {
            None => self.common = Some(ends.into_iter().collect()),
            Some(common) if !common.is_empty() => common.retain(|ip| ends.contains(ip)),
            Some(_) => {}
        }
        let [a, b] = ends;
        for (pod, other) in [(a, b), (b, a)] {
            if let Some(node) = node_of_pod(pod, record.first, inventory)
                && !self.nodes.contains(node)
                && shows_the_pod_side(node, other, record.first, in_tunnel, inventory)
            {
                self.nodes.insert(node.to_owned());
            }
        }
    }

    /// Adds what other records of the tap show.
    fn take_in(&mut self, other: Sight) {
        self.records += other.records;
        self.nodes.extend(other.nodes);
        match (&mut self.common, other.common) {
            (Some(common), Some(more)) => common.retain(|ip| more.contains(ip)),
            (common @ None, more) => *common = more,
            (Some(_), None) => {}
        }
    }

    fn covers(&self, pod: &flowfence_model::object::Pod) -> bool {
        let own = self.common.as_ref().is_some_and(|common| pod.ips.iter().any(|ip| common.contains(ip)));
        let somebodys = self.common.as_ref().is_some_and(|common| !common.is_empty()) && self.records > 1;
        self.nodes.contains(&pod.node) && (own || !somebodys)
    }
}

fn node_of_pod(ip: IpAddr, at: Timestamp, inventory: &Inventory) -> Option<&str> {
    match inventory.holder_at(ip, at) {
        Holder::Pod(pod) => inventory.pods().get(pod).map(|known| known.pod.node.as_str()),
        Holder::Ambiguous | Holder::Nobody => None,
    }
}

fn shows_the_pod_side(
    node: &str,
    other: IpAddr,
    at: Timestamp,
    in_tunnel: bool,
    inventory: &Inventory,
) -> bool {
    match (node_of_pod(other, at, inventory), inventory.node_of(other)) {
        (Some(neighbour), _) => neighbour == node,
        (None, Some(host)) => host == node,
        (None, None) => !in_tunnel,
    }
}
