//! What an exporter tells of a flow becomes a line of a log.
//!
//! Exporters see packets pass and put together what one end sent, so most records say nothing of
//! who opened. It is told by the exporter's own word, else by a SYN without ACK; else it is left to
//! what all records together show. Where both directions are in one record, their order says nothing
//! unless the exporter says that it does (RFC 5103 §5.2): softflowd puts the lower address first.

use flowfence_model::logged::{LoggedVerdict, ObserverId};
use flowfence_model::{Address, IcmpType, Protocol, Timestamp};

use super::identity::end;
use crate::cause::Cause;
use crate::decode::connectable;
use crate::flowlog::Sink;
use crate::flowlog::entry::{Answer, Entry, Opener, icmp_question};
use crate::flowlog::text;

const FIN_SYN_RST_ACK: [u8; 4] = [0x01, 0x02, 0x04, 0x10];
/// ICMP of IPv6, by its IANA number.
const ICMP_V6: u8 = 58;
/// Bits of RFC 3168, which say nothing of the connection.
const CONGESTION: u8 = 0xc0;

/// One end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Side<'a> {
    pub address: Address,
    pub port: Option<u16>,
    /// What address translation made of it.
    pub translated: Option<Address>,
    pub translated_port: Option<u16>,
    pub namespace: Option<&'a str>,
    pub pod: Option<&'a str>,
    pub node: Option<&'a str>,
    /// A JSON object.
    pub labels: Option<&'a str>,
}

impl Side<'_> {
    /// One of which only the address is known so far.
    pub fn at(address: Address) -> Self {
        Side {
            address,
            port: None,
            translated: None,
            translated_port: None,
            namespace: None,
            pod: None,
            node: None,
            labels: None,
        }
    }
}

/// Who opened by the word of the exporter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Told {
    Source,
    Destination,
    Nothing,
}

/// Type and code of ICMP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IcmpWord {
    pub kind: u8,
    pub code: u8,
}

/// A policy by its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Policy<'a> {
    pub namespace: &'a str,
    pub name: &'a str,
}

/// A flow, as source and destination are in the record.
#[derive(Clone, Debug)]
pub struct Flow<'a> {
    pub time: (Timestamp, Timestamp),
    pub source: Side<'a>,
    pub destination: Side<'a>,
    /// By its IANA number.
    pub protocol: u8,
    pub icmp: Option<IcmpWord>,
    /// TCP flags of all packets of the source, and of the destination.
    pub flags: Option<u8>,
    pub back_flags: Option<u8>,
    /// TCP flags of the first packet of the source, and of the destination.
    pub first_flags: [Option<u8>; 2],
    pub told: Told,
    /// Whether it would show an answer, had there been one.
    pub is_biflow: bool,
    /// Whether it was refused, where something else than flags tells it.
    pub is_refused: bool,
    pub packets: [u64; 2],
    pub octets: [u64; 2],
    /// One packet in so many was looked at.
    pub rate: u64,
    pub is_going_out: Option<bool>,
    pub verdict: LoggedVerdict,
    pub policy: Option<Policy<'a>>,
    /// `NAMESPACE/NAME:PORT`.
    pub service: Option<&'a str>,
    pub service_address: Option<Address>,
    /// Whether the exporter tells everything that the pods of its node do.
    pub is_whole: bool,
}

impl<'a> Flow<'a> {
    /// One of which only this is known so far.
    pub fn new(time: (Timestamp, Timestamp), source: Side<'a>, destination: Side<'a>, protocol: u8) -> Self {
        Flow {
            time,
            source,
            destination,
            protocol,
            icmp: None,
            flags: None,
            back_flags: None,
            first_flags: [None; 2],
            told: Told::Nothing,
            is_biflow: false,
            is_refused: false,
            packets: [0; 2],
            octets: [0; 2],
            rate: 1,
            is_going_out: None,
            verdict: LoggedVerdict::Allowed,
            policy: None,
            service: None,
            service_address: None,
            is_whole: false,
        }
    }
}

/// Who exports: a format, and a name that tells it from others.
#[derive(Clone, Debug)]
pub struct Exporter {
    format: &'static str,
    name: String,
    /// As observers: a flow that comes in and goes out is told twice, so these are two.
    known: [Option<ObserverId>; 3],
    /// Whether it was seen to put ICMP types in the place of ports: then nought there is an answer.
    tells_icmp: bool,
}

