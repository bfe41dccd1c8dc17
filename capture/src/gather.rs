//! What several recorders saw, put together while they go on.
//!
//! ```text
//! Recorder ─▶ Block ─┐
//! Recorder ─▶ Block ─┼─▶ Gathering ─▶ Recording
//! Recorder ─▶ Block ─┘
//! ```
//!
//! A block holds what changed in a recorder since the one before, each thing as it is by now: taking
//! a block twice changes nothing, and the last one says all that those before it said of a record.
//! Inputs of one name are one input, and hops that only differ by the recorder are one tap: readers
//! of one interface see parts of the same wire.

use std::time::Duration;

use flowfence_model::{Counts, Endpoint, FileReport, FlowRecord, Names, Protocol, Recording, Tap, TapId};
use hashbrown::HashMap;

use crate::cause::Cause;
use crate::tap::Hop;

/// Two halves of a connection that two recorders saw began at most this long after one another.
const APART: Duration = Duration::from_secs(2);

/// What changed in a recorder.
#[derive(Clone, Debug)]
pub struct Block {
    /// Records by their number.
    pub(crate) records: Vec<(u32, FlowRecord)>,
    /// All taps.
    pub(crate) taps: Vec<(Hop, Tap)>,
    /// All inputs.
    pub(crate) files: Vec<FileReport>,
    /// All names, when there was an answer.
    pub(crate) names: Option<Names>,
    pub(crate) counts: Counts,
    pub(crate) packets: u64,
}

impl Block {
    /// Packets that its recorder has taken by now.
    pub fn packets(&self) -> u64 {
        self.packets
    }
}

/// Everything that was handed over.
#[derive(Debug, Default)]
pub struct Gathering {
    parts: Vec<Part>,
    taps: Vec<Tap>,
    ids: HashMap<(u32, Hop), TapId, foldhash::fast::RandomState>,
    files: Vec<FileReport>,
    names: Names,
    names_dropped: u64,
}

/// What one recorder handed over.
#[derive(Debug, Default)]
struct Part {
    records: Vec<FlowRecord>,
    files: Vec<FileReport>,
    counts: Counts,
    packets: u64,
}

impl Gathering {
    /// Takes a block of a recorder, which is told by a number from 0.
    pub fn absorb(&mut self, recorder: usize, block: Block) {
        if self.parts.len() <= recorder {
            self.parts.resize_with(recorder + 1, Part::default);
        }
        let inputs: Vec<u32> = block.files.iter().map(|file| self.input(&file.name)).collect();
        let taps: Vec<TapId> = block.taps.iter().map(|(hop, tap)| self.tap(*hop, tap, &inputs)).collect();
        for (address, names) in block.names.iter().flat_map(Names::iter) {
            let kept_out = names.iter().filter(|name| !self.names.insert(*address, name)).count();
            self.names_dropped += kept_out as u64;
        }
        let Some(part) = self.parts.get_mut(recorder) else { return };
        for (i, mut record) in block.records {
            record.tap = taps.get(usize::from(record.tap.0)).copied().unwrap_or(record.tap);
            match part.records.get_mut(i as usize) {
                Some(known) => *known = record,
                // Numbers are given in order, and a block has all that are new.
                None => part.records.push(record),
            }
        }
        (part.files, part.counts, part.packets) = (block.files, block.counts, block.packets);
    }

    /// Packets that were taken so far.
    pub fn packets(&self) -> u64 {
        self.parts.iter().map(|part| part.packets).sum()
    }

    /// Flow records that are kept.
    pub fn flows(&self) -> usize {
        self.parts.iter().map(|part| part.records.len()).sum()
    }

    /// Flow records that were given up because the limit was reached.
    pub fn evicted(&self) -> u64 {
        self.parts.iter().map(|part| part.counts.get(Cause::FlowsEvicted.token())).sum()
    }

    /// Everything that was handed over so far.
    pub fn recording(&self) -> Recording {
        let mut counts = Counts::default();
        let mut files = self.files.clone();
        for part in &self.parts {
            counts.merge(&part.counts);
            for file in &part.files {
                if let Some(known) = files.iter_mut().find(|known| known.name == file.name) {
                    add(known, file);
                }
            }
        }
        counts.add(Cause::DnsNamesDropped.token(), self.names_dropped);
        let records = match self.parts.as_slice() {
            [part] => part.records.clone(),
            parts => join_halves(parts),
        };
        let (taps, names) = (self.taps.clone(), self.names.clone());
        Recording { records, taps, files, names, counts, packets: self.packets() }
    }

    fn input(&mut self, name: &str) -> u32 {
        let known = self.files.iter().position(|file| file.name == name);
        let number = known.unwrap_or_else(|| {
            self.files.push(FileReport { name: name.to_owned(), ..FileReport::default() });
            self.files.len() - 1
        });
        u32::try_from(number).unwrap_or(u32::MAX)
    }

    fn tap(&mut self, hop: Hop, tap: &Tap, inputs: &[u32]) -> TapId {
        let input = inputs.get(tap.input as usize).copied().unwrap_or(tap.input);
        let next = TapId(u16::try_from(self.taps.len()).unwrap_or(u16::MAX));
        let id = *self.ids.entry((input, hop)).or_insert(next);
        match self.taps.get_mut(usize::from(id.0)) {
            Some(known) => {
                known.first = known.first.min(tap.first);
                known.last = known.last.max(tap.last);
            }
            None => self.taps.push(Tap { input, ..tap.clone() }),
        }
        id
    }
}

fn add(known: &mut FileReport, more: &FileReport) {
    known.packets += more.packets;
    known.octets += more.octets;
    known.damaged_records += more.damaged_records;
    known.skipped_octets += more.skipped_octets;
    known.truncated |= more.truncated;
    known.problems.extend(more.problems.iter().cloned());
}

/// The records of all parts. The kernel deals packets out by their outer addresses and ports, and
/// these differ between the two directions of a tunnel: then one recorder saw one half of a
/// connection and another one the other.
fn join_halves(parts: &[Part]) -> Vec<FlowRecord> {
    type Wire = (TapId, Protocol, Endpoint, Endpoint);
    let mut records: Vec<FlowRecord> = Vec::with_capacity(parts.iter().map(|part| part.records.len()).sum());
    let mut halves: HashMap<Wire, Vec<(usize, usize)>, foldhash::fast::RandomState> = HashMap::default();
    for (number, part) in parts.iter().enumerate() {
        for record in &part.records {
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
    records
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
    let pick = |ours: flowfence_model::Half, theirs: flowfence_model::Half| {
        let (seen, other) = if ours.is_seen() { (ours, theirs) } else { (theirs, ours) };
        let isn = seen.isn().or(other.isn()).unwrap_or(0);
        flowfence_model::Half { signs: seen.signs.union(other.signs), isn, ..seen }
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

#[cfg(test)]
mod tests;
