//! The flow table: a seeded index of four octets a flow into a dense vector of records.
//!
//! A record that has ended stays where it is and the index moves on to its successor, so nothing
//! is copied and the order of records is the order of their first packets, whatever the seed.
//! The vector grows by doubling; a large one is moved by the kernel's page tables (`mremap`) and
//! untouched pages cost nothing, so the peak is what is used: 104 octets a record and 5 to 12 of
//! index. At the limit of flows a new one takes the place of an old one ([`evict`]).

mod evict;
mod lifetime;
mod touched;

use std::hash::{BuildHasher, Hasher};
use std::time::Duration;

use flowfence_model::{Endpoint, FlowRecord, Half, Protocol, Signs, TapId, Timestamp};
use foldhash::fast::RandomState;
use hashbrown::{HashMap, HashTable};

use crate::decode::{Refusal, Seen};
use evict::Dice;
use touched::Touched;

/// Flow records by tap, protocol and the two ends in either order.
#[derive(Clone, Debug)]
pub(crate) struct FlowTable {
    records: Vec<FlowRecord>,
    index: HashTable<u32>,
    seed: RandomState,
    max_flows: usize,
    udp_idle: Duration,
    dice: Dice,
    evicted: u64,
    touched: Touched,
    /// Places whose records are over and were told, for others to take.
    free: Vec<u32>,
    is_free: Vec<bool>,
    /// How often a place was given to another record.
    turns: HashMap<u32, u32, RandomState>,
}

/// What finds a record.
#[derive(Clone, Copy)]
struct Key {
    from: Endpoint,
    to: Endpoint,
    protocol: Protocol,
    tap: TapId,
    /// The sender is the asked one of an ICMP query, so the record is told from the other end:
    /// the asker's identifier is always the port of `a`.
    is_icmp_answer: bool,
}

impl Key {
    fn of(record: &FlowRecord) -> Self {
        let FlowRecord { a, b, protocol, tap, .. } = *record;
        Key { from: a, to: b, protocol, tap, is_icmp_answer: false }
    }

    fn of_refused(refusal: &Refusal, tap: TapId) -> Self {
        let Refusal { from, to, protocol, is_icmp_answer, .. } = *refusal;
        Key { from, to, protocol, tap, is_icmp_answer }
    }
}

impl FlowTable {
    pub(crate) fn new(max_flows: usize, udp_idle: Duration) -> Self {
        FlowTable {
            records: Vec::new(),
            index: HashTable::new(),
            seed: RandomState::default(),
            max_flows: max_flows.clamp(1, u32::MAX as usize),
            udp_idle,
            dice: Dice::default(),
            evicted: 0,
            touched: Touched::default(),
            free: Vec::new(),
            is_free: Vec::new(),
            turns: HashMap::default(),
        }
    }

    /// Counts one packet, in the record it belongs to or in a new one.
    pub(crate) fn note(&mut self, tap: TapId, at: Timestamp, seen: &Seen<'_>) {
        let is_icmp_answer = seen.protocol == Protocol::Icmp && seen.signs.has(Signs::ACCEPT);
        let key = Key { from: seen.from, to: seen.to, protocol: seen.protocol, tap, is_icmp_answer };
        let hash = self.hash(&key);
        let mut i = match self.find(hash, &key) {
            Some(i) => i,
            None => self.begin(hash, &key, at, None),
        };
        if self.records.get(i as usize).is_some_and(|r| lifetime::has_ended(r, seen, at, self.udp_idle)) {
            i = self.begin(hash, &key, at, Some(i));
        }
        self.touched.mark(i);
        let Some(record) = self.records.get_mut(i as usize) else { return };
        record.first = record.first.min(at);
        record.last = record.last.max(at);
        let (own, other) = halves(record, seen.from, seen.to);
        count(own, other, seen);
    }

