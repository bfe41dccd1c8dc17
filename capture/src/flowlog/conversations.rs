//! Conversations while lines come: a table that finds one by what makes it.
//!
//! A log of a large cluster has some hundred thousand conversations, more than a core's caches hold, and each
//! line is about another one. So what makes a conversation is packed into ten words, and lines are looked up
//! sixteen at a time: a core waits for several lines of memory at once.

mod absorb;

use std::hash::{BuildHasher, Hasher};

use flowfence_model::logged::{
    Conversation, IdentityId, LoggedCounts, LoggedEnd, LoggedVerdict, NameId, ObserverId,
};
use flowfence_model::{Address, IcmpType, Orientation, Protocol};
use foldhash::fast::RandomState;
use hashbrown::HashTable;

/// Conversations that are kept at most, some 190 octets each.
const MAX_CONVERSATIONS: usize = 1 << 22;

/// Lines that are looked up together.
const TOGETHER: usize = 16;

/// Rows of one block: blocks are never moved, and go one by one when the table is given up.
const BLOCK: usize = 1 << 12;

/// Every conversation so far.
#[derive(Clone, Debug, Default)]
pub struct Conversations {
    rows: Rows,
    index: HashTable<u32>,
    seed: RandomState,
    waiting: Vec<Waiting>,
    /// Lines that found no room.
    overflowed: u64,
}

/// A list that grows without moving.
#[derive(Clone, Debug, Default)]
struct Rows(Vec<Vec<Row>>);

impl Rows {
    fn len(&self) -> usize {
        self.0.last().map_or(0, |last| (self.0.len() - 1) * BLOCK + last.len())
    }

    fn get(&self, i: u32) -> Option<&Row> {
        self.0.get(i as usize / BLOCK)?.get(i as usize % BLOCK)
    }

    fn get_mut(&mut self, i: u32) -> Option<&mut Row> {
        self.0.get_mut(i as usize / BLOCK)?.get_mut(i as usize % BLOCK)
    }

    fn push(&mut self, row: Row) {
        if self.0.last().is_none_or(|last| last.len() == BLOCK) {
            self.0.push(Vec::with_capacity(BLOCK));
        }
        if let Some(last) = self.0.last_mut() {
            last.push(row);
        }
    }
}

#[derive(Clone, Debug)]
struct Row {
    key: Key,
    counts: LoggedCounts,
}

/// A line that waits to be counted.
#[derive(Clone, Debug)]
struct Waiting {
    hash: u64,
    key: Key,
    counts: LoggedCounts,
    /// Its row, when it was there before any of those that wait with it was counted.
    place: Option<u32>,
}

impl Conversations {
    /// Counts a line: a conversation with the counts of this line only. It may wait for some others.
    #[inline]
    pub fn count(&mut self, line: &Conversation) {
        let key = Key::of(line);
        self.waiting.push(Waiting { hash: key.hash(&self.seed), key, counts: line.counts, place: None });
        if self.waiting.len() >= TOGETHER {
            self.settle();
        }
    }

    fn settle(&mut self) {
        let mut waiting = std::mem::take(&mut self.waiting);
        for line in &mut waiting {
            line.place = self.find(line.hash, &line.key);
        }
        let known = self.rows.len();
        for line in waiting.drain(..) {
            // A row that was begun meanwhile may be the one that is meant.
            let place = if self.rows.len() == known { line.place } else { self.find(line.hash, &line.key) };
            let row = match place {
                Some(place) => self.rows.get_mut(place),
                None => self.begin(line.hash, line.key),
            };
            match row {
                Some(row) => row.counts.add(&line.counts),
                None => self.overflowed += line.counts.lines,
            }
        }
        self.waiting = waiting;
    }

    fn find(&self, hash: u64, key: &Key) -> Option<u32> {
        let is_same = |i: &u32| self.rows.get(*i).is_some_and(|row| row.key == *key);
        self.index.find(hash, is_same).copied()
    }

