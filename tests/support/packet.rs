//! Packets: made with `pnet_packet`, and read as far as the tests look at them.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use pnet_packet::ethernet::{EtherTypes, MutableEthernetPacket};
use pnet_packet::icmp::{self, IcmpTypes, destination_unreachable};
use pnet_packet::ip::{IpNextHeaderProtocol, IpNextHeaderProtocols};
use pnet_packet::ipv4::{self, MutableIpv4Packet};
use pnet_packet::ipv6::MutableIpv6Packet;
use pnet_packet::tcp::{self, MutableTcpPacket};
use pnet_packet::udp::{self, MutableUdpPacket};

pub const FIN: u8 = 1;
pub const SYN: u8 = 2;
pub const RST: u8 = 4;
pub const PSH: u8 = 8;
pub const ACK: u8 = 16;

const ETHERNET: usize = 14;

/// A TCP segment in an Ethernet frame.
pub fn tcp(
    from: SocketAddr,
    to: SocketAddr,
    flags: u8,
    sequence: u32,
    acknowledged: u32,
    payload: &[u8],
) -> Vec<u8> {
    let mut segment = vec![0; 20 + payload.len()];
    let mut packet = MutableTcpPacket::new(&mut segment).unwrap();
    packet.set_source(from.port());
    packet.set_destination(to.port());
    packet.set_sequence(sequence);
    packet.set_acknowledgement(acknowledged);
    packet.set_data_offset(5);
    packet.set_flags(flags);
    packet.set_window(64_000);
    packet.set_payload(payload);
    let checksum = match (from.ip(), to.ip()) {
        (IpAddr::V4(from), IpAddr::V4(to)) => tcp::ipv4_checksum(&packet.to_immutable(), &from, &to),
        (IpAddr::V6(from), IpAddr::V6(to)) => tcp::ipv6_checksum(&packet.to_immutable(), &from, &to),
        _ => panic!("one family a packet"),
    };
    packet.set_checksum(checksum);
    ethernet(from.ip(), to.ip(), IpNextHeaderProtocols::Tcp, &segment)
}

/// A UDP datagram in an Ethernet frame.
pub fn udp(from: SocketAddr, to: SocketAddr, payload: &[u8]) -> Vec<u8> {
    let mut datagram = vec![0; 8 + payload.len()];
    let octets = u16::try_from(datagram.len()).unwrap();
    let mut packet = MutableUdpPacket::new(&mut datagram).unwrap();
    packet.set_source(from.port());
    packet.set_destination(to.port());
    packet.set_length(octets);
    packet.set_payload(payload);
    let checksum = match (from.ip(), to.ip()) {
        (IpAddr::V4(from), IpAddr::V4(to)) => udp::ipv4_checksum(&packet.to_immutable(), &from, &to),
        (IpAddr::V6(from), IpAddr::V6(to)) => udp::ipv6_checksum(&packet.to_immutable(), &from, &to),
        _ => panic!("one family a packet"),
    };
    packet.set_checksum(checksum);
    ethernet(from.ip(), to.ip(), IpNextHeaderProtocols::Udp, &datagram)
}

/// An echo request from one machine to another, or the reply to it (RFC 792).
pub fn echo(from: Ipv4Addr, to: Ipv4Addr, kind: icmp::IcmpType, identifier: u16) -> Vec<u8> {
    let mut message = vec![kind.0, 0, 0, 0, 0, 0, 0, 1];
    message[4..6].copy_from_slice(&identifier.to_be_bytes());
    message.extend([b'x'; 48]);
    let checksum = icmp::checksum(&icmp::IcmpPacket::new(&message).unwrap());
    message[2..4].copy_from_slice(&checksum.to_be_bytes());
    ethernet(from.into(), to.into(), IpNextHeaderProtocols::Icmp, &message)
}

/// ICMP port unreachable from `from`, quoting the frame that caused it.
pub fn port_unreachable(from: Ipv4Addr, cause: &[u8]) -> Vec<u8> {
    let quoted = &cause[ETHERNET..cause.len().min(ETHERNET + 28)];
    let mut message = vec![0; 8 + quoted.len()];
    let mut packet = destination_unreachable::MutableDestinationUnreachablePacket::new(&mut message).unwrap();
    packet.set_icmp_type(IcmpTypes::DestinationUnreachable);
    packet.set_icmp_code(destination_unreachable::IcmpCodes::DestinationPortUnreachable);
    packet.set_payload(quoted);
    let checksum = icmp::checksum(&icmp::IcmpPacket::new(&message).unwrap());
    message[2..4].copy_from_slice(&checksum.to_be_bytes());
    let sender = Ipv4Addr::from(<[u8; 4]>::try_from(&quoted[12..16]).unwrap());
    ethernet(from.into(), sender.into(), IpNextHeaderProtocols::Icmp, &message)
}

