//! Which hop of which input saw a packet.
//!
//! The same packet passes several hops of a node (`-i any`: the pod's interface, the bridge, the
//! tunnel device, the uplink). Where the capture tells them apart, each is a tap of its own, so
//! that a later stage takes the maximum of what they saw and not the sum. What tells them apart
//! never differs between the two directions of one hop: the interface, and the tunnels opened.
//! The packet class of Linux cooked v1 (in, out) does differ, and so may a VXLAN network
//! identifier (Cilium writes the sender's identity into it), so neither splits a tap.

use flowfence_model::{Tap, TapId, Timestamp};
use hashbrown::HashMap;

use crate::decode::Path;
use crate::link::{Interface, LinkType};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct TapKey {
    input: u32,
    hop: Hop,
}

/// What tells the hops of one input apart.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Hop {
    /// Interface of a pcapng file, or of a flow file's writer.
    pub(crate) interface: u32,
    /// Interface of a cooked header.
    pub(crate) ifindex: u32,
    /// Tunnels opened.
    pub(crate) depth: u8,
    /// The innermost one's kind, plus one.
    pub(crate) tunnel: u8,
}

/// The taps of all inputs, at most 65,536; what comes later shares the last one.
#[derive(Clone, Debug, Default)]
pub(crate) struct Taps {
    all: Vec<Tap>,
    /// What each of them is.
    hops: Vec<Hop>,
    ids: HashMap<TapKey, TapId, foldhash::fast::RandomState>,
    latest: Option<(TapKey, TapId)>,
    overflowed: u64,
}

impl Taps {
    /// The tap of a packet.
    pub(crate) fn resolve(&mut self, input: u32, interface: &Interface, path: &Path, at: Timestamp) -> TapId {
        let key = TapKey {
            input,
            hop: Hop {
                interface: interface.number,
                ifindex: path.ifindex,
                depth: path.depth,
                tunnel: path.tunnel.map_or(0, |kind| kind as u8 + 1),
            },
        };
        let id = match self.latest {
            Some((latest, id)) if latest == key => id,
            _ => match self.ids.get(&key) {
                Some(id) => *id,
                None => self.open(key, interface, path, at),
            },
        };
        self.latest = Some((key, id));
        if let Some(tap) = self.all.get_mut(usize::from(id.0)) {
            tap.first = tap.first.min(at);
            tap.last = tap.last.max(at);
        }
        id
    }

    fn open(&mut self, key: TapKey, interface: &Interface, path: &Path, at: Timestamp) -> TapId {
        let Ok(id) = u16::try_from(self.all.len()) else {
            self.overflowed += 1;
            return TapId(u16::MAX);
        };
        self.all.push(Tap {
            input: key.input,
            interface: if path.ifindex > 0 { path.ifindex } else { interface.number },
            name: interface.name.clone().filter(|_| path.ifindex == 0),
            depth: path.depth,
            first: at,
            last: at,
        });
        self.hops.push(key.hop);
        self.ids.insert(key, TapId(id));
        TapId(id)
    }

    /// The one tap of a flow log.
    pub(crate) fn of_log(&mut self, input: u32, time: (Timestamp, Timestamp)) -> TapId {
        let interface = Interface { number: 0, link_type: LinkType::RAW, name: None };
        self.resolve(input, &interface, &Path::default(), time.0);
        self.resolve(input, &interface, &Path::default(), time.1)
    }

    /// The taps of one input, oldest first.
    pub(crate) fn of_input(&self, input: u32) -> impl Iterator<Item = TapId> + '_ {
        let all = (0..=u16::MAX).zip(&self.all);
        all.filter(move |(_, tap)| tap.input == input).map(|(id, _)| TapId(id))
    }

    /// By how much the numbers of other taps grow behind these; `None` when they would be too many, or were.
    pub(crate) fn room_for(&self, other: &Taps) -> Option<u16> {
        let fits = self.all.len() + other.all.len() <= usize::from(u16::MAX) + 1;
        let is_whole = self.overflowed == 0 && other.overflowed == 0;
        let shift = u16::try_from(self.all.len());
        if other.all.is_empty() { Some(0) } else { shift.ok().filter(|_| fits && is_whole) }
    }

    /// Takes taps of other inputs, which come behind `input` others.
    pub(crate) fn append(&mut self, other: Taps, input: u32) {
        let ids = other.ids.into_iter();
        let shift = u16::try_from(self.all.len()).unwrap_or(u16::MAX);
        self.ids.extend(ids.map(|(key, id)| {
            (TapKey { input: key.input.saturating_add(input), ..key }, TapId(id.0.saturating_add(shift)))
        }));
        let moved = |tap: Tap| Tap { input: tap.input.saturating_add(input), ..tap };
        self.all.extend(other.all.into_iter().map(moved));
        self.hops.extend(other.hops);
    }

    /// The taps so far, and how many packets had to share the last one.
    pub(crate) fn so_far(&self) -> (impl Iterator<Item = (Hop, &Tap)>, u64) {
        (self.hops.iter().copied().zip(&self.all), self.overflowed)
    }

    /// The taps, and how many packets had to share the last one.
    pub(crate) fn finish(self) -> (Vec<Tap>, u64) {
        (self.all, self.overflowed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::link::LinkType;

    #[test]
    fn taps_beyond_the_bound_share_the_last_one() {
        let mut taps = Taps::default();
        let at = Timestamp::from_secs(1, 0);
        for number in 0..70_000 {
            let interface = Interface { number, link_type: LinkType::ETHERNET, name: None };
            taps.resolve(0, &interface, &Path::default(), at);
        }
        let (taps, overflowed) = taps.finish();
        assert_eq!((taps.len(), overflowed), (65_536, 70_000 - 65_536));
    }
}
