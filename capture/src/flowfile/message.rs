//! Blocks as protocol buffers: the same messages as `docs/flow-file.proto`, which a test holds
//! against these.

use std::net::IpAddr;

use flowfence_model::{FileReport, FlowRecord, Half, Protocol, Tap, Timestamp};
use prost::Message as _;

use crate::gather::Block;
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
    pub(super) producer: String,
    #[prost(bytes = "vec", tag = "4")]
    pub(super) session: Vec<u8>,
    #[prost(uint64, tag = "5")]
    pub(super) part: u64,
    #[prost(string, tag = "6")]
    pub(super) node: String,
    #[prost(string, tag = "7")]
    pub(super) filter: String,
    #[prost(uint32, tag = "8")]
    pub(super) snaplen: u32,
    #[prost(sint64, tag = "9")]
    pub(super) start_unix_nanos: i64,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct BlockMessage {
    #[prost(bytes = "vec", tag = "1")]
    pub(super) session: Vec<u8>,
    #[prost(uint32, tag = "9")]
    pub(super) reader: u32,
    #[prost(uint64, tag = "2")]
    pub(super) sequence: u64,
    #[prost(message, repeated, tag = "3")]
    pub(super) taps: Vec<TapMessage>,
    #[prost(message, repeated, tag = "4")]
    pub(super) flows: Vec<FlowMessage>,
    #[prost(message, repeated, tag = "5")]
    pub(super) names: Vec<NameMessage>,
    #[prost(message, repeated, tag = "6")]
    pub(super) counts: Vec<CountMessage>,
    #[prost(uint64, tag = "7")]
    pub(super) packets: u64,
    #[prost(message, repeated, tag = "8")]
    pub(super) inputs: Vec<InputMessage>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct TapMessage {
    #[prost(uint32, tag = "1")]
    pub(super) input: u32,
    #[prost(uint32, tag = "2")]
    pub(super) interface: u32,
    #[prost(string, optional, tag = "3")]
    pub(super) name: Option<String>,
    #[prost(uint32, tag = "4")]
    pub(super) depth: u32,
    #[prost(sint64, tag = "5")]
    pub(super) first_unix_nanos: i64,
    #[prost(sint64, tag = "6")]
    pub(super) last_unix_nanos: i64,
    #[prost(uint32, tag = "7")]
    pub(super) tunnel: u32,
    #[prost(uint32, tag = "8")]
    pub(super) cooked_interface: u32,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct FlowMessage {
    #[prost(uint64, tag = "1")]
    pub(super) number: u64,
    #[prost(uint32, tag = "2")]
    pub(super) tap: u32,
    #[prost(uint32, tag = "3")]
    pub(super) protocol: u32,
    #[prost(bytes = "vec", tag = "4")]
    pub(super) a_address: Vec<u8>,
    #[prost(uint32, tag = "5")]
    pub(super) a_port: u32,
    #[prost(bytes = "vec", tag = "6")]
    pub(super) b_address: Vec<u8>,
    #[prost(uint32, tag = "7")]
    pub(super) b_port: u32,
    #[prost(sint64, tag = "8")]
    pub(super) first_unix_nanos: i64,
    #[prost(sint64, tag = "9")]
    pub(super) lasted_nanos: i64,
    #[prost(message, optional, tag = "10")]
    pub(super) forward: Option<HalfMessage>,
    #[prost(message, optional, tag = "11")]
    pub(super) reverse: Option<HalfMessage>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct HalfMessage {
    #[prost(uint64, tag = "1")]
    pub(super) packets: u64,
    #[prost(uint64, tag = "2")]
    pub(super) octets: u64,
    #[prost(fixed32, tag = "3")]
    pub(super) isn: u32,
    #[prost(uint32, tag = "4")]
    pub(super) signs: u32,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct NameMessage {
    #[prost(bytes = "vec", tag = "1")]
    pub(super) address: Vec<u8>,
    #[prost(string, tag = "2")]
    pub(super) name: String,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct CountMessage {
    #[prost(string, tag = "1")]
    pub(super) cause: String,
    #[prost(uint64, tag = "2")]
    pub(super) count: u64,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct InputMessage {
    #[prost(string, tag = "1")]
    pub(super) name: String,
    #[prost(uint64, tag = "2")]
    pub(super) packets: u64,
    #[prost(uint64, tag = "3")]
    pub(super) octets: u64,
    #[prost(uint64, tag = "4")]
    pub(super) damaged_records: u64,
    #[prost(uint64, tag = "5")]
    pub(super) skipped_octets: u64,
    #[prost(bool, tag = "6")]
    pub(super) truncated: bool,
    #[prost(string, repeated, tag = "7")]
    pub(super) problems: Vec<String>,
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

/// A block with some of its flows and names; what else it says goes with all of them.
pub(super) fn block(block: &Block, flows: &[(u64, FlowRecord)], names: &[(IpAddr, String)]) -> Vec<u8> {
    let name =
        |(address, name): &(IpAddr, String)| NameMessage { address: ip_octets(*address), name: name.clone() };
    let count = |(cause, count): (&str, u64)| CountMessage { cause: cause.to_owned(), count };
    let message = BlockMessage {
        session: block.session.id.to_be_bytes().to_vec(),
        reader: block.session.reader,
        sequence: block.sequence,
        taps: block.taps.iter().map(tap).collect(),
        flows: flows.iter().map(|(number, record)| flow(*number, record)).collect(),
        names: names.iter().map(name).collect(),
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
