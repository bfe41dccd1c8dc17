//! Short words that come again and again, each read once while it is remembered: numbers are what they mean.

/// Octets of a word that is remembered, at most.
const MAX_WORD: usize = 24;

/// A word in three parts, which may overlap, and its length.
type Key = ([u64; 3], u32);

/// What the last words meant, each in one of the two places that it may have, which are one line of memory.
#[derive(Clone, Debug)]
pub struct Recent {
    pairs: Vec<Pair>,
    count: usize,
}

#[derive(Clone, Copy, Debug)]
#[repr(align(64))]
struct Pair([Place; 2]);

/// A word and what it means. A word has a length, so that none is that of a place where nothing is.
#[derive(Clone, Copy, Debug)]
struct Place {
    word: [u64; 3],
    length: u32,
    meaning: u32,
}

impl Recent {
    /// Remembers so many words at most, a power of two.
    pub fn new(count: usize) -> Self {
        debug_assert!(count.is_power_of_two() && count > 1, "places are told by bits");
        Recent { pairs: Vec::new(), count: count / 2 }
    }

    /// What a word means; `read` is asked when it is not remembered.
    #[inline]
    pub fn get(&mut self, word: &[u8], read: impl FnOnce(&[u8]) -> Option<u32>) -> Option<u32> {
        let Some(key) = key(word) else { return read(word) };
        let at = place(key) & (self.count - 1);
        if let Some(Pair([one, other])) = self.pairs.get(at) {
            // Both are looked at, since nobody foresees which it is.
            let [is_one, is_other] = [one.is(key), other.is(key)];
            if is_one | is_other {
                return Some(if is_one { one.meaning } else { other.meaning });
            }
        }
        let meaning = read(word)?;
        self.keep(at, Place { word: key.0, length: key.1, meaning });
        Some(meaning)
    }

    /// The word that was met first of the two that are there is forgotten.
    #[cold]
    fn keep(&mut self, at: usize, new: Place) {
        if self.pairs.is_empty() {
            let nothing = Place { word: [0; 3], length: 0, meaning: 0 };
            self.pairs = vec![Pair([nothing; 2]); self.count];
        }
        if let Some(Pair(places)) = self.pairs.get_mut(at) {
            *places = [new, places[0]];
        }
    }
}

impl Place {
    #[inline]
    fn is(&self, (word, length): Key) -> bool {
        // Without a branch between them: all of it is in one line of memory.
        let ([a, b, c], [first, middle, last]) = (self.word, word);
        (a ^ first) | (b ^ middle) | (c ^ last) | u64::from(self.length ^ length) == 0
    }
}

/// Words are read in whole numbers, the last of which overlaps the one before: with the length they tell
/// the word.
#[inline]
fn key(word: &[u8]) -> Option<Key> {
    let length = word.len();
    let eight = |octets: Option<&[u8; 8]>| octets.map(|eight| u64::from_le_bytes(*eight));
    let (first, middle, last) = match length {
        0 => return None,
        1..4 => {
            let [first, middle, last] =
                [word.first(), word.get(length / 2), word.last()].map(Option::<&u8>::copied);
            (u64::from(first?), u64::from(middle?), u64::from(last?))
        }
        4..8 => {
            let four = |octets: Option<&[u8; 4]>| octets.map(|four| u64::from(u32::from_le_bytes(*four)));
            (four(word.first_chunk())?, 0, four(word.last_chunk())?)
        }
        8..17 => (eight(word.first_chunk())?, 0, eight(word.last_chunk())?),
        17..=MAX_WORD => {
            (eight(word.first_chunk())?, eight(word.get(8..)?.first_chunk())?, eight(word.last_chunk())?)
        }
        _ => return None,
    };
    Some(([first, middle, last], u32::try_from(length).ok()?))
}

#[inline]
fn place(([first, middle, last], length): Key) -> usize {
    // The golden ratio of 64 bits, as Fibonacci hashing has it, and other odd numbers; the words of logs differ in
    // few octets. Three products at a time take hardly longer than one.
    let mixed = (first ^ u64::from(length)).wrapping_mul(0x9e37_79b9_7f4a_7c15)
        ^ middle.wrapping_mul(0xbf58_476d_1ce4_e5b9).rotate_left(21)
        ^ last.wrapping_mul(0x94d0_49bb_1331_11eb).rotate_left(42);
    usize::try_from(mixed.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_word_means_what_is_read_of_it(words in prop::collection::vec("[ab\\x00]{0,26}", 1..400)) {
            let mut recent = Recent::new(8);
            // Odd words cannot be read, and are asked for again.
            let read = |word: &[u8]| (word.len().is_multiple_of(2)).then(|| word.iter().map(|c| u32::from(*c)).sum::<u32>() + u32::try_from(word.len()).unwrap());
            for word in &words {
                prop_assert_eq!(recent.get(word.as_bytes(), read), read(word.as_bytes()));
            }
        }
    }

    #[test]
    fn a_word_is_read_once() {
        let mut recent = Recent::new(64);
        let mut asked = 0;
        for _ in 0..3 {
            recent.get(b"eni-0123456789abcdef0", |_| {
                asked += 1;
                Some(7)
            });
        }
        assert_eq!(asked, 1);
    }
}
