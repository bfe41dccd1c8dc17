//! Link headers: from the first octet of a frame to its IP header.

use super::Path;
use super::span::Span;
use crate::cause::Cause;
use crate::link::LinkType;

const IPV4: u16 = 0x0800;
const IPV6: u16 = 0x86dd;
const ARP: u16 = 0x0806;
const RARP: u16 = 0x8035;
const MPLS: [u16; 2] = [0x8847, 0x8848];
/// IEEE 802.1Q, 802.1ad and the older `QinQ` tags.
const VLAN: [u16; 3] = [0x8100, 0x88a8, 0x9100];
/// Tags and labels that are passed at most; real stacks have three.
const MAX_TAGS: usize = 16;

/// Finds the IP header of a frame.
#[inline]
pub(super) fn open<'a>(link: LinkType, span: Span<'a>, path: &mut Path) -> Result<Span<'a>, Cause> {
    match link {
        LinkType::ETHERNET => ethernet(span),
        LinkType::LINUX_SLL => {
            let header: &[u8; 16] = span.head(Cause::MalformedLink)?;
            let [.., high, low] = *header;
            network(u16::from_be_bytes([high, low]), span.skip(16, Cause::MalformedLink)?)
        }
        LinkType::LINUX_SLL2 => {
            let header: &[u8; 20] = span.head(Cause::MalformedLink)?;
            let [high, low, _, _, i0, i1, i2, i3, ..] = *header;
            path.ifindex = u32::from_be_bytes([i0, i1, i2, i3]);
            network(u16::from_be_bytes([high, low]), span.skip(20, Cause::MalformedLink)?)
        }
        LinkType::NULL | LinkType::LOOP => loopback(span),
        LinkType::RAW | LinkType::RAW_12 | LinkType::RAW_14 | LinkType::IPV4 | LinkType::IPV6 => {
            versioned(span)
        }
        _ => Err(Cause::UnsupportedLinkType),
    }
}

/// Ethernet II; IEEE 802.3 length fields carry no IP that we read.
#[inline]
pub(super) fn ethernet(span: Span<'_>) -> Result<Span<'_>, Cause> {
    // The common shapes at once; `network` says the same of them.
    if let Some(([.., high, low], data)) = span.data.split_first_chunk::<14>()
        && let Some(first) = data.first()
        && matches!((u16::from_be_bytes([*high, *low]), first >> 4), (IPV4, 4) | (IPV6, 6))
    {
        return Ok(Span { data, wire: span.wire - 14 });
    }
    let header: &[u8; 14] = span.head(Cause::MalformedLink)?;
    let [.., high, low] = *header;
    network(u16::from_be_bytes([high, low]), span.skip(14, Cause::MalformedLink)?)
}

/// Whether an Ethernet type is one that a tunnel would carry in a cluster.
pub(super) fn is_known(ether_type: u16) -> bool {
    matches!(ether_type, IPV4 | IPV6 | ARP | RARP) || VLAN.contains(&ether_type) || MPLS.contains(&ether_type)
}

/// What follows an Ethernet type, tags passed over.
pub(super) fn network(mut ether_type: u16, mut span: Span<'_>) -> Result<Span<'_>, Cause> {
    for _ in 0..MAX_TAGS {
        match ether_type {
            IPV4 => return expect_version(span, 4),
            IPV6 => return expect_version(span, 6),
            ARP | RARP => return Err(Cause::Arp),
            _ if MPLS.contains(&ether_type) => return labels(span),
            _ if VLAN.contains(&ether_type) => {
                let [_, _, high, low] = *span.head(Cause::MalformedLink)?;
                ether_type = u16::from_be_bytes([high, low]);
                span = span.skip(4, Cause::MalformedLink)?;
            }
            _ => return Err(Cause::NonIp),
        }
    }
    Err(Cause::MalformedLink)
}

/// MPLS label stack (RFC 3032 §2.1); after the bottom of the stack the IP version tells.
fn labels(mut span: Span<'_>) -> Result<Span<'_>, Cause> {
    for _ in 0..MAX_TAGS {
        let [_, _, third, _] = *span.head(Cause::MalformedLink)?;
        span = span.skip(4, Cause::MalformedLink)?;
        if third & 1 == 1 {
            return match span.octet(0).map(|b| b >> 4) {
                Some(4 | 6) => Ok(span),
                Some(_) => Err(Cause::NonIp),
                None => Err(span.lacks(1, Cause::MalformedLink)),
            };
        }
    }
    Err(Cause::MalformedLink)
}

/// `AF_INET` is 2 everywhere; `AF_INET6` is 10, 24, 28 or 30. Either byte order.
fn loopback(span: Span<'_>) -> Result<Span<'_>, Cause> {
    let family: [u8; 4] = *span.head(Cause::MalformedLink)?;
    let inner = span.skip(4, Cause::MalformedLink)?;
    match u32::from_be_bytes(family).min(u32::from_le_bytes(family)) {
        2 => expect_version(inner, 4),
        10 | 24 | 28 | 30 => expect_version(inner, 6),
        _ => Err(Cause::NonIp),
    }
}

/// Raw IP of either version.
pub(super) fn versioned(span: Span<'_>) -> Result<Span<'_>, Cause> {
    match span.octet(0).map(|b| b >> 4) {
        Some(4 | 6) => Ok(span),
        Some(_) => Err(Cause::MalformedIp),
        None => Err(span.lacks(1, Cause::MalformedIp)),
    }
}

#[inline]
fn expect_version(span: Span<'_>, version: u8) -> Result<Span<'_>, Cause> {
    match span.octet(0) {
        Some(b) if b >> 4 == version => Ok(span),
        Some(_) => Err(Cause::MalformedIp),
        None => Err(span.lacks(1, Cause::MalformedIp)),
    }
}
