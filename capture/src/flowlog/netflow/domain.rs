//! One observation domain of one exporter: its templates, what waits for one, its sampling and its
//! sequence numbers. Nothing of it is shared with another, for template ids mean nothing outside.

use std::collections::{BTreeMap, VecDeque};

use flowfence_model::Timestamp;

use super::element;
use super::flow::{self, Exporter};
use super::netobserv::{Names, Unbroken};
use super::record::{Clock, Record};
use super::sampling::Sampling;
use super::sequence::Numbers;
use super::template::{self, Kind, Layout, News, Values};
use crate::cause::Cause;
use crate::flowlog::Sink;

/// Octets of data sets that wait in one domain at most: more than ten minutes of what a busy exporter
/// sends, and templates come again sooner.
const MAX_WAITING: usize = 1 << 20;
/// Data sets that wait at most.
const MAX_WAITING_SETS: usize = 4096;
/// Templates of one domain at most.
const MAX_TEMPLATES: usize = 1024;
/// Uptime may be so much less than before without a restart: datagrams overtake one another.
const OVERTAKING_MILLIS: u32 = 60_000;
/// Data sets have ids from here.
const FIRST_DATA: u16 = 256;

/// A data set whose template is not known yet, with the clock of its message.
#[derive(Debug)]
struct Waiting {
    id: u16,
    clock: Clock,
    body: Box<[u8]>,
}

/// The state.
#[derive(Debug)]
pub struct Domain {
    /// Who it is.
    pub exporter: Exporter,
    /// Its sequence numbers.
    pub numbers: Numbers,
    /// Whether its datagrams came one after another.
    pub unbroken: Unbroken,
    /// When it was last heard of, by the count of datagrams.
    pub heard: u64,
    layouts: BTreeMap<u16, Layout>,
    /// What netobserv said last, by template.
    names: BTreeMap<u16, Names>,
    waiting: VecDeque<Waiting>,
    waiting_octets: usize,
    sampling: Sampling,
    booted: Option<Timestamp>,
    uptime: Option<u32>,
    layout_octets: usize,
}

/// What a message came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Read {
    /// Records of data and options.
    pub records: u32,
    /// Of these, those of flows.
    pub flows: u32,
    /// Whether some could not be counted, for their template is not known.
    pub is_partial: bool,
    /// Of `records`, those that had waited.
    pub replayed: u32,
}

impl Domain {
    /// One of which nothing is known.
    pub fn new(exporter: Exporter, numbers: Numbers) -> Self {
        Domain {
            exporter,
            numbers,
            unbroken: Unbroken::default(),
            heard: 0,
            layouts: BTreeMap::new(),
            names: BTreeMap::new(),
            waiting: VecDeque::new(),
            waiting_octets: 0,
            sampling: Sampling::default(),
            booted: None,
            uptime: None,
            layout_octets: 0,
        }
    }

    /// Octets of memory that it takes, about.
    pub fn weight(&self) -> usize {
        let names = self.names.len() * 2 * size_of::<Names>();
        self.waiting_octets + self.layout_octets + names + size_of::<Self>()
    }

    /// Data sets that still wait.
    pub fn waiting(&self) -> u64 {
        self.waiting.len() as u64
    }

    /// An exporter that began anew has forgotten its templates (RFC 3954 §9), and so does who listens.
    pub fn notice_restart(&mut self, uptime: u32, to: &mut Sink<'_>) {
        let is_less = |before: u32| before > uptime && before - uptime > OVERTAKING_MILLIS;
        if self.uptime.is_some_and(is_less) {
            self.layouts.clear();
            self.names.clear();
            self.layout_octets = 0;
            self.sampling = Sampling::default();
            to.tally.add_many(Cause::ExportsUntemplated, self.waiting());
            self.waiting.clear();
            self.waiting_octets = 0;
        }
        self.uptime = Some(uptime);
    }

    /// Takes the sets of a message. Damage costs the set that it is in and, where it hides how long
    /// that is, those behind it.
    pub fn sets(&mut self, mut sets: &[u8], is_ipfix: bool, clock: Clock, to: &mut Sink<'_>) -> Read {
        let mut read = Read::default();
        while let Some((&[i0, i1, l0, l1], behind)) = sets.split_first_chunk() {
            let (id, length) = (u16::from_be_bytes([i0, i1]), usize::from(u16::from_be_bytes([l0, l1])));
            let body = length.checked_sub(4).and_then(|length| behind.get(..length));
            let Some(body) = body else {
                to.tally.add(Cause::MalformedExport);
                // What there is of a data set that is cut holds whole records.
                if length > 4 && id >= FIRST_DATA && self.layouts.contains_key(&id) {
                    self.data(id, behind, clock, &mut read, to);
                }
                read.is_partial = true;
                return read;
            };
            self.set(id, body, is_ipfix, clock, &mut read, to);
            sets = behind.get(body.len()..).unwrap_or_default();
        }
        if sets.iter().any(|octet| *octet != 0) {
            to.tally.add(Cause::MalformedExport);
        }
        read
    }

