//! Halves of one connection that two recorders saw.
//!
//! The kernel deals packets out by their outer addresses and ports, and these differ between the two
//! directions of a tunnel: then one recorder saw one half of a connection and another one the other.

use std::time::Duration;

use flowfence_model::{Endpoint, FlowRecord, Half, Protocol, TapId};
use hashbrown::HashMap;

/// Two halves of a connection began at most this long after one another.
pub(super) const APART: Duration = Duration::from_secs(2);

/// Adds the records of all recorders, halves of one connection as one.
pub(super) fn join(parts: &[&[FlowRecord]], records: &mut Vec<FlowRecord>) {
    type Wire = (TapId, Protocol, Endpoint, Endpoint);
    records.reserve(parts.iter().map(|part| part.len()).sum());
    let mut halves: HashMap<Wire, Vec<(usize, usize)>, foldhash::fast::RandomState> = HashMap::default();
    for (number, part) in parts.iter().enumerate() {
        for record in *part {
            if record.forward.is_seen() && record.reverse.is_seen() {
                records.push(record.clone());
                continue;
            }
            let wire = (record.tap, record.protocol, record.a.min(record.b), record.a.max(record.b));
            let waiting = halves.entry(wire).or_default();
            let other = waiting.iter().position(|(part, i)| {
                *part != number && records.get(*i).is_some_and(|half| is_other_half(half, record))
            });
            if let Some((_, i)) = other.map(|at| waiting.swap_remove(at))
                && let Some(half) = records.get_mut(i)
            {
                *half = whole(half, record);
            } else {
                waiting.push((number, records.len()));
                records.push(record.clone());
            }
        }
    }
}

/// The record told from the side from which `like` is told.
fn turned(record: &FlowRecord, like: &FlowRecord) -> FlowRecord {
    if record.a == like.a && record.b == like.b { record.clone() } else { record.reversed() }
}

fn is_other_half(x: &FlowRecord, y: &FlowRecord) -> bool {
    let y = turned(y, x);
    let together = x.first <= y.last.plus(APART) && y.first <= x.last.plus(APART);
    let agree = |ours: Option<u32>, theirs: Option<u32>| ours.is_none() || theirs.is_none() || ours == theirs;
    together
        && x.forward.is_seen() != y.forward.is_seen()
        && x.reverse.is_seen() != y.reverse.is_seen()
        && agree(x.forward.isn(), y.forward.isn())
        && agree(x.reverse.isn(), y.reverse.isn())
}

fn whole(x: &FlowRecord, y: &FlowRecord) -> FlowRecord {
    let y = turned(y, x);
    let pick = |ours: Half, theirs: Half| {
        let (seen, other) = if ours.is_seen() { (ours, theirs) } else { (theirs, ours) };
        let isn = seen.isn().or(other.isn()).unwrap_or(0);
        Half { signs: seen.signs.union(other.signs), isn, ..seen }
    };
    let joined = FlowRecord {
        first: x.first.min(y.first),
        last: x.last.max(y.last),
        forward: pick(x.forward, y.forward),
        reverse: pick(x.reverse, y.reverse),
        ..x.clone()
    };
    // `a` is who sent the first packet; of ICMP it is who asked.
    let other_began = (y.first < x.first) == x.forward.is_seen() && y.first != x.first;
    if other_began && x.protocol != Protocol::Icmp { joined.reversed() } else { joined }
}
