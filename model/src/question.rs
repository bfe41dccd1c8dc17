//! What clients asked DNS for, by zone: the shape of names, and not the names themselves.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use crate::time::Timestamp;

/// What one client asked for below one zone. Questions are counted by distinct names, so that one
/// that is asked again, or that several taps saw, counts once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    /// Hashes of the distinct names, at most [`Asked::MAX_NAMES`].
    names: BTreeSet<u64>,
    /// Octets of these names in front of the zone, dots left out.
    octets: u64,
    /// How often each octet is in them.
    letters: BTreeMap<u8, u64>,
    /// Earliest question.
    pub first: Timestamp,
    /// Latest question.
    pub last: Timestamp,
}

impl Asked {
    /// Distinct names that are counted at most.
    pub const MAX_NAMES: usize = 256;

    /// Distinct names; [`Asked::MAX_NAMES`] stands for more.
    pub fn names(&self) -> usize {
        self.names.len()
    }

    /// Octets in front of the zone of all distinct names together.
    pub fn octets(&self) -> u64 {
        self.octets
    }

    /// Shannon's entropy of an octet of them, in bits: some 3.5 for words, 4 for hexadecimal digits
    /// by chance, 5 for base 32.
    pub fn entropy(&self) -> f64 {
        let all: u64 = self.letters.values().sum();
        let share = |n: &u64| *n as f64 / all as f64;
        self.letters.values().map(share).map(|share| -share * share.log2()).sum()
    }
}

/// Questions by client and zone. Bounded; see [`Questions::ask`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Questions(BTreeMap<(IpAddr, String), Asked>);

impl Questions {
    /// Pairs of client and zone that are kept at most.
    pub const MAX_PAIRS: usize = 8_192;

    /// Notes that `client` asked for a name: `below` is what stands in front of the zone, dots left
    /// out, and `hash` tells names apart. False when a bound kept it out.
    pub fn ask(&mut self, client: IpAddr, zone: &str, below: &[u8], hash: u64, at: Timestamp) -> bool {
        let full = self.0.len() >= Self::MAX_PAIRS;
        let key = (client, zone.to_owned());
        if full && !self.0.contains_key(&key) {
            return false;
        }
        let asked = self.0.entry(key).or_insert_with(|| Asked {
            names: BTreeSet::new(),
            octets: 0,
            letters: BTreeMap::new(),
            first: at,
            last: at,
        });
        asked.first = asked.first.min(at);
        asked.last = asked.last.max(at);
        if asked.names.contains(&hash) {
            return true;
        }
        if asked.names.len() >= Asked::MAX_NAMES {
            return false;
        }
        asked.names.insert(hash);
        asked.octets += below.len() as u64;
        for octet in below {
            *asked.letters.entry(*octet).or_default() += 1;
        }
        true
    }

    /// Every client and zone with what was asked, sorted.
    pub fn iter(&self) -> impl Iterator<Item = (IpAddr, &str, &Asked)> + '_ {
        self.0.iter().map(|((client, zone), asked)| (*client, zone.as_str(), asked))
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
        assert_eq!((zone, asked.names(), asked.octets()), ("example.org", 1, 3));
        assert_eq!((asked.first, asked.last), (at(5), at(9)));
    }

    #[test]
    fn entropy_is_that_of_the_letters() {
        let mut questions = Questions::default();
        questions.ask(client(), "example.org", b"0123456789abcdef", 1, at(1));
        questions.ask(client(), "example.net", b"aaaaaaaa", 2, at(1));
        let entropies: Vec<f64> = questions.iter().map(|(.., asked)| asked.entropy()).collect();
        assert!(entropies[0].abs() < 1e-9 && (entropies[1] - 4.0).abs() < 1e-9, "{entropies:?}");
        let empty =
            Asked { names: BTreeSet::new(), octets: 0, letters: BTreeMap::new(), first: at(0), last: at(0) };
        assert!(empty.entropy().abs() < 1e-9);
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
