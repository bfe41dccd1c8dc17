//! In which parts of the window something was seen.

use flowfence_model::Timestamp;

/// A set of equal parts of the window: what a person calls "it was there in most hours of the
/// day". Four octets, however often it was seen; sets of one window merge in any order.
///
/// 24 parts: an hour each of a day. Fewer would tell little of how often a rare thing comes;
/// more would cut the bursts in which connections come, and a burst is one sighting.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Parts(u32);

impl Parts {
    /// None.
    pub const NONE: Parts = Parts(0);
    /// How many parts a window has.
    pub const COUNT: u32 = 24;

    /// The parts that something touched which lasted from `first` to `last`.
    pub fn touched(window: (Timestamp, Timestamp), first: Timestamp, last: Timestamp) -> Self {
        let (from, to) = (Parts::index(window, first), Parts::index(window, last.max(first)));
        // Both are less than 24.
        Parts((u32::MAX << from) & (u32::MAX >> (31 - to)))
    }

    /// The part that holds a moment, from 0; moments outside belong to the nearest part.
    pub fn index(window: (Timestamp, Timestamp), at: Timestamp) -> u32 {
        let whole = window.1.since(window.0).as_nanos();
        let passed = at.since(window.0).as_nanos().min(whole);
        let part = (passed * u128::from(Parts::COUNT)).checked_div(whole).unwrap_or(0);
        u32::try_from(part).unwrap_or(u32::MAX).min(Parts::COUNT - 1)
    }

    /// What is in either.
    #[must_use]
    pub const fn union(self, other: Parts) -> Parts {
        Parts(self.0 | other.0)
    }

    /// What is in both.
    #[must_use]
    pub const fn intersection(self, other: Parts) -> Parts {
        Parts(self.0 & other.0)
    }

    /// Those from the first of `other` on; all when that is none.
    #[must_use]
    pub const fn since(self, other: Parts) -> Parts {
        if other.0 == 0 { self } else { Parts(self.0 & (u32::MAX << other.0.trailing_zeros())) }
    }

    /// How many.
    pub const fn len(self) -> u32 {
        self.0.count_ones()
    }

    /// Whether it is none.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The parts, from 0, in order.
    pub fn iter(self) -> impl Iterator<Item = u32> {
        (0..Parts::COUNT).filter(move |part| self.0 >> part & 1 == 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::at;

    fn of(first: i64, last: i64) -> Vec<u32> {
        Parts::touched((at(0), at(240)), at(first), at(last)).iter().collect()
    }

    #[test]
    fn a_window_has_equal_parts_and_both_ends_belong_to_one() {
        assert_eq!(of(0, 0), [0]);
        assert_eq!(of(9, 10), [0, 1]);
        assert_eq!(of(240, 240), [23]);
        assert_eq!(of(0, 240).len(), 24);
    }

    #[test]
    fn what_lies_outside_belongs_to_the_nearest_part() {
        assert_eq!(of(-50, -40), [0]);
        assert_eq!(of(900, 1000), [23]);
        assert_eq!(Parts::touched((at(5), at(5)), at(5), at(5)).iter().collect::<Vec<_>>(), [0]);
        assert_eq!(Parts::touched((Timestamp::MIN, Timestamp::MAX), at(0), at(0)).len(), 1);
    }

    #[test]
    fn parts_since_others_began_hold_the_first_of_those() {
        assert_eq!(Parts(0b1111).since(Parts(0b0100)), Parts(0b1100));
        assert_eq!(Parts(0b0011).since(Parts(0b0100)), Parts::NONE);
        assert_eq!(Parts(0b0011).since(Parts::NONE), Parts(0b0011));
    }

    #[test]
    fn sets_merge_in_any_order() {
        let (a, b) = (Parts(0b0110), Parts(0b0011));
        assert_eq!(a.union(b), b.union(a));
        assert_eq!((a.union(b).len(), a.intersection(b).len()), (3, 1));
        assert!(Parts::default().is_empty() && !a.is_empty());
    }
}