impl Exporter {
    /// One that writes this format.
    pub fn new(format: &'static str, name: String) -> Self {
        Exporter { format, name, known: [None; 3], tells_icmp: false }
    }

    fn observer(&mut self, is_going_out: Option<bool>, to: &mut Sink<'_>) -> ObserverId {
        let (slot, suffix) = match is_going_out {
            None => (0, ""),
            Some(false) => (1, " in"),
            Some(true) => (2, " out"),
        };
        let known = self.known.get(slot).copied().flatten();
        known.unwrap_or_else(|| {
            let observer = to.fold.observer(self.format, &format!("{}{suffix}", self.name));
            if let Some(slot) = self.known.get_mut(slot) {
                *slot = Some(observer);
            }
            observer
        })
    }

    /// The node of the pod that the record names, else of the exporter. Where both ends are named,
    /// both nodes told their part.
    fn node(&self, flow: &Flow<'_>, to: &mut Sink<'_>) -> Option<ObserverId> {
        if !flow.is_whole || flow.rate > 1 {
            return None;
        }
        let mut nodes = [flow.source.node, flow.destination.node].into_iter().flatten();
        let first = to.fold.node(self.format, nodes.next()?);
        for other in nodes {
            to.fold.node(self.format, other);
        }
        Some(first)
    }
}

/// Tells it; why not, when it is no connection.
pub fn tell(flow: &Flow<'_>, exporter: &mut Exporter, to: &mut Sink<'_>) -> Result<(), Cause> {
    let Some(protocol) = text::protocol(u64::from(flow.protocol)) else {
        return Err(Cause::OtherIpProtocol);
    };
    connectable(flow.source.address, flow.destination.address)?;
    if protocol.has_ports() && (flow.source.port.is_none() || flow.destination.port.is_none()) {
        return Err(Cause::LogIncomplete);
    }
    let observer = exporter.node(flow, to).unwrap_or_else(|| exporter.observer(flow.is_going_out, to));
    let source = end(&flow.source, exporter.format, to);
    let destination = end(&flow.destination, exporter.format, to);
    let mut entry = Entry::new(flow.time, source, destination, protocol, observer);
    opener(&mut entry, flow);
    if protocol == Protocol::Icmp {
        (entry.source.port, entry.destination.port) = (None, None);
        icmp(&mut entry, flow, &mut exporter.tells_icmp)?;
    }
    outcome(&mut entry, flow);
    if flow.rate > 1 {
        to.tally.add(Cause::FlowsSampled);
    }
    entry.packets = flow.packets.map(|packets| packets.saturating_mul(flow.rate));
    entry.octets = flow.octets.map(|octets| octets.saturating_mul(flow.rate));
    entry.verdict = flow.verdict;
    entry.policy = flow.policy.and_then(|policy| to.fold.name(policy.namespace, policy.name));
    if let Some(service) = flow.service {
        let service = service.split(':').next().unwrap_or_default();
        let (namespace, name) = service.split_once('/').unwrap_or(("", service));
        entry.service = to.fold.name(namespace, name);
    }
    entry.service_address = flow.service_address;
    translate(&mut entry, flow);
    to.fold.add(&entry);
    Ok(())
}

/// Who opened, as far as ports and flags tell it.
fn opener(entry: &mut Entry, flow: &Flow<'_>) {
    let by_flags = if entry.protocol == Protocol::Tcp { by_flags(flow) } else { Opener::Untold };
    entry.opener = match (flow.told, by_flags) {
        (Told::Source, _) => Opener::Source,
        (Told::Destination, _) => Opener::Destination,
        (Told::Nothing, by_flags) => by_flags,
    };
}

