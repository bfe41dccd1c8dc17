//! Flow exporters: NetFlow v5 and v9 (RFC 3954), IPFIX (RFC 7011) and sFlow v5.
//!
//! ```text
//! datagram ─┬▶ v5 ─────────────────────────────────────────────────────▶ Flow ─▶ Entry ─▶ fold
//!           ├▶ v9, IPFIX ─▶ domain ─┬▶ template set ─▶ layouts              ▲
//!           │                       └▶ data set ─▶ record ─▶ element ───────┤
//!           │                             └▶ waits for its template ─▶ ─────┤
//!           └▶ sflow ─▶ sampled packet ─▶ decode ───────────────────────────┘
//! ```
//!
//! All state is of one exporter (address and port) and observation domain, and bounded: what is kept
//! of all of them together is at most [`MAX_OCTETS`], and who was silent the longest gives way.

mod domain;
mod element;
mod flow;
mod identity;
mod netobserv;
mod record;
mod repeat;
mod sampling;
mod sequence;
mod sflow;
mod template;
#[cfg(test)]
mod tests;
mod v5;

use std::net::SocketAddr;

use flowfence_model::{Address, Timestamp};
use foldhash::fast::RandomState;
use hashbrown::HashMap;

use self::domain::Domain;
use self::flow::Exporter;
use self::record::Clock;
use self::repeat::Recent;
use self::sequence::Numbers;
use super::Sink;
use crate::cause::Cause;

/// Ports to which exporters send by habit: IPFIX (RFC 7011 §10.3.4), NetFlow, sFlow.
pub const EXPORT_PORTS: [u16; 6] = [2055, 4739, 6343, 9555, 9995, 9996];

/// Octets that templates and waiting data sets of all exporters take at most.
pub const MAX_OCTETS: usize = 64 << 20;
/// Exporters and domains that are known at most.
const MAX_DOMAINS: usize = 4096;
/// Headers.
const IPFIX_HEADER: usize = 16;
const V9_HEADER: usize = 20;

/// Whether a datagram begins as those of exporters do, and is long enough for their headers.
pub(crate) fn looks_like_export(octets: &[u8]) -> bool {
    let headed = octets.len() > V9_HEADER;
    headed && (matches!(octets.first_chunk(), Some([0, 5 | 9 | 10])) || sflow::recognise(octets))
}

/// Whose state it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Key {
    exporter: SocketAddr,
    version: u16,
    domain: u32,
    /// The agent of sFlow, which may speak for others.
    agent: Option<Address>,
}

/// All exporters that were heard.
#[derive(Debug, Default)]
pub struct Exports {
    domains: HashMap<Key, Domain, RandomState>,
    /// Datagrams so far.
    heard: u64,
    /// What all domains take.
    octets: usize,
    /// Lost records of domains that gave way.
    lost: u64,
    recent: Recent,
}

impl Exports {
    /// Takes one datagram of an exporter, heard at that moment; how many records it had.
    pub(crate) fn datagram(
        &mut self,
        exporter: SocketAddr,
        at: Timestamp,
        octets: &[u8],
        max_depth: u8,
        to: &mut Sink<'_>,
    ) -> u64 {
        self.heard += 1;
        if self.recent.has(exporter, octets) {
            to.tally.add(Cause::ExportsRepeated);
            return 0;
        }
        let records = match octets.first_chunk() {
            Some([0, 5]) => self.v5(exporter, octets, to),
            Some([0, 9]) => self.v9(exporter, octets, to),
            Some([0, 10]) => self.ipfix(exporter, octets, to),
            _ if sflow::recognise(octets) => self.sflow(exporter, at, octets, max_depth, to),
            _ => None,
        };
        if records.is_none() {
            to.tally.add(Cause::MalformedExport);
        }
        self.make_room(to);
        records.unwrap_or(0)
    }

    /// Counts what never came, and what waits in vain.
    pub(crate) fn finish(self, to: &mut Sink<'_>) {
        let mut lost = self.lost;
        for domain in self.domains.values() {
            lost = lost.saturating_add(domain.numbers.lost());
            to.tally.add_many(Cause::ExportsUntemplated, domain.waiting());
        }
        to.tally.add_many(Cause::ExportsLost, lost);
    }

    fn domain(&mut self, key: Key, format: &'static str) -> &mut Domain {
        let heard = self.heard;
        let domain = self.domains.entry(key).or_insert_with(|| {
            let address = key.agent.map_or(key.exporter.ip(), Address::ip).to_canonical();
            let name = match key.domain {
                0 => address.to_string(),
                domain => format!("{address} {domain}"),
            };
            // NetFlow v9 and sFlow count datagrams.
            let numbers =
                if matches!(key.version, 9 | 0) { Numbers::of_datagrams() } else { Numbers::of_records() };
            let domain = Domain::new(Exporter::new(format, name), numbers);
            self.octets += domain.weight();
            domain
        });
        domain.heard = heard;
        domain
    }

