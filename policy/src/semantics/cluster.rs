//! The pods, namespaces and nodes that policies are judged against.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::net::IpAddr;
use std::sync::Arc;

use flowfence_model::label::NAMESPACE_NAME;
use flowfence_model::object::{Namespace, Node, Pod};
use flowfence_model::{Labels, Protocol};

use super::connection::Party;

/// A pod of a [`Cluster`], by its place in [`Cluster::pods`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PodIndex(pub u32);

impl PodIndex {
    pub(super) fn slot(self) -> usize {
        self.0 as usize
    }

    /// The index of a place in a list of pods.
    ///
    /// # Panics
    /// Over 2³² pods, which no memory holds.
    pub fn at(slot: usize) -> Self {
        PodIndex(u32::try_from(slot).expect("fewer than 2^32 pods fit in memory"))
    }
}

/// The pods, namespaces and nodes that policies are evaluated against. The caller decides which
/// pods: those of one moment, or of a whole history. Clones share one copy.
#[derive(Clone, Debug)]
pub struct Cluster {
    inner: Arc<Inner>,
}

#[derive(Clone, Debug)]
struct Inner {
    pods: Vec<Pod>,
    namespaces: BTreeMap<String, Labels>,
    nodes: Vec<Node>,
    node_addresses: HashMap<String, HashSet<IpAddr>>,
    node_at: HashMap<IpAddr, usize>,
    by_name: HashMap<String, HashMap<String, PodIndex>>,
    by_ip: HashMap<IpAddr, PodIndex>,
    service_addresses: HashSet<IpAddr>,
    published: HashSet<(PodIndex, Protocol, u16)>,
    names: HashMap<IpAddr, Vec<String>>,
}

impl Cluster {
    /// A cluster of these objects, in any order; several states of a node or namespace join.
    ///
    /// A namespace that only a pod names exists too, and each carries
    /// `kubernetes.io/metadata.name` with its name whatever the input says: the API server sets
    /// it and nobody else can.
    pub fn new(
        pods: Vec<Pod>,
        namespaces: impl IntoIterator<Item = Namespace>,
        nodes: impl IntoIterator<Item = Node>,
    ) -> Self {
        let mut labels: BTreeMap<String, Labels> = BTreeMap::new();
        for namespace in namespaces {
            labels.insert(namespace.meta.name, namespace.meta.labels);
        }
        for pod in &pods {
            labels.entry(pod.meta.namespace.clone()).or_default();
        }
        for (name, labels) in &mut labels {
            labels.insert(NAMESPACE_NAME.to_owned(), name.clone());
        }
        let nodes: Vec<Node> = nodes.into_iter().collect();
        let inner = Inner {
            node_addresses: node_addresses(&pods, &nodes),
            node_at: node_at(&nodes),
            by_name: index_by_name(&pods),
            by_ip: index_by_ip(&pods),
            service_addresses: HashSet::new(),
            published: HashSet::new(),
            names: HashMap::new(),
            namespaces: labels,
            nodes,
            pods,
        };
        Cluster { inner: Arc::new(inner) }
    }

    /// The same cluster, knowing the addresses of its services: a connection to one of them is
    /// judged before or after translation, which the API leaves open.
    #[must_use]
    pub fn with_service_addresses(mut self, addresses: impl IntoIterator<Item = IpAddr>) -> Self {
        Arc::make_mut(&mut self.inner).service_addresses.extend(addresses);
        self
    }

    /// The same cluster, knowing the pod ports that services publish on nodes or load balancers:
    /// the source of a connection to one of them may arrive as a node's address.
    #[must_use]
    pub fn with_published_ports(
        mut self,
        ports: impl IntoIterator<Item = (PodIndex, Protocol, u16)>,
    ) -> Self {
        Arc::make_mut(&mut self.inner).published.extend(ports);
        self
    }

