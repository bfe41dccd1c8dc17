//! A list that grows without moving.

/// Rows of one block: blocks are never moved, and go one by one when the table is given up.
const BLOCK: usize = 1 << 12;

/// A list that grows without moving.
#[derive(Clone, Debug)]
pub struct Rows<T>(Vec<Vec<T>>);

impl<T> Default for Rows<T> {
    fn default() -> Self {
        Rows(Vec::new())
    }
}

impl<T> Rows<T> {
    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.last().map_or(0, |last| (self.0.len() - 1) * BLOCK + last.len())
    }

    /// One of them.
    #[inline]
    pub fn get(&self, i: u32) -> Option<&T> {
        self.0.get(i as usize / BLOCK)?.get(i as usize % BLOCK)
    }

    /// One of them, to be changed.
    #[inline]
    pub fn get_mut(&mut self, i: u32) -> Option<&mut T> {
        self.0.get_mut(i as usize / BLOCK)?.get_mut(i as usize % BLOCK)
    }

    /// One more.
    pub fn push(&mut self, row: T) {
        if self.0.last().is_none_or(|last| last.len() == BLOCK) {
            self.0.push(Vec::with_capacity(BLOCK));
        }
        if let Some(last) = self.0.last_mut() {
            last.push(row);
        }
    }

    /// All of them, block by block, so that what was taken is given up.
    pub fn into_blocks(self) -> Vec<Vec<T>> {
        self.0
    }
}
