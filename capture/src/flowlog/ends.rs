//! Ends of conversations by number, and when lines had them.

use std::hash::{BuildHasher, Hasher};

use flowfence_model::logged::{LoggedAddress, LoggedEnd};
use flowfence_model::{Address, Timestamp};
use foldhash::fast::RandomState;
use hashbrown::HashTable;

/// Ends that are kept at most, some 50 octets each: two for each conversation.
const MAX_ENDS: usize = 1 << 23;

/// Addresses of those whom a log names that are told at most.
const MAX_ADDRESSES: usize = 1 << 20;

/// Every end so far.
#[derive(Clone, Debug, Default)]
pub struct Ends {
    known: Vec<(LoggedEnd, (Timestamp, Timestamp))>,
    index: HashTable<u32>,
    seed: RandomState,
}

impl Ends {
    /// The number of an end of a line; `None` when there is no room for it.
    #[inline]
    pub fn number(&mut self, end: &LoggedEnd) -> Option<u32> {
        if let Some(number) = self.find(end) {
            return Some(number);
        }
        let known = &mut self.known;
        if known.len() >= MAX_ENDS {
            return None;
        }
        let number = u32::try_from(known.len()).ok()?;
        known.push((*end, (Timestamp::MAX, Timestamp::MIN)));
        let (known, seed) = (&self.known, &self.seed);
        let rehash = |i: &u32| known.get(*i as usize).map_or(0, |(end, _)| hash(seed, end));
        self.index.insert_unique(hash(seed, end), number, rehash);
        Some(number)
    }

    /// The number of an end that is there.
    #[inline]
    pub fn find(&self, end: &LoggedEnd) -> Option<u32> {
        let is_same = |i: &u32| self.known.get(*i as usize).is_some_and(|(known, _)| known == end);
        self.index.find(hash(&self.seed, end), is_same).copied()
    }

    /// Widens when lines had an end. When is asked only of those whom a log names.
    pub fn met(&mut self, number: u32, time: (Timestamp, Timestamp)) {
        if let Some((LoggedEnd { identity: Some(_), .. }, when)) = self.known.get_mut(number as usize) {
            *when = (when.0.min(time.0), when.1.max(time.1));
        }
    }

    /// The end of this number.
    pub fn end(&self, number: u32) -> Option<LoggedEnd> {
        self.known.get(number as usize).map(|(end, _)| *end)
    }

    /// Addresses that a log gave to somebody, sorted.
    pub fn addresses(&self) -> Vec<LoggedAddress> {
        let named = self.known.iter().filter_map(|(end, (first, last))| {
            let (address, identity) = (end.address?.ip(), end.identity?);
            Some(LoggedAddress { address, identity, first: *first, last: *last })
        });
        let mut addresses: Vec<LoggedAddress> = named.take(MAX_ADDRESSES).collect();
        addresses.sort_unstable();
        addresses
    }
}

#[inline]
fn hash(seed: &RandomState, end: &LoggedEnd) -> u64 {
    let octets = u128::from_be_bytes(end.address.map_or([0; 16], |address: Address| *address.octets()));
    let mut hasher = seed.build_hasher();
    hasher.write_u128(octets);
    hasher.write_u64(end.identity.map_or(u64::MAX, |identity| identity.0.into()));
    hasher.finish()
}
