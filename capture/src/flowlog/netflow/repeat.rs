//! Datagrams that come again: a capture of several interfaces sees each of them pass several times,
//! and mirrors copy.

use std::collections::VecDeque;
use std::hash::BuildHasher;
use std::net::SocketAddr;

use foldhash::fast::RandomState;
use hashbrown::HashSet;

/// Datagrams that are remembered: those of a second or so of many busy exporters, 64 KiB.
const REMEMBERED: usize = 4096;

/// The latest datagrams, by a hash of each. Every format has its time and a running number in the
/// header, so that no other datagram of an exporter is the same.
#[derive(Debug, Default)]
pub struct Recent {
    seed: RandomState,
    known: HashSet<u64, RandomState>,
    order: VecDeque<u64>,
}

impl Recent {
    /// Whether it was there a moment ago; from now on it was.
    pub fn has(&mut self, exporter: SocketAddr, octets: &[u8]) -> bool {
        let hash = self.seed.hash_one((exporter, octets));
        if !self.known.insert(hash) {
            return true;
        }
        self.order.push_back(hash);
        if self.order.len() > REMEMBERED
            && let Some(oldest) = self.order.pop_front()
        {
            self.known.remove(&oldest);
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_latest_are_remembered_and_no_more() {
        let mut recent = Recent::default();
        let exporter: SocketAddr = "192.0.2.1:40000".parse().unwrap();
        let datagram = |i: usize| i.to_be_bytes();
        for i in 0..REMEMBERED {
            assert!(!recent.has(exporter, &datagram(i)));
        }
        assert!(recent.has(exporter, &datagram(0)), "the oldest is still there");
        assert!(!recent.has("192.0.2.2:40000".parse().unwrap(), &datagram(1)), "of another exporter");
        assert!(!recent.has(exporter, &datagram(0)), "that one took its place");
        assert_eq!((recent.known.len(), recent.order.len()), (REMEMBERED, REMEMBERED));
    }
}
