//! Contacts as they grow.

use std::sync::Arc;

use flowfence_model::{FlowRecord, Orientation, Protocol};

use super::FastMap;
use super::name::Named;
use crate::contact::{Contact, Party, Tally};
use crate::inventory::Inventory;
use crate::numbering::address;

/// What tells contacts of packets apart: ends by their numbers. For ICMP the port is type and code.
type Key = (u32, u32, Protocol, u16);

/// Ends are kept once each, and looked up by number.
#[derive(Default)]
pub(super) struct Contacts {
    list: Vec<Contact>,
    index: FastMap<Key, u32>,
    parties: Vec<Arc<Party>>,
    numbers: FastMap<Arc<Party>, u32>,
}

impl Contacts {
    /// None yet, and room for so many.
    pub(super) fn with_room(most: usize) -> Self {
        Contacts { list: Vec::with_capacity(most), ..Contacts::default() }
    }

    /// Adds one connection.
    pub(super) fn add(
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
        self.put(key, contact);
    }

    fn put(&mut self, key: Key, contact: Contact) {
        let next = u32::try_from(self.list.len()).unwrap_or(u32::MAX);
        let slot = *self.index.entry(key).or_insert(next);
        match self.list.get_mut(slot as usize) {
            Some(known) => merge(known, &contact),
            None => self.list.push(contact),
        }
    }

    /// Those of all connections, of which each part has some.
    pub(super) fn joined(parts: Vec<Contacts>) -> Self {
        let most = parts.iter().map(|part| part.list.len()).sum::<usize>();
        let mut parts = parts.into_iter();
        let mut all = parts.next().unwrap_or_default();
        all.list.reserve_exact(most.saturating_sub(all.list.len()));
        for part in parts {
            all.take_in(part);
        }
        all
    }

    fn take_in(&mut self, other: Contacts) {
        drop(other.numbers);
        let numbers: Vec<u32> = other.parties.into_iter().map(|party| self.number_of(party)).collect();
        let number = |other: u32| numbers.get(other as usize).copied().unwrap_or(u32::MAX);
        let mut keys: Vec<(u32, Key)> = other.index.into_iter().map(|(key, slot)| (slot, key)).collect();
        keys.sort_unstable_by_key(|(slot, _)| *slot);
        for ((_, (from, to, protocol, port)), mut contact) in keys.into_iter().zip(other.list) {
            let (from, to) = (number(from), number(to));
            let (Some(from_party), Some(to_party)) = (self.party(from), self.party(to)) else { continue };
            (contact.from, contact.to) = (from_party, to_party);
            self.put((from, to, protocol, port), contact);
        }
    }

    /// What logs say, each contact once. Those that are known from packets are the same seen again.
    pub(super) fn hear(&mut self, mut told: Vec<Contact>) {
        if !self.list.is_empty() {
            for contact in told {
                self.hear_one(contact);
            }
            return;
        }
        // Where many were made of several conversations each, their memory is given back.
        if told.len() <= told.capacity() / 2 {
            told.shrink_to_fit();
        }
        self.list = told;
    }

    fn hear_one(&mut self, contact: Contact) {
        let port = contact.icmp.map_or(contact.port.unwrap_or(0), |i| u16::from_be_bytes([i.kind, i.code]));
        let (from, to) = (self.number_of(contact.from.clone()), self.number_of(contact.to.clone()));
        let slot = self.index.get(&(from, to, contact.protocol, port));
        match slot.and_then(|slot| self.list.get_mut(*slot as usize)) {
            Some(known) => known.hear(contact),
            None => self.list.push(contact),
        }
    }

    pub(super) fn number(&mut self, party: Party) -> u32 {
        if let Some(known) = self.numbers.get(&party) {
            return *known;
        }
        self.number_of(Arc::new(party))
    }

    fn number_of(&mut self, party: Arc<Party>) -> u32 {
        if let Some(known) = self.numbers.get(&party) {
            return *known;
        }
        let number = u32::try_from(self.parties.len()).unwrap_or(u32::MAX);
        self.parties.push(Arc::clone(&party));
        self.numbers.insert(party, number);
        number
    }

    pub(super) fn party(&self, number: u32) -> Option<Arc<Party>> {
        self.parties.get(number as usize).cloned()
    }

    /// The place of each party, by its number, in their order: there are few of them, and long names to compare.
    pub(super) fn ranks(&self) -> Vec<u32> {
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

    /// All parties in their order, of which these are the places.
    pub(super) fn in_order(&self, ranks: &[u32]) -> Vec<Arc<Party>> {
        let mut parties: Vec<(&u32, &Arc<Party>)> = ranks.iter().zip(&self.parties).collect();
        parties.sort_unstable_by_key(|(rank, _)| **rank);
        parties.into_iter().map(|(_, party)| Arc::clone(party)).collect()
    }

    /// In the order of their ends, protocol and port. Those of logs alone are in it already.
    pub(super) fn finish(mut self) -> Vec<Contact> {
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
