//! Packets in, one recording out.

mod exports;
mod join;
mod sighting;

use std::time::Duration;

use flowfence_model::{FileReport, FlowRecord, Recording, Timestamp};

use crate::cause::{Cause, Tally};
use crate::decode::{self, Outcome, Path};
use crate::dns::Dns;
use crate::flowlog::netflow::Exports;
use crate::flowlog::{Fold, Form, Sink};
use crate::fragment::{Fragments, Whole};
use crate::gather::{Block, Gathering, Session};
use crate::link::{Interface, RawPacket};
use crate::outlet::Outlet;
use crate::table::FlowTable;
use crate::tap::Taps;

/// How far a packet may lie before an earlier one of its input without being noteworthy: several
/// queues of one network card are written out of order by milliseconds.
const REORDERING: Duration = Duration::from_secs(1);

/// An outlet is asked whenever these bits of the count of packets are 0.
const OUTLET_EVERY: u64 = 0x3f;

/// Bounds of what a recorder keeps.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Flow records that are kept at most; some 120 octets each. Beyond, old attempts are given up
    /// first, and counted. Default 16,777,216.
    pub max_flows: usize,
    /// Tunnels inside one another that are opened at most. Default 8.
    pub max_tunnel_depth: u8,
    /// Silence in capture time after which UDP, SCTP or ICMP on the same addresses and ports is
    /// another flow. Default 120 s.
    pub udp_idle: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Limits { max_flows: 1 << 24, max_tunnel_depth: 8, udp_idle: Duration::from_mins(2) }
    }
}

/// Joins packets of any number of inputs into flow records.
///
/// ```
/// use flowfence_capture::{Interface, Limits, LinkType, RawPacket, Recorder};
/// use flowfence_model::Timestamp;
///
/// let mut recorder = Recorder::new(Limits::default());
/// let input = recorder.begin_input("example");
/// let interface = Interface { number: 0, link_type: LinkType::RAW, name: None };
/// let time = Timestamp::from_secs(1_795_542_599, 0);
/// recorder.packet(input, &interface, &RawPacket { time, original_len: 3, data: b"???" });
/// let recording = recorder.finish();
/// assert_eq!((recording.packets, recording.counts.get("malformed-ip")), (1, 1));
/// ```
#[derive(Debug)]
pub struct Recorder {
    limits: Limits,
    table: FlowTable,
    taps: Taps,
    fragments: Fragments,
    dns: Dns,
    files: Vec<FileReport>,
    /// Time of the latest packet, per input.
    latest: Vec<Timestamp>,
    tally: Tally,
    packets: u64,
    session: Session,
    /// Blocks that were told.
    sequence: u64,
    forgets: bool,
    outlet: Option<Outlet>,
    /// Blocks of others.
    gathered: Gathering,
    /// What flow logs told.
    fold: Fold,
    /// Connections of flow logs that have them one by one.
    logged: Vec<FlowRecord>,
    /// Flow exporters that were heard.
    exports: Option<Box<Exports>>,
    /// Ports to which packets carry what exporters tell.
    export_ports: Vec<u16>,
    time_of_input: Timestamp,
    form: Option<Form>,
}

impl Recorder {
    /// An empty recorder.
    pub fn new(limits: Limits) -> Self {
        Recorder {
            table: FlowTable::new(limits.max_flows, limits.udp_idle),
            gathered: Gathering::new(limits.max_flows),
            limits,
            taps: Taps::default(),
            fragments: Fragments::default(),
            dns: Dns::default(),
            files: Vec::new(),
            latest: Vec::new(),
            tally: Tally::default(),
            packets: 0,
            session: Session::default(),
            sequence: 0,
            forgets: false,
            outlet: None,
            fold: Fold::default(),
            logged: Vec::new(),
            exports: None,
            export_ports: Vec::new(),
            time_of_input: Timestamp::default(),
            form: None,
        }
    }

    /// Opens an input: packets are told with the number that is returned.
    pub fn begin_input(&mut self, name: &str) -> u32 {
        self.files.push(FileReport { name: name.to_owned(), ..FileReport::default() });
        self.latest.push(Timestamp::MIN);
        u32::try_from(self.files.len() - 1).unwrap_or(u32::MAX)
    }

    /// Takes one packet of an input.
    pub fn packet(&mut self, input: u32, interface: &Interface, packet: &RawPacket<'_>) {
        if self.packets & OUTLET_EVERY == 0 && self.outlet.is_some() {
            self.tell_if_due();
        }
        self.packets += 1;
        if let Some(report) = self.files.get_mut(input as usize) {
            report.packets += 1;
        }
        self.watch_time(input, packet.time);
        let mut path = Path::default();
        let outcome = decode::decode(interface.link_type, packet, self.limits.max_tunnel_depth, &mut path);
        if let Some(note) = path.note {
            self.tally.add(note);
        }
        let outcome = match &outcome {
            Ok(outcome) => outcome,
            Err(cause) => return self.unseen(input, interface.link_type, packet, *cause),
        };
        let tap = self.taps.resolve(input, interface, &path, packet.time);
        if let Some(key) = path.outer_fragment {
            self.fragments.begin(input, key, Whole::Tunnel);
        }
        match outcome {
            Outcome::Seen(seen) => self.seen(input, tap, packet.time, seen),
            Outcome::Fragment { key, octets } => self.fragment(input, tap, packet.time, *key, *octets),
            Outcome::Refusal(refusal) => self.refusal(input, tap, packet.time, refusal),
        }
    }

    /// Names the session whose blocks [`Recorder::drain`] tells.
    #[must_use]
    pub fn with_session(mut self, session: Session) -> Self {
        self.session = session;
        self
    }