    /// The same cluster, knowing domain names that were resolved to addresses, for rules that
    /// speak of them.
    #[must_use]
    pub fn with_domain_names(mut self, names: impl IntoIterator<Item = (IpAddr, String)>) -> Self {
        let known = &mut Arc::make_mut(&mut self.inner).names;
        for (address, name) in names {
            known.entry(address).or_default().push(name);
        }
        self
    }

    /// Every pod, in the order given.
    pub fn pods(&self) -> &[Pod] {
        &self.inner.pods
    }

    /// The indices of every pod, in the order given.
    pub fn indices(&self) -> impl Iterator<Item = PodIndex> + use<> {
        (0..self.inner.pods.len()).map(PodIndex::at)
    }

    /// The pod of an index.
    ///
    /// # Panics
    /// When the index comes from a cluster with more pods.
    pub fn pod(&self, index: PodIndex) -> &Pod {
        &self.inner.pods[index.slot()]
    }

    /// Labels of every namespace, by name.
    pub fn namespaces(&self) -> &BTreeMap<String, Labels> {
        &self.inner.namespaces
    }

    /// The pod of that name; of several in a history the one that is not finished, then the
    /// one created last.
    pub fn pod_named(&self, namespace: &str, name: &str) -> Option<PodIndex> {
        self.inner.by_name.get(namespace)?.get(name).copied()
    }

    /// The pod whose address it is; of several in a history the one created last.
    ///
    /// A host-network pod does not hold its node's address, and a finished pod no longer holds
    /// the one that its status still shows.
    pub fn holder(&self, ip: IpAddr) -> Option<PodIndex> {
        self.inner.by_ip.get(&ip).copied()
    }

    /// An address as an end of a connection: the pod that holds it, or nobody.
    pub fn party(&self, ip: IpAddr) -> Party {
        Party { pod: self.holder(ip), address: ip }
    }

    /// Whether an address is the node that the pod runs on: an address of the Node, one of its
    /// pod gateways, or the address of a host-network pod of the same node.
    pub fn is_own_node(&self, pod: PodIndex, ip: IpAddr) -> bool {
        let node = &self.pod(pod).node;
        !node.is_empty() && self.inner.node_addresses.get(node).is_some_and(|set| set.contains(&ip))
    }

    /// A cluster with more pods and namespaces, after those that it has.
    #[must_use]
    pub fn extended(&self, pods: Vec<Pod>, namespaces: impl IntoIterator<Item = Namespace>) -> Self {
        let mut inner = Inner::clone(&self.inner);
        for namespace in namespaces {
            inner.namespaces.entry(namespace.meta.name).or_insert(namespace.meta.labels);
        }
        inner.pods.extend(pods);
        for pod in &inner.pods {
            inner.namespaces.entry(pod.meta.namespace.clone()).or_default();
        }
        for (name, labels) in &mut inner.namespaces {
            labels.insert(NAMESPACE_NAME.to_owned(), name.clone());
        }
        inner.by_name = index_by_name(&inner.pods);
        Cluster { inner: Arc::new(inner) }
    }

    /// The nodes, in the order given.
    pub fn nodes(&self) -> &[Node] {
        &self.inner.nodes
    }

    /// The node with that address in its `status.addresses`, by its place in
    /// [`Cluster::nodes`]; its pod gateways do not count.
    pub(super) fn node_at(&self, ip: IpAddr) -> Option<usize> {
        self.inner.node_at.get(&ip).copied()
    }

    /// The node that a pod runs on, by its place in [`Cluster::nodes`].
    pub(super) fn node_under(&self, pod: PodIndex) -> Option<usize> {
        let name = &self.pod(pod).node;
        self.inner.nodes.iter().position(|node| node.meta.name == *name)
    }

    /// Whether an address is a node's, one of its pod gateways, or that of a host-network pod.
    pub(crate) fn is_node(&self, ip: IpAddr) -> bool {
        self.inner.node_addresses.values().any(|addresses| addresses.contains(&ip))
    }

