//! Flow records of one five-tuple that several taps saw, or several files of one tap, become one
//! strand.

use std::time::Duration;

use flowfence_model::{Address, Endpoint, FlowRecord, Half, Protocol, Signs, TapId};
use hashbrown::HashSet;

/// Clocks of two nodes may differ by this much; two taps that show one connection show it at
/// the same time but for that.
pub const CLOCK_SLACK: Duration = Duration::from_secs(2);

/// UDP and ICMP that were silent for longer are another flow.
const IDLE: Duration = Duration::from_mins(2);

/// Strands: flow records with the counts of the tap that saw most of each direction.
#[derive(Debug)]
pub struct Strands {
    records: Vec<FlowRecord>,
    one_wire: Vec<bool>,
}

impl Strands {
    /// Merges what several taps saw of one connection: counts take the maximum, signs the union.
    pub fn from_records(mut records: Vec<FlowRecord>) -> Self {
        let senders = senders(&records);
        let mut one_wire: Vec<bool>;
        records.sort_unstable_by_key(|r| (tuple(r), r.first, r.tap, r.last));
        let one_tap = records.windows(2).all(|w| matches!(w, [a, b] if a.tap == b.tap));
        if one_tap {
            one_wire = records.iter().map(|r| silent_side_never_sends(r, &senders)).collect();
        } else {
            (records, one_wire) = merge_taps(records, &senders);
        }
        one_wire.shrink_to_fit();
        Strands { records, one_wire }
    }

    /// One strand.
    pub fn get(&self, index: u32) -> Option<&FlowRecord> {
        self.records.get(index as usize)
    }

    /// All strands.
    pub fn records(&self) -> &[FlowRecord] {
        &self.records
    }

    /// All strands, to turn them round.
    pub fn records_mut(&mut self) -> &mut [FlowRecord] {
        &mut self.records
    }

    /// Adds a strand that no tap showed, and that is part of the connection of `like`; its number.
    pub fn add_unseen(&mut self, record: FlowRecord, like: u32) -> u32 {
        self.one_wire.push(self.is_one_wire(like));
        self.records.push(record);
        u32::try_from(self.records.len() - 1).unwrap_or(u32::MAX)
    }

    /// Whether one direction is missing only because its taps never showed anything that the
    /// silent end sent: the wire was seen by half.
    pub fn is_one_wire(&self, index: u32) -> bool {
        self.one_wire.get(index as usize).copied().unwrap_or(false)
    }
}

/// The five-tuple without direction.
type Tuple = (Protocol, Endpoint, Endpoint);

fn tuple(r: &FlowRecord) -> Tuple {
    // The port of an ICMP flow's `b` is no port: its ends are told apart by address alone.
    (r.protocol, r.a.min(r.b), r.a.max(r.b))
}

fn senders(records: &[FlowRecord]) -> HashSet<(TapId, Address), foldhash::fast::RandomState> {
    let mut senders = HashSet::default();
    for r in records {
        if r.forward.is_seen() {
            senders.insert((r.tap, r.a.address));
        }
        if r.reverse.is_seen() {
            senders.insert((r.tap, r.b.address));
        }
    }
    senders
}

type Senders = HashSet<(TapId, Address), foldhash::fast::RandomState>;

fn silent_side_never_sends(r: &FlowRecord, senders: &Senders) -> bool {
    let silent = if r.forward.is_seen() { r.b.address } else { r.a.address };
    !senders.contains(&(r.tap, silent))
}

fn merge_taps(records: Vec<FlowRecord>, senders: &Senders) -> (Vec<FlowRecord>, Vec<bool>) {
    let mut strands: Vec<FlowRecord> = Vec::with_capacity(records.len());
    let mut one_wire: Vec<bool> = Vec::with_capacity(records.len());
    // Taps of the strands of the current five-tuple; `start` is the first of them.
    let mut taps: Vec<Vec<TapId>> = Vec::new();
    let mut start = 0;
    for record in records {
        if strands.get(start).is_some_and(|s| tuple(s) != tuple(&record)) {
            start = strands.len();
            taps.clear();
        }
        let one = silent_side_never_sends(&record, senders);
        let same = (start..strands.len()).rev().find(|&i| {
            let fresh = taps.get(i - start).is_some_and(|t| !t.contains(&record.tap));
            fresh && strands.get(i).is_some_and(|s| is_same_connection(s, &record))
        });
        if let Some(i) = same
            && let (Some(strand), Some(wire), Some(seen_at)) =
                (strands.get_mut(i), one_wire.get_mut(i), taps.get_mut(i - start))
        {
            absorb(strand, &record);
            *wire &= one;
            seen_at.push(record.tap);
        } else {
            taps.push(vec![record.tap]);
            one_wire.push(one);
            strands.push(record);
        }
    }
    (strands, one_wire)
}

/// Whether a record of another tap shows the strand's connection: at the same time, or later,
/// where a capture was cut into files.
fn is_same_connection(strand: &FlowRecord, record: &FlowRecord) -> bool {
    let turned;
    let record = if record.a == strand.a && record.b == strand.b {
        record
    } else {
        turned = record.reversed();
        &turned
    };
    let known = [(strand.forward, record.forward), (strand.reverse, record.reverse)];
    let mut proven = false;
    for (ours, theirs) in known {
        match (ours.isn(), theirs.isn()) {
            (Some(x), Some(y)) if x != y => return false,
            (Some(_), Some(_)) => proven = true,
            _ => {}
        }
    }
    proven || overlap(strand, record) || continues(strand, record)
}

/// Whether a record takes up a strand that ended before it, without opening anew.
fn continues(strand: &FlowRecord, record: &FlowRecord) -> bool {
    let opens = |half: &Half| half.signs.has(Signs::OPEN) || half.signs.has(Signs::ACCEPT);
    let anew = opens(&record.forward) || opens(&record.reverse);
    strand.last < record.first
        && match record.protocol {
            Protocol::Tcp | Protocol::Sctp => !anew,
            Protocol::Udp | Protocol::Icmp => record.first.since(strand.last) <= IDLE,
        }
}

/// Whether two records were alive at one time, clocks of different nodes allowed for.
pub fn overlap(x: &FlowRecord, y: &FlowRecord) -> bool {
    x.first <= y.last.plus(CLOCK_SLACK) && y.first <= x.last.plus(CLOCK_SLACK)
}

fn absorb(strand: &mut FlowRecord, record: &FlowRecord) {
    let (forward, reverse) = if record.a == strand.a && record.b == strand.b {
        (record.forward, record.reverse)
    } else {
        (record.reverse, record.forward)
    };
    let join = if strand.last < record.first { sum } else { larger };
    strand.forward = join(strand.forward, forward);
    strand.reverse = join(strand.reverse, reverse);
    strand.first = strand.first.min(record.first);
    strand.last = strand.last.max(record.last);
}

/// The same direction seen twice: the fuller count, and everything that either saw.
pub fn larger(x: Half, y: Half) -> Half {
    let (more, less) = if (y.packets, y.octets) > (x.packets, x.octets) { (y, x) } else { (x, y) };
    Half { signs: x.signs.union(y.signs), isn: more.isn().or(less.isn()).unwrap_or(0), ..more }
}

/// One part of a direction and a later one.
fn sum(x: Half, y: Half) -> Half {
    let isn = x.isn().or(y.isn()).unwrap_or(0);
    let signs = x.signs.union(y.signs);
    Half { packets: x.packets + y.packets, octets: x.octets + y.octets, isn, signs }
}
