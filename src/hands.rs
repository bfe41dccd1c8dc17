//! Threads for work that has pieces.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::Builder;

use flowfence_graph::crew::Crew;

/// So many threads at most, the caller's among them.
#[derive(Clone, Copy, Debug)]
pub struct Hands(pub usize);

impl Crew for Hands {
    fn each(&self, count: usize, work: &(dyn Fn(usize) + Sync)) {
        let next = AtomicUsize::new(0);
        let take = || {
            loop {
                let piece = next.fetch_add(1, Ordering::Relaxed);
                if piece >= count {
                    return;
                }
                work(piece);
            }
        };
        std::thread::scope(|scope| {
            for _ in 1..self.0.min(count) {
                // A thread that the system does not give is one less.
                drop(Builder::new().name("hand".to_owned()).spawn_scoped(scope, take));
            }
            take();
        });
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    #[test]
    fn each_piece_is_done_once() {
        for hands in [0, 1, 2, 7] {
            for count in [0, 1, 5, 100] {
                let done = Mutex::new(vec![0; count]);
                Hands(hands).each(count, &|piece| done.lock().unwrap()[piece] += 1);
                assert_eq!(done.into_inner().unwrap(), vec![1; count]);
            }
        }
    }
}
