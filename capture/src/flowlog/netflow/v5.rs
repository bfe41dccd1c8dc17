//! NetFlow v5: a header and up to thirty records of one shape, IPv4 only. `netflow_parser` reads it.

use flowfence_model::{Address, Timestamp};
use netflow_parser::static_versions::v5::{FlowSet, Header, V5};

use super::flow::{Flow, Side};
use super::record::Clock;

/// Lower bits of the sampling field are one in how many, the two upper ones the way.
const INTERVAL: u16 = 0x3fff;

/// A datagram behind its version.
pub fn read(octets: &[u8]) -> Option<V5> {
    V5::parse_direct(octets).ok().map(|(_, datagram)| datagram)
}

/// What its times count from.
pub fn clock(header: &Header) -> Clock {
    let nanos = header.unix_nsecs.min(999_999_999);
    Clock {
        sent: Timestamp::from_secs(i64::from(header.unix_secs), nanos),
        uptime: Some(header.sys_up_time),
        booted: None,
    }
}

/// One of its records.
pub fn flow(record: &FlowSet, header: &Header, clock: &Clock) -> Flow<'static> {
    let at = |uptime| clock.at_uptime(uptime).unwrap_or(clock.sent);
    let (first, last) = (at(record.first), at(record.last));
    let side = |address: std::net::Ipv4Addr, port| Side {
        port: Some(port),
        ..Side::at(Address::v4(address.octets()))
    };
    let source = side(record.src_addr, record.src_port);
    let destination = side(record.dst_addr, record.dst_port);
    let time = (first.min(last), first.max(last));
    let mut flow = Flow::new(time, source, destination, record.protocol_number);
    flow.flags = Some(record.tcp_flags);
    flow.packets[0] = u64::from(record.d_pkts);
    flow.octets[0] = u64::from(record.d_octets);
    flow.rate = u64::from(header.sampling_interval & INTERVAL).max(1);
    flow
}
