//! Conversations while lines come: a table that finds one by what makes it.
//!
//! A log of a large cluster has some hundred thousand conversations, more than a core's caches hold, and each
//! line is about another one. So what makes a conversation is put into three numbers, its two ends and its
//! manner, and lines are looked up some together: a core waits for several lines of memory at once.

mod absorb;
mod index;
mod row;
mod rows;

use std::hash::{BuildHasher, Hasher};
use std::hint::black_box;

use flowfence_model::logged::{Conversation, LoggedAddress, LoggedCounts, LoggedEnd};
use foldhash::fast::RandomState;
use index::{Index, MAX_ROWS};
use row::{Key, Row, Sizes};
use rows::Rows;

use super::ends::Ends;
use super::manner::{How, Manners};

/// Conversations that are kept at most, 64 octets each, and 56 more of those of which much is counted.
const MAX_CONVERSATIONS: usize = MAX_ROWS;

/// Lines that are looked up together.
const TOGETHER: usize = 32;

/// Every conversation so far.
#[derive(Clone, Debug, Default)]
pub struct Conversations {
    ends: Ends,
    manners: Manners,
    rows: Rows<Row>,
    sizes: Rows<Sizes>,
    index: Index,
    seed: RandomState,
    waiting: Vec<Waiting>,
    /// Lines that found no room.
    overflowed: u64,
}

/// A line that waits to be counted.
#[derive(Clone, Debug)]
struct Waiting {
    hash: u64,
    key: Key,
    counts: LoggedCounts,
    /// A row that is likely its own, of those that were there before any that wait with it was counted.
    place: Option<u32>,
}

impl Conversations {
    /// The number of an end of a line; `None` when there is no room for it.
    #[inline]
    pub fn end(&mut self, end: &LoggedEnd) -> Option<u32> {
        self.ends.number(end)
    }

    /// The number of an end that lines had.
    pub fn known(&self, end: &LoggedEnd) -> Option<u32> {
        self.ends.find(end)
    }

    /// Counts a line between ends of these numbers. It may wait for some others.
    #[inline]
    pub fn count(&mut self, ends: [Option<u32>; 2], how: &How, counts: &LoggedCounts) {
        let ([Some(from), Some(to)], Some(manner)) = (ends, self.manners.of(how)) else {
            return self.overflow(ends, counts);
        };
        let key = ([from, to], manner);
        self.waiting.push(Waiting { hash: hash(&self.seed, key), key, counts: *counts, place: None });
        if self.waiting.len() >= TOGETHER {
            self.settle();
        }
    }

    /// Counts a conversation of another table.
    pub fn add(&mut self, line: &Conversation) {
        let ends = [self.end(&line.from), self.end(&line.to)];
        self.count(ends, &How::from(line), &line.counts);
    }

    /// There is no room for a line; its ends were met all the same.
    #[cold]
    fn overflow(&mut self, ends: [Option<u32>; 2], counts: &LoggedCounts) {
        self.overflowed += counts.lines;
        for number in ends.into_iter().flatten() {
            self.ends.met(number, (counts.first, counts.last));
        }
    }

    fn settle(&mut self) {
        let mut waiting = std::mem::take(&mut self.waiting);
        // In each of these rounds a line waits for memory while the others ask for theirs.
        black_box(waiting.iter().fold(0, |near, line| near ^ self.index.first(line.hash)));
        for line in &mut waiting {
            line.place = self.index.find(line.hash, |_| true);
        }
        black_box(waiting.iter().fold(0, |near, line| near ^ self.lines(line.place)));
        for line in waiting.drain(..) {
            let place = line.place.filter(|place| self.is(*place, line.key));
            let known = place.or_else(|| self.find(line.hash, line.key));
            match known.or_else(|| self.begin(line.hash, line.key)) {
                Some(place) => {
                    if let Some(row) = self.rows.get_mut(place) {
                        row.add(&line.counts, &mut self.sizes);
                    }
                }
                None => self.overflow(line.key.0.map(Some), &line.counts),
            }
        }
        self.waiting = waiting;
    }

    /// Lines that were counted at a place.
    #[inline]
    fn lines(&self, place: Option<u32>) -> u32 {
        place.and_then(|place| self.rows.get(place)).map_or(0, |row| row.lines)
    }

    #[inline]
    fn is(&self, place: u32, key: Key) -> bool {
        self.rows.get(place).is_some_and(|row| row.key == key)
    }

    fn find(&self, hash: u64, key: Key) -> Option<u32> {
        self.index.find(hash, |place| self.is(place, key))
    }

