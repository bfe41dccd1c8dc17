//! Who opened each strand.
//!
//! A SYN, SYN+ACK, INIT or echo tells it. Else a port that is known to listen; else a port that
//! many peers use; for UDP the first packet. The lower port is no proof. What cannot be told
//! stays unknown and never becomes a rule.

use std::time::Duration;

use flowfence_model::{Endpoint, FlowRecord, Names, NodeId, Orientation, Protocol, Signs, Tap};
use hashbrown::{HashMap, HashSet};

use super::strand::Strands;
use crate::inventory::{Holder, Inventory};

/// This long after a tap began, the first packet of a UDP flow is taken for its opening one.
const WARM_UP: Duration = Duration::from_secs(5);

/// An endpoint with this many peers, and three times those of the other end, serves them.
const MANY_PEERS: usize = 3;

/// Peers of one endpoint that are told apart; more make no difference.
const PEERS_KEPT: usize = 64;

type FastMap<K, V> = HashMap<K, V, foldhash::fast::RandomState>;
type FastSet<K> = HashSet<K, foldhash::fast::RandomState>;

/// Turns every strand so that `a` is the originator, and says how that is known.
pub fn orient(strands: &mut Strands, taps: &[Tap], names: &Names, inventory: &Inventory) -> Vec<Orientation> {
    let mut orientations = vec![Orientation::Unknown; strands.records().len()];
    let mut open: Vec<usize> = Vec::new();
    for (i, (record, known)) in strands.records_mut().iter_mut().zip(&mut orientations).enumerate() {
        match opener(record) {
            Some(Side::A) => *known = Orientation::Seen,
            Some(Side::B) => {
                *record = record.reversed();
                *known = Orientation::Seen;
            }
            None => open.push(i),
        }
    }
    if open.is_empty() {
        return orientations;
    }
    let usage = Usage::of(strands.records(), &orientations, &open, inventory);
    for i in open {
        let (Some(record), Some(known)) = (strands.records_mut().get_mut(i), orientations.get_mut(i)) else {
            continue;
        };
        if let Some(side) = infer(record, taps, names, inventory, &usage) {
            *known = Orientation::Inferred;
            if side == Side::B {
                *record = record.reversed();
            }
        }
    }
    orientations
}

/// The end that opened.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Side {
    A,
    B,
}

fn opener(r: &FlowRecord) -> Option<Side> {
    if r.forward.signs.has(Signs::OPEN)
        || (r.reverse.signs.has(Signs::ACCEPT) && !r.reverse.signs.has(Signs::OPEN))
    {
        Some(Side::A)
    } else if r.reverse.signs.has(Signs::OPEN) || r.forward.signs.has(Signs::ACCEPT) {
        Some(Side::B)
    } else {
        None
    }
}

/// The end that does not serve, when exactly one is known to.
fn other_than(a_serves: bool, b_serves: bool) -> Option<Side> {
    match (a_serves, b_serves) {
        (true, false) => Some(Side::B),
        (false, true) => Some(Side::A),
        _ => None,
    }
}

fn infer(r: &FlowRecord, taps: &[Tap], names: &Names, inventory: &Inventory, usage: &Usage) -> Option<Side> {
    let listens = |e: Endpoint| inventory.is_listening(e.address.ip(), r.protocol, e.port);
    let both_ways = r.forward.is_seen() && r.reverse.is_seen();
    let is_udp = r.protocol == Protocol::Udp;
    let began_in_view = || {
        let tap = taps.get(usize::from(r.tap.0));
        is_udp && both_ways && tap.is_some_and(|t| r.first > t.first.plus(WARM_UP))
    };
    other_than(listens(r.a), listens(r.b))
        .or_else(|| other_than(usage.has_accepted(r.protocol, r.a), usage.has_accepted(r.protocol, r.b)))
        .or_else(|| began_in_view().then_some(Side::A))
        .or_else(|| {
            other_than(usage.sibling_accepts(r, r.a, inventory), usage.sibling_accepts(r, r.b, inventory))
        })
        .or_else(|| usage.by_peers(r))
        .or_else(|| other_than(is_looked_up(r.a, names, inventory), is_looked_up(r.b, names, inventory)))
        .or_else(|| is_udp.then_some(Side::A))
}

/// An outside address whose name somebody in the capture asked for is one that is gone to.
fn is_looked_up(end: Endpoint, names: &Names, inventory: &Inventory) -> bool {
    let ip = end.address.ip();
    names.of(ip).next().is_some() && !inventory.is_inside(ip) && inventory.node_of(ip).is_none()
}

/// How endpoints of undecided strands are used in the whole recording.
struct Usage {
    accepted: FastSet<(Protocol, Endpoint)>,
    accepted_by_workload: FastSet<(NodeId, Protocol, u16)>,
    peers: FastMap<(Protocol, Endpoint), FastSet<Endpoint>>,
}

impl Usage {
    fn of(records: &[FlowRecord], known: &[Orientation], open: &[usize], inventory: &Inventory) -> Self {
        let mut usage = Usage {
            accepted: FastSet::default(),
            accepted_by_workload: FastSet::default(),
            peers: FastMap::default(),
        };
        for r in open.iter().filter_map(|i| records.get(*i)) {
            usage.peers.entry((r.protocol, r.a)).or_default();
            usage.peers.entry((r.protocol, r.b)).or_default();
        }
        for (r, known) in records.iter().zip(known) {
            for (end, peer) in [(r.a, r.b), (r.b, r.a)] {
                if let Some(peers) = usage.peers.get_mut(&(r.protocol, end))
                    && peers.len() < PEERS_KEPT
                {
                    peers.insert(peer);
                }
            }
            let accepts = *known == Orientation::Seen && r.reverse.signs.has(Signs::ACCEPT);
            if accepts
                && usage.accepted.insert((r.protocol, r.b))
                && let Some(id) = workload(r.b, r, inventory)
            {
                usage.accepted_by_workload.insert((id, r.protocol, r.b.port));
            }
        }
        usage
    }

    fn has_accepted(&self, protocol: Protocol, end: Endpoint) -> bool {
        self.accepted.contains(&(protocol, end))
    }

    fn sibling_accepts(&self, r: &FlowRecord, end: Endpoint, inventory: &Inventory) -> bool {
        workload(end, r, inventory)
            .is_some_and(|id| self.accepted_by_workload.contains(&(id, r.protocol, end.port)))
    }

    fn by_peers(&self, r: &FlowRecord) -> Option<Side> {
        let peers = |end: Endpoint| self.peers.get(&(r.protocol, end)).map_or(0, FastSet::len);
        let (a, b) = (peers(r.a), peers(r.b));
        other_than(a >= MANY_PEERS && a >= 3 * b, b >= MANY_PEERS && b >= 3 * a)
    }
}

fn workload(end: Endpoint, r: &FlowRecord, inventory: &Inventory) -> Option<NodeId> {
    match inventory.holder_at(end.address.ip(), r.first) {
        Holder::Pod(pod) => inventory.pods().get(pod).map(|known| known.workload.clone()),
        Holder::Ambiguous | Holder::Nobody => None,
    }
}
