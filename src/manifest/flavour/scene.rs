//! What a flavour must know of the cluster to say by name what v1 says by address, and to
//! understand it again.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use flowfence_graph::Inventory;
use flowfence_model::label::NAMESPACE_NAME;
use flowfence_model::object::Node;
use flowfence_model::{Labels, Names, NodeId, PolicyPeer};
use ipnet::IpNet;

/// Addresses by what holds them, and their names.
#[derive(Debug)]
pub struct Scene<'a> {
    inventory: &'a Inventory,
    names: &'a Names,
    /// Addresses of nodes: internal, external, pod gateways.
    pub(super) nodes: BTreeSet<IpAddr>,
    /// Addresses of the API server; those of control plane nodes are among the nodes' too.
    pub(super) api_server: BTreeSet<IpAddr>,
    /// Everything that is not the world: pods, nodes and the API server, as few blocks.
    inside: Vec<IpNet>,
    /// The same as single addresses.
    known: BTreeSet<IpAddr>,
    by_name: BTreeMap<&'a str, BTreeSet<IpAddr>>,
    /// Names of cluster-wide policies that others wrote.
    pub(super) taken: BTreeSet<String>,
}

impl<'a> Scene<'a> {
    /// From the objects and what DNS answered. `ours` are the keys of policies that an earlier run
    /// wrote, whose names may be used again.
    pub fn new(inventory: &'a Inventory, names: &'a Names, ours: &BTreeSet<String>) -> Self {
        let on_host = inventory.pods().iter().filter(|known| known.pod.host_network);
        let nodes = inventory.nodes().values().flat_map(Node::addresses);
        let nodes = nodes.chain(on_host.flat_map(|known| known.pod.ips.iter().copied()));
        // An address that a plugin gave to a pod after all is no gateway.
        let nodes: BTreeSet<IpAddr> = nodes.filter(|ip| inventory.node_of(*ip).is_some()).collect();
        let api_server: BTreeSet<IpAddr> = inventory.api_server().iter().map(|(ip, _)| *ip).collect();
        let pods = inventory.pods().iter().filter(|known| !known.pod.host_network);
        let pods = pods.flat_map(|known| known.pod.ips.iter().copied());
        let known: BTreeSet<IpAddr> =
            pods.chain(nodes.iter().copied()).chain(api_server.iter().copied()).collect();
        let mut by_name: BTreeMap<&str, BTreeSet<IpAddr>> = BTreeMap::new();
        for (ip, called) in names.iter() {
            for name in called {
                by_name.entry(name).or_default().insert(*ip);
            }
        }
        let single: Vec<IpNet> = known.iter().map(|ip| IpNet::from(*ip)).collect();
        let theirs = inventory.cluster_policies().iter().filter(|policy| !ours.contains(&policy.key()));
        let taken = theirs.map(|policy| policy.name.clone()).collect();
        let inside = IpNet::aggregate(&single);
        Scene { inventory, names, nodes, api_server, inside, known, by_name, taken }
    }

    /// The names of an outside address.
    pub(super) fn names_of(&self, ip: IpAddr) -> Vec<&'a str> {
        self.names.of(ip).collect()
    }

    /// The addresses that a name led to.
    pub(super) fn addresses_of(&self, name: &str) -> impl Iterator<Item = IpAddr> + '_ {
        self.by_name.get(name).into_iter().flatten().copied()
    }

    /// Whether pods, nodes or the API server hold the address.
    pub(super) fn is_known(&self, ip: IpAddr) -> bool {
        self.known.contains(&ip)
    }

    /// How many of these addresses a block holds.
    pub(super) fn known_within(&self, block: &IpNet) -> usize {
        self.known.range(block.network()..=block.broadcast()).count()
    }

    /// The block without the addresses of pods, nodes and the API server; nothing when none is left.
    pub(super) fn outside_of(&self, cidr: IpNet, except: &[IpNet]) -> Option<PolicyPeer> {
        if self.inside.iter().any(|inner| inner.contains(&cidr)) {
            return None;
        }
        let inner = self.inside.iter().filter(|inner| cidr.contains(*inner)).copied();
        let except = except.iter().copied().chain(inner).collect();
        Some(PolicyPeer::Block { cidr, except })
    }

    /// Whether a block lies where pods live.
    pub(super) fn is_pod_range(&self, block: &IpNet) -> bool {
        let inventory = self.inventory;
        inventory.pod_cidrs().iter().any(|cidr| cidr.contains(block))
            || (inventory.is_inside(block.network()) && inventory.is_inside(block.broadcast()))
    }

    /// Whether a peer of a policy in `namespace` admits some address or pod of an end of an edge.
    pub(super) fn admits(&self, peer: &PolicyPeer, id: &NodeId, namespace: &str) -> bool {
        match peer {
            PolicyPeer::Pods(selector) => {
                let Some(workload) = self.inventory.workload(id) else { return false };
                let own = id.namespace().unwrap_or_default();
                let is_namespace = match &selector.namespaces {
                    None => own == namespace,
                    Some(namespaces) => namespaces.matches(&self.labels_of(own)),
                };
                let is_pod = |labels: &Labels| selector.pods.as_ref().is_none_or(|pods| pods.matches(labels));
                is_namespace && workload.label_sets.iter().any(is_pod)
            }
            PolicyPeer::Block { cidr, except } => {
                let holds = |ip: &IpAddr| cidr.contains(ip) && !except.iter().any(|part| part.contains(ip));
                self.held_by(id).iter().any(holds)
            }
        }
    }

    fn labels_of(&self, namespace: &str) -> Labels {
        let known = self.inventory.namespaces().get(namespace).map(|known| known.meta.labels.clone());
        known.unwrap_or_else(|| [(NAMESPACE_NAME.to_owned(), namespace.to_owned())].into())
    }

    /// The addresses of an end of an edge.
    fn held_by(&self, id: &NodeId) -> Vec<IpAddr> {
        match id {
            NodeId::External(ip) | NodeId::Unknown(ip) => vec![*ip],
            NodeId::Node(name) => {
                let all = self.nodes.iter().copied();
                all.filter(|ip| self.inventory.node_of(*ip) == Some(name)).collect()
            }
            NodeId::ApiServer => self.api_server.iter().copied().collect(),
            NodeId::Workload(_) => {
                let pods = self.inventory.workload(id).map_or(&[][..], |workload| &workload.pods);
                let known = pods.iter().filter_map(|index| self.inventory.pods().get(*index));
                known.flat_map(|known| known.pod.ips.iter().copied()).collect()
            }
            NodeId::Namespace(_) | NodeId::Folded(_) => Vec::new(),
        }
    }
}
