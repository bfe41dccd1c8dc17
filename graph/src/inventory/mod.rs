//! The cluster's objects as a history: who held an address when, and what owns whom.
//!
//! ```text
//! moments of objects ─▶ moment::merge ─▶ pods, controllers, services, nodes, policies
//!                                          ├─ owner   ─▶ workload of each pod
//!                                          ├─ tenure  ─▶ address → pod, over time
//!                                          └─ service ─▶ service address → pods and ports
//! ```

mod logged;
mod moment;
mod owner;
mod service;
mod tenure;

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use flowfence_model::object::{EndpointSlice, Ingress, Namespace, Node, Object, Pod, Schedule, Service};
use flowfence_model::{ClusterPolicy, Labels, NetworkPolicy, NodeId, Privilege, Protocol, Timestamp};
use hashbrown::{HashMap, HashSet};
use ipnet::IpNet;

pub use logged::objects_of;
pub use service::{Backend, ServiceUse};
pub use tenure::Holder;

use moment::Merged;
use service::ServiceMap;
use tenure::Tenures;

/// What is asked of at each connection, and never told in its order.
type FastMap<K, V> = HashMap<K, V, foldhash::fast::RandomState>;
type FastSet<T> = HashSet<T, foldhash::fast::RandomState>;

/// A pod of any moment, with the workload that it belongs to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KnownPod {
    /// The pod in its latest known state.
    pub pod: Pod,
    /// Its topmost controller, or itself.
    pub workload: NodeId,
}

/// A topmost controller and its pods, or a bare pod.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Workload {
    /// Its identity.
    pub id: NodeId,
    /// Its pods of all moments, as indices into [`Inventory::pods`].
    pub pods: Vec<usize>,
    /// The distinct label sets of its pods and pod templates.
    pub label_sets: Vec<Labels>,
    /// Whether its pods use the node's network, so that no policy selects them.
    pub host_network: bool,
    /// What any of its pods, or the next one, may do beyond an ordinary pod.
    pub privileges: BTreeSet<Privilege>,
    /// How many pods its topmost controller is told to keep, where it says so.
    pub replicas: Option<u32>,
    /// Labels of its topmost controller's own object; none of a bare pod, or where the object is absent.
    pub labels: Labels,
    /// Annotations of that object that may say whose it is.
    pub annotations: Labels,
}

impl Workload {
    fn named(id: NodeId) -> Self {
        Workload {
            id,
            pods: Vec::new(),
            label_sets: Vec::new(),
            host_network: false,
            privileges: BTreeSet::new(),
            replicas: None,
            labels: Labels::new(),
            annotations: Labels::new(),
        }
    }
}

/// A CronJob that tells when it runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scheduled {
    /// The CronJob.
    pub cron_job: NodeId,
    /// The workload that its runs belong to: itself, or what controls it.
    pub workload: NodeId,
    /// When it runs.
    pub schedule: Schedule,
}

/// The objects of one cluster, from one or several moments.
#[derive(Clone, Debug, Default)]
pub struct Inventory {
    pods: Vec<KnownPod>,
    workloads: BTreeMap<NodeId, Workload>,
    namespaces: BTreeMap<String, Namespace>,
    nodes: BTreeMap<String, Node>,
    services: BTreeMap<(String, String), Service>,
    ingresses: BTreeMap<(String, String), Ingress>,
    schedules: Vec<Scheduled>,
    policies: Vec<NetworkPolicy>,
    cluster_policies: Vec<ClusterPolicy>,
    api_server: BTreeSet<(IpAddr, u16)>,
    node_addresses: FastMap<IpAddr, String>,
    pod_ranges: Vec<IpNet>,
    tenures: Tenures,
    service_map: ServiceMap,
    listening: FastSet<(IpAddr, Protocol, u16)>,
}