    /// Marks the direction of a refused packet. Looks in `taps` in their order; true when a record
    /// was found.
    pub(crate) fn refuse(&mut self, taps: impl Iterator<Item = TapId>, refusal: &Refusal) -> bool {
        for tap in taps {
            let key = Key::of_refused(refusal, tap);
            if let Some(i) = self.find(self.hash(&key), &key)
                && let Some(record) = self.records.get_mut(i as usize)
            {
                let (own, _) = halves(record, key.from, key.to);
                own.signs.insert(Signs::UNREACHABLE);
                self.touched.mark(i);
                return true;
            }
        }
        false
    }

    /// Begins the record of an attempt whose only witness is its refusal.
    pub(crate) fn refused_unseen(&mut self, tap: TapId, at: Timestamp, refusal: &Refusal) {
        let key = Key::of_refused(refusal, tap);
        let hash = self.hash(&key);
        let i = self.begin(hash, &key, at, None);
        self.touched.mark(i);
        if let Some(record) = self.records.get_mut(i as usize) {
            let (own, _) = halves(record, key.from, key.to);
            own.signs.insert(Signs::UNREACHABLE);
        }
    }

    /// Records that changed since the last time, by a number that no other record ever has; at the
    /// first time all.
    pub(crate) fn changed(&mut self) -> Vec<(u64, FlowRecord)> {
        let places = self.touched.take(self.records.len());
        let number = |i: u32| u64::from(self.turns.get(&i).copied().unwrap_or(0)) << 32 | u64::from(i);
        let records = &self.records;
        places.into_iter().filter_map(|i| Some((number(i), records.get(i as usize)?.clone()))).collect()
    }

    /// Gives up the places of records that are over at `now`. They must have been told before.
    pub(crate) fn forget(&mut self, now: Timestamp) {
        self.is_free.resize(self.records.len(), false);
        let all = (0_u32..).zip(&self.records).zip(&mut self.is_free);
        for ((i, record), is_free) in all.filter(|(_, is_free)| !**is_free) {
            if lifetime::is_over(record, now, self.udp_idle) {
                *is_free = true;
                self.free.push(i);
                let hash = hash(&self.seed, &Key::of(record));
                if let Ok(entry) = self.index.find_entry(hash, |slot| *slot == i) {
                    entry.remove();
                }
            }
        }
    }

    /// Puts another record in a place.
    fn put(&mut self, place: u32, record: FlowRecord) {
        if let Some(slot) = self.records.get_mut(place as usize) {
            *slot = record;
            *self.turns.entry(place).or_default() += 1;
        }
        if let Some(is_free) = self.is_free.get_mut(place as usize) {
            *is_free = false;
        }
    }

    /// How many records were given up so far.
    pub(crate) fn evicted(&self) -> u64 {
        self.evicted
    }

    /// Takes the records of another table, whose taps are none of these and come behind `shift` others. False, and
    /// nothing is taken, when some of them were given up, or would be here. They are not looked for again: nothing more
    /// comes of their taps.
    pub(crate) fn append(&mut self, other: FlowTable, shift: u16) -> bool {
        let room = self.max_flows.saturating_sub(self.records.len());
        if other.evicted > 0 || other.records.len() > room || !self.free.is_empty() || !other.free.is_empty()
        {
            return false;
        }
        let begin = self.records.len();
        if begin == 0 {
            self.records = other.records;
        } else {
            self.records.extend(other.records);
        }
        for record in self.records.iter_mut().skip(begin) {
            record.tap.0 = record.tap.0.saturating_add(shift);
        }
        true
    }

    /// The records, in the order of their first packets unless some were evicted, and how many were.
    pub(crate) fn finish(self) -> (Vec<FlowRecord>, u64) {
        (self.records, self.evicted)
    }

    #[inline]
    fn hash(&self, key: &Key) -> u64 {
        hash(&self.seed, key)
    }

    #[inline]
    fn find(&self, hash: u64, key: &Key) -> Option<u32> {
        let records = &self.records;
        self.index.find(hash, |i| records.get(*i as usize).is_some_and(|r| matches(r, key))).copied()
    }

