//! Edges between workloads by number.
//!
//! A large cluster has some hundred thousand contacts and a tenth as many edges. Whoever gathers what
//! contacts say of their edges does it by number: comparing the names of both ends at each contact takes
//! longer than everything else.

use std::sync::Arc;

use flowfence_model::{IcmpType, NodeId, Protocol};
use hashbrown::HashMap;

use crate::contact::{Contact, Party};
use crate::edge::EdgeKey;

type FastMap<K, V> = HashMap<K, V, foldhash::fast::RandomState>;

/// What tells edges apart, with their ends by rank. Ordered as [`EdgeKey`] is.
type Ranked = (u32, u32, Protocol, Option<u16>, Option<IcmpType>);

/// The edges of a list of contacts, and which of them each contact is part of.
#[derive(Clone, Debug, Default)]
pub struct Numbering {
    keys: Vec<EdgeKey>,
    numbers: Vec<u32>,
    /// The contacts, those of one edge side by side, and where those of each begin.
    contacts: Vec<u32>,
    begins: Vec<u32>,
}

impl Numbering {
    /// Numbers the edges of `contacts` in their order.
    pub fn of(contacts: &[Contact]) -> Self {
        let ranks = Ranks::of(contacts);
        let mut places: FastMap<Ranked, u32> = FastMap::default();
        let mut edges: Vec<(Ranked, usize)> = Vec::new();
        let mut numbers: Vec<u32> = Vec::with_capacity(contacts.len());
        for (i, contact) in contacts.iter().enumerate() {
            let ends = (ranks.rank(&contact.from), ranks.rank(&contact.to));
            let edge = (ends.0, ends.1, contact.protocol, contact.port, contact.icmp);
            let place = *places.entry(edge).or_insert_with(|| {
                edges.push((edge, i));
                index(edges.len() - 1)
            });
            numbers.push(place);
        }
        let mut order: Vec<u32> = (0..index(edges.len())).collect();
        order.sort_unstable_by_key(|place| edges.get(*place as usize).map(|(edge, _)| *edge));
        let mut final_number = vec![0; edges.len()];
        for (number, place) in order.iter().enumerate() {
            if let Some(known) = final_number.get_mut(*place as usize) {
                *known = index(number);
            }
        }
        for number in &mut numbers {
            *number = final_number.get(*number as usize).copied().unwrap_or(*number);
        }
        let first = |place: &u32| edges.get(*place as usize).and_then(|(_, contact)| contacts.get(*contact));
        let mut keys: Vec<EdgeKey> = Vec::with_capacity(order.len());
        keys.extend(order.iter().filter_map(first).map(EdgeKey::of));
        let (contacts, begins) = side_by_side(&numbers, keys.len());
        Numbering { keys, numbers, contacts, begins }
    }

    /// Every edge, in order: its number is its place.
    pub fn keys(&self) -> &[EdgeKey] {
        &self.keys
    }

    /// The number of an edge.
    pub fn find(&self, edge: &EdgeKey) -> Option<usize> {
        self.keys.binary_search(edge).ok()
    }

    /// The edge of each contact, in the order of the contacts.
    pub fn numbers(&self) -> impl Iterator<Item = usize> + '_ {
        self.numbers.iter().map(|number| *number as usize)
    }

    /// The edge of a contact.
    pub fn number(&self, contact: usize) -> Option<usize> {
        self.numbers.get(contact).map(|number| *number as usize)
    }

    /// The contacts of an edge by their indices, in order.
    pub fn contacts_of(&self, edge: usize) -> &[u32] {
        let begin = |edge: usize| self.begins.get(edge).map(|begin| *begin as usize);
        let range = begin(edge).map(|begin_here| begin_here..begin(edge + 1).unwrap_or(self.contacts.len()));
        range.and_then(|range| self.contacts.get(range)).unwrap_or_default()
    }

    /// The contacts of each edge, in the order of both.
    pub fn contacts(&self) -> impl Iterator<Item = &[u32]> {
        (0..self.keys.len()).map(|edge| self.contacts_of(edge))
    }
}

