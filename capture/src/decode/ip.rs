//! IP headers: IPv4 (RFC 791) and IPv6 with extension headers (RFC 8200 §4).

use etherparse::{LaxIpSlice, LaxIpv4Slice, LaxIpv6Slice};
use flowfence_model::Address;

use super::span::Span;
use crate::cause::Cause;
use crate::fragment::FragmentKey;

pub(super) const ICMP: u8 = 1;
pub(super) const IGMP: u8 = 2;
pub(super) const IP_IN_IP: u8 = 4;
pub(super) const TCP: u8 = 6;
pub(super) const UDP: u8 = 17;
pub(super) const IPV6_IN_IP: u8 = 41;
pub(super) const GRE: u8 = 47;
pub(super) const ICMP6: u8 = 58;
pub(super) const SCTP: u8 = 132;

/// IPv6 extension headers (RFC 8200 §4, RFC 4302 §2).
const HOP_BY_HOP: u8 = 0;
const ROUTING: u8 = 43;
const FRAGMENT: u8 = 44;
const AUTHENTICATION: u8 = 51;
const DESTINATION: u8 = 60;

/// Where a fragment belongs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Fragment {
    /// Identification (16 bits in IPv4, 32 in IPv6).
    pub id: u32,
    /// Offset in units of eight octets; 0 for the first.
    pub offset: u16,
}

/// One IP packet, options and extension headers passed over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Ip<'a> {
    pub source: Address,
    pub destination: Address,
    pub is_v6: bool,
    /// Protocol of the payload.
    pub protocol: u8,
    /// Octets of the whole packet by its length field, or by the wire where that is 0
    /// (segmentation offload, jumbograms).
    pub octets: u64,
    /// The payload; its wire length is the one of the length field.
    pub payload: Span<'a>,
    /// Set when the packet is a fragment of a larger one.
    pub fragment: Option<Fragment>,
}

impl Ip<'_> {
    /// What joins the fragments of one packet.
    pub fn fragment_key(&self) -> Option<FragmentKey> {
        self.fragment.map(|f| FragmentKey {
            source: self.source,
            destination: self.destination,
            id: f.id,
            protocol: self.protocol,
        })
    }
}

