//! Who the ends of a connection were at that moment.

use std::collections::BTreeSet;
use std::net::IpAddr;

use flowfence_model::{Endpoint, FlowRecord, NodeId, Protocol, Timestamp};

use crate::contact::{Party, PodName};
use crate::inventory::{Backend, Holder, Inventory, KnownPod};

/// The ends of one connection by name.
#[derive(Debug)]
pub struct Named {
    /// Who opened, as the server's side saw it.
    pub from: Party,
    /// Who was asked, after translation.
    pub to: Party,
    /// The port of `to`.
    pub port: u16,
    /// Services that were seen on the way.
    pub services: BTreeSet<String>,
    /// Clients that were rewritten before they reached `to`.
    pub behind: BTreeSet<IpAddr>,
    /// A pod that came back to itself through a service.
    pub hairpin: bool,
}

impl Named {
    /// Whether the asked pod's own node opened it.
    pub fn is_own_node(&self, inventory: &Inventory) -> bool {
        let NodeId::Node(node) = &self.from.id else { return false };
        pod(&self.to, inventory).is_some_and(|pod| pod.node == *node)
    }

    /// Whether the kubelet probes the asked pod on that port.
    pub fn is_probe_port(&self, protocol: Protocol, inventory: &Inventory) -> bool {
        protocol == Protocol::Tcp
            && pod(&self.to, inventory).is_some_and(|pod| pod.probe_ports.contains(&self.port))
    }
}

fn pod<'a>(party: &Party, inventory: &'a Inventory) -> Option<&'a flowfence_model::object::Pod> {
    let name = party.pod.as_ref()?;
    let key = |known: &KnownPod| {
        (known.pod.meta.namespace.as_str(), known.pod.meta.name.as_str())
            .cmp(&(name.namespace.as_str(), name.name.as_str()))
    };
    let pods = inventory.pods();
    let first = pods.partition_point(|known| key(known).is_lt());
    let same = pods.get(first..)?.iter().take_while(|known| key(known).is_eq());
    same.filter(|known| known.pod.ips.contains(&party.address)).last().map(|known| &known.pod)
}

/// Names the strands of one connection; `None` when there are none.
pub fn name(members: &[&FlowRecord], inventory: &Inventory) -> Option<Named> {
    match members {
        [only] if inventory.is_empty() => Some(by_address(only)),
        _ => name_with(members, inventory),
    }
}

/// Without an inventory every end is an outside address.
fn by_address(record: &FlowRecord) -> Named {
    let end = |e: Endpoint| {
        let address = e.address.ip();
        Party { id: NodeId::External(address), pod: None, address }
    };
    Named {
        from: end(record.a),
        to: end(record.b),
        port: record.b.port,
        services: BTreeSet::new(),
        behind: BTreeSet::new(),
        hairpin: false,
    }
}

fn name_with(members: &[&FlowRecord], inventory: &Inventory) -> Option<Named> {
    let at = members.iter().map(|r| r.first).min()?;
    let protocol = members.first()?.protocol;
    let backend = |r: &FlowRecord| inventory.backends(r.b.address.ip(), protocol, r.b.port);
    let mut services: BTreeSet<String> =
        members.iter().filter_map(|r| backend(r)).map(|b| b.service.clone()).collect();
    let server = members.iter().find(|r| backend(r).is_none()).map(|r| r.b);
    let (to, port) = match server {
        Some(end) => (party(end.address.ip(), Some((protocol, end.port)), at, inventory), end.port),
        None => {
            members.iter().find_map(|r| Some(behind_service(r.b, backend(r)?, protocol, at, inventory)))?
        }
    };
    let clients: BTreeSet<IpAddr> = members.iter().map(|r| r.a.address.ip()).collect();
    let direct: BTreeSet<IpAddr> =
        members.iter().filter(|r| server.is_none_or(|s| r.b == s)).map(|r| r.a.address.ip()).collect();
    // A pod that asks a service is masked on its way to the API server or back to itself: it shows only where it asks.
    let is_masked = !to.id.is_workload() || clients.contains(&to.address);
    let asking = if is_masked { &clients } else { &direct };
    let client = client(asking, &to, at, inventory).or_else(|| clients.first().copied())?;
    let from = party(client, None, at, inventory);
    // On the way out the node's address is the mask of the pod that is already named.
    let behind = match &to.id {
        NodeId::Workload(_) if client != to.address => {
            clients.into_iter().filter(|ip| *ip != client && *ip != from.address).collect()
        }
        _ => BTreeSet::new(),
    };
    let hairpin = from.pod.is_some() && from.pod == to.pod && {
        let through = cluster_services(&to, protocol, port, inventory);
        if let ([only], true) = (through.as_slice(), services.is_empty()) {
            services.insert(only.clone());
        }
        !through.is_empty() || !services.is_empty()
    };
    Some(Named { from, to, port, services, behind, hairpin })
}

