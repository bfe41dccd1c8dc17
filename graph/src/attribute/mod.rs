//! From flow records to facts.
//!
//! ```text
//! records ─▶ strand   one five-tuple, all taps         (the same packets at several taps count once)
//!         ─▶ orient   who opened                       (SYN, else what listens, else how ports are used)
//!         ─▶ join     strands of one connection        (service addresses, node ports, masquerade)
//!         ─▶ outcome  connection, attempt or remnant
//!         ─▶ name     the parties at that moment       (inventory over time)
//!         ─▶ Contact
//! ```
//!
//! Cost at a million flows: the records are sorted in place and merged; beside them 9 octets a
//! flow for orientation and joins.

mod join;
mod name;
mod orient;
mod outcome;
mod strand;
mod visible;

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use flowfence_model::{Counts, FlowRecord, IcmpType, NodeId, Orientation, Protocol, Recording};

use crate::contact::{Contact, Party, Tally};
use crate::facts::{Completeness, Facts};
use crate::inventory::Inventory;

use name::Named;
use strand::Strands;

/// Finds out who talked to whom.
///
/// Pure and deterministic: the order of records, taps and inputs does not matter.
pub fn attribute(recording: Recording, inventory: &Inventory) -> Facts {
    let window = recording.window();
    let Recording { records, taps, files, names, mut counts, packets } = recording;
    let record_count = records.len() as u64;
    let visible = visible::visible_pods(&records, &taps, inventory);
    let mut strands = Strands::from_records(records);
    let orientations = orient::orient(&mut strands, &taps, &names, inventory);
    let groups = join::join(&strands, inventory);
    let contacts = fold(&strands, &orientations, &groups, inventory, &mut counts);

    let unknown: BTreeSet<IpAddr> =
        contacts.iter().flat_map(|c| [&c.from.id, &c.to.id]).filter_map(unknown).collect();
    let running = visible::running_pods(window, inventory);
    let completeness = Completeness {
        packets,
        records: record_count,
        pods: running.len() as u64,
        pods_unseen: running.difference(&visible).count() as u64,
        unknown_addresses: unknown.len() as u64,
        counts,
        files,
    };
    Facts { contacts, window, visible, names, completeness }
}

fn unknown(id: &NodeId) -> Option<IpAddr> {
    match id {
        NodeId::Unknown(ip) => Some(*ip),
        _ => None,
    }
}

type ContactKey = (Party, Party, Protocol, Option<u16>, Option<IcmpType>);

/// Names each group of strands and adds it to its contact.
fn fold(
    strands: &Strands,
    orientations: &[Orientation],
    groups: &join::Groups,
    inventory: &Inventory,
    counts: &mut Counts,
) -> Vec<Contact> {
    let mut contacts: BTreeMap<ContactKey, Contact> = BTreeMap::new();
    for group in groups.iter() {
        let members: Vec<&FlowRecord> = group.iter().filter_map(|i| strands.get(*i)).collect();
        let orientation = group
            .iter()
            .filter_map(|i| orientations.get(*i as usize))
            .min()
            .copied()
            .unwrap_or(Orientation::Unknown);
        let Some(named) = name::name(&members, inventory) else { continue };
        let one_wire = group.iter().all(|i| strands.is_one_wire(*i));
        let to_running_pod = named.to.pod.is_some();
        let Some(tally) = outcome::tally(&members, one_wire, to_running_pod) else {
            counts.add("remnants", 1);
            continue;
        };
        let contact = contact(named, orientation, tally, &members, inventory);
        let key = (contact.from.clone(), contact.to.clone(), contact.protocol, contact.port, contact.icmp);
        contacts.entry(key).and_modify(|known| merge(known, &contact)).or_insert(contact);
    }
    contacts.into_values().collect()
}

fn contact(
    named: Named,
    orientation: Orientation,
    tally: Tally,
    members: &[&FlowRecord],
    inventory: &Inventory,
) -> Contact {
    let protocol = members.first().map_or(Protocol::Tcp, |r| r.protocol);
    let icmp = members.first().and_then(|r| r.icmp());
    let own_node = named.is_own_node(inventory);
    let probe = own_node && named.behind.is_empty() && named.is_probe_port(protocol, inventory);
    Contact {
        hairpin: named.hairpin,
        port: protocol.has_ports().then_some(named.port),
        from: named.from,
        to: named.to,
        protocol,
        icmp,
        services: named.services,
        behind: named.behind,
        orientation,
        probe,
        own_node,
        tally,
    }
}

/// A contact's flags hold for all of it: one connection from behind, and it is no longer only a probe.
fn merge(known: &mut Contact, more: &Contact) {
    known.services.extend(more.services.iter().cloned());
    known.behind.extend(more.behind.iter().copied());
    known.orientation = known.orientation.min(more.orientation);
    known.probe &= more.probe;
    known.own_node &= more.own_node;
    known.hairpin |= more.hairpin;
    known.tally.merge(&more.tally);
}

#[cfg(test)]
mod tests;
