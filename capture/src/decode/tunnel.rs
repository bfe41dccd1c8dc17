//! Tunnels between nodes: VXLAN, Geneve, GRE, IP-in-IP. What they carry is what counts.

use super::Path;
use super::ip::{self, Ip};
use super::link;
use super::span::Span;
use crate::cause::Cause;

/// IANA's port (RFC 7348 §8.1) and the one that Linux and most overlays still default to.
const VXLAN_PORTS: [u16; 2] = [4789, 8472];
/// RFC 8926 §3.3.
const GENEVE_PORT: u16 = 6081;
/// Transparent Ethernet bridging (RFC 1701, RFC 8926 §3.4).
const BRIDGED: u16 = 0x6558;

/// Which tunnel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum TunnelKind {
    Vxlan,
    Geneve,
    Gre,
    IpInIp,
}

/// What a tunnel carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Content<'a> {
    Ip(Span<'a>),
    Ethernet(Span<'a>),
}

type Found<'a> = Option<(TunnelKind, Content<'a>)>;

/// Whether UDP to `port` may be a tunnel.
pub(super) fn is_tunnel_port(port: u16) -> bool {
    VXLAN_PORTS.contains(&port) || port == GENEVE_PORT
}

/// The tunnel in an IP packet, if it is one. UDP to a tunnel's port that does not hold the tunnel
/// is noted, and is ordinary UDP.
#[inline]
pub(super) fn recognise<'a>(ip: &Ip<'a>, path: &mut Path) -> Result<Found<'a>, Cause> {
    match ip.protocol {
        ip::UDP => {
            let Some(port) = ip.payload.word(2).filter(|port| is_tunnel_port(*port)) else {
                return Ok(None);
            };
            let Ok(inner) = ip.payload.skip(8, Cause::MalformedUdp) else { return Ok(None) };
            let found = if port == GENEVE_PORT { geneve(inner) } else { vxlan(inner) };
            if found.is_none() {
                path.note = Some(Cause::MalformedTunnel);
            }
            Ok(found)
        }
        ip::IP_IN_IP | ip::IPV6_IN_IP => {
            Ok(Some((TunnelKind::IpInIp, Content::Ip(link::versioned(ip.payload)?))))
        }
        ip::GRE => gre(ip.payload).map(Some),
        _ => Ok(None),
    }
}

/// RFC 7348 §5: the I flag must be set, reserved flags clear (0x80 is the group policy extension).
fn vxlan(span: Span<'_>) -> Found<'_> {
    let [flags, _, _, _, _, _, _, reserved] = *span.data.first_chunk()?;
    if flags & 0x7f != 0x08 || reserved != 0 {
        return None;
    }
    let content = bridged(span.skip(8, Cause::MalformedTunnel).ok()?)?;
    Some((TunnelKind::Vxlan, content))
}

/// RFC 8926 §3.4: version 0, options in units of four octets.
fn geneve(span: Span<'_>) -> Found<'_> {
    let [first, flags, p0, p1, _, _, _, reserved] = *span.data.first_chunk()?;
    if first >> 6 != 0 || flags & 0x3f != 0 || reserved != 0 {
        return None;
    }
    let inner = span.skip(8 + usize::from(first & 0x3f) * 4, Cause::MalformedTunnel).ok()?;
    let content = carried(u16::from_be_bytes([p0, p1]), inner)?;
    Some((TunnelKind::Geneve, content))
}

/// RFC 2784, with the key and sequence number of RFC 2890. Routing (RFC 1701) and version 1 (PPTP)
/// are not opened.
fn gre(span: Span<'_>) -> Result<(TunnelKind, Content<'_>), Cause> {
    let [flags, version, p0, p1] = *span.head(Cause::MalformedGre)?;
    if version & 7 != 0 || flags & 0x40 != 0 {
        return Err(Cause::OtherIpProtocol);
    }
    let optional = [0x80, 0x20, 0x10].into_iter().filter(|bit| flags & bit != 0).count();
    let inner = span.skip(4 + 4 * optional, Cause::MalformedGre)?;
    let content = carried(u16::from_be_bytes([p0, p1]), inner).ok_or(Cause::OtherIpProtocol)?;
    Ok((TunnelKind::Gre, content))
}

fn carried(protocol: u16, span: Span<'_>) -> Option<Content<'_>> {
    match protocol {
        BRIDGED => bridged(span),
        0x0800 | 0x86dd => link::network(protocol, span).ok().map(Content::Ip),
        _ => None,
    }
}

/// An Ethernet frame whose type and IP version make sense.
fn bridged(span: Span<'_>) -> Option<Content<'_>> {
    let ether_type = span.word(12)?;
    if !link::is_known(ether_type) && ether_type > 1500 {
        return None;
    }
    match link::ethernet(span) {
        Err(Cause::MalformedIp | Cause::MalformedLink) => None,
        _ => Some(Content::Ethernet(span)),
    }
}
