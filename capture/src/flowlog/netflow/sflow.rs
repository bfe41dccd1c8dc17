//! sFlow v5 (sflow.org, version 5): sampled packets, read by the decoder of packets.
//!
//! The decoder of the frame is our own. `sflow-parser` 0.7 sets aside up to 100 MiB because a length
//! says so, and gives up the whole datagram for one record that it does not know.

use flowfence_model::{Address, Protocol, Signs, Timestamp};

use super::flow::{Flow, IcmpWord, Side, Told};
use crate::cause::Cause;
use crate::decode::{self, Outcome, Path, Refusal, Seen};
use crate::link::{LinkType, RawPacket};

/// Samples: flow, and flow with interfaces in full.
const FLOW: u32 = 1;
const FLOW_EXPANDED: u32 = 3;
/// Records: the beginning of the packet, and its ends where the agent read them itself.
const HEADER: u32 = 1;
const IPV4: u32 = 3;
const IPV6: u32 = 4;

/// Fields in network byte order.
#[derive(Clone, Copy, Debug)]
struct Words<'a>(&'a [u8]);

impl<'a> Words<'a> {
    fn take(&mut self, octets: usize) -> Option<&'a [u8]> {
        let (head, rest) = self.0.split_at_checked(octets)?;
        self.0 = rest;
        Some(head)
    }

    fn word(&mut self) -> Option<u32> {
        let (head, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(u32::from_be_bytes(*head))
    }

    fn skip(&mut self, words: usize) -> Option<()> {
        self.take(words * 4).map(|_| ())
    }

    /// Octets with their length before them, filled up to whole words.
    fn opaque(&mut self) -> Option<&'a [u8]> {
        let length = self.word()? as usize;
        let whole = self.take(length.checked_next_multiple_of(4)?)?;
        whole.get(..length)
    }

    /// An address with its kind before it; one that is unknown is unspecified.
    fn address(&mut self) -> Option<Address> {
        match self.word()? {
            0 => Some(Address::v4([0; 4])),
            1 => Some(Address::v4(self.take(4)?.try_into().ok()?)),
            2 => Some(Address::v6(self.take(16)?.try_into().ok()?)),
            _ => None,
        }
    }
}

/// A datagram's header, and its samples.
#[derive(Clone, Copy, Debug)]
pub struct Datagram<'a> {
    /// Who sampled, where it has an address.
    pub agent: Option<Address>,
    /// Which part of it.
    pub sub_agent: u32,
    /// Counts datagrams.
    pub sequence: u32,
    samples: u32,
    rest: Words<'a>,
}

/// Whether a datagram is one of sFlow v5.
pub fn recognise(octets: &[u8]) -> bool {
    octets.starts_with(&[0, 0, 0, 5])
}

/// The header.
pub fn read(octets: &[u8]) -> Option<Datagram<'_>> {
    let mut words = Words(octets);
    words.skip(1)?;
    let agent = Some(words.address()?).filter(|address| !address.ip().is_unspecified());
    let sub_agent = words.word()?;
    let sequence = words.word()?;
    words.skip(1)?;
    let samples = words.word()?;
    Some(Datagram { agent, sub_agent, sequence, samples, rest: words })
}

/// What a sample comes to.
pub type Sample = Result<Flow<'static>, Cause>;

impl Datagram<'_> {
    /// Takes every sample of a packet; false when the datagram ends before it should.
    pub fn samples(&self, at: Timestamp, max_depth: u8, mut take: impl FnMut(Sample)) -> bool {
        let mut words = self.rest;
        for _ in 0..self.samples {
            let Some((kind, body)) = tagged(&mut words) else { return false };
            if let FLOW | FLOW_EXPANDED = kind {
                take(sample(Words(body), kind, at, max_depth).unwrap_or(Err(Cause::MalformedExport)));
            }
        }
        true
    }
}

/// A structure with its kind and length; kinds of other enterprises are passed by.
fn tagged<'a>(words: &mut Words<'a>) -> Option<(u32, &'a [u8])> {
    Some((words.word()?, words.opaque()?))
}

fn sample(mut words: Words<'_>, kind: u32, at: Timestamp, max_depth: u8) -> Option<Sample> {
    // Sequence number and source; the latter in two words when expanded.
    words.skip(if kind == FLOW { 2 } else { 3 })?;
    let rate = words.word()?.max(1);
    // Pool, drops, and the interfaces.
    words.skip(if kind == FLOW { 4 } else { 6 })?;
    let records = words.word()?;
    let mut found: Option<Sample> = None;
    let mut known: Option<Flow<'static>> = None;
    for _ in 0..records {
        let (kind, body) = tagged(&mut words)?;
        let mut body = Words(body);
        match kind {
            HEADER => found = Some(header(&mut body, at, max_depth)?),
            IPV4 | IPV6 => known = Some(ends(&mut body, kind == IPV6, at)?),
            _ => {}
        }
    }
    // The packet itself tells more than what the agent read of it.
    let sample = match (found, known) {
        (Some(Ok(flow)), _) | (_, Some(flow)) => Ok(flow),
        (Some(Err(cause)), None) => Err(cause),
        (None, None) => Err(Cause::LogOther),
    };
    Some(sample.map(|flow| Flow { rate: u64::from(rate), ..flow }))
}