impl Inventory {
    /// Builds the history. A moment is what one snapshot held; moments may come in any order and
    /// may hold different kinds. Of two states of one object the one with the higher
    /// `resourceVersion` counts.
    pub fn new(moments: Vec<Vec<Object>>) -> Self {
        let merged = Merged::from_moments(moments);
        let pods = owner::name_workloads(&merged);
        let workloads = owner::workloads(&merged, &pods);
        let schedules = owner::schedules(&merged);
        let service_map = ServiceMap::new(&merged, &pods);
        let api_server = api_server(&merged.slices);
        let mut inventory = Inventory {
            tenures: Tenures::new(&pods),
            node_addresses: node_addresses(&merged.nodes, &pods),
            pod_ranges: pod_ranges(&merged.nodes, &pods),
            listening: listening(&pods, &merged.slices),
            namespaces: namespaces(merged.namespaces, &pods),
            services: merged.services,
            ingresses: merged.ingresses,
            nodes: merged.nodes,
            policies: merged.policies,
            cluster_policies: merged.cluster_policies,
            workloads,
            schedules,
            service_map,
            api_server,
            pods,
        };
        inventory.listening.extend(inventory.api_server.iter().map(|(ip, port)| (*ip, Protocol::Tcp, *port)));
        inventory
    }

    /// Whether it holds nothing that could name an address.
    pub fn is_empty(&self) -> bool {
        self.pods.is_empty() && self.nodes.is_empty() && self.services.is_empty()
    }

    /// Every pod of all moments, finished and gone ones included, sorted by namespace, name, uid.
    pub fn pods(&self) -> &[KnownPod] {
        &self.pods
    }

    /// Every workload: controllers without pods too.
    pub fn workloads(&self) -> &BTreeMap<NodeId, Workload> {
        &self.workloads
    }

    /// One workload.
    pub fn workload(&self, id: &NodeId) -> Option<&Workload> {
        self.workloads.get(id)
    }

    /// Every CronJob with its schedule, by namespace and name.
    pub fn schedules(&self) -> &[Scheduled] {
        &self.schedules
    }

    /// Namespaces by name, with `kubernetes.io/metadata.name` set; those that only pods name included.
    pub fn namespaces(&self) -> &BTreeMap<String, Namespace> {
        &self.namespaces
    }

    /// Nodes by name.
    pub fn nodes(&self) -> &BTreeMap<String, Node> {
        &self.nodes
    }

    /// Services by namespace and name.
    pub fn services(&self) -> &BTreeMap<(String, String), Service> {
        &self.services
    }

    /// Ingresses by namespace and name.
    pub fn ingresses(&self) -> &BTreeMap<(String, String), Ingress> {
        &self.ingresses
    }

    /// The policies of the latest moment that holds any, sorted by namespace and name.
    pub fn policies(&self) -> &[NetworkPolicy] {
        &self.policies
    }

    /// The cluster-wide policies of the latest moment that holds any, sorted by kind and name.
    pub fn cluster_policies(&self) -> &[ClusterPolicy] {
        &self.cluster_policies
    }

    /// The same cluster with other cluster-wide policies, for a what-if.
    #[must_use]
    pub fn with_cluster_policies(mut self, policies: Vec<ClusterPolicy>) -> Self {
        self.cluster_policies = policies;
        self
    }

    /// Addresses and port of the API server (EndpointSlices of `default/kubernetes`).
    pub fn api_server(&self) -> &BTreeSet<(IpAddr, u16)> {
        &self.api_server
    }

    /// The pod CIDRs of all nodes, sorted.
    pub fn pod_cidrs(&self) -> Vec<IpNet> {
        let cidrs: BTreeSet<IpNet> = self.nodes.values().flat_map(|n| n.pod_cidrs.iter().copied()).collect();
        cidrs.into_iter().collect()
    }

    /// Who held `address` at `at`, among pods that do not use their node's network.
    pub fn holder_at(&self, address: IpAddr, at: Timestamp) -> Holder {
        self.tenures.holder_at(address, at)
    }

    /// The node that `address` belongs to, its pod gateways included.
    pub fn node_of(&self, address: IpAddr) -> Option<&str> {
        self.node_addresses.get(&address).map(String::as_str)
    }

    /// Whether `address` lies where pods or services live, so that it is no outside address.
    pub fn is_inside(&self, address: IpAddr) -> bool {
        self.pod_ranges.iter().any(|range| range.contains(&address)) || self.service_map.has_address(address)
    }

