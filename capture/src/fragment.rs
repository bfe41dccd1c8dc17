//! Later IP fragments find the ports that only the first one carries.

use std::collections::VecDeque;

use flowfence_model::{Address, Endpoint, Protocol};
use hashbrown::HashMap;

/// What joins the fragments of one packet (RFC 791 §3.2, RFC 8200 §4.5).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct FragmentKey {
    pub source: Address,
    pub destination: Address,
    pub id: u32,
    pub protocol: u8,
}

/// What the first fragment told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Whole {
    /// The flow that the packet belongs to.
    Flow { from: Endpoint, to: Endpoint, protocol: Protocol },
    /// It is the outer packet of a tunnel.
    Tunnel,
}

/// First fragments that were seen lately, by input: at most [`Fragments::MAX`], the oldest forgotten.
#[derive(Debug, Default)]
pub(crate) struct Fragments {
    whole: HashMap<(u32, FragmentKey), Whole, foldhash::fast::RandomState>,
    order: VecDeque<(u32, FragmentKey)>,
}

impl Fragments {
    /// 4,096 packets in flight; some 500 KB.
    const MAX: usize = 4_096;

    /// Remembers a first fragment.
    pub(crate) fn begin(&mut self, input: u32, key: FragmentKey, whole: Whole) {
        if self.whole.insert((input, key), whole).is_none() {
            self.order.push_back((input, key));
        }
        if self.order.len() > Self::MAX
            && let Some(oldest) = self.order.pop_front()
        {
            self.whole.remove(&oldest);
        }
    }

    /// What a later fragment belongs to.
    pub(crate) fn find(&self, input: u32, key: FragmentKey) -> Option<Whole> {
        self.whole.get(&(input, key)).copied()
    }
}