    fn begin(&mut self, hash: u64, key: Key) -> Option<&mut Row> {
        if self.rows.len() >= MAX_CONVERSATIONS {
            return None;
        }
        let i = u32::try_from(self.rows.len()).ok()?;
        self.rows.push(Row { key, counts: LoggedCounts::NONE });
        let (rows, seed) = (&self.rows, &self.seed);
        self.index.insert_unique(hash, i, |i| rows.get(*i).map_or(0, |row| row.key.hash(seed)));
        self.rows.get_mut(i)
    }

    /// All of them, in the order in which they began, and how many lines found no room.
    pub fn finish(mut self) -> (Vec<Conversation>, u64) {
        self.settle();
        let mut all = Vec::with_capacity(self.rows.len());
        for block in self.rows.0 {
            all.extend(block.iter().map(Row::conversation));
        }
        (all, self.overflowed)
    }
}

impl Row {
    fn conversation(&self) -> Conversation {
        self.key.conversation(self.counts)
    }
}

/// What makes a conversation: all but how sure it is who opened, and the counts. A line that does
/// not tell who opened never joins one that does, since it may be another direction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Key([u64; 10]);

/// A number that stands for none.
const NONE: u32 = u32::MAX;

const PROTOCOLS: [Protocol; 4] = [Protocol::Tcp, Protocol::Udp, Protocol::Sctp, Protocol::Icmp];

const VERDICTS: [LoggedVerdict; 4] =
    [LoggedVerdict::Allowed, LoggedVerdict::WouldDeny, LoggedVerdict::Denied, LoggedVerdict::Dropped];

/// What is there, in the last word of a key.
const HAS_FROM: u64 = 1 << 16;
const HAS_TO: u64 = 1 << 17;
const HAS_SERVICE: u64 = 1 << 18;
const HAS_PORT: u64 = 1 << 19;
const HAS_ICMP: u64 = 1 << 20;
const IS_TOLD: u64 = 1 << 21;

impl Key {
    #[inline]
    fn of(c: &Conversation) -> Self {
        let address = |address: Option<Address>, bit: u64| match address {
            Some(address) => {
                let (value, low) = (u128::from_be_bytes(*address.octets()), u128::from(u64::MAX));
                let word = |value: u128| u64::try_from(value).unwrap_or_default();
                (word(value >> 64), word(value & low), bit)
            }
            None => (0, 0, 0),
        };
        let pair = |high: u32, low: u32| u64::from(high) << 32 | u64::from(low);
        let (from, from_low, has_from) = address(c.from.address, HAS_FROM);
        let (to, to_low, has_to) = address(c.to.address, HAS_TO);
        let (service, service_low, has_service) = address(c.service_address, HAS_SERVICE);
        let ends = pair(c.from.identity.map_or(NONE, |id| id.0), c.to.identity.map_or(NONE, |id| id.0));
        let names = pair(c.policy.map_or(NONE, |id| id.0), c.service.map_or(NONE, |id| id.0));
        let icmp = c.icmp.map_or(0, |icmp| u16::from_be_bytes([icmp.kind, icmp.code]));
        let ports = u32::from(c.port.unwrap_or(0)) << 16 | u32::from(icmp);
        let place = |is: bool, bit: u64| if is { bit } else { 0 };
        let bits = number(&PROTOCOLS, c.protocol)
            | number(&VERDICTS, c.verdict) << 8
            | has_from
            | has_to
            | has_service
            | place(c.port.is_some(), HAS_PORT)
            | place(c.icmp.is_some(), HAS_ICMP)
            | place(c.orientation == Orientation::Seen, IS_TOLD);
        Key([from, from_low, to, to_low, service, service_low, ends, names, pair(c.observer.0, ports), bits])
    }