/// The common shapes: IPv4 without options, IPv6 without extension headers, no fragment, a length
/// field that is set. `None` leaves the packet to [`lax`].
#[inline]
pub(super) fn fast(span: Span<'_>) -> Option<Ip<'_>> {
    match span.data.first()? {
        0x45 => fast_v4(span),
        0x60..=0x6f => fast_v6(span),
        _ => None,
    }
}

#[inline]
fn fast_v4(span: Span<'_>) -> Option<Ip<'_>> {
    let (header, rest) = span.data.split_first_chunk::<20>()?;
    let [_, _, l0, l1, _, _, f0, f1, _, protocol, _, _, s0, s1, s2, s3, d0, d1, d2, d3] = *header;
    let total = usize::from(u16::from_be_bytes([l0, l1]));
    if u16::from_be_bytes([f0, f1]) & 0x3fff != 0 || total < 20 || !matches!(protocol, TCP | UDP) {
        return None;
    }
    let wire = total - 20;
    Some(Ip {
        source: v4([s0, s1, s2, s3]),
        destination: v4([d0, d1, d2, d3]),
        is_v6: false,
        protocol,
        octets: total as u64,
        payload: Span { data: rest.get(..wire).unwrap_or(rest), wire },
        fragment: None,
    })
}

/// [`Address::v4`] by two wide stores: the hash reads it back at once, and a processor cannot
/// forward sixteen narrow ones (an eighth of the whole cost of a packet).
#[inline]
fn v4(octets: [u8; 4]) -> Address {
    Address::v6((0xffff_0000_0000_u128 | u128::from(u32::from_be_bytes(octets))).to_be_bytes())
}

#[inline]
fn fast_v6(span: Span<'_>) -> Option<Ip<'_>> {
    let (header, rest) = span.data.split_first_chunk::<40>()?;
    let [_, _, _, _, l0, l1, protocol, _, addresses @ ..] = header;
    let wire = usize::from(u16::from_be_bytes([*l0, *l1]));
    if wire == 0 || !matches!(*protocol, TCP | UDP) {
        return None;
    }
    let (source, destination) = addresses.split_first_chunk::<16>()?;
    Some(Ip {
        source: Address::v6(*source),
        destination: Address::v6(*destination.first_chunk()?),
        is_v6: true,
        protocol: *protocol,
        octets: wire as u64 + 40,
        payload: Span { data: rest.get(..wire).unwrap_or(rest), wire },
        fragment: None,
    })
}

/// Every shape, cut packets included.
pub(super) fn lax(span: Span<'_>) -> Result<Ip<'_>, Cause> {
    let Ok((ip, stop)) = LaxIpSlice::from_slice(span.data) else {
        return Err(header_missing(span));
    };
    let ip = match &ip {
        LaxIpSlice::Ipv4(v4) => lax_v4(span, v4)?,
        LaxIpSlice::Ipv6(v6) => lax_v6(span, v6)?,
    };
    // A later fragment may not begin with the extension header that its next-header field names.
    if stop.is_some() && ip.fragment.is_none_or(|f| f.offset == 0) {
        let cut = ip.payload.wire > ip.payload.data.len();
        return Err(if cut && chain_is_cut(&ip) { Cause::TruncatedHeaders } else { Cause::MalformedIp });
    }
    Ok(ip)
}

/// Whether the extension header at the start of the payload would have fitted on the wire.
fn chain_is_cut(ip: &Ip<'_>) -> bool {
    let octets = ip.payload.octet(1).map_or(8, |n| (usize::from(n) + 1) * 8);
    ip.payload.wire >= octets
}

/// Why etherparse found no IP header.
fn header_missing(span: Span<'_>) -> Cause {
    let needed = match span.octet(0) {
        Some(b) if b >> 4 == 4 && b & 15 >= 5 => {
            let header = usize::from(b & 15) * 4;
            let total = span.word(2).map_or(header, usize::from);
            if total != 0 && total < header {
                return Cause::MalformedIp;
            }
            header
        }
        Some(b) if b >> 4 == 6 => 40,
        Some(_) => return Cause::MalformedIp,
        None => 1,
    };
    span.lacks(needed, Cause::MalformedIp)
}

fn lax_v4<'a>(span: Span<'a>, v4: &LaxIpv4Slice<'a>) -> Result<Ip<'a>, Cause> {
    let header = v4.header();
    let header_len = header.slice().len();
    let total = match usize::from(header.total_len()) {
        0 => span.wire,
        total if total < header_len => return Err(Cause::MalformedIp),
        total => total,
    };
    let extensions = v4.extensions().auth.as_ref().map_or(0, |auth| auth.slice().len());
    let offset = header.fragments_offset().value();
    let fragment = (offset > 0 || header.more_fragments())
        .then(|| Fragment { id: u32::from(header.identification()), offset });
    Ok(Ip {
        source: Address::v4(header.source()),
        destination: Address::v4(header.destination()),
        is_v6: false,
        protocol: v4.payload_ip_number().0,
        octets: total as u64,
        payload: rest(v4.payload().payload, (total - header_len).saturating_sub(extensions)),
        fragment,
    })
}

fn lax_v6<'a>(span: Span<'a>, v6: &LaxIpv6Slice<'a>) -> Result<Ip<'a>, Cause> {
    let header = v6.header();
    let length = match usize::from(header.payload_length()) {
        0 => span.wire.saturating_sub(40),
        length => length,
    };
    let fragment = fragment_v6(header.next_header().0, v6.extensions().slice());
    let extensions = v6.extensions().slice().len();
    let wire = length.checked_sub(extensions).ok_or(Cause::MalformedIp)?;
    Ok(Ip {
        source: Address::v6(header.source()),
        destination: Address::v6(header.destination()),
        is_v6: true,
        protocol: v6.payload().ip_number.0,
        octets: length as u64 + 40,
        payload: rest(v6.payload().payload, wire),
        fragment,
    })
}

/// The fragment header (RFC 8200 §4.5) in a chain of extension headers; an atomic fragment (RFC 6946)
/// is a whole packet. etherparse 0.21 has an iterator for this, which reads beyond the end of a chain
/// that was cut, without a check (found by fuzzing): it must not be used.
fn fragment_v6(first: u8, mut chain: &[u8]) -> Option<Fragment> {
    let mut kind = first;
    while let Some([next, length, o0, o1, id @ ..]) = chain.first_chunk::<8>() {
        let length = match kind {
            FRAGMENT => {
                let offset = u16::from_be_bytes([*o0, *o1]);
                let id = u32::from_be_bytes(*id);
                return (offset & 0xfff9 != 0).then_some(Fragment { id, offset: offset >> 3 });
            }
            HOP_BY_HOP | ROUTING | DESTINATION => (usize::from(*length) + 1) * 8,
            AUTHENTICATION => (usize::from(*length) + 2) * 4,
            _ => return None,
        };
        kind = *next;
        chain = chain.get(length..)?;
    }
    None
}

fn rest(data: &[u8], wire: usize) -> Span<'_> {
    Span { data: data.get(..wire).unwrap_or(data), wire }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn the_fast_path_says_what_the_lax_path_says(
            mut bytes in proptest::collection::vec(any::<u8>(), 0..120),
            shape in 0..3_u8,
            length in 0..130_u16,
            tcp in any::<bool>(),
            more in 0..200_u32,
        ) {
            let protocol = if tcp { TCP } else { UDP };
            let mut set = |at: usize, value: u8| if let Some(b) = bytes.get_mut(at) { *b = value };
            match shape {
                0 => {
                    set(0, 0x45);
                    set(2, 0);
                    set(3, length.to_be_bytes()[1]);
                    set(6, 0x40);
                    set(7, 0);
                    set(9, protocol);
                }
                1 => {
                    set(0, 0x60);
                    set(4, 0);
                    set(5, length.to_be_bytes()[1]);
                    set(6, protocol);
                }
                _ => {}
            }
            let span = Span::new(&bytes, u32::try_from(bytes.len()).unwrap() + more);
            if let Some(ip) = fast(span) {
                prop_assert_eq!(Ok(ip), lax(span));
            } else {
                prop_assert!(shape == 2 || bytes.len() < 40 || length < 20);
            }
        }
    }
}
