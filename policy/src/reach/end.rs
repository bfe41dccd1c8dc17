//! The ends between which policies are asked.

use std::collections::BTreeMap;
use std::fmt;
use std::net::IpAddr;

use flowfence_graph::Inventory;
use flowfence_model::NodeId;
use flowfence_model::tier::DomainName;
use ipnet::IpNet;

use super::domain;
use crate::semantics::fold::Atoms;
use crate::semantics::{Cluster, Party, PodIndex, PolicySet};

/// An address family.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Family {
    /// IPv4.
    V4,
    /// IPv6.
    V6,
}

impl Family {
    /// Both.
    pub const BOTH: [Family; 2] = [Family::V4, Family::V6];

    /// The family of an address.
    pub fn of(address: IpAddr) -> Self {
        if address.is_ipv4() { Family::V4 } else { Family::V6 }
    }

    /// The name of it, as the API writes it in `ipFamilies`.
    pub const fn token(self) -> &'static str {
        match self {
            Family::V4 => "IPv4",
            Family::V6 => "IPv6",
        }
    }
}

/// Who an end is.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum EndName {
    /// A workload all of whose pods are alike to the policies.
    Workload(NodeId),
    /// One pod of a workload whose pods are not.
    Pod {
        /// Its namespace.
        namespace: String,
        /// Its name.
        name: String,
    },
    /// A node, by its first internal address of each family.
    Node(String),
    /// The Kubernetes API server, where it is no node.
    ApiServer,
    /// Addresses that policies do not tell apart: a block without those inside it. Pods and nodes
    /// with an address in it are ends of their own.
    External {
        /// The block.
        block: IpNet,
        /// The blocks inside it that are ends of their own.
        except: Vec<IpNet>,
    },
    /// A host that a pod resolved from a name that a rule accepts; nothing comes from there.
    Domain(DomainName),
}

impl fmt::Display for EndName {
    /// The node id; a pod as `NAMESPACE/Pod/NAME`, a range as `external/CIDR`, a name as
    /// `domain/NAME`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            EndName::Workload(id) => id.fmt(f),
            EndName::Pod { namespace, name } => write!(f, "{namespace}/Pod/{name}"),
            EndName::Node(name) => write!(f, "node/{name}"),
            EndName::ApiServer => f.write_str("apiserver"),
            EndName::External { block, .. } => write!(f, "external/{block}"),
            EndName::Domain(name) => write!(f, "domain/{}", name.as_str()),
        }
    }
}

/// One end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct End {
    /// Who it is.
    pub name: EndName,
    /// Its pods; none for nodes and ranges outside.
    pub pods: Vec<PodIndex>,
    /// Where it stands by family, as an index of the parties that were folded.
    pub(super) parties: [Option<usize>; 2],
}

impl End {
    /// Whether it is made of pods.
    pub fn has_pods(&self) -> bool {
        !self.pods.is_empty()
    }

    /// The namespace of its pods.
    pub fn namespace(&self) -> Option<&str> {
        match &self.name {
            EndName::Workload(id) => id.namespace(),
            EndName::Pod { namespace, .. } => Some(namespace),
            EndName::Node(_) | EndName::ApiServer | EndName::External { .. } | EndName::Domain(_) => None,
        }
    }

    /// The kind as outputs show it: the API's kind, `Node` or `External`.
    pub fn kind(&self) -> &str {
        match &self.name {
            EndName::Workload(id) => id.kind(),
            EndName::Pod { .. } => "Pod",
            EndName::Node(_) => "Node",
            EndName::ApiServer => "APIServer",
            EndName::External { .. } => "External",
            EndName::Domain(_) => "Domain",
        }
    }
}

/// The parties of a list, first of each family.
fn by_family(addresses: impl IntoIterator<Item = IpAddr>, pod: Option<PodIndex>) -> [Option<Party>; 2] {
    let mut found = [None, None];
    for address in addresses {
        found[Family::of(address) as usize].get_or_insert(Party { pod, address });
    }
    found
}

/// The running pods with an address of their own, by workload. A pod without one has no
/// connection yet, and a host-network pod is its node.
pub(super) fn pods_by_workload<'i>(
    inventory: &'i Inventory,
    cluster: &Cluster,
) -> BTreeMap<&'i NodeId, Vec<PodIndex>> {
    let mut pods: BTreeMap<&NodeId, Vec<PodIndex>> = BTreeMap::new();
    for (index, known) in cluster.indices().zip(inventory.pods()) {
        let pod = cluster.pod(index);
        // The cluster's pod of that name and address is the one that still has them.
        let is_current = pod.ips.iter().any(|ip| cluster.holder(*ip) == Some(index));
        if !pod.is_finished && !pod.host_network && is_current {
            pods.entry(&known.workload).or_default().push(index);
        }
    }
    pods
}

/// The parties of one pod.
pub(super) fn of_pod(cluster: &Cluster, pod: PodIndex) -> [Option<Party>; 2] {
    by_family(cluster.pod(pod).ips.iter().copied(), Some(pod))
}

/// Nodes, the API server, ranges outside and names, with their parties.
pub(super) fn others(
    inventory: &Inventory,
    cluster: &Cluster,
    sets: &[&PolicySet],
) -> Vec<(EndName, [Option<Party>; 2])> {
    let nodes = cluster.nodes().iter().map(|node| {
        (EndName::Node(node.meta.name.clone()), by_family(node.internal_ips.iter().copied(), None))
    });
    let mut ends: Vec<_> = nodes.collect();
    ends.sort_by(|a, b| a.0.cmp(&b.0));
    let api_server = inventory.api_server().iter().map(|(ip, _)| *ip).filter(|ip| !cluster.is_node(*ip));
    let api_server = by_family(api_server, None);
    if api_server.iter().any(Option::is_some) {
        ends.push((EndName::ApiServer, api_server));
    }
    let atoms = Atoms::new(sets);
    let has_family =
        |family: Family| cluster.pods().iter().flat_map(|pod| &pod.ips).any(|ip| Family::of(*ip) == family);
    let families = Family::BOTH.map(has_family);
    let outside = atoms.iter().filter_map(|(block, except)| {
        let address = Atoms::address_in(block, &except)?;
        let is_of_use = families[Family::of(address) as usize] && !is_inside(block, inventory, cluster);
        is_of_use.then(|| (EndName::External { block, except }, by_family([address], None)))
    });
    ends.extend(outside);
    let names = domain::domains(sets.iter().flat_map(|set| set.cluster_policies()));
    let hosts = names.into_iter().map(|name| {
        let addresses = cluster.addresses_of(&domain::example(name)).into_iter();
        let of_use = addresses.filter(|ip| families[Family::of(*ip) as usize]);
        (EndName::Domain(name.clone()), by_family(of_use, None))
    });
    ends.extend(hosts.filter(|(_, parties)| parties.iter().any(Option::is_some)));
    ends
}

/// Whether a block is where pods live, or one address that is an end already.
fn is_inside(block: IpNet, inventory: &Inventory, cluster: &Cluster) -> bool {
    let is_address = block.prefix_len() == block.max_prefix_len();
    let is_end = |ip: IpAddr| {
        cluster.holder(ip).is_some()
            || cluster.is_node(ip)
            || inventory.api_server().iter().any(|(server, _)| *server == ip)
    };
    inventory.pod_cidrs().iter().any(|pods| pods.contains(&block)) || (is_address && is_end(block.addr()))
}