/// A pod's packets to its own address leave it only when a service sent them back.
fn cluster_services(to: &Party, protocol: Protocol, port: u16, inventory: &Inventory) -> Vec<String> {
    let mut found: Vec<String> = inventory
        .services()
        .values()
        .filter(|s| !s.cluster_ips.is_empty())
        .filter(|s| {
            s.ports.iter().any(|p| {
                s.cluster_ips.iter().any(|ip| {
                    inventory
                        .backends(*ip, protocol, p.port)
                        .is_some_and(|b| p.protocol == protocol && b.endpoints.contains(&(to.address, port)))
                })
            })
        })
        .map(|s| format!("{}/{}", s.meta.namespace, s.meta.name))
        .collect();
    found.dedup();
    found
}

/// Towards pods, of the addresses that opened towards the server itself: its own (a hairpin), else a
/// node's (what the pod saw, after masquerade); towards all else, of every address on the way: a
/// pod's (what it was before).
fn client(asking: &BTreeSet<IpAddr>, to: &Party, at: Timestamp, inventory: &Inventory) -> Option<IpAddr> {
    let is_node = |ip: &IpAddr| inventory.node_of(*ip).is_some();
    let is_pod = |ip: &IpAddr| matches!(inventory.holder_at(*ip, at), Holder::Pod(_));
    let mut all = asking.iter().copied();
    if to.id.is_workload() {
        asking.get(&to.address).copied().or_else(|| all.clone().find(is_node)).or_else(|| all.next())
    } else {
        all.clone().find(is_pod).or_else(|| all.next())
    }
}

/// A service address was seen but not which backend answered: its workload, when all are of one.
pub(super) fn behind_service(
    service: Endpoint,
    backend: &Backend,
    protocol: Protocol,
    at: Timestamp,
    inventory: &Inventory,
) -> (Party, u16) {
    let candidates: Vec<(Party, u16)> = backend
        .endpoints
        .iter()
        .map(|(ip, port)| (party(*ip, Some((protocol, *port)), at, inventory), *port))
        .filter(|(party, _)| !matches!(party.id, NodeId::Unknown(_)))
        .collect();
    let ids: BTreeSet<&NodeId> = candidates.iter().map(|(p, _)| &p.id).collect();
    let ports: BTreeSet<u16> = candidates.iter().map(|(_, port)| *port).collect();
    match (candidates.as_slice(), ids.len(), ports.len()) {
        ([only], _, _) => only.clone(),
        ([first, ..], 1, 1) => (Party { pod: None, ..first.0.clone() }, first.1),
        _ => {
            let address = service.address.ip();
            (Party { id: NodeId::Unknown(address), pod: None, address }, service.port)
        }
    }
}

/// Who `address` was at `at`. `asked` is the port that was asked of it: an API server that shares
/// a node's address is told from the node by it.
pub(super) fn party(
    address: IpAddr,
    asked: Option<(Protocol, u16)>,
    at: Timestamp,
    inventory: &Inventory,
) -> Party {
    match inventory.holder_at(address, at) {
        Holder::Pod(pod) => {
            if let Some(known) = inventory.pods().get(pod) {
                let meta = &known.pod.meta;
                let pod = Some(PodName { namespace: meta.namespace.clone(), name: meta.name.clone() });
                return Party { id: known.workload.clone(), pod, address };
            }
            Party { id: NodeId::Unknown(address), pod: None, address }
        }
        Holder::Ambiguous => Party { id: NodeId::Unknown(address), pod: None, address },
        Holder::Nobody => Party { id: not_a_pod(address, asked, inventory), pod: None, address },
    }
}

fn not_a_pod(address: IpAddr, asked: Option<(Protocol, u16)>, inventory: &Inventory) -> NodeId {
    let node = inventory.node_of(address);
    let serves_api = inventory.api_server().iter().any(|(ip, port)| {
        *ip == address
            && asked.map_or(node.is_none(), |(protocol, p)| protocol == Protocol::Tcp && p == *port)
    });
    if serves_api {
        NodeId::ApiServer
    } else if let Some(node) = node {
        NodeId::Node(node.into())
    } else if inventory.is_inside(address) {
        NodeId::Unknown(address)
    } else {
        NodeId::External(address)
    }
}
