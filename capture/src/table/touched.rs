//! Which records changed since somebody last asked.

/// A set of record numbers; off until it is first asked for, so that who never asks pays nothing.
#[derive(Clone, Debug, Default)]
pub(crate) struct Touched {
    words: Vec<u64>,
    is_on: bool,
}

impl Touched {
    /// Notes that a record changed.
    #[inline]
    pub(crate) fn mark(&mut self, i: u32) {
        if self.is_on {
            let word = (i / 64) as usize;
            if word >= self.words.len() {
                self.words.resize(word + 1, 0);
            }
            if let Some(word) = self.words.get_mut(word) {
                *word |= 1 << (i % 64);
            }
        }
    }

    /// The numbers of the records, of `all`, that changed since the last time, ascending; at the first
    /// time all of them.
    pub(crate) fn take(&mut self, all: usize) -> Vec<u32> {
        let all = u32::try_from(all).unwrap_or(u32::MAX);
        if !self.is_on {
            self.is_on = true;
            return (0..all).collect();
        }
        let mut taken = Vec::new();
        for (base, word) in (0..).step_by(64).zip(&mut self.words) {
            let mut rest = std::mem::take(word);
            while rest != 0 {
                taken.push(base + rest.trailing_zeros());
                rest &= rest - 1;
            }
        }
        taken
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_time_everything_changed_and_later_what_was_marked() {
        let mut touched = Touched::default();
        touched.mark(1);
        assert_eq!(touched.take(3), [0, 1, 2]);
        assert_eq!(touched.take(3), [0; 0]);
        for i in [130, 5, 130, 64] {
            touched.mark(i);
        }
        assert_eq!(touched.take(200), [5, 64, 130]);
        assert_eq!(touched.take(200), [0; 0]);
    }
}
