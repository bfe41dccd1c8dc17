//! Blocks as protocol buffers: the same messages as `docs/flow-file.proto`, which a test holds
//! against these.

use std::net::IpAddr;

use flowfence_model::{
    Address, Counts, Endpoint, FileReport, FlowRecord, Half, Protocol, Signs, Tap, TapId, Timestamp,
};
use prost::Message as _;

use crate::cause::{CAUSES, Cause};
use crate::gather::{Block, Session};
use crate::tap::Hop;

/// What a header says first.
pub(super) const FORMAT: &str = "flowfence-flows";
/// The version that is written; a file of a higher one is not read.
pub(super) const VERSION: u32 = 1;

/// Where and how a file was captured.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Header {
    /// The run of a program that its blocks belong to.
    pub run: u128,
    /// Which of the session's files it is, from 0.
    pub part: u64,
    /// The program that wrote it, with its version.
    pub producer: String,
    /// The node that it was captured on, when that is known.
    pub node: String,
    /// The BPF filter, when there was one.
    pub filter: String,
    /// Octets of each packet that were looked at; 0 for all.
    pub snaplen: u32,
    /// When the file was begun.
    pub start: Timestamp,
}

/// What stands in a frame.
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct Entry {
    #[prost(message, optional, tag = "1")]
    pub(super) header: Option<HeaderMessage>,
    #[prost(message, optional, tag = "2")]
    pub(super) block: Option<BlockMessage>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct HeaderMessage {
    #[prost(string, tag = "1")]
    pub(super) format: String,
    #[prost(uint32, tag = "2")]
    pub(super) version: u32,
    #[prost(string, tag = "3")]
    producer: String,
    #[prost(bytes = "vec", tag = "4")]
    session: Vec<u8>,
    #[prost(uint64, tag = "5")]
    part: u64,
    #[prost(string, tag = "6")]
    node: String,
    #[prost(string, tag = "7")]
    filter: String,
    #[prost(uint32, tag = "8")]
    snaplen: u32,
    #[prost(sint64, tag = "9")]
    start_unix_nanos: i64,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct BlockMessage {
    #[prost(bytes = "vec", tag = "1")]
    session: Vec<u8>,
    #[prost(uint32, tag = "9")]
    reader: u32,
    #[prost(uint64, tag = "2")]
    sequence: u64,
    #[prost(message, repeated, tag = "3")]
    taps: Vec<TapMessage>,
    #[prost(message, repeated, tag = "4")]
    flows: Vec<FlowMessage>,
    #[prost(message, repeated, tag = "5")]
    names: Vec<NameMessage>,
    #[prost(message, repeated, tag = "6")]
    counts: Vec<CountMessage>,
    #[prost(uint64, tag = "7")]
    packets: u64,
    #[prost(message, repeated, tag = "8")]
    inputs: Vec<InputMessage>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct TapMessage {
    #[prost(uint32, tag = "1")]
    input: u32,
    #[prost(uint32, tag = "2")]
    interface: u32,
    #[prost(string, optional, tag = "3")]
    name: Option<String>,
    #[prost(uint32, tag = "4")]
    depth: u32,
    #[prost(sint64, tag = "5")]
    first_unix_nanos: i64,
    #[prost(sint64, tag = "6")]
    last_unix_nanos: i64,
    #[prost(uint32, tag = "7")]
    tunnel: u32,
    #[prost(uint32, tag = "8")]
    cooked_interface: u32,
}

#[derive(Clone, PartialEq, prost::Message)]
struct FlowMessage {
    #[prost(uint64, tag = "1")]
    number: u64,
    #[prost(uint32, tag = "2")]
    tap: u32,
    #[prost(uint32, tag = "3")]
    protocol: u32,
    #[prost(bytes = "vec", tag = "4")]
    a_address: Vec<u8>,
    #[prost(uint32, tag = "5")]
    a_port: u32,
    #[prost(bytes = "vec", tag = "6")]
    b_address: Vec<u8>,
    #[prost(uint32, tag = "7")]
    b_port: u32,
    #[prost(sint64, tag = "8")]
    first_unix_nanos: i64,
    #[prost(sint64, tag = "9")]
    lasted_nanos: i64,
    #[prost(message, optional, tag = "10")]
    forward: Option<HalfMessage>,
    #[prost(message, optional, tag = "11")]
    reverse: Option<HalfMessage>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct HalfMessage {
    #[prost(uint64, tag = "1")]
    packets: u64,
    #[prost(uint64, tag = "2")]
    octets: u64,
    #[prost(fixed32, tag = "3")]
    isn: u32,
    #[prost(uint32, tag = "4")]
    signs: u32,
}

#[derive(Clone, PartialEq, prost::Message)]
struct NameMessage {
    #[prost(bytes = "vec", tag = "1")]
    address: Vec<u8>,
    #[prost(string, tag = "2")]
    name: String,
}

#[derive(Clone, PartialEq, prost::Message)]
struct CountMessage {
    #[prost(string, tag = "1")]
    cause: String,
    #[prost(uint64, tag = "2")]
    count: u64,
}

#[derive(Clone, PartialEq, prost::Message)]
struct InputMessage {
    #[prost(string, tag = "1")]
    name: String,
    #[prost(uint64, tag = "2")]
    packets: u64,
    #[prost(uint64, tag = "3")]
    octets: u64,
    #[prost(uint64, tag = "4")]
    damaged_records: u64,
    #[prost(uint64, tag = "5")]
    skipped_octets: u64,
    #[prost(bool, tag = "6")]
    truncated: bool,
    #[prost(string, repeated, tag = "7")]
    problems: Vec<String>,
}

/// The first message of a file.
pub(super) fn header(header: &Header) -> Vec<u8> {
    let message = HeaderMessage {
        format: FORMAT.to_owned(),
        version: VERSION,
        producer: header.producer.clone(),
        session: header.run.to_be_bytes().to_vec(),
        part: header.part,
        node: header.node.clone(),
        filter: header.filter.clone(),
        snaplen: header.snaplen,
        start_unix_nanos: header.start.as_nanos(),
    };
    Entry { header: Some(message), block: None }.encode_length_delimited_to_vec()
}

/// A block with some of its flows; what else it says goes with all of them.
pub(super) fn block(block: &Block, flows: &[(u64, FlowRecord)]) -> Vec<u8> {
    let name =
        |(address, name): &(IpAddr, String)| NameMessage { address: ip_octets(*address), name: name.clone() };
    let count = |(cause, count): (&str, u64)| CountMessage { cause: cause.to_owned(), count };
    let message = BlockMessage {
        session: block.session.id.to_be_bytes().to_vec(),
        reader: block.session.reader,
        sequence: block.sequence,
        taps: block.taps.iter().map(tap).collect(),
        flows: flows.iter().map(|(number, record)| flow(*number, record)).collect(),
        names: block.names.iter().map(name).collect(),
        counts: block.counts.iter().map(count).collect(),
        packets: block.packets,
        inputs: block.inputs.iter().map(input).collect(),
    };
    Entry { header: None, block: Some(message) }.encode_length_delimited_to_vec()
}

fn tap((hop, tap): &(Hop, Tap)) -> TapMessage {
    TapMessage {
        input: tap.input,
        interface: hop.interface,
        name: tap.name.clone(),
        depth: u32::from(hop.depth),
        first_unix_nanos: tap.first.as_nanos(),
        last_unix_nanos: tap.last.as_nanos(),
        tunnel: u32::from(hop.tunnel),
        cooked_interface: hop.ifindex,
    }
}

fn flow(number: u64, record: &FlowRecord) -> FlowMessage {
    FlowMessage {
        number,
        tap: u32::from(record.tap.0),
        protocol: u32::from(iana(record.protocol)),
        a_address: ip_octets(record.a.address.ip()),
        a_port: u32::from(record.a.port),
        b_address: ip_octets(record.b.address.ip()),
        b_port: u32::from(record.b.port),
        first_unix_nanos: record.first.as_nanos(),
        lasted_nanos: record.last.as_nanos().saturating_sub(record.first.as_nanos()),
        forward: half(&record.forward),
        reverse: half(&record.reverse),
    }
}

/// A direction in which nothing was seen takes no room.
fn half(half: &Half) -> Option<HalfMessage> {
    let Half { packets, octets, isn, signs } = *half;
    (*half != Half::default()).then(|| HalfMessage { packets, octets, isn, signs: u32::from(signs.bits()) })
}

fn input(report: &FileReport) -> InputMessage {
    InputMessage {
        name: report.name.clone(),
        packets: report.packets,
        octets: report.octets,
        damaged_records: report.damaged_records,
        skipped_octets: report.skipped_octets,
        truncated: report.truncated,
        problems: report.problems.clone(),
    }
}

/// Protocol numbers (IANA); ICMP stands for ICMPv6 too, as in a flow record.
const fn iana(protocol: Protocol) -> u8 {
    match protocol {
        Protocol::Icmp => 1,
        Protocol::Tcp => 6,
        Protocol::Udp => 17,
        Protocol::Sctp => 132,
    }
}

fn ip_octets(ip: IpAddr) -> Vec<u8> {
    match ip {
        IpAddr::V4(ip) => ip.octets().to_vec(),
        IpAddr::V6(ip) => ip.octets().to_vec(),
    }
}

impl BlockMessage {
    /// The block, and how many of its flows and taps cannot be.
    pub(super) fn read(self) -> Option<(Block, u64)> {
        let id = u128::from_be_bytes(self.session.try_into().ok()?);
        let session = Session { id, reader: self.reader };
        let mut odd = 0;
        let taps: Vec<(Hop, Tap)> = self.taps.into_iter().map_while(read_tap).collect();
        let mut flows = Vec::with_capacity(self.flows.len());
        for flow in &self.flows {
            match read_flow(flow).filter(|record| usize::from(record.tap.0) < taps.len()) {
                Some(record) => flows.push((flow.number, record)),
                None => odd += 1,
            }
        }
        let mut counts = Counts::default();
        for CountMessage { cause, count } in &self.counts {
            counts.add(token(cause), *count);
        }
        let names = self.names.into_iter().filter_map(|name| Some((address(&name.address)?.ip(), name.name)));
        let block = Block {
            session,
            sequence: self.sequence,
            taps,
            flows,
            names: names.collect(),
            counts,
            packets: self.packets,
            inputs: self.inputs.into_iter().map(read_input).collect(),
        };
        Some((block, odd))
    }
}

/// The token of a cause; one that a later version invented is told as such.
fn token(cause: &str) -> &'static str {
    let known = CAUSES.iter().find(|(token, _)| *token == cause).map(|(token, _)| *token);
    known.unwrap_or(Cause::Unheard.token())
}

fn read_tap(tap: TapMessage) -> Option<(Hop, Tap)> {
    let small = |n: u32| u8::try_from(n).ok();
    let (interface, ifindex) = (tap.interface, tap.cooked_interface);
    let hop = Hop { interface, ifindex, depth: small(tap.depth)?, tunnel: small(tap.tunnel)? };
    let tap = Tap {
        input: tap.input,
        interface: if ifindex > 0 { ifindex } else { interface },
        name: tap.name,
        depth: hop.depth,
        first: Timestamp::from_nanos(tap.first_unix_nanos),
        last: Timestamp::from_nanos(tap.last_unix_nanos),
    };
    Some((hop, tap))
}

fn read_flow(flow: &FlowMessage) -> Option<FlowRecord> {
    let protocol = match flow.protocol {
        1 => Protocol::Icmp,
        6 => Protocol::Tcp,
        17 => Protocol::Udp,
        132 => Protocol::Sctp,
        _ => return None,
    };
    let port = |port: u32| u16::try_from(port).ok();
    let a = Endpoint::new(address(&flow.a_address)?, port(flow.a_port)?);
    let b = Endpoint::new(address(&flow.b_address)?, port(flow.b_port)?);
    let first = Timestamp::from_nanos(flow.first_unix_nanos);
    let mut record = FlowRecord::new(protocol, a, b, TapId(u16::try_from(flow.tap).ok()?), first);
    record.last = Timestamp::from_nanos(flow.first_unix_nanos.saturating_add(flow.lasted_nanos.max(0)));
    record.forward = read_half(flow.forward.as_ref());
    record.reverse = read_half(flow.reverse.as_ref());
    Some(record)
}

fn read_half(half: Option<&HalfMessage>) -> Half {
    half.map_or_else(Half::default, |half| Half {
        packets: half.packets,
        octets: half.octets,
        isn: half.isn,
        signs: Signs::from_bits(u16::try_from(half.signs & 0xffff).unwrap_or(0)),
    })
}

fn read_input(input: InputMessage) -> FileReport {
    FileReport {
        name: input.name,
        packets: input.packets,
        octets: input.octets,
        damaged_records: input.damaged_records,
        skipped_octets: input.skipped_octets,
        truncated: input.truncated,
        problems: input.problems,
    }
}

fn address(octets: &[u8]) -> Option<Address> {
    let v4 = <[u8; 4]>::try_from(octets).map(Address::v4);
    v4.or_else(|_| <[u8; 16]>::try_from(octets).map(Address::v6)).ok()
}
