//! What is new, gone or changed between two graphs of one cluster.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::edge::EdgeKey;

/// What was counted on an edge.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sight {
    /// Connections.
    pub connections: u64,
    /// Attempts.
    pub attempts: u64,
    /// Octets there and back.
    pub octets: [u64; 2],
}

/// What became of an edge.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Change {
    /// It was not there before.
    New,
    /// It is there no longer.
    Gone,
    /// It was only tried before, and connects now.
    Connects,
    /// It connected before, and is only tried now.
    Fails,
    /// It carries far more in the same time.
    More,
    /// It carries far less in the same time.
    Less,
}

impl Change {
    /// The token in our outputs.
    pub const fn token(self) -> &'static str {
        match self {
            Change::New => "new",
            Change::Gone => "gone",
            Change::Connects => "connects",
            Change::Fails => "fails",
            Change::More => "more",
            Change::Less => "less",
        }
    }
}

/// Volumes a second that differ by less than this factor are the same.
pub const FACTOR: u128 = 10;
/// A volume that differs by fewer octets, over the shorter of both windows, is the same.
pub const OCTETS: u128 = 1_000_000;

/// An edge that is not as it was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// Which.
    pub edge: EdgeKey,
    /// What became of it.
    pub change: Change,
    /// How it was.
    pub before: Option<Sight>,
    /// How it is.
    pub after: Option<Sight>,
}

/// The edges of one graph, and how long was watched.
pub type Side<'a> = (&'a BTreeMap<EdgeKey, Sight>, Duration);

/// Edges that are not as they were, sorted by edge.
///
/// What was shorter watched shows less, so volumes are compared by the time in which they passed.
/// That an edge is gone means no more than that it was not seen.
pub fn difference(before: Side<'_>, after: Side<'_>) -> Vec<Difference> {
    let edges: BTreeSet<&EdgeKey> = before.0.keys().chain(after.0.keys()).collect();
    let rows = edges.into_iter().filter_map(|edge| {
        let (was, is) = (before.0.get(edge).copied(), after.0.get(edge).copied());
        let change = match (was, is) {
            (None, _) => Change::New,
            (_, None) => Change::Gone,
            (Some(was), Some(is)) => changed((was, before.1), (is, after.1))?,
        };
        Some(Difference { edge: edge.clone(), change, before: was, after: is })
    });
    rows.collect()
}

fn changed((was, was_span): (Sight, Duration), (is, is_span): (Sight, Duration)) -> Option<Change> {
    match (was.connections > 0, is.connections > 0) {
        (false, true) => return Some(Change::Connects),
        (true, false) => return Some(Change::Fails),
        _ => {}
    }
    let millis = |span: Duration| span.as_millis().max(1);
    let shorter = millis(was_span.min(is_span));
    let scaled = |octets: u64, span: Duration| u128::from(octets) * shorter / millis(span);
    let mut changes = (0..2).filter_map(|way| {
        let (was, is) = (scaled(was.octets[way], was_span), scaled(is.octets[way], is_span));
        if was.abs_diff(is) < OCTETS {
            return None;
        }
        match (is >= FACTOR * was, was >= FACTOR * is) {
            (true, _) => Some(Change::More),
            (_, true) => Some(Change::Less),
            _ => None,
        }
    });
    changes.next()
}

#[cfg(test)]
mod tests {
    use super::*;

    const EDGE: &str = "shop/Deployment/web -> shop/Deployment/db 5432/TCP";
    const MINUTE: Duration = Duration::from_mins(1);

    fn sight(connections: u64, attempts: u64, octets: [u64; 2]) -> Sight {
        Sight { connections, attempts, octets }
    }

    fn change(was: Option<Sight>, is: Option<Sight>, spans: [Duration; 2]) -> Option<Change> {
        let side =
            |sight: Option<Sight>| sight.map(|sight| (EDGE.parse().unwrap(), sight)).into_iter().collect();
        let (was, is): (BTreeMap<EdgeKey, Sight>, BTreeMap<EdgeKey, Sight>) = (side(was), side(is));
        let found = difference((&was, spans[0]), (&is, spans[1]));
        assert!(found.len() <= 1);
        found.first().map(|difference| difference.change)
    }

    #[test]
    fn what_is_on_one_side_only_is_new_or_gone() {
        let some = Some(sight(1, 0, [10, 10]));
        assert_eq!(change(None, some, [MINUTE; 2]), Some(Change::New));
        assert_eq!(change(some, None, [MINUTE; 2]), Some(Change::Gone));
        assert_eq!(change(some, some, [MINUTE; 2]), None);
    }

    #[test]
    fn an_attempt_that_gets_through_is_a_change_and_more_attempts_are_not() {
        let (tried, through) = (sight(0, 3, [9, 0]), sight(1, 0, [9, 9]));
        assert_eq!(change(Some(tried), Some(through), [MINUTE; 2]), Some(Change::Connects));
        assert_eq!(change(Some(through), Some(tried), [MINUTE; 2]), Some(Change::Fails));
        assert_eq!(change(Some(tried), Some(sight(0, 300, [900, 0])), [MINUTE; 2]), None);
    }

    #[test]
    fn volumes_are_compared_by_the_time_in_which_they_passed() {
        let small = sight(1, 0, [1_000_000, 0]);
        let large = sight(1, 0, [60_000_000, 0]);
        assert_eq!(change(Some(small), Some(large), [MINUTE; 2]), Some(Change::More));
        assert_eq!(change(Some(large), Some(small), [MINUTE; 2]), Some(Change::Less));
        assert_eq!(change(Some(small), Some(large), [MINUTE, MINUTE * 60]), None);
        assert_eq!(change(Some(sight(1, 0, [1, 0])), Some(sight(1, 0, [900_000, 0])), [MINUTE; 2]), None);
    }

    #[test]
    fn a_window_without_length_divides_nothing_by_nothing() {
        let largest = sight(1, 0, [u64::MAX, u64::MAX]);
        assert_eq!(change(Some(sight(1, 0, [0, 0])), Some(largest), [Duration::ZERO; 2]), Some(Change::More));
        assert_eq!(change(Some(largest), Some(largest), [Duration::MAX, Duration::ZERO]), Some(Change::More));
    }
}
