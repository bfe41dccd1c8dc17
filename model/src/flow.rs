//! What the wire showed of one connection at one tap.

use std::fmt;

use serde::Serialize;

use crate::address::Endpoint;
use crate::protocol::Protocol;
use crate::time::Timestamp;

/// The point of one capture where a packet was seen (see [`crate::Tap`]).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TapId(pub u16);

/// How sure it is who opened a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Orientation {
    /// The opening packet was seen (TCP SYN or SYN+ACK, SCTP INIT, ICMP echo request).
    Seen,
    /// Concluded from a port that is known to listen, or from how ports were used.
    Inferred,
    /// Not known; never a rule.
    Unknown,
}

/// A set of things that one direction of a connection was seen to do.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Signs(u16);

impl Signs {
    /// Opened: TCP SYN without ACK, SCTP INIT, ICMP echo request.
    pub const OPEN: Signs = Signs(1);
    /// Answered the opening: TCP SYN+ACK, SCTP INIT ACK, ICMP echo reply.
    pub const ACCEPT: Signs = Signs(1 << 1);
    /// A later segment (TCP with ACK and neither SYN nor RST; SCTP past the handshake).
    pub const SEGMENT: Signs = Signs(1 << 2);
    /// Carried payload.
    pub const PAYLOAD: Signs = Signs(1 << 3);
    /// TCP FIN or SCTP SHUTDOWN.
    pub const FIN: Signs = Signs(1 << 4);
    /// TCP RST or SCTP ABORT.
    pub const RESET: Signs = Signs(1 << 5);
    /// An ICMP error (destination unreachable) quoted a packet of this direction.
    pub const UNREACHABLE: Signs = Signs(1 << 6);
    /// [`Half::isn`] holds the initial sequence number of this direction.
    pub const ISN: Signs = Signs(1 << 7);

    /// Whether all of `other` are in it.
    pub const fn has(self, other: Signs) -> bool {
        self.0 & other.0 == other.0
    }

    /// Adds `other`.
    pub const fn insert(&mut self, other: Signs) {
        self.0 |= other.0;
    }

    /// The bits, as flow files hold them (`docs/flow-file.md`).
    pub const fn bits(self) -> u16 {
        self.0
    }

    /// From bits; those that mean nothing are left out.
    pub const fn from_bits(bits: u16) -> Signs {
        Signs(bits & 0xff)
    }

    /// What is in either.
    #[must_use]
    pub const fn union(self, other: Signs) -> Signs {
        Signs(self.0 | other.0)
    }
}

impl fmt::Debug for Signs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = [
            (Signs::OPEN, "open"),
            (Signs::ACCEPT, "accept"),
            (Signs::SEGMENT, "segment"),
            (Signs::PAYLOAD, "payload"),
            (Signs::FIN, "fin"),
            (Signs::RESET, "reset"),
            (Signs::UNREACHABLE, "unreachable"),
            (Signs::ISN, "isn"),
        ];
        f.debug_set().entries(names.iter().filter(|(s, _)| self.has(*s)).map(|(_, n)| n)).finish()
    }
}

/// One direction of a flow record.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Half {
    /// Packets.
    pub packets: u64,
    /// Octets of the IP packets, headers included, as their length fields say.
    pub octets: u64,
    /// TCP initial sequence number (SCTP: initiate tag) when [`Signs::ISN`] is set. A SYN+ACK
    /// tells both: its own, and its acknowledgment less one for the other direction. Address
    /// translation leaves it alone, so it names a connection across taps.
    pub isn: u32,
    /// What it was seen to do.
    pub signs: Signs,
}

impl Half {
    /// The initial sequence number, when it was seen.
    pub fn isn(&self) -> Option<u32> {
        self.signs.has(Signs::ISN).then_some(self.isn)
    }

    /// Whether a packet was seen.
    pub fn is_seen(&self) -> bool {
        self.packets > 0
    }
}

/// ICMP type and code (IANA registries; ICMPv6 numbers for IPv6 flows).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct IcmpType {
    /// Type.
    #[serde(rename = "type")]
    pub kind: u8,
    /// Code.
    pub code: u8,
}

/// One connection, or attempt, as one tap saw it; both directions joined by addresses and ports.
///
/// `a` sent the first packet that was seen, which need not be the one who opened: that is
/// decided where the inventory is known. A later connection on the same addresses and ports
/// (a new SYN after a close, UDP after 120 s without a packet) is a record of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FlowRecord {
    /// The sender of the first packet that was seen.
    pub a: Endpoint,
    /// The other end.
    pub b: Endpoint,
    /// Time of the earliest packet.
    pub first: Timestamp,
    /// Time of the latest packet.
    pub last: Timestamp,
    /// From `a` to `b`.
    pub forward: Half,
    /// From `b` to `a`.
    pub reverse: Half,
    /// Where it was seen.
    pub tap: TapId,
    /// The protocol. For ICMP, `a.port` is the echo identifier (0 for other types) and `b.port`
    /// holds type and code, see [`FlowRecord::icmp`].
    pub protocol: Protocol,
}

/// The cost that the bounds of the flow table are built on.
const _: () = assert!(size_of::<FlowRecord>() <= 104);

impl FlowRecord {
    /// A record without packets.
    pub fn new(protocol: Protocol, a: Endpoint, b: Endpoint, tap: TapId, at: Timestamp) -> Self {
        FlowRecord {
            a,
            b,
            first: at,
            last: at,
            forward: Half::default(),
            reverse: Half::default(),
            tap,
            protocol,
        }
    }

    /// Type and code of the request, for ICMP.
    pub fn icmp(&self) -> Option<IcmpType> {
        let [kind, code] = self.b.port.to_be_bytes();
        (self.protocol == Protocol::Icmp).then_some(IcmpType { kind, code })
    }

    /// The same record told from the other end.
    #[must_use]
    pub fn reversed(&self) -> Self {
        FlowRecord { a: self.b, b: self.a, forward: self.reverse, reverse: self.forward, ..self.clone() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signs_are_a_set() {
        let mut signs = Signs::OPEN;
        signs.insert(Signs::FIN);
        assert!(signs.has(Signs::OPEN.union(Signs::FIN)) && !signs.has(Signs::RESET));
        assert_eq!(format!("{signs:?}"), r#"{"open", "fin"}"#);
    }
}
