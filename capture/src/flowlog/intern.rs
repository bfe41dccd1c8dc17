//! Texts of a log that come again and again, each kept once, with what it means.

use std::hash::{BuildHasher, Hasher};

use foldhash::fast::RandomState;
use hashbrown::HashTable;

/// Values that are kept at most of one kind.
const MAX_VALUES: usize = 1 << 20;

/// Values by the octets that they were read from.
#[derive(Clone, Debug)]
pub struct Interner<T> {
    values: Vec<(Box<[u8]>, T)>,
    index: HashTable<u32>,
    seed: RandomState,
    scratch: Vec<u8>,
}

impl<T> Default for Interner<T> {
    fn default() -> Self {
        Interner {
            values: Vec::new(),
            index: HashTable::new(),
            seed: RandomState::default(),
            scratch: Vec::new(),
        }
    }
}

impl<T> Interner<T> {
    /// The number of `raw`; `make` is asked when it is new. `None` when there is no room for it.
    pub fn intern(&mut self, raw: &[u8], make: impl FnOnce() -> T) -> Option<u32> {
        let hash = hash(&self.seed, raw);
        let values = &self.values;
        let is_raw = |i: &u32| values.get(*i as usize).is_some_and(|(key, _)| **key == *raw);
        if let Some(known) = self.index.find(hash, is_raw) {
            return Some(*known);
        }
        if self.values.len() >= MAX_VALUES {
            return None;
        }
        let number = u32::try_from(self.values.len()).ok()?;
        self.values.push((raw.into(), make()));
        let (values, seed) = (&self.values, &self.seed);
        let rehash = |i: &u32| values.get(*i as usize).map_or(0, |(key, _)| self::hash(seed, key));
        self.index.insert_unique(hash, number, rehash);
        Some(number)
    }

    /// Likewise for two texts.
    pub fn intern_pair(&mut self, first: &str, second: &str, make: impl FnOnce() -> T) -> Option<u32> {
        let mut scratch = std::mem::take(&mut self.scratch);
        scratch.clear();
        scratch.extend_from_slice(first.as_bytes());
        scratch.push(0);
        scratch.extend_from_slice(second.as_bytes());
        let number = self.intern(&scratch, make);
        self.scratch = scratch;
        number
    }

    /// The number of `raw`, if it is known.
    pub fn find(&self, raw: &[u8]) -> Option<u32> {
        let is_raw = |i: &u32| self.values.get(*i as usize).is_some_and(|(key, _)| **key == *raw);
        self.index.find(hash(&self.seed, raw), is_raw).copied()
    }

    /// A value.
    pub fn get(&self, number: u32) -> Option<&T> {
        self.values.get(number as usize).map(|(_, value)| value)
    }

    /// Takes the values of another one; their numbers here, by those that they had there.
    pub fn absorb(&mut self, other: Self) -> Vec<Option<u32>> {
        other.values.into_iter().map(|(raw, value)| self.intern(&raw, || value)).collect()
    }

    /// All values, by number.
    pub fn finish(self) -> Vec<T> {
        self.values.into_iter().map(|(_, value)| value).collect()
    }
}

fn hash(seed: &RandomState, raw: &[u8]) -> u64 {
    let mut hasher = seed.build_hasher();
    hasher.write(raw);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_read_once() {
        let mut interner = Interner::default();
        let mut read = 0;
        for raw in [&b"a"[..], b"b", b"a", b"a"] {
            interner.intern(raw, || {
                read += 1;
                raw.to_vec()
            });
        }
        assert_eq!((read, interner.finish()), (2, vec![b"a".to_vec(), b"b".to_vec()]));
    }

    #[test]
    fn pairs_are_told_apart_by_where_they_part() {
        let mut interner = Interner::default();
        let x = interner.intern_pair("ab", "c", || 1);
        let y = interner.intern_pair("a", "bc", || 2);
        assert_eq!((x, y, interner.intern_pair("ab", "c", || 3)), (Some(0), Some(1), Some(0)));
        for i in 0..1000 {
            interner.intern_pair("n", &i.to_string(), || i);
        }
        assert_eq!(interner.intern_pair("n", "77", || 0).and_then(|i| interner.get(i).copied()), Some(77));
    }
}
