//! Work of which several pieces may be done at once.
//!
//! Neither this crate nor those that build on it begin threads, so that a replayed capture behaves as a live one; whoever
//! calls them may have some. What comes out is the same however many there are.

use std::sync::{Mutex, PoisonError};

/// Who does the pieces of some work.
pub trait Crew: Sync {
    /// Does `work` once for each number below `count`, in any order, and returns when all is done.
    fn each(&self, count: usize, work: &(dyn Fn(usize) + Sync));
}

/// One piece after another.
#[derive(Clone, Copy, Debug, Default)]
pub struct Alone;

impl Crew for Alone {
    fn each(&self, count: usize, work: &(dyn Fn(usize) + Sync)) {
        (0..count).for_each(work);
    }
}

/// What is made of each number below `count`, in their order.
pub fn gather<T: Send>(
    crew: &dyn Crew,
    count: usize,
    make: impl Fn(usize) -> T + Sync,
) -> impl Iterator<Item = T> {
    let pieces: Vec<Mutex<Option<T>>> = (0..count).map(|_| Mutex::new(None)).collect();
    crew.each(count, &|piece| {
        let one = make(piece);
        if let Some(place) = pieces.get(piece) {
            *place.lock().unwrap_or_else(PoisonError::into_inner) = Some(one);
        }
    });
    let found = move |(piece, one): (usize, Mutex<Option<T>>)| {
        // A piece that a crew left out is done here.
        one.into_inner().unwrap_or_else(PoisonError::into_inner).unwrap_or_else(|| make(piece))
    };
    pieces.into_iter().enumerate().map(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Does the last half, from behind.
    struct Lazy;

    impl Crew for Lazy {
        fn each(&self, count: usize, work: &(dyn Fn(usize) + Sync)) {
            (count / 2..count).rev().for_each(work);
        }
    }

    #[test]
    fn pieces_come_in_their_order_whoever_did_them() {
        for crew in [&Alone as &dyn Crew, &Lazy] {
            assert_eq!(gather(crew, 5, |n| n * n).collect::<Vec<_>>(), [0, 1, 4, 9, 16]);
            assert_eq!(gather(crew, 0, |n| n).count(), 0);
        }
    }
}