    fn v5(&mut self, exporter: SocketAddr, octets: &[u8], to: &mut Sink<'_>) -> Option<u64> {
        let datagram = v5::read(octets.get(2..)?)?;
        let header = &datagram.header;
        let engine = u32::from(u16::from_be_bytes([header.engine_type, header.engine_id]));
        let domain = self.domain(Key { exporter, version: 5, domain: engine, agent: None }, "netflow");
        let count = Some(u32::from(header.count));
        domain.numbers.note(header.flow_sequence, count, count);
        let clock = v5::clock(header);
        for record in &datagram.flowsets {
            let flow = v5::flow(record, header, &clock);
            if let Err(cause) = flow::tell(&flow, &mut domain.exporter, to) {
                to.tally.add(cause);
            }
        }
        Some(datagram.flowsets.len() as u64)
    }

    fn v9(&mut self, exporter: SocketAddr, octets: &[u8], to: &mut Sink<'_>) -> Option<u64> {
        let (head, sets) = octets.split_at_checked(V9_HEADER)?;
        let word = |at: usize| Some(u32::from_be_bytes(*head.get(at..)?.first_chunk()?));
        let (uptime, sent, number, source) = (word(4)?, word(8)?, word(12)?, word(16)?);
        let sent = Timestamp::from_secs(i64::from(sent), 0);
        let clock = Clock { sent, uptime: Some(uptime), booted: None };
        let key = Key { exporter, version: 9, domain: source, agent: None };
        Some(self.message(key, "netflow", number, sets, clock, to))
    }

    fn ipfix(&mut self, exporter: SocketAddr, octets: &[u8], to: &mut Sink<'_>) -> Option<u64> {
        let (head, sets) = octets.split_at_checked(IPFIX_HEADER)?;
        let word = |at: usize| Some(u32::from_be_bytes(*head.get(at..)?.first_chunk()?));
        let length = usize::from(u16::from_be_bytes(*head.get(2..)?.first_chunk()?));
        let (sent, number, domain) = (word(4)?, word(8)?, word(12)?);
        let length = length.checked_sub(IPFIX_HEADER)?;
        // A message that claims more than there is: what there is is read.
        let sets = match sets.get(..length) {
            Some(sets) if sets.len() == length => sets,
            _ => {
                to.tally.add(Cause::MalformedExport);
                sets
            }
        };
        let sent = Timestamp::from_secs(i64::from(sent), 0);
        let clock = Clock { sent, uptime: None, booted: None };
        let key = Key { exporter, version: 10, domain, agent: None };
        Some(self.message(key, "ipfix", number, sets, clock, to))
    }

    /// What NetFlow v9 and IPFIX have in common.
    fn message(
        &mut self,
        key: Key,
        format: &'static str,
        number: u32,
        sets: &[u8],
        clock: Clock,
        to: &mut Sink<'_>,
    ) -> u64 {
        let domain = self.domain(key, format);
        let before = domain.weight();
        if let Some(uptime) = clock.uptime {
            domain.notice_restart(uptime, to);
        }
        domain.unbroken.begin(number);
        let read = domain.sets(sets, key.version == 10, clock, to);
        domain.unbroken.end(read.records);
        let known = |count| (!read.is_partial).then_some(count);
        domain.numbers.note(number, known(read.records), known(read.flows));
        let after = domain.weight();
        self.octets = self.octets.saturating_sub(before).saturating_add(after);
        u64::from(read.records) + u64::from(read.replayed)
    }

    fn sflow(
        &mut self,
        exporter: SocketAddr,
        at: Timestamp,
        octets: &[u8],
        max_depth: u8,
        to: &mut Sink<'_>,
    ) -> Option<u64> {
        let datagram = sflow::read(octets)?;
        let (agent, sub_agent) = (datagram.agent, datagram.sub_agent);
        let domain = self.domain(Key { exporter, version: 0, domain: sub_agent, agent }, "sflow");
        let mut samples = 0;
        let is_whole = datagram.samples(at, max_depth, |sample| {
            samples += 1;
            let told = sample.and_then(|flow| flow::tell(&flow, &mut domain.exporter, to));
            if let Err(cause) = told {
                to.tally.add(cause);
            }
        });
        domain.numbers.note(datagram.sequence, Some(samples), Some(samples));
        if !is_whole {
            to.tally.add(Cause::MalformedExport);
        }
        Some(u64::from(samples))
    }

    /// Who was silent the longest is forgotten while all take too much.
    fn make_room(&mut self, to: &mut Sink<'_>) {
        while self.octets > MAX_OCTETS || self.domains.len() > MAX_DOMAINS {
            let oldest = self.domains.iter().min_by_key(|(_, domain)| domain.heard).map(|(key, _)| *key);
            let Some(domain) = oldest.and_then(|key| self.domains.remove(&key)) else { break };
            self.octets = self.octets.saturating_sub(domain.weight());
            self.lost = self.lost.saturating_add(domain.numbers.lost());
            to.tally.add_many(Cause::ExportsUntemplated, domain.waiting());
        }
    }
}
