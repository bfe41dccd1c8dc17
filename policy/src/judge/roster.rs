//! Parties of contacts as the policy engine knows them.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use flowfence_graph::{Contact, Inventory, Party, PodName};
use flowfence_model::object::Pod;
use flowfence_model::{NodeId, Protocol};
use foldhash::fast::RandomState;

use super::cluster::cluster_of;
use crate::semantics::{Cluster, Connection, Party as EngineParty, PodIndex};

/// Every pod of an inventory as a cluster to judge against, and the way from names to its indices.
///
/// The index of a pod is its place in [`Inventory::pods`].
#[derive(Clone, Debug)]
pub struct Roster {
    cluster: Cluster,
    by_name: HashMap<PodName, Vec<PodIndex>, RandomState>,
    by_workload: BTreeMap<NodeId, Vec<PodIndex>>,
    /// Each workload once, in order: its place is its number.
    workloads: Vec<NodeId>,
    /// By pod: the number of its workload.
    workload_of: Vec<u32>,
}

impl Roster {
    /// The pods of all moments: a history, in which several may have held one address.
    pub fn new(inventory: &Inventory) -> Self {
        Roster::with_siblings(inventory, &BTreeSet::new())
    }

    /// The same, with one replica more of each of `workloads`: the one that the next connection
    /// may reach. It is a copy of the workload's latest pod in all but its name.
    pub fn with_siblings(inventory: &Inventory, workloads: &BTreeSet<NodeId>) -> Self {
        let mut pods: Vec<Pod> = inventory.pods().iter().map(|known| known.pod.clone()).collect();
        let mut of_pods: Vec<&NodeId> = inventory.pods().iter().map(|known| &known.workload).collect();
        for id in workloads {
            let latest = inventory.workload(id).and_then(|w| w.pods.last()).and_then(|p| pods.get(*p));
            if let Some(mut sibling) = latest.cloned() {
                sibling.meta.name.push_str("-sibling");
                pods.push(sibling);
                of_pods.push(id);
            }
        }
        let mut by_name: HashMap<PodName, Vec<PodIndex>, RandomState> = HashMap::default();
        let mut by_workload: BTreeMap<NodeId, Vec<PodIndex>> = BTreeMap::new();
        for (slot, (pod, workload)) in pods.iter().zip(&of_pods).enumerate() {
            let name = PodName { namespace: pod.meta.namespace.clone(), name: pod.meta.name.clone() };
            by_name.entry(name).or_default().push(PodIndex::at(slot));
            if !pod.host_network {
                by_workload.entry(NodeId::clone(workload)).or_default().push(PodIndex::at(slot));
            }
        }
        let distinct: BTreeSet<&NodeId> = of_pods.iter().copied().collect();
        let workloads: Vec<NodeId> = distinct.into_iter().cloned().collect();
        let number =
            |id: &NodeId| workloads.binary_search(id).ok().and_then(|number| u32::try_from(number).ok());
        let workload_of = of_pods.iter().map(|id| number(id).unwrap_or(u32::MAX)).collect();
        let cluster = cluster_of(inventory, pods);
        Roster { cluster, by_name, by_workload, workloads, workload_of }
    }

    /// The pods, namespaces and nodes.
    pub fn cluster(&self) -> &Cluster {
        &self.cluster
    }

    /// The pods of a workload that have their own network, in order.
    pub fn pods_of(&self, workload: &NodeId) -> &[PodIndex] {
        self.by_workload.get(workload).map_or(&[], Vec::as_slice)
    }

    /// Workloads with pods that have their own network, and these.
    pub fn workloads(&self) -> &BTreeMap<NodeId, Vec<PodIndex>> {
        &self.by_workload
    }

    /// The workload of a pod.
    pub fn workload_of(&self, pod: PodIndex) -> Option<&NodeId> {
        self.numbered(self.number_of(pod)?)
    }

    /// How many workloads have numbers.
    pub fn count(&self) -> usize {
        self.workloads.len()
    }

    /// The number of a pod's workload, from 0 in the order of their names.
    pub fn number_of(&self, pod: PodIndex) -> Option<usize> {
        self.workload_of.get(pod.0 as usize).map(|number| *number as usize)
    }

    /// The number of a workload that has pods.
    pub fn number(&self, workload: &NodeId) -> Option<usize> {
        self.workloads.binary_search(workload).ok()
    }

    /// The workload of a number.
    pub fn numbered(&self, number: usize) -> Option<&NodeId> {
        self.workloads.get(number)
    }

    /// The pod that a party was. A workload of which not more is known is its first pod: what
    /// policies say of one they say of all, as far as labels go.
    pub fn pod(&self, party: &Party) -> Option<PodIndex> {
        let Some(name) = &party.pod else { return self.pods_of(&party.id).first().copied() };
        let named = self.by_name.get(name)?;
        let held = named.iter().rev().find(|i| self.cluster.pod(**i).ips.contains(&party.address));
        held.or_else(|| named.last()).copied()
    }

    /// The port of a pod that answers to what its sibling `asked` has at `port`: the port of the
    /// same name, else the same number.
    pub fn port_on(&self, asked: Option<PodIndex>, pod: PodIndex, protocol: Protocol, port: u16) -> u16 {
        let declared = |pod: PodIndex| {
            let all = self.cluster.pod(pod).ports.iter();
            all.filter(move |declared| declared.protocol == protocol)
        };
        let own = asked.into_iter().flat_map(declared).filter(|declared| declared.port == port);
        let mut same = own
            .filter_map(|named| named.name.as_ref())
            .flat_map(|name| declared(pod).filter(move |declared| declared.name.as_ref() == Some(name)));
        same.next().map_or(port, |declared| declared.port)
    }

    /// A party as the engine asks for it.
    pub fn party(&self, party: &Party) -> EngineParty {
        EngineParty { pod: self.pod(party), address: party.address }
    }

    /// A contact as one connection, exactly as it was seen.
    pub fn connection(&self, contact: &Contact) -> Connection {
        Connection {
            from: self.party(&contact.from),
            to: self.party(&contact.to),
            protocol: contact.protocol,
            port: contact.port.unwrap_or(0),
        }
    }
}
