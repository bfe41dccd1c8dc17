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

mod contacts;
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

use flowfence_model::{Counts, FlowRecord, NodeId, Orientation, Recording, Timestamp};
use hashbrown::HashMap;

use crate::crew::{Alone, Crew, gather};
use crate::facts::{Completeness, Facts};
use crate::inventory::Inventory;

use contacts::Contacts;
use join::Groups;
use strand::Strands;

type FastMap<K, V> = HashMap<K, V, foldhash::fast::RandomState>;

/// Records that are looked at, or strands whose ends are named, in one piece.
const PIECE: usize = 1 << 14;

/// Finds out who talked to whom.
///
/// Pure and deterministic: the order of records, taps and inputs does not matter.
pub fn attribute(recording: Recording, inventory: &Inventory) -> Facts {
    attribute_by(recording, inventory, &Alone)
}

/// The same, of which several pieces may be done at once.
pub fn attribute_by(recording: Recording, inventory: &Inventory, crew: &dyn Crew) -> Facts {
    let window = recording.window();
    let Recording { records, taps, files, names, questions, mut counts, packets, translations, logged } =
        recording;
    let record_count = records.len() as u64;
    let mut visible = visible::visible_pods(&records, &taps, inventory, crew);
    visible.extend(visible::logged_pods(&logged, inventory));
    let mut strands = Strands::from_records(records);
    let mut orientations = orient::orient(&mut strands, &taps, &names, inventory);
    let told = translate::translate(&mut strands, &mut orientations, &translations, inventory);
    let groups = join::join(&strands, inventory, &told);
    let connections = Connections { strands: &strands, orientations: &orientations, window, inventory };
    let (mut contacts, left_out) = connections.fold(&groups, PIECE, crew);
    counts.merge(&left_out);
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

/// Strands, each group of which is one connection.
struct Connections<'a> {
    strands: &'a Strands,
    orientations: &'a [Orientation],
    window: Option<(Timestamp, Timestamp)>,
    inventory: &'a Inventory,
}

impl Connections<'_> {
    /// All of them, so many strands at a time.
    fn fold(&self, groups: &Groups, strands: usize, crew: &dyn Crew) -> (Contacts, Counts) {
        let pieces = groups.pieces(strands);
        let fold = |piece: usize| {
            let piece = pieces.get(piece)?;
            Some(self.fold_piece(piece.len(), groups.within(piece)))
        };
        let (parts, left_out): (Vec<Contacts>, Vec<Counts>) =
            gather(crew, pieces.len(), fold).flatten().unzip();
        let mut counts = Counts::default();
        for left_out in &left_out {
            counts.merge(left_out);
        }
        (Contacts::joined(parts), counts)
    }

    /// Names each group, of which there are so many at `most`, and adds it to its contact; what is left out is counted.
    fn fold_piece<'g>(&self, most: usize, groups: impl Iterator<Item = &'g [u32]>) -> (Contacts, Counts) {
        let (mut contacts, mut counts) = (Contacts::with_room(most), Counts::default());
        let mut members: Vec<&FlowRecord> = Vec::new();
        for group in groups {
            members.clear();
            members.extend(group.iter().filter_map(|i| self.strands.get(*i)));
            // What a host says to itself never leaves it, and every host has the same loopback address.
            if members.iter().any(|r| r.a.address.ip().is_loopback() || r.b.address.ip().is_loopback()) {
                counts.add("loopback-address", 1);
                continue;
            }
            let known = group.iter().filter_map(|i| self.orientations.get(*i as usize)).min();
            let orientation = known.copied().unwrap_or(Orientation::Unknown);
            let one_wire = group.iter().all(|i| self.strands.is_one_wire(*i));
            let Some(named) = name::name(&members, self.inventory) else { continue };
            match outcome::tally(&members, one_wire, named.to.pod.is_some()) {
                Some(tally) => {
                    let tally = match self.window {
                        Some(window) => tally.placed_in(window),
                        None => tally,
                    };
                    contacts.add(named, orientation, tally, &members, self.inventory);
                }
                None => counts.add("remnants", 1),
            }
        }
        (contacts, counts)
    }
}

#[cfg(test)]
mod tests;
