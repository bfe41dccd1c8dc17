//! Who a rule admits, before it is written.

use std::collections::BTreeSet;
use std::net::IpAddr;

use flowfence_graph::Inventory;
use flowfence_model::PolicyPeer;
use ipnet::{IpNet, Ipv4Net, Ipv6Net};

use super::gather::gather;
use super::network::{self, Joined, Network};
use super::options::{Exposed, Options};
use super::subject::{Subject, Subjects};

/// A peer as it is meant. Several addresses may stand for one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Peer {
    /// The pods of a subject.
    Pods(usize),
    /// All nodes.
    Nodes,
    /// The API server.
    ApiServer,
    /// Everybody outside, to a published port.
    Exposed,
    /// A network that a person gave a name to, by its place in the options.
    Network(usize),
    /// One address.
    Address(IpAddr),
}

/// The addresses that the wide peers stand for.
#[derive(Clone, Debug, Default)]
pub(super) struct Widths {
    nodes: BTreeSet<IpAddr>,
    gateways: BTreeSet<IpAddr>,
    api_server: BTreeSet<IpAddr>,
    pod_cidrs: Vec<IpNet>,
    networks: Vec<Network>,
    exposed: Exposed,
    widen: u128,
    /// Addresses of the cluster, which no block is widened over.
    inside: Vec<IpNet>,
}

impl Widths {
    pub(super) fn new(inventory: &Inventory, options: &Options) -> Self {
        let mut nodes = BTreeSet::new();
        let mut gateways = BTreeSet::new();
        // An address that a plugin gave to a pod after all is no gateway.
        let is_node = |ip: &IpAddr| inventory.node_of(*ip).is_some();
        for node in inventory.nodes().values() {
            nodes.extend(node.internal_ips.iter().copied());
            gateways.extend(node.gateways().filter(is_node));
        }
        let host_network = inventory.pods().iter().filter(|known| known.pod.host_network);
        nodes.extend(host_network.flat_map(|known| known.pod.ips.iter().copied()).filter(is_node));
        nodes.extend(gateways.iter().copied());
        let pod_cidrs = pod_ranges(inventory);
        let api_server: BTreeSet<IpAddr> = inventory.api_server().iter().map(|(ip, _)| *ip).collect();
        let services = inventory.services().values().flat_map(|service| service.cluster_ips.iter());
        let single = nodes.iter().chain(&api_server).chain(services).map(|ip| IpNet::from(*ip));
        let inside = IpNet::aggregate(&pod_cidrs.iter().copied().chain(single).collect());
        let (exposed, widen) = (options.exposed, options.widen);
        let networks = options.networks.clone();
        Widths { nodes, gateways, api_server, pod_cidrs, networks, exposed, widen, inside }
    }

    /// The named network that admits an outside address, as a peer. Beside pods whose range no node
    /// tells, the address is for itself: their surroundings are left out of each network.
    pub(super) fn outside(&self, ip: IpAddr) -> Peer {
        let network = network::of_address(&self.networks, ip).filter(|_| !self.is_pod_range(ip));
        network.map_or(Peer::Address(ip), Peer::Network)
    }

    fn is_pod_range(&self, ip: IpAddr) -> bool {
        self.pod_cidrs.iter().any(|cidr| cidr.contains(&ip))
    }

    /// The name of a network.
    pub(super) fn network_name(&self, network: usize) -> Option<&str> {
        self.networks.get(network).map(|network| network.name.as_str())
    }

    /// Whether the peer's blocks hold an address.
    pub(super) fn holds(&self, peer: Peer, ip: IpAddr) -> bool {
        match (peer, self.exposed) {
            (Peer::Pods(_), _) => false,
            (Peer::Nodes, _) | (Peer::Exposed, Exposed::Observed) => self.nodes.contains(&ip),
            (Peer::ApiServer, _) => self.api_server.contains(&ip),
            (Peer::Exposed, Exposed::Any) => self.gateways.contains(&ip) || !self.is_pod_range(ip),
            (Peer::Address(own), _) => own == ip,
            (Peer::Network(network), _) => {
                let holds = |net: &Network| net.cidrs.iter().any(|cidr| cidr.contains(&ip));
                !self.is_pod_range(ip) && self.networks.get(network).is_some_and(holds)
            }
        }
    }