/// Contacts with those of one edge side by side, each in order, and where those of each edge begin.
fn side_by_side(numbers: &[u32], edges: usize) -> (Vec<u32>, Vec<u32>) {
    let mut begins = vec![0_u32; edges];
    for number in numbers {
        if let Some(count) = begins.get_mut(*number as usize) {
            *count += 1;
        }
    }
    let mut begin = 0;
    for count in &mut begins {
        begin += std::mem::replace(count, begin);
    }
    let (mut contacts, mut next) = (vec![0_u32; begin as usize], begins.clone());
    for (contact, number) in (0..).zip(numbers) {
        let Some(place) = next.get_mut(*number as usize) else { continue };
        if let Some(slot) = contacts.get_mut(*place as usize) {
            *slot = contact;
        }
        *place += 1;
    }
    (contacts, begins)
}

/// More contacts than 32 bits can count are not kept anywhere.
fn index(n: usize) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}

/// Which node of the graph each party is, by rank among all of them. Contacts share their parties, so a
/// party is known by where it lies.
struct Ranks(FastMap<usize, u32>);

impl Ranks {
    fn of(contacts: &[Contact]) -> Self {
        let mut parties: FastMap<usize, &NodeId> = FastMap::default();
        for party in contacts.iter().flat_map(|contact| [&contact.from, &contact.to]) {
            parties.entry(address(party)).or_insert(&party.id);
        }
        let mut ids: Vec<&NodeId> = parties.values().copied().collect();
        ids.sort_unstable();
        ids.dedup();
        let rank = |id: &NodeId| ids.binary_search(&id).map_or(u32::MAX, index);
        Ranks(parties.into_iter().map(|(party, id)| (party, rank(id))).collect())
    }

    fn rank(&self, party: &Arc<Party>) -> u32 {
        self.0.get(&address(party)).copied().unwrap_or(u32::MAX)
    }
}

/// Where a party lies.
pub(crate) fn address(party: &Arc<Party>) -> usize {
    Arc::as_ptr(party).addr()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::attribute::attribute;
    use crate::inventory::Inventory;
    use crate::testing::{owned, pod, recording, tcp};
    use flowfence_model::object::Object;
    use std::collections::BTreeMap;

    #[test]
    fn edges_are_numbered_in_their_order_whoever_holds_the_parties() {
        let pods = [("shop/b-1", "10.0.0.1"), ("shop/b-2", "10.0.0.2"), ("shop/a-1", "10.0.0.3")];
        let pods = pods.map(|(key, ip)| Object::Pod(owned(pod(key, "n", ip), "Deployment", &key[5..6])));
        let inventory = Inventory::new(vec![pods.to_vec()]);
        let ends = [
            ("10.0.0.1:40000", "10.0.0.3:9090"),
            ("10.0.0.2:40000", "10.0.0.3:9090"),
            ("10.0.0.2:40000", "10.0.0.3:80"),
            ("10.0.0.3:40000", "203.0.113.9:443"),
            ("203.0.113.9:40000", "10.0.0.2:443"),
        ];
        let records = ends.iter().zip(1..).map(|((from, to), n)| tcp(from, to, n)).collect();
        let contacts = attribute(recording(records), &inventory).contacts;
        let apart: Vec<Contact> = contacts
            .iter()
            .map(|contact| Contact {
                from: Arc::new(Party::clone(&contact.from)),
                to: Arc::new(Party::clone(&contact.to)),
                ..contact.clone()
            })
            .collect();
        let mut expected: BTreeMap<EdgeKey, Vec<usize>> = BTreeMap::new();
        for (i, contact) in contacts.iter().enumerate() {
            expected.entry(EdgeKey::of(contact)).or_default().push(i);
        }
        assert_eq!((contacts.len(), expected.len()), (5, 4));
        for contacts in [&contacts, &apart] {
            let numbering = Numbering::of(contacts);
            let indices = numbering.contacts().map(|list| list.iter().map(|i| *i as usize).collect());
            let found = numbering.keys().iter().cloned().zip(indices);
            assert_eq!(found.collect::<BTreeMap<_, _>>(), expected);
            assert_eq!(numbering.contacts_of(expected.len()), [], "there is no such edge");
            assert!(numbering.keys().iter().eq(expected.keys()), "in order");
        }
    }
}