/// The beginning of a packet.
fn header(words: &mut Words<'_>, at: Timestamp, max_depth: u8) -> Option<Sample> {
    let link = match words.word()? {
        1 => LinkType::ETHERNET,
        11 => LinkType::IPV4,
        12 => LinkType::IPV6,
        _ => return Some(Err(Cause::UnsupportedLinkType)),
    };
    let length = words.word()?;
    let stripped = words.word()?;
    let data = words.opaque()?;
    let packet = RawPacket { time: at, original_len: length.saturating_sub(stripped), data };
    let mut path = Path::default();
    Some(match decode::decode(link, &packet, max_depth, &mut path) {
        Ok(Outcome::Seen(seen)) => Ok(of_packet(&seen, at)),
        Ok(Outcome::Refusal(refusal)) => of_refusal(&refusal, at),
        Ok(Outcome::Fragment { .. }) => Err(Cause::FragmentsUnjoined),
        Err(cause) => Err(cause),
    })
}

fn number(protocol: Protocol) -> u8 {
    match protocol {
        Protocol::Tcp => 6,
        Protocol::Udp => 17,
        Protocol::Sctp => 132,
        Protocol::Icmp => 1,
    }
}

fn of_packet(seen: &Seen<'_>, at: Timestamp) -> Flow<'static> {
    let side = |end: flowfence_model::Endpoint| Side { port: Some(end.port), ..Side::at(end.address) };
    let (from, to) = (side(seen.from), side(seen.to));
    let mut flow = Flow::new((at, at), from, to, number(seen.protocol));
    flow.packets[0] = 1;
    flow.octets[0] = seen.octets;
    let has = |sign| seen.signs.has(sign);
    match seen.protocol {
        Protocol::Icmp => {
            // The decoder has put type and code of the question at the one who is asked.
            let is_answer = has(Signs::ACCEPT);
            let asked = if is_answer { from.port } else { to.port };
            let [kind, code] = asked.unwrap_or(0).to_be_bytes();
            let kind = match kind {
                8 if is_answer => 0,
                kind if is_answer => kind.saturating_add(1),
                kind => kind,
            };
            if seen.from.address.ip().is_ipv6() {
                flow.protocol = 58;
            }
            flow.icmp = Some(IcmpWord { kind, code });
        }
        Protocol::Tcp => {
            let flag = |sign, bit: u8| if has(sign) { bit } else { 0 };
            let accept = if has(Signs::ACCEPT) { 0x12 } else { 0 };
            let all = [
                flag(Signs::OPEN, 0x02),
                accept,
                flag(Signs::SEGMENT, 0x10),
                flag(Signs::FIN, 0x01),
                flag(Signs::RESET, 0x04),
            ];
            flow.flags = Some(all.into_iter().fold(0, |sum, bit| sum | bit));
        }
        Protocol::Sctp if has(Signs::OPEN) => flow.told = Told::Source,
        Protocol::Sctp if has(Signs::ACCEPT) => flow.told = Told::Destination,
        Protocol::Udp | Protocol::Sctp => {}
    }
    flow
}

fn of_refusal(refusal: &Refusal, at: Timestamp) -> Sample {
    if refusal.is_tunnel || refusal.is_icmp_answer || refusal.protocol == Protocol::Icmp {
        return Err(Cause::IcmpErrorUnmatched);
    }
    let side = |end: flowfence_model::Endpoint| Side { port: Some(end.port), ..Side::at(end.address) };
    let (from, to) = (side(refusal.from), side(refusal.to));
    let mut flow = Flow::new((at, at), from, to, number(refusal.protocol));
    flow.is_refused = true;
    Ok(flow)
}

/// The ends of a packet as the agent read them.
fn ends(words: &mut Words<'_>, is_v6: bool, at: Timestamp) -> Option<Flow<'static>> {
    let length = words.word()?;
    let protocol = u8::try_from(words.word()?).ok()?;
    let mut address = || {
        Some(if is_v6 {
            Address::v6(words.take(16)?.try_into().ok()?)
        } else {
            Address::v4(words.take(4)?.try_into().ok()?)
        })
    };
    let (source, destination) = (address()?, address()?);
    let mut port = || u16::try_from(words.word()?).ok();
    let (source_port, destination_port) = (port()?, port()?);
    let source = Side { port: Some(source_port), ..Side::at(source) };
    let destination = Side { port: Some(destination_port), ..Side::at(destination) };
    let mut flow = Flow::new((at, at), source, destination, protocol);
    flow.flags = u8::try_from(words.word()? & 0xff).ok();
    flow.packets[0] = 1;
    flow.octets[0] = u64::from(length);
    Some(flow)
}
