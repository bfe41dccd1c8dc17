//! From flow records to facts.
//!
//! ```text
//! records ─▶ strand   one five-tuple, all taps         (the same packets at several taps count once)
//!         ─▶ orient   who opened                       (SYN, else what listens, else how ports are used)
//!         ─▶ translate  services that a node resolved  (connection tracking, where it was heard)
//!         ─▶ join     strands of one connection        (service addresses, node ports, masquerade)
//!         ─▶ outcome  connection, attempt or remnant
//!         ─▶ name     the parties at that moment       (inventory over time)
//!         ─▶ Contact
//! ```
//!
//! Cost at a million flows: the records are sorted in place and merged; beside them 9 octets a
//! flow for orientation and joins.

mod join;
mod logged;
mod name;
mod orient;
mod outcome;
mod strand;
mod translate;
mod visible;

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::sync::Arc;

use flowfence_model::{Counts, FlowRecord, NodeId, Orientation, Protocol, Recording, Timestamp};
use hashbrown::HashMap;

use crate::contact::{Contact, Party, Tally};
use crate::facts::{Completeness, Facts};
use crate::inventory::Inventory;
use crate::numbering::address;

use name::Named;
use strand::Strands;

/// Finds out who talked to whom.
///
/// Pure and deterministic: the order of records, taps and inputs does not matter.
pub fn attribute(recording: Recording, inventory: &Inventory) -> Facts {
    let window = recording.window();
    let Recording { records, taps, files, names, questions, mut counts, packets, translations, logged } =
        recording;
    let record_count = records.len() as u64;
    let mut visible = visible::visible_pods(&records, &taps, inventory);
    visible.extend(visible::logged_pods(&logged, inventory));
    let mut strands = Strands::from_records(records);
    let mut orientations = orient::orient(&mut strands, &taps, &names, inventory);
    let told = translate::translate(&mut strands, &mut orientations, &translations, inventory);
    let groups = join::join(&strands, inventory, &told);
    let mut contacts = fold(&strands, &orientations, &groups, window, inventory, &mut counts);
    let silent_logs = logged::silent(&logged);
    let lines = logged.lines;
    logged::add(logged, window, inventory, &mut contacts, &mut counts);
    let contacts = contacts.finish();

    let unknown: BTreeSet<IpAddr> =
        contacts.iter().flat_map(|c| [&c.from.id, &c.to.id]).filter_map(unknown).collect();
    let running = visible::running_pods(window, inventory);
    let completeness = Completeness {
        packets,
        records: record_count,
        lines,
        pods: running.len() as u64,
        pods_unseen: running.difference(&visible).count() as u64,
        unknown_addresses: unknown.len() as u64,
        counts,
        files,
        silent_logs,
    };
    Facts { contacts, window, visible, names, questions, completeness, ..Facts::default() }
}

fn unknown(id: &NodeId) -> Option<IpAddr> {
    match id {
        NodeId::Unknown(ip) => Some(*ip),
        _ => None,
    }
}

/// Names each group of strands and adds it to its contact.
fn fold(
    strands: &Strands,
    orientations: &[Orientation],
    groups: &join::Groups,
    window: Option<(Timestamp, Timestamp)>,
    inventory: &Inventory,
    counts: &mut Counts,
) -> Contacts {
    let mut contacts = Contacts::default();
    let mut members: Vec<&FlowRecord> = Vec::new();
    for group in groups.iter() {
        members.clear();
        members.extend(group.iter().filter_map(|i| strands.get(*i)));
        // What a host says to itself never leaves it, and every host has the same loopback address.
        if members.iter().any(|r| r.a.address.ip().is_loopback() || r.b.address.ip().is_loopback()) {
            counts.add("loopback-address", 1);
            continue;
        }
        let known = group.iter().filter_map(|i| orientations.get(*i as usize)).min();
        let orientation = known.copied().unwrap_or(Orientation::Unknown);
        let one_wire = group.iter().all(|i| strands.is_one_wire(*i));
        let Some(named) = name::name(&members, inventory) else { continue };
        match outcome::tally(&members, one_wire, named.to.pod.is_some()) {
            Some(tally) => {
                let tally = match window {
                    Some(window) => tally.placed_in(window),
                    None => tally,
                };
                contacts.add(named, orientation, tally, &members, inventory);
            }
            None => counts.add("remnants", 1),
        }
    }
    contacts
}

