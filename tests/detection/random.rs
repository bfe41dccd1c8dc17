//! Chance that is the same every time.

/// `SplitMix64` (Steele, Lea and Flood, 2014): small, and good enough to shape clusters.
#[derive(Clone, Debug)]
pub struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Self {
        Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15))
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number from `low` to `high`, both included.
    pub fn between(&mut self, low: i64, high: i64) -> i64 {
        let width = u64::try_from(high - low).unwrap() + 1;
        low + i64::try_from(self.next() % width).unwrap()
    }

    /// Likewise, of octets.
    pub fn octets(&mut self, low: u32, high: u32) -> u32 {
        u32::try_from(self.between(low.into(), high.into())).unwrap()
    }

    /// Likewise, of how many.
    pub fn count(&mut self, low: usize, high: usize) -> usize {
        usize::try_from(self.between(i64::try_from(low).unwrap(), i64::try_from(high).unwrap())).unwrap()
    }

    /// True in so many of a hundred cases.
    pub fn chance(&mut self, percent: i64) -> bool {
        self.between(0, 99) < percent
    }

    pub fn pick<T: Copy>(&mut self, all: &[T]) -> T {
        all[self.count(0, all.len() - 1)]
    }

    /// So many letters of an alphabet.
    pub fn letters(&mut self, alphabet: &[u8], many: usize) -> Vec<u8> {
        (0..many).map(|_| self.pick(alphabet)).collect()
    }

    /// Likewise, as text.
    pub fn word(&mut self, alphabet: &str, many: usize) -> String {
        String::from_utf8(self.letters(alphabet.as_bytes(), many)).unwrap()
    }

    /// Moments from `begin` to `end` that are `mean` seconds apart, half as much or half as much again.
    pub fn moments(&mut self, begin: i64, end: i64, mean: i64) -> Vec<i64> {
        let mut all = Vec::new();
        let mut at = begin + self.between(0, mean);
        while at < end {
            all.push(at);
            at += self.between(mean / 2, mean + mean / 2).max(1);
        }
        all
    }
}
