//! What several recorders saw, put together while they go on.
//!
//! ```text
//! Recorder ─▶ Block ─┐
//! Recorder ─▶ Block ─┼─▶ Gathering ─▶ Recording
//! Recorder ─▶ Block ─┘
//! ```
//!
//! A block says how things stand, not what was added: each flow that changed as it is by now, and
//! every count from the beginning on. Numbers only grow, so that the larger of two states is the
//! later one: a block that comes twice, out of order or not at all does no harm but to what only it
//! had. Within a session inputs of one name are one input, and hops that only differ by the recorder
//! are one tap: readers of one interface see parts of the same wire.

mod halves;

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use flowfence_model::{Counts, FileReport, FlowRecord, Half, Names, Recording, Tap, TapId};
use hashbrown::{HashMap, HashSet};

use crate::cause::Cause;
use crate::tap::Hop;

/// Flow records that a gathering keeps at most unless told otherwise; more are counted as evicted.
const MAX_FLOWS: usize = 1 << 24;

/// Blocks of all recorders that are told apart, so that the absence of others is noticed.
const MAX_SEQUENCES: usize = 1 << 20;

/// Inputs of all runs that are told apart; the last one stands for all further ones.
const MAX_INPUTS: usize = 1 << 16;

/// One recorder of one run of a program. Two runs of one id must not exist.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Session {
    /// Drawn anew for each run.
    pub id: u128,
    /// The recorder's number within the run.
    pub reader: u32,
}

/// How things stand in a recorder.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Block {
    /// Whose it is.
    pub session: Session,
    /// Its blocks are numbered from 0; a number that is missing is a block that was lost.
    pub sequence: u64,
    /// Every tap so far; a flow's [`TapId`] is an index into it.
    pub taps: Vec<(Hop, Tap)>,
    /// Flow records that changed since the block before, each with its number in the session.
    pub flows: Vec<(u64, FlowRecord)>,
    /// Names that were new.
    pub names: Vec<(IpAddr, String)>,
    /// Everything that was passed over or lost so far, by cause.
    pub counts: Counts,
    /// Packets so far.
    pub packets: u64,
    /// What became of each input so far.
    pub inputs: Vec<FileReport>,
}

impl Block {
    /// Says how many packets were lost so far before they came to the recorder: dropped by the
    /// kernel because a ring was full, and by an interface.
    pub fn set_lost(&mut self, by_kernel: u64, by_interface: u64) {
        self.counts.add(Cause::KernelDrops.token(), by_kernel);
        self.counts.add(Cause::InterfaceDrops.token(), by_interface);
    }

    /// Packets that its recorder has taken by now.
    pub fn packets(&self) -> u64 {
        self.packets
    }
}

/// Everything that was handed over.
#[derive(Clone, Debug, Default)]
pub struct Gathering {
    parts: BTreeMap<Session, Part>,
    taps: Vec<Tap>,
    ids: HashMap<(u32, Hop), TapId, foldhash::fast::RandomState>,
    files: Vec<FileReport>,
    /// The number of an input by its run and name.
    inputs: BTreeMap<(u128, String), u32>,
    names: Names,
    names_dropped: u64,
    overflowed: u64,
    max_flows: Option<usize>,
    sequences: usize,
}

/// What one recorder handed over.
#[derive(Clone, Debug, Default)]
struct Part {
    records: Vec<FlowRecord>,
    places: HashMap<u64, usize, foldhash::fast::RandomState>,
    files: Vec<FileReport>,
    counts: Counts,
    packets: u64,
    /// The blocks that came, and the highest number of any.
    seen: HashSet<u64, foldhash::fast::RandomState>,
    highest: u64,
}

impl Gathering {
    /// One that keeps so many flow records at most.
    pub fn new(max_flows: usize) -> Self {
        Gathering { max_flows: Some(max_flows), ..Gathering::default() }
    }

    /// Takes a block.
    pub fn absorb(&mut self, block: Block) {
        let run = block.session.id;
        let inputs: Vec<u32> = block.inputs.iter().map(|file| self.input(run, &file.name)).collect();
        let taps: Vec<TapId> = block.taps.iter().map(|(hop, tap)| self.tap(*hop, tap, &inputs)).collect();
        for (address, name) in &block.names {
            self.names_dropped += u64::from(!self.names.insert(*address, name));
        }
        let mut room = self.max_flows.unwrap_or(MAX_FLOWS).saturating_sub(self.flows());
        let part = self.parts.entry(block.session).or_default();
        for (number, mut record) in block.flows {
            record.tap = taps.get(usize::from(record.tap.0)).copied().unwrap_or(record.tap);
            let next = part.records.len();
            match part.places.get(&number).and_then(|place| part.records.get_mut(*place)) {
                Some(known) => grow(known, &record),
                None if room == 0 => self.overflowed += 1,
                None => {
                    room -= 1;
                    part.places.insert(number, next);
                    part.records.push(record);
                }
            }
        }
        part.counts.raise(&block.counts);
        part.packets = part.packets.max(block.packets);
        part.note_files(block.inputs);
        if self.sequences < MAX_SEQUENCES && part.seen.insert(block.sequence) {
            self.sequences += 1;
            part.highest = part.highest.max(block.sequence);
        }
    }

