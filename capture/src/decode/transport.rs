//! TCP (RFC 9293), UDP (RFC 768) and SCTP (RFC 9260): ports, and what they were seen to do.

use flowfence_model::{Address, Endpoint, Protocol, Signs};

use super::ip::Ip;
use super::{Outcome, Seen};
use crate::cause::Cause;

const FIN: u8 = 0x01;
const SYN: u8 = 0x02;
const RST: u8 = 0x04;
const ACK: u8 = 0x10;

/// A TCP segment. Its header must fit by the IP length, unless the packet is a first fragment;
/// what the capture cut off costs the signs only.
#[inline]
pub(super) fn tcp<'a>(ip: &Ip<'a>) -> Result<Outcome<'a>, Cause> {
    let span = ip.payload;
    if span.wire < 20 && ip.fragment.is_none() {
        return Err(Cause::MalformedTcp);
    }
    let Some([p0, p1, p2, p3, s0, s1, s2, s3, a0, a1, a2, a3, offset, flags]) =
        span.data.first_chunk::<14>().copied()
    else {
        return ports_only(ip, Protocol::Tcp, Cause::MalformedTcp);
    };
    let header_len = usize::from(offset >> 4) * 4;
    if header_len < 20 {
        return Err(Cause::MalformedTcp);
    }
    let has_payload = span.wire > header_len;
    let mut seen = seen(ip, Protocol::Tcp, [p0, p1, p2, p3]);
    seen.payload = span.data.get(header_len..).unwrap_or_default();
    seen.signs = tcp_signs(flags, has_payload);
    if flags & SYN != 0 && flags & RST == 0 {
        seen.isn = u32::from_be_bytes([s0, s1, s2, s3]);
        seen.peer_isn = u32::from_be_bytes([a0, a1, a2, a3]).wrapping_sub(1);
    }
    Ok(Outcome::Seen(seen))
}

/// Whether the capture has the ports of a TCP segment and not its flags.
pub(super) fn flags_are_cut(ip: &Ip<'_>) -> bool {
    (4..14).contains(&ip.payload.data.len()) && (ip.payload.wire >= 20 || ip.fragment.is_some())
}

/// A SYN with data proves nothing yet (RFC 7413), so payload counts after the handshake only.
#[inline]
fn tcp_signs(flags: u8, has_payload: bool) -> Signs {
    let mut signs = Signs::default();
    if flags & RST != 0 {
        return Signs::RESET;
    }
    match (flags & SYN != 0, flags & ACK != 0) {
        (true, false) => return Signs::OPEN,
        (true, true) => return Signs::ACCEPT,
        (false, true) => {
            signs.insert(Signs::SEGMENT);
            if has_payload {
                signs.insert(Signs::PAYLOAD);
            }
        }
        (false, false) => {}
    }
    if flags & FIN != 0 {
        signs.insert(Signs::FIN);
    }
    signs
}

/// A UDP datagram. A length field beyond the packet is offload's business; one below its own
/// header is damage, 0 a jumbogram (RFC 2675 §4).
#[inline]
pub(super) fn udp<'a>(ip: &Ip<'a>) -> Result<Outcome<'a>, Cause> {
    let span = ip.payload;
    if span.wire < 8 {
        return Err(Cause::MalformedUdp);
    }
    let [p0, p1, p2, p3] = *span.head(Cause::MalformedUdp)?;
    if span.word(4).is_some_and(|length| (1..8).contains(&length)) {
        return Err(Cause::MalformedUdp);
    }
    let mut seen = seen(ip, Protocol::Udp, [p0, p1, p2, p3]);
    seen.payload = span.data.get(8..).unwrap_or_default();
    if span.wire > 8 {
        seen.signs = Signs::PAYLOAD;
    }
    Ok(Outcome::Seen(seen))
}

/// An SCTP packet: common header (RFC 9260 §3.1) and chunks (§3.2).
pub(super) fn sctp<'a>(ip: &Ip<'a>) -> Result<Outcome<'a>, Cause> {
    let span = ip.payload;
    if span.wire < 12 {
        return Err(Cause::MalformedSctp);
    }
    let Some([p0, p1, p2, p3, v0, v1, v2, v3]) = span.data.first_chunk::<8>().copied() else {
        return ports_only(ip, Protocol::Sctp, Cause::MalformedSctp);
    };
    let mut seen = seen(ip, Protocol::Sctp, [p0, p1, p2, p3]);
    let mut chunks = span.data.get(12..).unwrap_or_default();
    while let Some([kind, _, l0, l1]) = chunks.first_chunk::<4>().copied() {
        match kind {
            0 => seen.signs.insert(Signs::SEGMENT.union(Signs::PAYLOAD)),
            1 | 2 => {
                let tag = chunks.get(4..).and_then(|rest| rest.first_chunk::<4>());
                seen.isn = tag.map_or(0, |tag| u32::from_be_bytes(*tag));
                seen.peer_isn = u32::from_be_bytes([v0, v1, v2, v3]);
                seen.signs.insert(match (kind, tag) {
                    (1, Some(_)) => Signs::OPEN,
                    (2, Some(_)) => Signs::ACCEPT,
                    _ => Signs::default(),
                });
            }
            6 => seen.signs.insert(Signs::RESET),
            7 | 8 | 14 => seen.signs.insert(Signs::FIN),
            3..=5 | 10 | 11 | 64 => seen.signs.insert(Signs::SEGMENT),
            _ => {}
        }
        // The length counts the header, not the padding to four octets.
        let length = usize::from(u16::from_be_bytes([l0, l1]));
        if length < 4 {
            break;
        }
        chunks = chunks.get(length.next_multiple_of(4)..).unwrap_or_default();
    }
    Ok(Outcome::Seen(seen))
}

/// The capture ends between the ports and what tells the signs.
fn ports_only<'a>(ip: &Ip<'a>, protocol: Protocol, malformed: Cause) -> Result<Outcome<'a>, Cause> {
    let ports: [u8; 4] = *ip.payload.head(malformed)?;
    Ok(Outcome::Seen(seen(ip, protocol, ports)))
}

#[inline]
fn seen<'a>(ip: &Ip<'a>, protocol: Protocol, ports: [u8; 4]) -> Seen<'a> {
    let (from, to) = endpoints(ip.source, ip.destination, ports);
    Seen { first_fragment: ip.fragment_key(), ..Seen::bare(from, to, protocol, ip.octets) }
}

/// Source and destination port are the first four octets of every transport that has ports.
pub(super) fn endpoints(source: Address, destination: Address, ports: [u8; 4]) -> (Endpoint, Endpoint) {
    let [s0, s1, d0, d1] = ports;
    (
        Endpoint::new(source, u16::from_be_bytes([s0, s1])),
        Endpoint::new(destination, u16::from_be_bytes([d0, d1])),
    )
}
