//! One packet into one sighting of the innermost flow.
//!
//! ```text
//! link ─▶ IP ─┬▶ TCP, UDP, SCTP, ICMP ─▶ Outcome
//!      ▲      └▶ VXLAN, Geneve, GRE, IP-in-IP ─┐
//!      └───────────────────────────────────────┘   at most `max_tunnel_depth` times, no recursion
//! ```
//!
//! IP headers of the common shape (no options, no extension headers, no fragment) are read by
//! [`ip::fast`]; everything else by etherparse's lax slicer in [`ip::lax`], which keeps what is
//! readable of a cut packet. A property test holds the two against each other.

pub(crate) mod icmp;
mod ip;
mod link;
mod span;
mod transport;
mod tunnel;

use flowfence_model::{Address, Endpoint, Protocol, Signs};

use crate::cause::Cause;
use crate::fragment::FragmentKey;
use crate::link::{LinkType, RawPacket};
use ip::Ip;
use span::Span;
use tunnel::{Content, TunnelKind};

/// What one packet showed of one flow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Seen<'a> {
    pub from: Endpoint,
    pub to: Endpoint,
    pub protocol: Protocol,
    /// Octets of the IP packet.
    pub octets: u64,
    pub signs: Signs,
    /// Initial sequence number of the sender, with OPEN and ACCEPT.
    pub isn: u32,
    /// Initial sequence number of the other end, with ACCEPT.
    pub peer_isn: u32,
    /// Captured octets after the transport header.
    pub payload: &'a [u8],
    /// Set when this is the first of several IP fragments.
    pub first_fragment: Option<FragmentKey>,
}

impl Seen<'_> {
    /// A packet that showed nothing but its ends.
    pub(crate) fn bare(from: Endpoint, to: Endpoint, protocol: Protocol, octets: u64) -> Self {
        let signs = Signs::default();
        Seen { from, to, protocol, octets, signs, isn: 0, peer_isn: 0, payload: &[], first_fragment: None }
    }
}

/// A destination unreachable (RFC 792, RFC 4443 §3.1) and the packet that it quotes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Refusal {
    /// Sender of the quoted packet.
    pub from: Endpoint,
    /// Destination of the quoted packet.
    pub to: Endpoint,
    pub protocol: Protocol,
    /// The quoted packet answers an ICMP query.
    pub is_icmp_answer: bool,
    /// The quoted packet is a tunnel's outer packet, which is no connection.
    pub is_tunnel: bool,
}

/// What a packet that is used says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Outcome<'a> {
    /// It belongs to a flow.
    Seen(Seen<'a>),
    /// A later fragment: whose ports only the first one carries.
    Fragment { key: FragmentKey, octets: u64 },
    /// It refuses another packet.
    Refusal(Refusal),
}

/// How the innermost packet was reached.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Path {
    /// Interface index of Linux cooked v2.
    pub ifindex: u32,
    /// Tunnels that were opened.
    pub depth: u8,
    /// The outermost tunnel.
    pub tunnel: Option<TunnelKind>,
    /// The outer packet was the first of several fragments.
    pub outer_fragment: Option<FragmentKey>,
    /// Something to count although the packet was used.
    pub note: Option<Cause>,
}

/// Decodes one packet; total for any bytes. An error is the reason why it makes no flow.
#[inline]
pub(crate) fn decode<'a>(
    link: LinkType,
    packet: &RawPacket<'a>,
    max_tunnel_depth: u8,
    path: &mut Path,
) -> Result<Outcome<'a>, Cause> {
    let span = Span::new(packet.data, packet.original_len);
    let mut span = link::open(link, span, path)?;
    loop {
        let ip = match ip::fast(span) {
            Some(ip) => ip,
            None => ip::lax(span)?,
        };
        if ip.fragment.is_some_and(|f| f.offset > 0) {
            return later_fragment(&ip);
        }
        let Some((kind, content)) = tunnel::recognise(&ip, path)? else {
            return transport(&ip, path);
        };
        if path.depth >= max_tunnel_depth {
            return Err(Cause::TunnelTooDeep);
        }
        path.depth += 1;
        path.tunnel.get_or_insert(kind);
        if path.outer_fragment.is_none() {
            path.outer_fragment = ip.fragment_key();
        }
        span = match content {
            Content::Ip(span) => span,
            Content::Ethernet(span) => link::ethernet(span)?,
        };
    }
}

/// The UDP datagram of a packet whose addresses make it no connection: what a program sends to one on
/// its own host, or to a group.
#[cold]
pub(crate) fn datagram<'a>(link: LinkType, packet: &RawPacket<'a>) -> Option<Seen<'a>> {
    let span = Span::new(packet.data, packet.original_len);
    let span = link::open(link, span, &mut Path::default()).ok()?;
    let ip = ip::fast(span).or_else(|| ip::lax(span).ok())?;
    if ip.protocol != ip::UDP || ip.fragment.is_some() {
        return None;
    }
    match transport::udp(&ip) {
        Ok(Outcome::Seen(seen)) => Some(seen),
        _ => None,
    }
}

#[inline]
fn transport<'a>(ip: &Ip<'a>, path: &mut Path) -> Result<Outcome<'a>, Cause> {
    connectable(ip.source, ip.destination).map_err(|cause| icmp::control(ip).unwrap_or(cause))?;
    match ip.protocol {
        ip::TCP => {
            if transport::flags_are_cut(ip) {
                path.note = Some(Cause::TcpFlagsCut);
            }
            transport::tcp(ip)
        }
        ip::UDP => transport::udp(ip),
        ip::SCTP => transport::sctp(ip),
        ip::ICMP if !ip.is_v6 => icmp::v4(ip),
        ip::ICMP6 if ip.is_v6 => icmp::v6(ip),
        ip::IGMP => Err(Cause::LinkLocalControl),
        _ => Err(Cause::OtherIpProtocol),
    }
}

fn later_fragment<'a>(ip: &Ip<'a>) -> Result<Outcome<'a>, Cause> {
    connectable(ip.source, ip.destination)?;
    let key = ip.fragment_key().ok_or(Cause::MalformedIp)?;
    Ok(Outcome::Fragment { key, octets: ip.octets })
}

/// Whether both addresses name one host that others can reach.
#[inline]
pub(crate) fn connectable(source: Address, destination: Address) -> Result<(), Cause> {
    for address in [source, destination] {
        if let [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, first @ 1..=223, ..] = *address.octets() {
            if first == 127 {
                return Err(Cause::LoopbackAddress);
            }
        } else if !address.is_unicast() {
            return Err(Cause::NonUnicast);
        } else if address.ip().is_loopback() {
            return Err(Cause::LoopbackAddress);
        }
    }
    Ok(())
}