    /// Whether nothing was handed over.
    pub fn is_empty(&self) -> bool {
        self.parts.is_empty() && self.files.is_empty()
    }

    /// Packets that were taken so far.
    pub fn packets(&self) -> u64 {
        self.parts.values().map(|part| part.packets).sum()
    }

    /// Flow records that are kept.
    pub fn flows(&self) -> usize {
        self.parts.values().map(|part| part.records.len()).sum()
    }

    /// Flow records that were given up because the limit was reached.
    pub fn evicted(&self) -> u64 {
        let told: u64 = self.parts.values().map(|part| part.counts.get(Cause::FlowsEvicted.token())).sum();
        told + self.overflowed
    }

    /// Adds everything that was handed over so far to a recording.
    pub fn add_to(&self, recording: &mut Recording) {
        if self.parts.is_empty() {
            return;
        }
        let inputs = u32::try_from(recording.files.len()).unwrap_or(u32::MAX);
        let taps = u16::try_from(recording.taps.len()).unwrap_or(u16::MAX);
        recording.files.extend(self.reports());
        let moved = |tap: &Tap| Tap { input: tap.input.saturating_add(inputs), ..tap.clone() };
        recording.taps.extend(self.taps.iter().map(moved));
        let begin = recording.records.len();
        self.add_records(&mut recording.records);
        if taps > 0 {
            for record in recording.records.iter_mut().skip(begin) {
                record.tap = TapId(record.tap.0.saturating_add(taps));
            }
        }
        let kept_out = |(address, names): (&IpAddr, &BTreeSet<String>)| {
            names.iter().filter(|name| !recording.names.insert(*address, name)).count() as u64
        };
        let kept_out: u64 = self.names.iter().map(kept_out).sum();
        recording.counts.add(Cause::DnsNamesDropped.token(), self.names_dropped + kept_out);
        recording.counts.add(Cause::FlowsEvicted.token(), self.overflowed);
        for part in self.parts.values() {
            recording.counts.merge(&part.counts);
            recording.counts.add(Cause::BlocksMissing.token(), part.missing());
        }
        recording.packets += self.packets();
    }

    fn add_records(&self, records: &mut Vec<FlowRecord>) {
        let parts: Vec<&[FlowRecord]> = self.parts.values().map(|part| part.records.as_slice()).collect();
        match parts.as_slice() {
            [part] => records.extend_from_slice(part),
            parts => halves::join(parts, records),
        }
    }

    /// What became of the inputs of all parts.
    fn reports(&self) -> Vec<FileReport> {
        let mut files = self.files.clone();
        for (session, part) in &self.parts {
            for file in &part.files {
                let input = self.inputs.get(&(session.id, file.name.clone()));
                if let Some(known) = input.and_then(|i| files.get_mut(*i as usize)) {
                    add(known, file);
                }
            }
        }
        files
    }

    fn input(&mut self, run: u128, name: &str) -> u32 {
        if self.files.len() >= MAX_INPUTS {
            return self.inputs.get(&(run, name.to_owned())).copied().unwrap_or(u32::MAX);
        }
        let next = u32::try_from(self.files.len()).unwrap_or(u32::MAX);
        let number = *self.inputs.entry((run, name.to_owned())).or_insert(next);
        if number == next {
            self.files.push(FileReport { name: name.to_owned(), ..FileReport::default() });
        }
        number
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

impl Part {
    /// Blocks that did not come although later ones did.
    fn missing(&self) -> u64 {
        let all = self.highest.saturating_add(u64::from(!self.seen.is_empty()));
        all.saturating_sub(self.seen.len() as u64)
    }

    /// The later of two reports of one input has read more of it.
    fn note_files(&mut self, files: Vec<FileReport>) {
        for (i, file) in files.into_iter().enumerate() {
            match self.files.get_mut(i) {
                Some(known) if (file.packets, file.octets) >= (known.packets, known.octets) => *known = file,
                Some(_) => {}
                None => self.files.push(file),
            }
        }
    }
}

/// Two states of one record: everything in it only grows, but for the first packet's time.
fn grow(known: &mut FlowRecord, other: &FlowRecord) {
    let half = |known: &mut Half, other: &Half| {
        // One who tries again may do so with another number: the later state has more packets.
        if (other.packets >= known.packets && other.isn().is_some()) || known.isn().is_none() {
            known.isn = other.isn;
        }
        known.packets = known.packets.max(other.packets);
        known.octets = known.octets.max(other.octets);
        known.signs = known.signs.union(other.signs);
    };
    half(&mut known.forward, &other.forward);
    half(&mut known.reverse, &other.reverse);
    known.first = known.first.min(other.first);
    known.last = known.last.max(other.last);
}

fn add(known: &mut FileReport, more: &FileReport) {
    known.packets += more.packets;
    known.octets += more.octets;
    known.damaged_records += more.damaged_records;
    known.skipped_octets += more.skipped_octets;
    known.truncated |= more.truncated;
    known.problems.extend(more.problems.iter().cloned());
}

#[cfg(test)]
mod tests;