    fn begin(&mut self, hash: u64, key: Key) -> Option<u32> {
        if self.rows.len() >= MAX_CONVERSATIONS {
            return None;
        }
        let i = u32::try_from(self.rows.len()).ok()?;
        self.rows.push(Row::of(key));
        let (rows, seed) = (&self.rows, &self.seed);
        self.index.insert(hash, i, |i| rows.get(i).map_or(0, |row| self::hash(seed, row.key)));
        Some(i)
    }

    /// All of them, in the order in which they began, and how many lines found no room; addresses that a
    /// log gave to somebody, sorted.
    pub fn finish(mut self) -> (Vec<Conversation>, Vec<LoggedAddress>, u64) {
        self.settle();
        drop(std::mem::take(&mut self.index));
        let mut all = Vec::with_capacity(self.rows.len());
        for block in std::mem::take(&mut self.rows).into_blocks() {
            // When lines had an end, its conversations tell.
            for (number, time) in block.iter().flat_map(Row::times) {
                self.ends.met(number, time);
            }
            all.extend(block.iter().filter_map(|row| self.conversation(row)));
        }
        (all, self.ends.addresses(), self.overflowed)
    }

    fn conversation(&self, row: &Row) -> Option<Conversation> {
        let ([from, to], manner) = row.key;
        self.manners.conversation(manner, self.ends.end(from)?, self.ends.end(to)?, row.counts(&self.sizes))
    }
}

#[inline]
fn hash(seed: &RandomState, ([from, to], manner): Key) -> u64 {
    let mut hasher = seed.build_hasher();
    hasher.write_u64(u64::from(from) << 32 | u64::from(to));
    hasher.write_u64(manner);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flowlog::manner::{PROTOCOLS, VERDICTS};
    use flowfence_model::logged::{IdentityId, NameId, ObserverId};
    use flowfence_model::{Address, IcmpType, Orientation, Timestamp};
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
        let counts = (any::<[u32; 2]>(), 0..3_u64, 0..2_u64, any::<(bool, u64, i64, i64)>());
        (end(), end(), what, (id(), id(), address(), prop_oneof![0..4_u32, any::<u32>()]), counts).prop_map(
            |(
                from,
                to,
                (protocol, port, icmp, is_told, verdict),
                (policy, service, service_address, observer),
                (packets, opened, refused, (answered, client_ports, first, last)),
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
                    counts: LoggedCounts {
                        lines: 1,
                        opened,
                        refused,
                        answered,
                        client_ports,
                        packets: packets.map(u64::from),
                        octets: [0, packets[0].into()],
                        first: Timestamp::from_nanos(first),
                        last: Timestamp::from_nanos(last),
                        ..LoggedCounts::NONE
                    },
                }
            },
        )
    }

    #[test]
    fn an_end_was_there_when_its_lines_were_whether_they_found_room_or_not() {
        let mut table = Conversations::default();
        let address = Some(Address::v4([10, 0, 0, 1]));
        let named = LoggedEnd { address, identity: Some(IdentityId(7)) };
        let other = LoggedEnd { address: Some(Address::v4([10, 0, 0, 2])), identity: None };
        let how = How {
            protocol: flowfence_model::Protocol::Tcp,
            port: Some(80),
            icmp: None,
            is_told: true,
            verdict: VERDICTS[0],
            policy: None,
            service: None,
            service_address: None,
            observer: ObserverId(0),
        };
        let at = |first, last| LoggedCounts {
            lines: 1,
            first: Timestamp::from_nanos(first),
            last: Timestamp::from_nanos(last),
            ..LoggedCounts::NONE
        };
        let [named, other] = [table.end(&named), table.end(&other)];
        table.count([named, other], &how, &at(20, 30));
        table.count([other, named], &how, &at(25, 40));
        table.count([named, None], &how, &at(10, 15));
        let (found, addresses, overflowed) = table.finish();
        assert_eq!((found.len(), overflowed), (2, 1));
        let times: Vec<_> = addresses.iter().map(|a| (a.first.as_nanos(), a.last.as_nanos())).collect();
        assert_eq!(times, [(10, 40)]);
    }

    proptest! {
        #[test]
        fn lines_are_counted_in_their_conversations(some in prop::collection::vec(conversation(), 1..20), n in 1..5_u32) {
            let mut table = Conversations::default();
            for _ in 0..n {
                for line in &some {
                    table.add(line);
                }
            }
            let (found, _, overflowed) = table.finish();
            let mut expected: Vec<Conversation> = Vec::new();
            for line in some.iter().cycle().take(some.len() * n as usize) {
                let is_same = |known: &&mut Conversation| {
                    Conversation { counts: line.counts, ..Conversation::clone(known) } == *line
                };
                match expected.iter_mut().find(is_same) {
                    Some(known) => known.counts.add(&line.counts),
                    None => expected.push(line.clone()),
                }
            }
            prop_assert_eq!((found, overflowed), (expected, 0));
        }
    }
}