    fn set(
        &mut self,
        id: u16,
        body: &[u8],
        is_ipfix: bool,
        clock: Clock,
        read: &mut Read,
        to: &mut Sink<'_>,
    ) {
        let kind = match (id, is_ipfix) {
            (0, false) => Kind::V9,
            (1, false) => Kind::V9Options,
            (2, true) => Kind::Ipfix,
            (3, true) => Kind::IpfixOptions,
            (FIRST_DATA.., _) => return self.data(id, body, clock, read, to),
            // Reserved; a later version may know it.
            _ => return to.tally.add(Cause::LogOther),
        };
        let mut learned = Vec::new();
        let layouts = &mut self.layouts;
        let is_whole = template::read(kind, body, |news| match news {
            News::Template(id, layout) => {
                if layouts.len() < MAX_TEMPLATES || layouts.contains_key(&id) {
                    layouts.insert(id, layout);
                    learned.push(id);
                }
            }
            News::Withdrawn(id) => drop(layouts.remove(&id)),
            News::AllWithdrawn => layouts.retain(|_, l| l.is_options != (kind == Kind::IpfixOptions)),
        });
        if !is_whole {
            to.tally.add(Cause::MalformedExport);
        }
        self.names.retain(|id, _| layouts.contains_key(id));
        self.layout_octets = self.layouts.values().map(Layout::weight).sum();
        if !self.waiting.is_empty() && !learned.is_empty() {
            self.replay(&learned, read, to);
        }
    }

    fn replay(&mut self, learned: &[u16], read: &mut Read, to: &mut Sink<'_>) {
        let (ready, waiting): (VecDeque<_>, VecDeque<_>) =
            std::mem::take(&mut self.waiting).into_iter().partition(|set| learned.contains(&set.id));
        self.waiting_octets = waiting.iter().map(|set| set.body.len()).sum();
        self.waiting = waiting;
        for set in ready {
            to.tally.add(Cause::ExportsEarly);
            // Their number is not the message's that brought the template.
            let mut replayed = Read::default();
            self.data(set.id, &set.body, set.clock, &mut replayed, to);
            read.replayed += replayed.records;
        }
    }

    fn data(&mut self, id: u16, body: &[u8], clock: Clock, read: &mut Read, to: &mut Sink<'_>) {
        let Some(layout) = self.layouts.get(&id) else {
            read.is_partial = true;
            self.wait(id, body, clock, to);
            return;
        };
        let clock = Clock { booted: clock.booted.or(self.booted), ..clock };
        let mut rest = body;
        let mut values: Values<'_> = [None; element::ITEMS];
        while layout.record(&mut rest, &mut values).is_some() {
            read.records += 1;
            let record = Record::new(&values);
            read.flows += u32::from(!layout.is_options);
            if layout.is_options || !record.is_flow() {
                self.sampling.note(&record);
                self.booted = record.booted().or(self.booted);
                continue;
            }
            let mut flow = record.flow(&clock, self.sampling.of(&record));
            if let Some(flow) = flow.as_mut().filter(|_| record.is_of_netobserv()) {
                self.names.entry(id).or_default().check(flow, self.unbroken.gaps());
            }
            let told = match flow {
                Some(flow) => flow::tell(&flow, &mut self.exporter, to),
                None => Err(Cause::LogIncomplete),
            };
            if let Err(cause) = told {
                to.tally.add(cause);
            }
        }
        if !layout.is_padding(rest) {
            to.tally.add(Cause::MalformedExport);
        }
    }

    /// Keeps a set until its template comes; the oldest give way.
    fn wait(&mut self, id: u16, body: &[u8], clock: Clock, to: &mut Sink<'_>) {
        self.waiting.push_back(Waiting { id, clock, body: body.into() });
        self.waiting_octets += body.len();
        while self.waiting_octets > MAX_WAITING || self.waiting.len() > MAX_WAITING_SETS {
            let Some(oldest) = self.waiting.pop_front() else { break };
            self.waiting_octets -= oldest.body.len();
            to.tally.add(Cause::ExportsUntemplated);
        }
    }
}
