//! Ends of Hubble flows that were met before, found again without reading them.
//!
//! Two thirds of a line are its two ends with all their labels, and a cluster has some thousand of them,
//! octet by octet the same in each line. Where an end begins, the one that was last met with its address is
//! held against the line: when it is the same, so is what it means, and a line without it is read.

use flowfence_model::logged::IdentityId;
use foldhash::fast::RandomState;
use hashbrown::HashMap;
use memchr::memmem::Finder;
use serde_json::value::RawValue;
use std::hash::{BuildHasher, Hasher};

use super::fold::Fold;
use super::hubble_flow::{Flow, Written};

/// Ends that are remembered at most.
const MAX_ENDS: usize = 1 << 17;
/// Octets of an end that, with its address, tell which it may be: those of one pod differ where they begin.
const BEGIN: usize = 12;
/// What stands for an end that is known. Only white space, a comma or a brace may follow it, as may an end.
const STAND_IN: &[u8] = b"\"\"";
/// Octets of an address.
const MAX_ADDRESS: usize = 48;

/// Ends by what a line tells of them before they come.
pub(super) struct Seen {
    numbers: HashMap<u64, u32, RandomState>,
    seed: RandomState,
    finders: [Finder<'static>; 3],
}

/// Where ends of a shortened line were, in it, and who they are.
pub(super) type Spots = [Option<(usize, Option<IdentityId>)>; 2];

/// By what the ends of a line are looked up.
#[derive(Clone, Copy, Default)]
pub(super) struct Hints([Option<u64>; 2]);

impl Default for Seen {
    fn default() -> Self {
        let finders = [&b"\"source\":{"[..], b"\"destination\":{", b"\"IP\":{\"source\":\""];
        Seen { numbers: HashMap::default(), seed: RandomState::default(), finders: finders.map(Finder::new) }
    }
}

impl Seen {
    /// The line without the ends that are known, in `short`; `None` when none is. What tells the others
    /// is kept in `hints`.
    pub(super) fn shorten(
        &self,
        line: &[u8],
        fold: &Fold,
        hints: &mut Hints,
        short: &mut Vec<u8>,
    ) -> Option<Spots> {
        let addresses = self.addresses(line);
        let (mut done, mut spots) = (0, Spots::default());
        short.clear();
        for (i, address) in addresses.into_iter().enumerate() {
            let Some(at) = self.finders.get(i).and_then(|finder| begin(line, done, finder)) else { continue };
            let end = line.get(at..)?;
            let hint = self.hint(i, address, end);
            if let Some(place) = hints.0.get_mut(i) {
                *place = Some(hint);
            }
            let Some(number) = self.numbers.get(&hint).copied() else { continue };
            let Some(written) = fold.writing(number).filter(|written| end.starts_with(written)) else {
                continue;
            };
            short.extend_from_slice(line.get(done..at)?);
            if let Some(spot) = spots.get_mut(i) {
                *spot = Some((short.len(), fold.named(number)));
            }
            short.extend_from_slice(STAND_IN);
            done = at + written.len();
        }
        if done == 0 {
            return None;
        }
        short.extend_from_slice(line.get(done..)?);
        Some(spots)
    }

    /// Remembers the ends of a line that was read.
    pub(super) fn learn(&mut self, flow: &Flow<'_>, hints: &Hints, fold: &Fold) {
        for (written, hint) in [flow.source, flow.destination].into_iter().zip(hints.0) {
            let (Some(Written::Json(raw)), Some(hint)) = (written, hint) else { continue };
            // What depends on the line has no number of its own.
            if let Some(number) = fold.number_of(raw.get().as_bytes()) {
                if self.numbers.len() >= MAX_ENDS {
                    self.numbers.clear();
                }
                self.numbers.insert(hint, number);
            }
        }
    }

    /// The texts of both addresses, as far as they stand where Hubble writes them.
    fn addresses<'l>(&self, line: &'l [u8]) -> [&'l [u8]; 2] {
        let found = || {
            let [.., finder] = &self.finders;
            let rest = line.get(finder.find(line)? + finder.needle().len()..)?;
            let (source, rest) = quoted(rest)?;
            let destination = rest.strip_prefix(b",\"destination\":\"").and_then(quoted);
            Some([source, destination.map_or(&b""[..], |(address, _)| address)])
        };
        found().unwrap_or_default()
    }

    fn hint(&self, side: usize, address: &[u8], end: &[u8]) -> u64 {
        let mut hasher = self.seed.build_hasher();
        hasher.write_usize(side);
        hasher.write(address);
        hasher.write(end.get(..BEGIN).unwrap_or(end));
        hasher.finish()
    }
}

/// Where the value of a member begins, behind `done`.
fn begin(line: &[u8], done: usize, member: &Finder<'_>) -> Option<usize> {
    let at = done + member.find(line.get(done..)?)?;
    // Behind anything else it is part of a text.
    let is_member = matches!(line.get(at.checked_sub(1)?), Some(b',' | b'{'));
    is_member.then(|| at + member.needle().len() - 1)
}

/// Up to the quote, and what follows it.
fn quoted(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let length = text.iter().take(MAX_ADDRESS).position(|octet| *octet == b'"')?;
    Some((text.get(..length)?, text.get(length + 1..)?))
}

/// Puts who they are where the ends of a shortened line were; false when something else stood there.
pub(super) fn put_back(flow: &mut Flow<'_>, text: &str, spots: &Spots) -> bool {
    let mut is_whole = true;
    for (end, spot) in [&mut flow.source, &mut flow.destination].into_iter().zip(spots) {
        match (&end, spot) {
            (Some(Written::Json(raw)), Some((at, identity))) if is_at(text, raw, *at) => {
                *end = Some(Written::Known(*identity));
            }
            (_, Some(_)) => is_whole = false,
            (_, None) => {}
        }
    }
    is_whole
}

/// Whether a value of `text` is the one at this octet, and not another one like it.
fn is_at(text: &str, raw: &RawValue, at: usize) -> bool {
    raw.get().as_ptr().addr().checked_sub(text.as_ptr().addr()) == Some(at)
}