    /// Whether an exposed port admits all of the peer anyway.
    pub(super) fn covers(&self, peer: Peer) -> bool {
        let holds = |ip: &IpAddr| self.holds(Peer::Exposed, *ip);
        match peer {
            Peer::Pods(_) | Peer::Exposed => false,
            Peer::Nodes => self.nodes.iter().all(holds),
            Peer::ApiServer => !self.api_server.is_empty() && self.api_server.iter().all(holds),
            Peer::Address(ip) => holds(&ip),
            // Its blocks leave pods out, as the exposed port does.
            Peer::Network(_) => self.exposed == Exposed::Any,
        }
    }

    /// The peers of one rule as a policy of `subject` writes them, in order, and the blocks among
    /// them that were widened. Empty where none has a selector.
    pub(super) fn write(
        &self,
        peers: &BTreeSet<Peer>,
        subject: &Subject,
        subjects: &Subjects,
    ) -> (Vec<PolicyPeer>, Vec<IpNet>) {
        let pods = peers.iter().filter_map(|peer| match peer {
            Peer::Pods(index) => Some(*index),
            Peer::Nodes | Peer::ApiServer | Peer::Exposed | Peer::Address(_) | Peer::Network(_) => None,
        });
        let mut written = gather(&pods.collect(), &subject.namespace, subjects);
        let mut hosts: BTreeSet<IpAddr> = BTreeSet::new();
        let mut external: BTreeSet<IpAddr> = BTreeSet::new();
        for peer in peers {
            match peer {
                Peer::Pods(_) => {}
                Peer::Nodes => hosts.extend(&self.nodes),
                Peer::ApiServer => hosts.extend(&self.api_server),
                Peer::Exposed if self.exposed == Exposed::Observed => hosts.extend(&self.nodes),
                Peer::Exposed => {
                    written.extend(self.everybody());
                    hosts.extend(&self.gateways);
                }
                Peer::Address(ip) if self.inside.iter().any(|net| net.contains(ip)) => {
                    hosts.insert(*ip);
                }
                Peer::Address(ip) => {
                    external.insert(*ip);
                }
                Peer::Network(network) => written.extend(self.named(*network)),
            }
        }
        let nets = |ips: BTreeSet<IpAddr>| ips.into_iter().map(IpNet::from).collect::<Vec<IpNet>>();
        let joined = network::join(&nets(external), self.widen, &self.inside);
        let wider = joined.iter().filter(|block| block.is_wider).map(|block| block.cidr).collect();
        let exact = joined.iter().map(|Joined { cidr, .. }| *cidr).chain(nets(hosts)).collect();
        let blocks = IpNet::aggregate(&exact).into_iter();
        written.extend(blocks.map(|cidr| PolicyPeer::Block { cidr, except: Vec::new() }));
        (written.into_iter().collect(), wider)
    }

    /// The blocks of a named network, without the pods that live in them.
    fn named(&self, network: usize) -> impl Iterator<Item = PolicyPeer> {
        let cidrs = self.networks.get(network).map_or(&[][..], |network| &network.cidrs);
        IpNet::aggregate(&cidrs.to_vec()).into_iter().filter_map(|cidr| self.without_pods(cidr))
    }

    /// Every address but those of pods; the gateways, by which nodes speak, lie among the latter.
    fn everybody(&self) -> impl Iterator<Item = PolicyPeer> {
        let world = [IpNet::V4(Ipv4Net::default()), IpNet::V6(Ipv6Net::default())];
        world.into_iter().filter_map(|cidr| self.without_pods(cidr))
    }

    /// A block without the ranges of pods in it; `None` where all of it is one, for an exception
    /// as large as its block is no policy.
    fn without_pods(&self, cidr: IpNet) -> Option<PolicyPeer> {
        if self.pod_cidrs.iter().any(|range| range.contains(&cidr)) {
            return None;
        }
        let except = self.pod_cidrs.iter().filter(|range| cidr.contains(*range)).copied().collect();
        Some(PolicyPeer::Block { cidr, except })
    }
}

/// The pod CIDRs of the nodes; where plugins keep their ranges to themselves, the surroundings of
/// each pod address, as the inventory sees them.
fn pod_ranges(inventory: &Inventory) -> Vec<IpNet> {
    let known = inventory.pod_cidrs();
    let outside = |ip: &&IpAddr| !known.iter().any(|cidr| cidr.contains(*ip));
    let pods = inventory.pods().iter().filter(|known| !known.pod.host_network);
    let near = pods
        .flat_map(|known| known.pod.ips.iter())
        .filter(outside)
        .filter_map(|ip| IpNet::new(*ip, if ip.is_ipv4() { 24 } else { 64 }).map(|net| net.trunc()).ok());
    let mut ranges: Vec<IpNet> = near.collect();
    ranges.extend(&known);
    ranges.sort();
    ranges.dedup();
    ranges
}
