//! Who a rule admits, before it is written.

use std::collections::BTreeSet;
use std::net::IpAddr;

use flowfence_graph::Inventory;
use flowfence_model::label::NAMESPACE_NAME;
use flowfence_model::{LabelSelector, PeerSelector, PolicyPeer};
use ipnet::{IpNet, Ipv4Net, Ipv6Net};

use super::options::Exposed;
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
}

impl Widths {
    pub(super) fn new(inventory: &Inventory) -> Self {
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
        Widths {
            nodes,
            gateways,
            api_server: inventory.api_server().iter().map(|(ip, _)| *ip).collect(),
            pod_cidrs: pod_ranges(inventory),
        }
    }

    /// Whether the peer's blocks hold an address.
    pub(super) fn holds(&self, peer: Peer, ip: IpAddr, exposed: Exposed) -> bool {
        match (peer, exposed) {
            (Peer::Pods(_), _) => false,
            (Peer::Nodes, _) | (Peer::Exposed, Exposed::Observed) => self.nodes.contains(&ip),
            (Peer::ApiServer, _) => self.api_server.contains(&ip),
            (Peer::Exposed, Exposed::Any) => {
                self.gateways.contains(&ip) || !self.pod_cidrs.iter().any(|cidr| cidr.contains(&ip))
            }
            (Peer::Address(own), _) => own == ip,
        }
    }

    /// Whether an exposed port admits all of the peer anyway.
    pub(super) fn covers(&self, peer: Peer, exposed: Exposed) -> bool {
        let holds = |ip: &IpAddr| self.holds(Peer::Exposed, *ip, exposed);
        match peer {
            Peer::Pods(_) | Peer::Exposed => false,
            Peer::Nodes => self.nodes.iter().all(holds),
            Peer::ApiServer => !self.api_server.is_empty() && self.api_server.iter().all(holds),
            Peer::Address(ip) => holds(&ip),
        }
    }

    /// The peer as a policy of `subject` writes it. Empty when it has no selector.
    pub(super) fn write(
        &self,
        peer: Peer,
        subject: &Subject,
        subjects: &Subjects,
        exposed: Exposed,
    ) -> Vec<PolicyPeer> {
        match peer {
            Peer::Pods(index) => {
                subjects.get(index).and_then(|peer| pods(peer, subject)).into_iter().collect()
            }
            Peer::Nodes => self.nodes.iter().map(|ip| host(*ip)).collect(),
            Peer::ApiServer => self.api_server.iter().map(|ip| host(*ip)).collect(),
            Peer::Exposed => match exposed {
                Exposed::Any => self.everybody(),
                Exposed::Observed => self.nodes.iter().map(|ip| host(*ip)).collect(),
            },
            Peer::Address(ip) => vec![host(ip)],
        }
    }

    /// Every address but those of pods; the gateways, by which nodes speak, lie among the latter.
    fn everybody(&self) -> Vec<PolicyPeer> {
        let world = [IpNet::V4(Ipv4Net::default()), IpNet::V6(Ipv6Net::default())];
        let world = world.into_iter().map(|cidr| {
            let except = self.pod_cidrs.iter().filter(|range| cidr.contains(*range)).copied().collect();
            PolicyPeer::Block { cidr, except }
        });
        world.chain(self.gateways.iter().map(|ip| host(*ip))).collect()
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

fn pods(peer: &Subject, subject: &Subject) -> Option<PolicyPeer> {
    let namespaces = (peer.namespace != subject.namespace)
        .then(|| LabelSelector::labels([(NAMESPACE_NAME, peer.namespace.as_str())]));
    Some(PolicyPeer::Pods(PeerSelector { namespaces, pods: Some(peer.selector.clone()?) }))
}

fn host(ip: IpAddr) -> PolicyPeer {
    PolicyPeer::Block { cidr: IpNet::from(ip), except: Vec::new() }
}
