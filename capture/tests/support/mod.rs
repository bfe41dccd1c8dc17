//! Packets and captures for tests, built with pnet.

#![allow(dead_code, reason = "each test file uses its own part")]

pub mod file;

use std::net::IpAddr;

use flowfence_capture::{Interface, Limits, LinkType, RawPacket, Recorder};
use flowfence_model::{FlowRecord, Recording, Timestamp};
use pnet_packet::ip::{IpNextHeaderProtocol, IpNextHeaderProtocols};
use pnet_packet::ipv4::MutableIpv4Packet;
use pnet_packet::ipv6::MutableIpv6Packet;
use pnet_packet::tcp::MutableTcpPacket;
use pnet_packet::udp::MutableUdpPacket;

pub const SYN: u8 = 0x02;
pub const SYN_ACK: u8 = 0x12;
pub const ACK: u8 = 0x10;
pub const FIN_ACK: u8 = 0x11;
pub const RST_ACK: u8 = 0x14;
pub const A: &str = "10.244.1.5";
pub const B: &str = "10.244.2.9";
pub const A6: &str = "fd00:1::5";
pub const B6: &str = "fd00:2::9";

pub fn ip(text: &str) -> IpAddr {
    text.parse().expect("an address")
}

pub fn short(n: usize) -> u16 {
    u16::try_from(n).expect("a short length")
}

/// A TCP segment.
#[derive(Clone, Copy, Debug)]
pub struct Tcp<'a> {
    pub ports: (u16, u16),
    pub flags: u8,
    pub seq: u32,
    pub ack: u32,
    pub payload: &'a [u8],
}

pub fn tcp(ports: (u16, u16), flags: u8, seq: u32, ack: u32) -> Tcp<'static> {
    Tcp { ports, flags, seq, ack, payload: &[] }
}

impl Tcp<'_> {
    pub fn bytes(self) -> Vec<u8> {
        let mut buffer = vec![0; 20 + self.payload.len()];
        let mut packet = MutableTcpPacket::new(&mut buffer).expect("room");
        packet.set_source(self.ports.0);
        packet.set_destination(self.ports.1);
        packet.set_flags(self.flags);
        packet.set_sequence(self.seq);
        packet.set_acknowledgement(self.ack);
        packet.set_data_offset(5);
        packet.set_payload(self.payload);
        buffer
    }
}

pub fn udp(ports: (u16, u16), payload: &[u8]) -> Vec<u8> {
    let mut buffer = vec![0; 8 + payload.len()];
    let mut packet = MutableUdpPacket::new(&mut buffer).expect("room");
    packet.set_source(ports.0);
    packet.set_destination(ports.1);
    packet.set_length(short(8 + payload.len()));
    packet.set_payload(payload);
    buffer
}

pub const TCP: IpNextHeaderProtocol = IpNextHeaderProtocols::Tcp;
pub const UDP: IpNextHeaderProtocol = IpNextHeaderProtocols::Udp;
pub const SCTP: IpNextHeaderProtocol = IpNextHeaderProtocols::Sctp;
pub const ICMP: IpNextHeaderProtocol = IpNextHeaderProtocols::Icmp;
pub const ICMP6: IpNextHeaderProtocol = IpNextHeaderProtocols::Icmpv6;

/// An IP packet of the family of its addresses.
pub fn packet(from: &str, to: &str, protocol: IpNextHeaderProtocol, payload: &[u8]) -> Vec<u8> {
    match (ip(from), ip(to)) {
        (IpAddr::V4(source), IpAddr::V4(destination)) => {
            let mut buffer = vec![0; 20 + payload.len()];
            let mut packet = MutableIpv4Packet::new(&mut buffer).expect("room");
            packet.set_version(4);
            packet.set_header_length(5);
            packet.set_total_length(short(20 + payload.len()));
            packet.set_ttl(64);
            packet.set_next_level_protocol(protocol);
            packet.set_source(source);
            packet.set_destination(destination);
            packet.set_payload(payload);
            buffer
        }
        (IpAddr::V6(source), IpAddr::V6(destination)) => {
            let mut buffer = vec![0; 40 + payload.len()];
            let mut packet = MutableIpv6Packet::new(&mut buffer).expect("room");
            packet.set_version(6);
            packet.set_payload_length(short(payload.len()));
            packet.set_next_header(protocol);
            packet.set_hop_limit(64);
            packet.set_source(source);
            packet.set_destination(destination);
            packet.set_payload(payload);
            buffer
        }
        _ => panic!("mixed families"),
    }
}