/// SYN without ACK was sent by who opened. SYN and ACK are among the flags of both ends of every
/// connection that came about, unless they are of one packet.
fn by_flags(flow: &Flow<'_>) -> Opener {
    let [_, syn, _, ack] = FIN_SYN_RST_ACK;
    let opens = |flags: Option<u8>| flags.is_some_and(|flags| flags & (syn | ack) == syn);
    let accepts = |flags: Option<u8>, packets: u64| {
        packets == 1 && flags.is_some_and(|flags| flags & !CONGESTION == syn | ack)
    };
    let [there, back] = flow.packets;
    let [first, first_back] = flow.first_flags;
    let opens_or_began = |flags, first| opens(first) || opens(flags);
    let accepts_or_began = |flags, packets, first| accepts(first, 1) || accepts(flags, packets);
    if opens_or_began(flow.flags, first) || accepts_or_began(flow.back_flags, back, first_back) {
        Opener::Source
    } else if opens_or_began(flow.back_flags, first_back) || accepts_or_began(flow.flags, there, first) {
        Opener::Destination
    } else {
        Opener::Untold
    }
}

/// What was answered. ACK after SYN is sent by who heard from the other end; nothing but a reset
/// refuses. Where both directions are in the record, silence is one.
fn outcome(entry: &mut Entry, flow: &Flow<'_>) {
    let [fin, syn, rst, ack] = FIN_SYN_RST_ACK;
    let only_resets = |flags: u8| flags & rst != 0 && flags & (syn | fin) == 0 && flags & !(rst | ack) == 0;
    if flow.is_refused {
        entry.answer = Answer::Refused;
        return;
    }
    if flow.is_biflow && entry.opener != Opener::Untold {
        let (asked, flags) = match entry.opener {
            Opener::Destination => (flow.packets[0], flow.flags),
            Opener::Source | Opener::Untold => (flow.packets[1], flow.back_flags),
        };
        entry.answer = match flags {
            _ if asked == 0 => Answer::Nothing,
            Some(flags) if entry.protocol == Protocol::Tcp && only_resets(flags) => Answer::Refused,
            _ => Answer::Answered,
        };
        return;
    }
    if entry.protocol != Protocol::Tcp {
        return;
    }
    let flags = [flow.flags, flow.back_flags];
    if flags.into_iter().flatten().any(|flags| flags & (syn | ack) == syn | ack) {
        entry.answer = Answer::Answered;
    } else if flags.into_iter().flatten().any(only_resets) {
        entry.answer = Answer::Refused;
    }
}

/// A question was sent by who opened, an answer by who was asked.
fn icmp(entry: &mut Entry, flow: &Flow<'_>, tells_icmp: &mut bool) -> Result<(), Cause> {
    // Where an exporter has no field for them, they stand in the place of the port.
    let in_port = || {
        let [kind, code] = flow.destination.port?.to_be_bytes();
        *tells_icmp |= kind > 0;
        tells_icmp.then_some(IcmpWord { kind, code })
    };
    let Some(word) = flow.icmp.or_else(in_port) else { return Ok(()) };
    // softflowd has the type of either direction: nought is an echo where both were seen, of which
    // nobody can tell who asked, and else anything.
    if flow.is_biflow && word.kind == 0 {
        return if flow.packets.contains(&0) { Err(Cause::OtherIcmp) } else { Ok(()) };
    }
    let shown = IcmpType { kind: word.kind, code: word.code };
    let (_, is_question) = icmp_question(shown, flow.protocol == ICMP_V6)?;
    // As it was shown: the fold makes the question of an answer.
    entry.icmp = Some(shown);
    entry.opener = if is_question { Opener::Source } else { Opener::Destination };
    Ok(())
}

/// Who was asked is who stood behind the address that was asked. What came back was translated on
/// the way, too: then the source is who was asked.
fn translate(entry: &mut Entry, flow: &Flow<'_>) {
    let moved = |side: &Side<'_>| {
        let address = side.translated.unwrap_or(side.address);
        let port = side.translated_port.or(side.port);
        ((address, port) != (side.address, side.port)).then_some((address, port))
    };
    if let Some((address, port)) = moved(&flow.destination) {
        entry.destination.address = Some(address);
        entry.destination.port = port.filter(|_| entry.protocol.has_ports());
        if entry.opener == Opener::Source && address != flow.destination.address {
            entry.service_address = Some(flow.destination.address);
        }
    }
    if entry.opener == Opener::Destination
        && let Some((address, _)) = moved(&flow.source)
        && address != flow.source.address
    {
        entry.service_address = Some(address);
    }
}