    /// Whether a service publishes a port of a pod (see [`Cluster::with_published_ports`]).
    pub(super) fn is_published(&self, pod: PodIndex, protocol: Protocol, port: u16) -> bool {
        self.inner.published.contains(&(pod, protocol, port))
    }

    /// The domain names that are known to have led to an address.
    pub(super) fn names_of(&self, ip: IpAddr) -> &[String] {
        self.inner.names.get(&ip).map_or(&[], Vec::as_slice)
    }

    /// The addresses that a domain name is known to have led to, ascending.
    pub(crate) fn addresses_of(&self, name: &str) -> Vec<IpAddr> {
        let known = self.inner.names.iter().filter(|(_, names)| names.iter().any(|known| known == name));
        let mut addresses: Vec<IpAddr> = known.map(|(address, _)| *address).collect();
        addresses.sort_unstable();
        addresses
    }

    /// Gives a pod other labels.
    pub(super) fn relabel(&mut self, pod: PodIndex, labels: Labels) {
        Arc::make_mut(&mut self.inner).pods[pod.slot()].meta.labels = labels;
    }

    /// Whether an address is a service's (see [`Cluster::with_service_addresses`]).
    pub fn is_service_address(&self, ip: IpAddr) -> bool {
        self.inner.service_addresses.contains(&ip)
    }
}

fn node_addresses(pods: &[Pod], nodes: &[Node]) -> HashMap<String, HashSet<IpAddr>> {
    // An address that a plugin gave to a pod after all is no gateway of a node.
    let held: HashSet<IpAddr> =
        pods.iter().filter(|pod| !pod.host_network).flat_map(|pod| &pod.ips).copied().collect();
    let mut addresses: HashMap<String, HashSet<IpAddr>> = HashMap::new();
    for node in nodes {
        let own = node.addresses().filter(|ip| !held.contains(ip));
        addresses.entry(node.meta.name.clone()).or_default().extend(own);
    }
    // A host-network pod tells its node's address even when no Node object is in the input.
    for pod in pods.iter().filter(|pod| pod.host_network) {
        addresses.entry(pod.node.clone()).or_default().extend(&pod.ips);
    }
    addresses
}

fn node_at(nodes: &[Node]) -> HashMap<IpAddr, usize> {
    let addresses = nodes
        .iter()
        .enumerate()
        .flat_map(|(at, node)| node.internal_ips.iter().chain(&node.external_ips).map(move |ip| (*ip, at)));
    addresses.collect()
}

fn index_by_name(pods: &[Pod]) -> HashMap<String, HashMap<String, PodIndex>> {
    let mut index: HashMap<String, HashMap<String, PodIndex>> = HashMap::new();
    let rank = |pod: &Pod| (!pod.is_finished, pod.meta.created, pod.meta.version);
    for (slot, pod) in pods.iter().enumerate() {
        let names = index.entry(pod.meta.namespace.clone()).or_default();
        let held = names.entry(pod.meta.name.clone()).or_insert(PodIndex::at(slot));
        if rank(pod) >= rank(&pods[held.slot()]) {
            *held = PodIndex::at(slot);
        }
    }
    index
}

fn index_by_ip(pods: &[Pod]) -> HashMap<IpAddr, PodIndex> {
    let mut index: HashMap<IpAddr, PodIndex> = HashMap::new();
    let rank = |pod: &Pod| (pod.meta.created, pod.meta.version);
    let holders = pods.iter().enumerate().filter(|(_, pod)| !pod.host_network && !pod.is_finished);
    for (slot, pod) in holders {
        for ip in &pod.ips {
            let held = index.entry(*ip).or_insert(PodIndex::at(slot));
            if rank(pod) >= rank(&pods[held.slot()]) {
                *held = PodIndex::at(slot);
            }
        }
    }
    index
}
