//! Everything that one run of observation produced, before anybody is named.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use crate::flow::{FlowRecord, TapId};
use crate::logged::Logged;
use crate::question::Questions;
use crate::time::Timestamp;
use crate::translation::Translation;

/// A point where packets were seen: one interface of one input, at one depth of encapsulation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tap {
    /// Index of the input (file, stdin, interface) in [`Recording::files`].
    pub input: u32,
    /// Interface number in the input (pcapng interface, SLL2 ifindex), 0 when it has none.
    pub interface: u32,
    /// Interface name, when the input tells it.
    pub name: Option<String>,
    /// How many tunnels were opened to reach the inner packet: 0 on a plain link.
    pub depth: u8,
    /// Time of the earliest packet.
    pub first: Timestamp,
    /// Time of the latest packet.
    pub last: Timestamp,
}

/// What became of one input.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FileReport {
    /// The input as the user named it.
    pub name: String,
    /// Records that were read.
    pub packets: u64,
    /// Octets that were read, after decompression.
    pub octets: u64,
    /// Whole records that could not be used, because of damage to the file.
    pub damaged_records: u64,
    /// Octets passed over while looking for the next good record.
    pub skipped_octets: u64,
    /// The input ends in the middle of a record.
    pub truncated: bool,
    /// What was wrong and where, one sentence each, at most eight.
    pub problems: Vec<String>,
}

/// How often something was left out or noteworthy, by a stable kebab-case token.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counts(BTreeMap<&'static str, u64>);

impl Counts {
    /// Counts `n` more under `cause`.
    pub fn add(&mut self, cause: &'static str, n: u64) {
        if n > 0 {
            *self.0.entry(cause).or_default() += n;
        }
    }

    /// How often `cause` was counted.
    pub fn get(&self, cause: &str) -> u64 {
        self.0.get(cause).copied().unwrap_or(0)
    }

    /// Causes and counts, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, u64)> + '_ {
        self.0.iter().map(|(k, v)| (*k, *v))
    }

    /// Takes in another count of the same: the larger of each.
    pub fn raise(&mut self, other: &Counts) {
        for (cause, n) in other.iter() {
            let known = self.0.entry(cause).or_default();
            *known = (*known).max(n);
        }
    }

    /// Adds every count of `other`.
    pub fn merge(&mut self, other: &Counts) {
        for (cause, n) in other.iter() {
            self.add(cause, n);
        }
    }
}

/// Names that DNS answers in the capture gave to addresses. Bounded; see [`Names::insert`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Names(BTreeMap<IpAddr, BTreeSet<String>>);

impl Names {
    /// Addresses that are kept at most.
    pub const MAX_ADDRESSES: usize = 65_536;
    /// Names of one address that are kept at most.
    pub const MAX_NAMES: usize = 16;

    /// Notes that `name` was answered with `address`; false when a bound kept it out.
    pub fn insert(&mut self, address: IpAddr, name: &str) -> bool {
        if !self.0.contains_key(&address) && self.0.len() >= Self::MAX_ADDRESSES {
            return false;
        }
        let names = self.0.entry(address).or_default();
        names.contains(name) || (names.len() < Self::MAX_NAMES && names.insert(name.to_owned()))
    }

    /// The names of `address`, sorted.
    pub fn of(&self, address: IpAddr) -> impl Iterator<Item = &str> + '_ {
        self.0.get(&address).into_iter().flatten().map(String::as_str)
    }

    /// Every address with its names.
    pub fn iter(&self) -> impl Iterator<Item = (&IpAddr, &BTreeSet<String>)> + '_ {
        self.0.iter()
    }

    /// Whether no name was seen.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// Flow records with where they come from and what was lost on the way.
#[derive(Clone, Debug, Default)]
pub struct Recording {
    /// Flow records of every tap, in no promised order.
    pub records: Vec<FlowRecord>,
    /// Taps; a [`TapId`] is an index into it.
    pub taps: Vec<Tap>,
    /// Inputs.
    pub files: Vec<FileReport>,
    /// Names from DNS answers.
    pub names: Names,
    /// What clients asked DNS for, of captures that are read from files.
    pub questions: Questions,
    /// What was passed over, by cause.
    pub counts: Counts,
    /// Packets that were read, used or not.
    pub packets: u64,
    /// Connections whose addresses a node rewrote, where it told them.
    pub translations: Vec<Translation>,
    /// What flow logs told.
    pub logged: Logged,
}

impl Recording {
    /// The tap of an id.
    pub fn tap(&self, id: TapId) -> Option<&Tap> {
        self.taps.get(usize::from(id.0))
    }

    /// Earliest and latest packet of all taps, and line of all logs.
    pub fn window(&self) -> Option<(Timestamp, Timestamp)> {
        let taps = self.taps.iter().map(|tap| (tap.first, tap.last));
        taps.chain(self.logged.window()).reduce(|x, y| (x.0.min(y.0), x.1.max(y.1)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_bounded_for_one_address() {
        let mut names = Names::default();
        let ip: IpAddr = "203.0.113.1".parse().unwrap();
        for i in 0..Names::MAX_NAMES {
            assert!(names.insert(ip, &format!("n{i}.example")));
        }
        assert!(!names.insert(ip, "one.too.many"));
        assert!(names.insert(ip, "n0.example"), "a name that is kept stays welcome");
        assert_eq!(names.of(ip).count(), Names::MAX_NAMES);
    }
}