/// Contacts as they grow: ends are kept once each, and looked up by number.
#[derive(Default)]
struct Contacts {
    list: Vec<Contact>,
    index: FastMap<(u32, u32, Protocol, u16), u32>,
    parties: Vec<Arc<Party>>,
    numbers: FastMap<Arc<Party>, u32>,
}

type FastMap<K, V> = HashMap<K, V, foldhash::fast::RandomState>;

impl Contacts {
    fn add(
        &mut self,
        named: Named,
        orientation: Orientation,
        tally: Tally,
        members: &[&FlowRecord],
        inventory: &Inventory,
    ) {
        let Some(first) = members.first() else { return };
        let protocol = first.protocol;
        let own_node = named.is_own_node(inventory);
        let probe = own_node && named.behind.is_empty() && named.is_probe_port(protocol, inventory);
        let (from, to) = (self.number(named.from), self.number(named.to));
        let (Some(from_party), Some(to_party)) = (self.party(from), self.party(to)) else { return };
        // For ICMP the port of a record is its type and code.
        let key = (from, to, protocol, named.port);
        let contact = Contact {
            from: from_party,
            to: to_party,
            protocol,
            port: protocol.has_ports().then_some(named.port),
            icmp: first.icmp(),
            services: named.services,
            behind: named.behind,
            orientation,
            probe,
            own_node,
            hairpin: named.hairpin,
            word: None,
            assumed: false,
            tally,
        };
        let next = u32::try_from(self.list.len()).unwrap_or(u32::MAX);
        let slot = *self.index.entry(key).or_insert(next);
        match self.list.get_mut(slot as usize) {
            Some(known) => merge(known, &contact),
            None => self.list.push(contact),
        }
    }

    /// What logs say of a contact between two numbers, each contact once. Where it is known from packets it is the
    /// same seen again.
    fn say(&mut self, (from, to): (u32, u32), contact: Contact) {
        let port = contact.icmp.map_or(contact.port.unwrap_or(0), |i| u16::from_be_bytes([i.kind, i.code]));
        let slot = self.index.get(&(from, to, contact.protocol, port));
        match slot.and_then(|slot| self.list.get_mut(*slot as usize)) {
            Some(known) => known.hear(contact),
            None => self.list.push(contact),
        }
    }

    fn number(&mut self, party: Party) -> u32 {
        if let Some(known) = self.numbers.get(&party) {
            return *known;
        }
        let number = u32::try_from(self.parties.len()).unwrap_or(u32::MAX);
        let party = Arc::new(party);
        self.parties.push(Arc::clone(&party));
        self.numbers.insert(party, number);
        number
    }

    fn party(&self, number: u32) -> Option<Arc<Party>> {
        self.parties.get(number as usize).cloned()
    }

    /// The place of each party, by its number, in their order: there are few of them, and long names to compare.
    fn ranks(&self) -> Vec<u32> {
        let mut order: Vec<(&Arc<Party>, usize)> =
            self.parties.iter().enumerate().map(|(number, party)| (party, number)).collect();
        order.sort_unstable();
        let mut ranks = vec![0; order.len()];
        for (rank, (_, number)) in (0..).zip(order) {
            if let Some(known) = ranks.get_mut(number) {
                *known = rank;
            }
        }
        ranks
    }

    /// In the order of their ends, protocol and port. Those of logs alone are in it already.
    fn finish(mut self) -> Vec<Contact> {
        drop(std::mem::take(&mut self.index));
        let ranks = self.ranks();
        let ranks: FastMap<usize, u32> = self.parties.iter().map(address).zip(ranks).collect();
        let rank = |party: &Arc<Party>| ranks.get(&address(party)).copied();
        let key = |c: &Contact| (rank(&c.from), rank(&c.to), c.protocol, c.port, c.icmp);
        if !self.list.is_sorted_by_key(key) {
            self.list.sort_by_cached_key(key);
        }
        self.list
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