    fn conversation(&self, counts: LoggedCounts) -> Conversation {
        let [from, from_low, to, to_low, service, service_low, ends, names, rest, bits] = self.0;
        let address = |high: u64, low: u64, bit: u64| {
            let value = u128::from(high) << 64 | u128::from(low);
            (bits & bit != 0).then(|| Address::v6(value.to_be_bytes()))
        };
        let half = |number: u64| u32::try_from(number).unwrap_or_default();
        let high = |pair: u64| half(pair >> 32);
        let low = |pair: u64| half(pair & u64::from(u32::MAX));
        let some = |number: u32| (number != NONE).then_some(number);
        let [port_high, port_low, kind, code] = low(rest).to_be_bytes();
        Conversation {
            from: LoggedEnd {
                address: address(from, from_low, HAS_FROM),
                identity: some(high(ends)).map(IdentityId),
            },
            to: LoggedEnd { address: address(to, to_low, HAS_TO), identity: some(low(ends)).map(IdentityId) },
            protocol: of_number(&PROTOCOLS, bits).unwrap_or(Protocol::Tcp),
            port: (bits & HAS_PORT != 0).then(|| u16::from_be_bytes([port_high, port_low])),
            icmp: (bits & HAS_ICMP != 0).then_some(IcmpType { kind, code }),
            orientation: if bits & IS_TOLD != 0 { Orientation::Seen } else { Orientation::Unknown },
            verdict: of_number(&VERDICTS, bits >> 8).unwrap_or(LoggedVerdict::Allowed),
            policy: some(high(names)).map(NameId),
            service: some(low(names)).map(NameId),
            service_address: address(service, service_low, HAS_SERVICE),
            observer: ObserverId(high(rest)),
            counts,
        }
    }

    #[inline]
    fn hash(&self, seed: &RandomState) -> u64 {
        let mut hasher = seed.build_hasher();
        self.0.iter().for_each(|word| hasher.write_u64(*word));
        hasher.finish()
    }
}

fn number<T: PartialEq + Copy>(all: &[T], one: T) -> u64 {
    all.iter().position(|known| *known == one).map_or(0, |at| at as u64)
}

fn of_number<T: Copy>(all: &[T], number: u64) -> Option<T> {
    all.get(usize::try_from(number & 0xff).ok()?).copied()
}

#[cfg(test)]
mod tests {
    use super::*;
    use flowfence_model::Timestamp;
    use proptest::prelude::*;

    fn conversation() -> impl Strategy<Value = Conversation> {
        let address = || prop::option::of(any::<[u8; 16]>().prop_map(Address::v6));
        let id = || prop::option::of(0..u32::MAX);
        let end = move || {
            (address(), id()).prop_map(|(address, id)| LoggedEnd { address, identity: id.map(IdentityId) })
        };
        let what = (
            prop::sample::select(&PROTOCOLS[..]),
            prop::option::of(any::<u16>()),
            prop::option::of(any::<(u8, u8)>()),
            any::<bool>(),
            prop::sample::select(&VERDICTS[..]),
        );
        (end(), end(), what, (id(), id(), address()), any::<u32>()).prop_map(
            |(
                from,
                to,
                (protocol, port, icmp, is_told, verdict),
                (policy, service, service_address),
                observer,
            )| {
                Conversation {
                    from,
                    to,
                    protocol,
                    port,
                    icmp: icmp.map(|(kind, code)| IcmpType { kind, code }),
                    orientation: if is_told { Orientation::Seen } else { Orientation::Unknown },
                    verdict,
                    policy: policy.map(NameId),
                    service: service.map(NameId),
                    service_address,
                    observer: ObserverId(observer),
                    counts: LoggedCounts { lines: 1, first: Timestamp::MIN, ..LoggedCounts::NONE },
                }
            },
        )
    }

    proptest! {
        #[test]
        fn a_key_is_the_conversation(one in conversation()) {
            prop_assert_eq!(Key::of(&one).conversation(one.counts), one);
        }

        #[test]
        fn lines_are_counted_in_their_conversations(some in prop::collection::vec(conversation(), 1..20), n in 1..5_u64) {
            let mut table = Conversations::default();
            for _ in 0..n {
                for line in &some {
                    table.count(line);
                }
            }
            let (found, overflowed) = table.finish();
            prop_assert_eq!((found.len(), overflowed), (some.len(), 0));
            for (found, line) in found.iter().zip(&some) {
                prop_assert_eq!(found.counts.lines, n);
                prop_assert_eq!(Key::of(found), Key::of(line));
            }
        }
    }
}
