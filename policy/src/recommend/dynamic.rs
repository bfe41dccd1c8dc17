//! Servers that open ports as they need them: passive FTP, RPC, media, distributed runtimes.

use std::collections::{BTreeMap, BTreeSet};

use flowfence_graph::{Facts, Inventory};
use flowfence_model::{NodeId, PortRange, Protocol};

use crate::judge::Judgement;

/// As many different undeclared high ports of one server are no list of services.
pub(super) const LEAST_PORTS: usize = 8;
/// Ports below are well known or need a privilege to open (RFC 6335 §6: system ports).
const FIRST_PORT: u16 = 1024;

/// Ports of one server that were used and that nothing declares.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DynamicPorts {
    /// The workload or address that was asked.
    pub server: NodeId,
    /// Protocol.
    pub protocol: Protocol,
    /// From the lowest to the highest that was seen.
    pub range: PortRange,
    /// How many different ports were seen.
    pub seen: usize,
}

/// Servers of which many different high ports were genuinely used that no container, endpoint or
/// service of theirs declares. Tomorrow's port will be another: a rule for those seen does not do.
pub(super) fn find(facts: &Facts, judgement: &Judgement, inventory: &Inventory) -> Vec<DynamicPorts> {
    let mut used: BTreeMap<(&NodeId, Protocol), BTreeSet<u16>> = BTreeMap::new();
    for contact in judgement.genuine(facts) {
        let Some(port) = contact.port.filter(|port| *port >= FIRST_PORT) else { continue };
        if !inventory.is_listening(contact.to.address, contact.protocol, port) {
            used.entry((&contact.to.id, contact.protocol)).or_default().insert(port);
        }
    }
    let many = used.into_iter().filter(|(_, ports)| ports.len() >= LEAST_PORTS);
    many.filter_map(|((server, protocol), ports)| {
        let range = PortRange { first: *ports.first()?, last: *ports.last()? };
        Some(DynamicPorts { server: server.clone(), protocol, range, seen: ports.len() })
    })
    .collect()
}
