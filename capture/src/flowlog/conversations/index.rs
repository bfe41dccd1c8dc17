//! Where rows are, by the hash of what makes them: one word a place, so that what is looked for is one line
//! of memory away, and its row another.

/// Bits of a row's number.
const ROW: u32 = 22;
/// Nothing is here.
const EMPTY: u32 = u32::MAX;

/// Rows that can be numbered.
pub const MAX_ROWS: usize = (1 << ROW) - 1;

/// Places of rows. A place has the row's number and ten bits of its hash, which others seldom share.
#[derive(Clone, Debug, Default)]
pub struct Index {
    places: Vec<u32>,
    count: usize,
}

impl Index {
    /// What stands at the first place that a row of this hash may have: reading it brings its surroundings
    /// near.
    #[inline]
    pub fn first(&self, hash: u64) -> u32 {
        self.places.get(self.begin(hash)).copied().unwrap_or(EMPTY)
    }

    /// The row of this hash that `is_same`.
    #[inline]
    pub fn find(&self, hash: u64, is_same: impl Fn(u32) -> bool) -> Option<u32> {
        let (tag, mut at) = (tag(hash), self.begin(hash));
        loop {
            let place = *self.places.get(at)?;
            if place == EMPTY {
                return None;
            }
            let row = place & ((1 << ROW) - 1);
            if place >> ROW == tag && is_same(row) {
                return Some(row);
            }
            at = (at + 1) & (self.places.len() - 1);
        }
    }

    /// Puts in a row that is not there; `hash_of` tells those of the others when they move.
    pub fn insert(&mut self, hash: u64, row: u32, hash_of: impl Fn(u32) -> u64) {
        // A quarter of the places at least is empty, so that whoever looks for one finds it soon.
        if (self.count + 1) * 4 > self.places.len() * 3 {
            let room = (self.places.len() * 2).max(64);
            let before = std::mem::replace(&mut self.places, vec![EMPTY; room]);
            for place in before.into_iter().filter(|place| *place != EMPTY) {
                let row = place & ((1 << ROW) - 1);
                self.put(hash_of(row), row);
            }
        }
        self.count += 1;
        self.put(hash, row);
    }

    fn put(&mut self, hash: u64, row: u32) {
        let mut at = self.begin(hash);
        let last = self.places.len() - 1;
        while let Some(place) = self.places.get_mut(at) {
            if *place == EMPTY {
                *place = tag(hash) << ROW | row;
                return;
            }
            at = (at + 1) & last;
        }
    }

    #[inline]
    fn begin(&self, hash: u64) -> usize {
        usize::try_from(hash).unwrap_or_default() & self.places.len().wrapping_sub(1)
    }
}

#[inline]
fn tag(hash: u64) -> u32 {
    u32::try_from(hash >> (32 + ROW)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn rows_are_found_whatever_their_hashes_share(keys in prop::collection::hash_set(0..4000_u64, 0..600), clash in 1..64_u64) {
            let keys: Vec<u64> = keys.into_iter().collect();
            // Few places and few tags, so that rows stand in each other's way.
            let hash = |key: u64| (key % clash) | (key % 3) << 60;
            let mut index = Index::default();
            for (row, key) in (0..).zip(&keys) {
                prop_assert_eq!(index.find(hash(*key), |row| keys[row as usize] == *key), None);
                index.insert(hash(*key), row, |row| hash(keys[row as usize]));
            }
            for (row, key) in (0..).zip(&keys) {
                prop_assert_eq!(index.find(hash(*key), |row| keys[row as usize] == *key), Some(row));
            }
            prop_assert_eq!(index.find(hash(5000), |_| false), None);
        }
    }

    #[test]
    fn the_last_row_is_not_nothing() {
        let mut index = Index::default();
        let last = u32::try_from(MAX_ROWS - 1).unwrap();
        index.insert(u64::MAX, last, |_| 0);
        assert_eq!(index.find(u64::MAX, |_| true), Some(last));
    }
}