fn ethernet(from: IpAddr, to: IpAddr, protocol: IpNextHeaderProtocol, segment: &[u8]) -> Vec<u8> {
    let (kind, header) = match (from, to) {
        (IpAddr::V4(from), IpAddr::V4(to)) => {
            (EtherTypes::Ipv4, ipv4_header(from, to, protocol, segment.len()))
        }
        (IpAddr::V6(from), IpAddr::V6(to)) => {
            (EtherTypes::Ipv6, ipv6_header(from, to, protocol, segment.len()))
        }
        _ => panic!("one family a packet"),
    };
    let mut frame = vec![0; ETHERNET];
    let mut packet = MutableEthernetPacket::new(&mut frame).unwrap();
    packet.set_source([2, 0, 0, 0, 0, 1].into());
    packet.set_destination([2, 0, 0, 0, 0, 2].into());
    packet.set_ethertype(kind);
    frame.extend(header);
    frame.extend(segment);
    frame
}

fn ipv4_header(from: Ipv4Addr, to: Ipv4Addr, protocol: IpNextHeaderProtocol, payload: usize) -> Vec<u8> {
    let mut header = vec![0; 20];
    let mut packet = MutableIpv4Packet::new(&mut header).unwrap();
    packet.set_version(4);
    packet.set_header_length(5);
    packet.set_total_length(u16::try_from(20 + payload).unwrap());
    packet.set_ttl(63);
    packet.set_next_level_protocol(protocol);
    packet.set_source(from);
    packet.set_destination(to);
    let checksum = ipv4::checksum(&packet.to_immutable());
    packet.set_checksum(checksum);
    header
}

fn ipv6_header(from: Ipv6Addr, to: Ipv6Addr, protocol: IpNextHeaderProtocol, payload: usize) -> Vec<u8> {
    let mut header = vec![0; 40];
    let mut packet = MutableIpv6Packet::new(&mut header).unwrap();
    packet.set_version(6);
    packet.set_payload_length(u16::try_from(payload).unwrap());
    packet.set_next_header(protocol);
    packet.set_hop_limit(63);
    packet.set_source(from);
    packet.set_destination(to);
    header
}

/// The frame inside VXLAN between two nodes.
pub fn vxlan(from: Ipv4Addr, to: Ipv4Addr, port: u16, frame: &[u8]) -> Vec<u8> {
    let mut payload = vec![8, 0, 0, 0, 0, 0, 1, 0]; // the flag that says that the network id (1) is valid
    payload.extend(frame);
    udp(SocketAddr::new(from.into(), 49_152), SocketAddr::new(to.into(), port), &payload)
}

/// The frame as `-i any` shows it on the interface with this index.
pub fn cooked(interface: u32, frame: &[u8]) -> Vec<u8> {
    let mut bytes = frame[12..14].to_vec(); // protocol
    bytes.extend([0, 0]); // reserved
    bytes.extend(interface.to_be_bytes());
    bytes.extend([0, 1, 0, 6, 2, 0, 0, 0, 0, 1, 0, 0]); // Ethernet; a packet for us; length and address of the sender
    bytes.extend(&frame[ETHERNET..]);
    bytes
}

/// What a frame says of its ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Heads {
    pub source: IpAddr,
    pub destination: IpAddr,
    pub source_port: u16,
    pub destination_port: u16,
    pub tcp_flags: Option<u8>,
}

/// Where the layers of an Ethernet frame with IPv4 begin.
#[derive(Clone, Copy, Debug)]
pub struct Layers {
    pub ip: usize,
    pub transport: usize,
    pub protocol: u8,
}

/// The layers, when it is IPv4.
pub fn layers(frame: &[u8]) -> Option<Layers> {
    (frame.get(12..14)? == [8, 0]).then_some(())?;
    let words = usize::from(frame.get(ETHERNET)? & 15);
    Some(Layers { ip: ETHERNET, transport: ETHERNET + words * 4, protocol: *frame.get(ETHERNET + 9)? })
}

/// Reads an unfragmented IPv4 packet; ports are 0 where the protocol has none.
pub fn read(frame: &[u8]) -> Option<Heads> {
    let layers = layers(frame)?;
    let address = |at: usize| -> Option<IpAddr> {
        Some(Ipv4Addr::from(<[u8; 4]>::try_from(frame.get(at..at + 4)?).ok()?).into())
    };
    let port = |at: usize| Some(u16::from_be_bytes(frame.get(at..at + 2)?.try_into().ok()?));
    let has_ports = matches!(layers.protocol, 6 | 17);
    Some(Heads {
        source: address(layers.ip + 12)?,
        destination: address(layers.ip + 16)?,
        source_port: if has_ports { port(layers.transport)? } else { 0 },
        destination_port: if has_ports { port(layers.transport + 2)? } else { 0 },
        tcp_flags: if layers.protocol == 6 { frame.get(layers.transport + 13).copied() } else { None },
    })
}
