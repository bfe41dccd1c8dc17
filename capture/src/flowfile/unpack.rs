//! Messages back into blocks. What cannot be is left out and counted; nothing is taken on trust.

use flowfence_model::{
    Address, Counts, Endpoint, FileReport, FlowRecord, Half, Protocol, Signs, Tap, TapId, Timestamp,
};

use super::message::{BlockMessage, CountMessage, FlowMessage, HalfMessage, InputMessage, TapMessage};
use crate::cause::{CAUSES, Cause};
use crate::gather::{Block, Session};
use crate::tap::Hop;

impl BlockMessage {
    /// Whether it says whose it is.
    pub(super) fn has_session(&self) -> bool {
        self.session.len() == size_of::<u128>()
    }

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