/// A TCP segment in its IP packet.
pub fn segment(from: &str, to: &str, tcp: Tcp<'_>) -> Vec<u8> {
    packet(from, to, TCP, &tcp.bytes())
}

/// A UDP datagram in its IP packet.
pub fn datagram(from: &str, to: &str, ports: (u16, u16), payload: &[u8]) -> Vec<u8> {
    packet(from, to, UDP, &udp(ports, payload))
}

/// The Ethernet type of an IP packet.
pub fn ether_type(ip: &[u8]) -> [u8; 2] {
    if ip[0] >> 4 == 4 { [0x08, 0x00] } else { [0x86, 0xdd] }
}

pub fn ethernet(ip: &[u8]) -> Vec<u8> {
    tagged(&[], ip)
}

/// Ethernet with tags: (type, identifier), outermost first.
pub fn tagged(tags: &[(u16, u16)], ip: &[u8]) -> Vec<u8> {
    let mut frame = vec![2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1];
    for (kind, id) in tags {
        frame.extend(kind.to_be_bytes());
        frame.extend(id.to_be_bytes());
    }
    frame.extend(ether_type(ip));
    frame.extend(ip);
    frame
}

pub fn vxlan(port: u16, frame: &[u8]) -> Vec<u8> {
    let mut payload = vec![8, 0, 0, 0, 0, 0, 1, 0];
    payload.extend(frame);
    datagram("172.18.0.2", "172.18.0.3", (50_000, port), &payload)
}

/// The three steps of a handshake from A:40000 to B:80.
pub fn handshake() -> [Vec<u8>; 3] {
    [
        segment(A, B, tcp((40_000, 80), SYN, 100, 0)),
        segment(B, A, tcp((80, 40_000), SYN_ACK, 900, 101)),
        segment(A, B, tcp((40_000, 80), ACK, 101, 901)),
    ]
}

pub fn at(millis: i64) -> Timestamp {
    Timestamp::from_nanos(1_795_000_000_000_000_000 + millis * 1_000_000)
}

pub fn interface(link_type: LinkType) -> Interface {
    Interface { number: 0, link_type, name: None }
}

/// Records packets of one input, a millisecond apart.
pub fn record(link_type: LinkType, packets: &[Vec<u8>]) -> Recording {
    let timed: Vec<_> = (0..).zip(packets.iter().cloned()).collect();
    record_at(link_type, &timed)
}

/// Records packets at given milliseconds.
pub fn record_at(link_type: LinkType, packets: &[(i64, Vec<u8>)]) -> Recording {
    record_cut(link_type, packets, usize::MAX)
}

/// Records packets with a snapshot length.
pub fn record_cut(link_type: LinkType, packets: &[(i64, Vec<u8>)], snaplen: usize) -> Recording {
    let mut recorder = Recorder::new(Limits::default());
    let input = recorder.begin_input("test");
    for (millis, bytes) in packets {
        let raw = RawPacket {
            time: at(*millis),
            original_len: u32::try_from(bytes.len()).expect("a short packet"),
            data: &bytes[..bytes.len().min(snaplen)],
        };
        recorder.packet(input, &interface(link_type), &raw);
    }
    recorder.finish()
}

/// The only record.
pub fn only(recording: &Recording) -> &FlowRecord {
    assert_eq!(recording.records.len(), 1, "{:#?} {:?}", recording.records, recording.counts);
    &recording.records[0]
}

/// `a -> b` of every record.
pub fn ends(recording: &Recording) -> Vec<String> {
    recording.records.iter().map(|r| format!("{} -> {}", r.a, r.b)).collect()
}