    /// A new record under `key`, in place of `ended` in the index.
    #[cold]
    fn begin(&mut self, hash: u64, key: &Key, at: Timestamp, ended: Option<u32>) -> u32 {
        let (a, b) = if key.is_icmp_answer { (key.to, key.from) } else { (key.from, key.to) };
        let record = FlowRecord::new(key.protocol, a, b, key.tap, at);
        let i = if let Some(i) = self.free.pop() {
            self.put(i, record);
            i
        } else if self.records.len() < self.max_flows {
            self.records.push(record);
            u32::try_from(self.records.len() - 1).unwrap_or(u32::MAX)
        } else {
            self.replace_one(record)
        };
        if let Some(ended) = ended
            && let Some(slot) = self.index.find_mut(hash, |slot| *slot == ended)
        {
            *slot = i;
            return i;
        }
        let (records, seed) = (&self.records, &self.seed);
        self.index.insert_unique(hash, i, |i| {
            records.get(*i as usize).map_or(0, |r| self::hash(seed, &Key::of(r)))
        });
        i
    }
}

/// The same for both directions: each end is hashed with its own seed state, and the two added.
#[inline]
fn hash(seed: &RandomState, key: &Key) -> u64 {
    let rest = u64::from(key.tap.0) << 8 | key.protocol as u64;
    let end = |end: &Endpoint| {
        let mut hasher = seed.build_hasher();
        hasher.write_u128(u128::from_ne_bytes(*end.address.octets()));
        hasher.write_u64(rest << 16 | u64::from(end.port));
        hasher.finish()
    };
    end(&key.from).wrapping_add(end(&key.to))
}

/// Which direction of the record a key is: forward, reverse. Without branches, since which one it
/// will be cannot be predicted: a mispredicted branch costs as much as the rest of the look-up.
#[inline]
fn directions(record: &FlowRecord, from: Endpoint, to: Endpoint) -> (bool, bool) {
    let address = |end: Endpoint| u128::from_ne_bytes(*end.address.octets());
    let differ = |x: Endpoint, y: Endpoint| (address(x) ^ address(y)) | u128::from(x.port ^ y.port);
    let forward = differ(record.a, from) | differ(record.b, to);
    let reverse = differ(record.a, to) | differ(record.b, from);
    (forward == 0, reverse == 0)
}

#[inline]
#[allow(clippy::needless_bitwise_bool, reason = "a short circuit is a branch")]
fn matches(record: &FlowRecord, key: &Key) -> bool {
    let (forward, reverse) = directions(record, key.from, key.to);
    (forward | reverse) & (record.tap == key.tap) & (record.protocol == key.protocol)
}

/// The half that the sender fills, and the other one.
#[inline]
fn halves(record: &mut FlowRecord, from: Endpoint, to: Endpoint) -> (&mut Half, &mut Half) {
    let (is_forward, _) = directions(record, from, to);
    let FlowRecord { forward, reverse, .. } = record;
    if is_forward { (forward, reverse) } else { (reverse, forward) }
}

#[inline]
fn count(own: &mut Half, other: &mut Half, seen: &Seen<'_>) {
    own.packets += 1;
    own.octets += seen.octets;
    if seen.signs.has(Signs::OPEN) || seen.signs.has(Signs::ACCEPT) {
        shake_hands(own, other, seen);
    } else {
        own.signs.insert(seen.signs);
    }
}

/// Opening packets carry sequence numbers, except those of ICMP. An answer to another opening than
/// the one that was seen opens nothing (RFC 9293 §3.10.7.3: the opener would reset it).
fn shake_hands(own: &mut Half, other: &mut Half, seen: &Seen<'_>) {
    if seen.protocol == Protocol::Icmp {
        own.signs.insert(seen.signs);
        return;
    }
    if seen.signs.has(Signs::ACCEPT) {
        match other.isn() {
            Some(isn) if isn != seen.peer_isn => return,
            Some(_) => {}
            None => {
                other.isn = seen.peer_isn;
                other.signs.insert(Signs::ISN);
            }
        }
    }
    own.isn = seen.isn;
    own.signs.insert(seen.signs.union(Signs::ISN));
}