    /// Flows that are over give up their places once they were told, so that a long capture takes the
    /// memory of the flows that are alive. What [`Recorder::finish`] has is then not the whole.
    #[must_use]
    pub fn forgetting(mut self) -> Self {
        self.forgets = true;
        self
    }

    /// Gives blocks to an outlet while packets come; those of others go on to it as they are.
    #[must_use]
    pub fn with_outlet(mut self, outlet: Outlet) -> Self {
        self.outlet = Some(outlet);
        self
    }

    #[cold]
    fn tell_if_due(&mut self) {
        if let Some(mut outlet) = self.outlet.take() {
            if (outlet.is_due)() {
                (outlet.take)(self.drain());
            }
            self.outlet = Some(outlet);
        }
    }

    /// Everything that was recorded, records in the order of their first packets; those of absorbed
    /// blocks behind.
    pub fn finish(mut self) -> Recording {
        if let Some(exports) = self.exports.take() {
            exports.finish(&mut self.log(0));
        }
        let Recorder { table, taps, mut dns, files, mut tally, packets, gathered, fold, logged, .. } = self;
        let (mut records, evicted) = table.finish();
        records.extend(logged);
        let (taps, overflowed) = taps.finish();
        let (questions, unasked) = dns.take_questions();
        let (names, dropped) = dns.finish();
        tally.add_many(Cause::DnsQuestionsDropped, unasked);
        tally.add_many(Cause::FlowsEvicted, evicted);
        tally.add_many(Cause::TapsOverflowed, overflowed);
        tally.add_many(Cause::DnsNamesDropped, dropped);
        let logged = fold.finish(&mut tally);
        let mut recording = Recording {
            records,
            taps,
            files,
            names,
            questions,
            counts: tally.counts(),
            packets,
            logged,
            ..Recording::default()
        };
        gathered.add_to(&mut recording);
        recording
    }

    /// What [`Recorder::finish`] would have by now, from a copy.
    pub fn so_far(&self) -> Recording {
        let copy = Recorder {
            limits: self.limits.clone(),
            table: self.table.clone(),
            taps: self.taps.clone(),
            dns: self.dns.clone(),
            files: self.files.clone(),
            tally: self.tally.clone(),
            packets: self.packets,
            gathered: self.gathered.clone(),
            fold: self.fold.clone(),
            logged: self.logged.clone(),
            ..Recorder::new(self.limits.clone())
        };
        copy.finish()
    }

    /// How things stand, with the flows and names that changed since the last time; at the first time
    /// all of them.
    pub fn drain(&mut self) -> Block {
        let flows = self.table.changed();
        if self.forgets {
            let now = self.latest.iter().copied().max().unwrap_or(Timestamp::MIN);
            self.table.forget(now);
        }
        let (taps, overflowed) = self.taps.so_far();
        let taps = taps.map(|(hop, tap)| (hop, tap.clone())).collect();
        let (names, dropped) = self.dns.news();
        let mut tally = self.tally.clone();
        tally.add_many(Cause::FlowsEvicted, self.table.evicted());
        tally.add_many(Cause::TapsOverflowed, overflowed);
        tally.add_many(Cause::DnsNamesDropped, dropped);
        let sequence = self.sequence;
        self.sequence += 1;
        Block {
            session: self.session,
            sequence,
            taps,
            flows,
            names,
            counts: tally.counts(),
            packets: self.packets,
            inputs: self.files.clone(),
        }
    }

    /// From now on [`Recorder::drain`] tells all names again: whoever reads what follows may not have
    /// what was told before.
    pub fn tell_names_again(&mut self) {
        self.dns.tell_again();
    }

    /// Takes a block of another recorder, in any order, as often as it comes.
    pub fn absorb(&mut self, block: Block) {
        match &mut self.outlet {
            Some(outlet) => (outlet.take)(block),
            None => self.gathered.absorb(block),
        }
    }

    /// What becomes of an input.
    pub(crate) fn report(&mut self, input: u32) -> Option<&mut FileReport> {
        self.files.get_mut(input as usize)
    }

    /// Where lines of a flow log go.
    pub(crate) fn log(&mut self, input: u32) -> Sink<'_> {
        Sink {
            fold: &mut self.fold,
            tally: &mut self.tally,
            dns: &mut self.dns,
            records: &mut self.logged,
            taps: &mut self.taps,
            input,
            time: self.time_of_input,
        }
    }

    /// The moment of lines that have none, for the inputs that are begun from now on: the time of
    /// the file.
    pub fn set_time_of_input(&mut self, time: Timestamp) {
        self.time_of_input = time;
    }

    /// Inputs that are no captures are read as this, whatever they look like.
    #[must_use]
    pub fn reading_logs_as(mut self, form: Option<Form>) -> Self {
        self.form = form;
        self
    }

    pub(crate) fn form(&self) -> Option<Form> {
        self.form.clone()
    }

    pub(crate) fn has_outlet(&self) -> bool {
        self.outlet.is_some()
    }

    /// Takes back an input that turned out unusable.
    pub(crate) fn forget_input(&mut self, input: u32) {
        if input as usize + 1 == self.files.len() {
            self.files.pop();
            self.latest.pop();
        }
    }

    #[inline]
    fn watch_time(&mut self, input: u32, at: Timestamp) {
        if let Some(latest) = self.latest.get_mut(input as usize) {
            if at >= *latest {
                *latest = at;
            } else if latest.since(at) > REORDERING {
                self.tally.add(Cause::TimeBackwards);
            }
        }
    }
}
