//! What clients asked DNS for, by zone: the shape of names; the names themselves are shown nowhere.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

use crate::time::Timestamp;

/// What one client asked for below one zone. Questions are counted by distinct names, so that one
/// that is asked again, or that several taps saw, counts once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    /// The distinct names by their hashes, at most [`Asked::MAX_NAMES`].
    names: BTreeMap<u64, Name>,
    /// Earliest question.
    pub first: Timestamp,
    /// Latest question.
    pub last: Timestamp,
}

/// One name below a zone.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Name {
    /// What stands in front of the zone, dots left out.
    below: Box<[u8]>,
    /// Earliest and latest question.
    first: Timestamp,
    last: Timestamp,
}

impl Asked {
    /// Distinct names that are counted at most.
    pub const MAX_NAMES: usize = 256;
    /// A name that is asked for again so much later is the name of something. Sooner it is the same
    /// question: retries, other record types, other taps.
    pub const AGAIN: Duration = Duration::from_mins(1);

    /// Distinct names; [`Asked::MAX_NAMES`] stands for more.
    pub fn names(&self) -> usize {
        self.names.len()
    }

    /// The names that were asked for once, by their hashes: what stands in front of the zone, dots
    /// left out. Those that came back after [`Asked::AGAIN`] are left out.
    pub fn once(&self) -> impl Iterator<Item = (u64, &[u8])> {
        let once = self.names.iter().filter(|(_, name)| name.last.since(name.first) < Self::AGAIN);
        once.map(|(hash, name)| (*hash, &*name.below))
    }
}

/// Questions by client and zone. Bounded; see [`Questions::ask`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Questions {
    asked: BTreeMap<(IpAddr, String), Asked>,
    /// Distinct names of all together.
    names: usize,
}

impl Questions {
    /// Pairs of client and zone that are kept at most.
    pub const MAX_PAIRS: usize = 8_192;
    /// Distinct names that are kept at most, of all clients and zones together.
    pub const MAX_NAMES: usize = 262_144;

    /// Notes that `client` asked for a name: `below` is what stands in front of the zone, dots left
    /// out, and `hash` tells names apart. False when a bound kept it out.
    pub fn ask(&mut self, client: IpAddr, zone: &str, below: &[u8], hash: u64, at: Timestamp) -> bool {
        let full = self.asked.len() >= Self::MAX_PAIRS;
        let key = (client, zone.to_owned());
        if full && !self.asked.contains_key(&key) {
            return false;
        }
        let asked =
            self.asked.entry(key).or_insert_with(|| Asked { names: BTreeMap::new(), first: at, last: at });
        asked.first = asked.first.min(at);
        asked.last = asked.last.max(at);
        if let Some(name) = asked.names.get_mut(&hash) {
            name.first = name.first.min(at);
            name.last = name.last.max(at);
            return true;
        }
        if asked.names.len() >= Asked::MAX_NAMES || self.names >= Self::MAX_NAMES {
            return false;
        }
        asked.names.insert(hash, Name { below: below.into(), first: at, last: at });
        self.names += 1;
        true
    }

    /// Whether no bound is reached when those of another part are taken.
    pub fn have_room_for(&self, other: &Self) -> bool {
        let fits = |(key, theirs): (&(IpAddr, String), &Asked)| {
            let Some(ours) = self.asked.get(key) else { return true };
            let new = theirs.names.keys().filter(|hash| !ours.names.contains_key(hash)).count();
            ours.names.len() + new <= Asked::MAX_NAMES
        };
        self.asked.len() + other.asked.len() <= Self::MAX_PAIRS
            && self.names + other.names <= Self::MAX_NAMES
            && other.asked.iter().all(fits)
    }

    /// Takes those of another part, for which there is room, as if they had been asked here.
    pub fn absorb(&mut self, other: Self) {
        for ((client, zone), asked) in other.asked {
            for (hash, name) in &asked.names {
                self.ask(client, &zone, &name.below, *hash, name.first);
                self.ask(client, &zone, &name.below, *hash, name.last);
            }
        }
    }

    /// Every client and zone with what was asked, sorted.
    pub fn iter(&self) -> impl Iterator<Item = (IpAddr, &str, &Asked)> + '_ {
        self.asked.iter().map(|((client, zone), asked)| (*client, zone.as_str(), asked))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client() -> IpAddr {
        "10.244.1.2".parse().unwrap()
    }

    fn at(secs: i64) -> Timestamp {
        Timestamp::from_secs(secs, 0)
    }

    #[test]
    fn a_name_that_is_asked_again_counts_once_in_any_order() {
        let mut questions = Questions::default();
        assert!(questions.ask(client(), "example.org", b"www", 1, at(9)));
        assert!(questions.ask(client(), "example.org", b"www", 1, at(5)));
        let (_, zone, asked) = questions.iter().next().unwrap();
        assert_eq!((zone, asked.names()), ("example.org", 1));
        assert_eq!((asked.first, asked.last), (at(5), at(9)));
        assert_eq!(asked.once().collect::<Vec<_>>(), [(1, b"www".as_slice())]);
    }

    #[test]
    fn a_name_that_comes_back_a_minute_later_was_not_asked_once() {
        let mut questions = Questions::default();
        for (name, secs) in [(1, 0), (2, 30), (1, 60), (2, 80), (3, 100)] {
            questions.ask(client(), "example.org", b"www", name, at(secs));
        }
        let (.., asked) = questions.iter().next().unwrap();
        assert_eq!(asked.once().map(|(hash, _)| hash).collect::<Vec<_>>(), [2, 3]);
    }

    #[test]
    fn parts_are_taken_as_if_they_had_been_asked_in_one() {
        let asked =
            [("example.org", 1, 7), ("example.org", 2, 3), ("example.net", 1, 5), ("example.org", 1, 9)];
        let of = |asked: &[(&str, u64, i64)]| {
            let mut questions = Questions::default();
            for (zone, name, secs) in asked {
                questions.ask(
                    client(),
                    zone,
                    &[b'a'; 4][..usize::try_from(*name).unwrap()],
                    *name,
                    at(*secs),
                );
            }
            questions
        };
        for cut in 0..=asked.len() {
            let (mut first, second) = (of(&asked[..cut]), of(&asked[cut..]));
            assert!(first.have_room_for(&second));
            first.absorb(second);
            assert_eq!(first, of(&asked));
        }
        let mut full = Questions::default();
        for name in 10..10 + 255 {
            full.ask(client(), "example.org", b"x", name, at(1));
        }
        assert!(full.have_room_for(&of(&asked[2..])) && !full.have_room_for(&of(&asked)));
    }

    #[test]
    fn names_and_pairs_are_bounded() {
        let mut questions = Questions::default();
        for hash in 0..2_000 {
            questions.ask(client(), "example.org", b"x", hash, at(1));
        }
        assert_eq!(questions.iter().next().unwrap().2.names(), Asked::MAX_NAMES);
        for zone in 0..10_000 {
            questions.ask(client(), &format!("z{zone}.example"), b"x", 1, at(1));
        }
        assert_eq!(questions.iter().count(), Questions::MAX_PAIRS);
        assert!(!questions.ask(client(), "one.too.many", b"x", 1, at(1)));
    }
}