    /// The pods and ports behind a service address and port, or behind a node port of a node.
    pub fn backends(&self, address: IpAddr, protocol: Protocol, port: u16) -> Option<&Backend> {
        let on_node = || self.node_addresses.contains_key(&address);
        self.service_map.backends(address, protocol, port, on_node)
    }

    /// Whether something is known to listen there: a container port, an endpoint, a service port,
    /// a node port or the API server.
    pub fn is_listening(&self, address: IpAddr, protocol: Protocol, port: u16) -> bool {
        self.listening.contains(&(address, protocol, port))
            || self.backends(address, protocol, port).is_some()
    }

    /// The services that lead to a port of a pod.
    pub fn services_behind(&self, pod: usize, protocol: Protocol, port: u16) -> Vec<ServiceUse> {
        let Some(known) = self.pods.get(pod) else { return Vec::new() };
        self.service_map.uses(&known.pod.ips, protocol, port)
    }
}

fn api_server(slices: &[EndpointSlice]) -> BTreeSet<(IpAddr, u16)> {
    slices
        .iter()
        .filter(|slice| slice.meta.namespace == "default" && slice.service == "kubernetes")
        .flat_map(|slice| slice.addresses.iter().flat_map(|ip| slice.ports.iter().map(|p| (*ip, p.port))))
        .collect()
}

/// An address that a plugin gave to a pod after all is no gateway.
fn node_addresses(nodes: &BTreeMap<String, Node>, pods: &[KnownPod]) -> FastMap<IpAddr, String> {
    let held: FastSet<&IpAddr> =
        pods.iter().filter(|known| !known.pod.host_network).flat_map(|known| &known.pod.ips).collect();
    let addresses = nodes.iter().flat_map(|(name, node)| node.addresses().map(move |ip| (ip, name.clone())));
    addresses.filter(|(ip, _)| !held.contains(ip)).collect()
}

/// Ranges in which an address that nobody is known to hold is still an inside one: the nodes' pod
/// CIDRs, or, where plugins keep their ranges to themselves, the surroundings of each pod address.
fn pod_ranges(nodes: &BTreeMap<String, Node>, pods: &[KnownPod]) -> Vec<IpNet> {
    let cidrs: Vec<IpNet> = nodes.values().flat_map(|n| n.pod_cidrs.iter().copied()).collect();
    if !cidrs.is_empty() {
        return IpNet::aggregate(&cidrs);
    }
    let around = |ip: &IpAddr| IpNet::new(*ip, if ip.is_ipv4() { 24 } else { 64 }).map(|n| n.trunc()).ok();
    let near: Vec<IpNet> = pods
        .iter()
        .filter(|known| !known.pod.host_network)
        .flat_map(|known| known.pod.ips.iter().filter_map(around))
        .collect();
    IpNet::aggregate(&near)
}

fn listening(pods: &[KnownPod], slices: &[EndpointSlice]) -> FastSet<(IpAddr, Protocol, u16)> {
    let declared = pods.iter().flat_map(|known| {
        let probed = known.pod.probe_ports.iter().map(|port| (Protocol::Tcp, *port));
        let ports = known.pod.ports.iter().map(|p| (p.protocol, p.port)).chain(probed);
        ports.flat_map(|(protocol, port)| known.pod.ips.iter().map(move |ip| (*ip, protocol, port)))
    });
    let endpoints = slices.iter().flat_map(|slice| {
        slice.addresses.iter().flat_map(|ip| slice.ports.iter().map(|p| (*ip, p.protocol, p.port)))
    });
    declared.chain(endpoints).collect()
}

fn namespaces(mut known: BTreeMap<String, Namespace>, pods: &[KnownPod]) -> BTreeMap<String, Namespace> {
    for pod in pods {
        let name = &pod.pod.meta.namespace;
        if !known.contains_key(name) {
            known.insert(name.clone(), Namespace::default());
        }
    }
    for (name, namespace) in &mut known {
        namespace.meta.name.clone_from(name);
        namespace.meta.labels.insert(flowfence_model::label::NAMESPACE_NAME.to_owned(), name.clone());
    }
    known
}

#[cfg(test)]
mod tests;
