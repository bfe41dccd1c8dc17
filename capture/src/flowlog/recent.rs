//! Short words that come again and again, each read once while it is remembered.

/// Octets of a word that is remembered, at most.
const MAX_WORD: usize = 24;

/// A word, of which the parts may overlap, and its length at the end.
type Key = [u64; 4];

/// What the last words meant, each in the one place that it may have.
#[derive(Clone, Debug)]
pub struct Recent<T> {
    places: Vec<(Key, Option<T>)>,
    count: usize,
}

impl<T: Copy> Recent<T> {
    /// Remembers so many words at most, a power of two.
    pub fn new(count: usize) -> Self {
        debug_assert!(count.is_power_of_two(), "places are told by bits");
        Recent { places: Vec::new(), count }
    }

    /// What a word means; `read` is asked when it is not remembered.
    #[inline]
    pub fn get(&mut self, word: &[u8], read: impl FnOnce(&[u8]) -> Option<T>) -> Option<T> {
        let Some(key) = key(word) else { return read(word) };
        if self.places.is_empty() {
            // A word has a length, so that no word is the empty place's.
            self.places = vec![([0; 4], None); self.count];
        }
        let Some(place) = self.places.get_mut(place(key) & (self.count - 1)) else { return read(word) };
        if place.0 != key {
            *place = (key, Some(read(word)?));
        }
        place.1
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
    Some([first, middle, last, length as u64])
}

#[inline]
fn place(key: Key) -> usize {
    // The golden ratio of 64 bits, as Fibonacci hashing has it; the words of logs differ in few octets.
    let mixed = key
        .into_iter()
        .fold(0_u64, |sum, eight| (sum.rotate_left(29) ^ eight).wrapping_mul(0x9e37_79b9_7f4a_7c15));
    usize::try_from(mixed >> 40).unwrap_or_default()
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
            let read = |word: &[u8]| (word.len().is_multiple_of(2)).then(|| word.iter().map(|c| u64::from(*c)).sum::<u64>() + word.len() as u64);
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
