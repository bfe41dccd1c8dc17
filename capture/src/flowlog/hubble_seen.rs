//! Ends of Hubble flows that were met before, found again without reading them.
//!
//! Two thirds of a line are its two ends with all their labels, and a cluster has some thousand of them,
//! octet by octet the same in each line. Where an end begins, the one that was last met with its address is
//! held against the line: when it is the same, so is what it means.

use std::hash::{BuildHasher, Hasher};
use std::sync::Arc;

use flowfence_model::Address;
use flowfence_model::logged::{IdentityId, LoggedEnd};
use foldhash::fast::RandomState;
use hashbrown::HashTable;

use super::fold::Fold;
use super::hubble_flow::{Flow, Written};
use super::text;

/// Ends that are remembered at most.
const MAX_ENDS: usize = 1 << 17;
/// Octets of an end that, with its address, tell which it may be: those of one pod differ where they begin.
const BEGIN: usize = 12;

/// Ends by what a line tells of them before they come.
#[derive(Default)]
pub(super) struct Seen {
    ends: HashTable<End>,
    seed: RandomState,
}

/// An end that was met, all in one place of memory but for its octets.
struct End {
    hint: u64,
    written: Arc<[u8]>,
    known: Known,
}

/// Who an end is that was met before.
#[derive(Clone, Copy, Debug)]
pub(super) struct Known {
    /// Who it is.
    pub(super) identity: Option<IdentityId>,
    /// Its address and its number in the fold, unless it is not always the same.
    pub(super) number: Option<(Address, u32)>,
}

/// By what the ends of a line are looked up, where they are objects.
#[derive(Clone, Copy, Default)]
pub(super) struct Hints([Option<u64>; 2]);

impl Seen {
    /// The length of the end, and who it is, when `rest`, which begins with one, begins as it was written
    /// before. What tells it is kept in `hints`.
    pub(super) fn known(
        &self,
        side: usize,
        address: &str,
        rest: &[u8],
        hints: &mut Hints,
    ) -> Option<(usize, Known)> {
        let hint = self.hint(side, address.as_bytes(), rest);
        *hints.0.get_mut(side)? = Some(hint);
        let end = self.ends.find(hint, |end| end.hint == hint)?;
        rest.starts_with(&end.written).then_some((end.written.len(), end.known))
    }

    /// Remembers the ends of a line that was read.
    pub(super) fn learn(&mut self, flow: &Flow<'_>, hints: &Hints, fold: &Fold) {
        let ip = flow.ip.as_ref();
        let addresses = [ip.and_then(|ip| ip.source.as_ref()), ip.and_then(|ip| ip.destination.as_ref())];
        let ends = [flow.source, flow.destination].into_iter().zip(addresses);
        for ((written, address), hint) in ends.zip(hints.0) {
            let (Some(Written::Json(raw)), Some(hint)) = (written, hint) else { continue };
            // What depends on the line has no number of its own.
            let Some(number) = fold.number_of(raw.get().as_bytes()) else { continue };
            let Some(written) = fold.writing(number).cloned() else { continue };
            let identity = fold.named(number);
            let address = address.and_then(|address| text::address(address.as_bytes()));
            let number = address.and_then(|address| {
                let end = LoggedEnd { address: Some(address), identity };
                Some((address, fold.end(&end)?))
            });
            let end = End { hint, written, known: Known { identity, number } };
            if self.ends.len() >= MAX_ENDS {
                self.ends.clear();
            }
            match self.ends.find_mut(hint, |end| end.hint == hint) {
                Some(before) => *before = end,
                None => drop(self.ends.insert_unique(hint, end, |end| end.hint)),
            }
        }
    }

    fn hint(&self, side: usize, address: &[u8], end: &[u8]) -> u64 {
        let mut hasher = self.seed.build_hasher();
        hasher.write_usize(side);
        hasher.write(address);
        hasher.write(end.get(..BEGIN).unwrap_or(end));
        hasher.finish()
    }
}
