//! Ends of Hubble flows that were met before, found again without reading them.
//!
//! Two thirds of a line are its two ends with all their labels, and a cluster has some thousand of them,
//! octet by octet the same in each line. Where an end begins, the one that was last met with its address is
//! held against the line: when it is the same, so is what it means. Most of an end its siblings have too, so
//! that is kept once for all of them, and what there is to hold against lines stays near.

use std::collections::HashSet;
use std::hash::{BuildHasher, Hasher};
use std::ops::Range;
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
/// Octets of the longest end that is remembered.
const MAX_WRITTEN: usize = 1 << 14;

/// Ends by what a line tells of them before they come.
#[derive(Default)]
pub(super) struct Seen {
    ends: HashTable<End>,
    common: HashSet<Arc<[u8]>, RandomState>,
    seed: RandomState,
}

/// An end that was met, all in one place of memory but for its octets.
struct End {
    hint: u64,
    /// What is written, without what its siblings have as well, and where that comes in.
    own: Box<[u8]>,
    cut: usize,
    common: Arc<[u8]>,
    known: Known,
}

impl End {
    /// The length of what is written, when `rest` begins with it.
    #[inline]
    fn length_in(&self, rest: &[u8]) -> Option<usize> {
        let (head, tail) = self.own.split_at_checked(self.cut)?;
        let behind = rest.strip_prefix(head)?.strip_prefix(&*self.common)?.strip_prefix(tail)?;
        Some(rest.len() - behind.len())
    }
}

/// What of an end its siblings have, too: from its identity to the end of its labels. Wherever it is cut, its
/// parts are all of it.
fn common_part(written: &[u8]) -> Range<usize> {
    let find = |what: &[u8], from: usize| {
        memchr::memmem::find(written.get(from..).unwrap_or_default(), what).map(|at| from + at)
    };
    let labels = find(b"\"labels\":[", 0).unwrap_or(written.len());
    let begin = find(b"\"identity\":", 0).filter(|begin| *begin < labels).unwrap_or(labels);
    begin..find(b"]", labels).unwrap_or(labels)
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
        Some((end.length_in(rest)?, end.known))
    }

    /// Remembers the ends of a line that was read.
    pub(super) fn learn(&mut self, flow: &Flow<'_>, hints: &Hints, fold: &Fold) {
        let ip = flow.ip.as_ref();
        let addresses = [ip.and_then(|ip| ip.source.as_ref()), ip.and_then(|ip| ip.destination.as_ref())];
        let ends = [flow.source, flow.destination].into_iter().zip(addresses);
        for ((written, address), hint) in ends.zip(hints.0) {
            let (Some(Written::Json(raw)), Some(hint)) = (written, hint) else { continue };
            let written = raw.get().as_bytes();
            // What depends on the line has no number of its own.
            let Some(number) = fold.number_of(written).filter(|_| written.len() <= MAX_WRITTEN) else {
                continue;
            };
            let identity = fold.named(number);
            let address = address.and_then(|address| text::address(address.as_bytes()));
            let number = address.and_then(|address| {
                let end = LoggedEnd { address: Some(address), identity };
                Some((address, fold.end(&end)?))
            });
            if self.ends.len() >= MAX_ENDS {
                self.ends.clear();
                self.common.clear();
            }
            let end = self.end(hint, written, Known { identity, number });
            match self.ends.find_mut(hint, |end| end.hint == hint) {
                Some(before) => *before = end,
                None => drop(self.ends.insert_unique(hint, end, |end| end.hint)),
            }
        }
    }

    fn end(&mut self, hint: u64, written: &[u8], known: Known) -> End {
        let range = common_part(written);
        let (head, rest) = written.split_at(range.start);
        let (common, tail) = rest.split_at(range.len());
        let own = [head, tail].concat().into_boxed_slice();
        let common = if let Some(kept) = self.common.get(common) {
            Arc::clone(kept)
        } else {
            let kept: Arc<[u8]> = common.into();
            self.common.insert(Arc::clone(&kept));
            kept
        };
        End { hint, own, cut: head.len(), common, known }
    }

    fn hint(&self, side: usize, address: &[u8], end: &[u8]) -> u64 {
        let mut hasher = self.seed.build_hasher();
        hasher.write_usize(side);
        hasher.write(address);
        hasher.write(end.get(..BEGIN).unwrap_or(end));
        hasher.finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const NOBODY: Known = Known { identity: None, number: None };

    #[test]
    fn siblings_share_what_is_the_same_of_them() {
        let mut seen = Seen::default();
        let written = |id: u32, pod: &str| {
            format!(
                r#"{{"ID":{id},"identity":20001,"namespace":"shop","labels":["k8s:app=web"],"pod_name":"{pod}"}}"#
            )
        };
        let [one, other] = [written(7, "web-0"), written(1042, "web-1")];
        let ends = [seen.end(1, one.as_bytes(), NOBODY), seen.end(2, other.as_bytes(), NOBODY)];
        assert!(Arc::ptr_eq(&ends[0].common, &ends[1].common));
        let common = br#""identity":20001,"namespace":"shop","labels":["k8s:app=web""#;
        assert_eq!(*ends[0].common, common[..]);
        assert_eq!(ends[0].length_in(format!("{one},\"Type\"").as_bytes()), Some(one.len()));
        assert_eq!(ends[0].length_in(other.as_bytes()), None);
        assert_eq!(ends[0].length_in(&one.as_bytes()[..one.len() - 1]), None);
    }

    proptest! {
        #[test]
        fn an_end_is_found_in_what_begins_with_it_wherever_it_is_cut(
            written in r#"(\{|"identity":|"labels":\[|\]|a|"){0,8}"#,
            more in ".{0,3}",
        ) {
            let end = Seen::default().end(1, written.as_bytes(), NOBODY);
            prop_assert_eq!(end.length_in(format!("{written}{more}").as_bytes()), Some(written.len()));
            prop_assert_eq!(end.length_in(format!("x{written}").as_bytes()).is_some(), written.is_empty());
        }
    }
}
