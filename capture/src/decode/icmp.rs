//! ICMPv4 (RFC 792) and ICMPv6 (RFC 4443): queries make flows, errors refuse them.

use flowfence_model::{Endpoint, Protocol, Signs};

use super::ip::{self, Ip};
use super::span::Span;
use super::{Outcome, Refusal, Seen, connectable, transport, tunnel};
use crate::cause::Cause;

/// What a type means for flows.
enum Meaning {
    /// A question.
    Query,
    /// The answer to the question of that type.
    Answer(u8),
    Unreachable,
    /// An error that refuses nothing.
    Ignored,
    Control,
    Other,
}

fn meaning_v4(kind: u8, code: u8) -> Meaning {
    match (kind, code) {
        (8 | 13 | 15 | 17, _) => Meaning::Query,
        (0, _) => Meaning::Answer(8),
        (14 | 16 | 18, _) => Meaning::Answer(kind - 1),
        // Code 4 asks for smaller packets (RFC 1191), it refuses nothing.
        (3, 4) | (4 | 5 | 11 | 12, _) => Meaning::Ignored,
        (3, _) => Meaning::Unreachable,
        (9 | 10, _) => Meaning::Control,
        _ => Meaning::Other,
    }
}

fn meaning_v6(kind: u8) -> Meaning {
    match kind {
        128 | 139 => Meaning::Query,
        129 | 140 => Meaning::Answer(kind - 1),
        1 => Meaning::Unreachable,
        2..=127 | 137 => Meaning::Ignored,
        130..=136 | 141..=143 | 148 | 149 | 151..=153 => Meaning::Control,
        _ => Meaning::Other,
    }
}

/// Whether a packet that is no connection anyway is link-local control traffic.
pub(super) fn control(ip: &Ip<'_>) -> Option<Cause> {
    let is_control = match ip.protocol {
        ip::IGMP => true,
        ip::ICMP6 if ip.is_v6 => {
            matches!(meaning_v6(ip.payload.octet(0)?), Meaning::Control)
        }
        ip::ICMP => matches!(meaning_v4(ip.payload.octet(0)?, 0), Meaning::Control),
        _ => false,
    };
    is_control.then_some(Cause::LinkLocalControl)
}

/// The type of the question that a message is about, and whether it is the question itself; why not,
/// when it is about none.
pub(crate) fn question(is_v6: bool, kind: u8, code: u8) -> Result<(u8, bool), Cause> {
    match if is_v6 { meaning_v6(kind) } else { meaning_v4(kind, code) } {
        Meaning::Query => Ok((kind, true)),
        Meaning::Answer(to) => Ok((to, false)),
        Meaning::Unreachable => Err(Cause::IcmpErrorUnmatched),
        Meaning::Ignored => Err(Cause::IcmpErrorIgnored),
        Meaning::Control => Err(Cause::LinkLocalControl),
        Meaning::Other => Err(Cause::OtherIcmp),
    }
}

/// An ICMPv4 message.
pub(super) fn v4<'a>(ip: &Ip<'a>) -> Result<Outcome<'a>, Cause> {
    let [kind, code] = *ip.payload.head(Cause::MalformedIcmp)?;
    message(ip, code, &meaning_v4(kind, code), kind)
}

/// An ICMPv6 message.
pub(super) fn v6<'a>(ip: &Ip<'a>) -> Result<Outcome<'a>, Cause> {
    let [kind, code] = *ip.payload.head(Cause::MalformedIcmp)?;
    message(ip, code, &meaning_v6(kind), kind)
}

fn message<'a>(ip: &Ip<'a>, code: u8, meaning: &Meaning, kind: u8) -> Result<Outcome<'a>, Cause> {
    match *meaning {
        Meaning::Query => query(ip, kind, code, true),
        Meaning::Answer(to) => query(ip, to, code, false),
        Meaning::Unreachable => refusal(ip),
        Meaning::Ignored => Err(Cause::IcmpErrorIgnored),
        Meaning::Control => Err(Cause::LinkLocalControl),
        Meaning::Other => Err(Cause::OtherIcmp),
    }
}

/// Question and answer share the ends: the asker with the identifier, the asked with type and
/// code of the question.
fn query<'a>(ip: &Ip<'a>, kind: u8, code: u8, is_question: bool) -> Result<Outcome<'a>, Cause> {
    let header: [u8; 6] = *ip.payload.head(Cause::MalformedIcmp)?;
    let [_, _, _, _, i0, i1] = header;
    let id = u16::from_be_bytes([i0, i1]);
    let asked = u16::from_be_bytes([kind, code]);
    let (from_port, to_port, signs) =
        if is_question { (id, asked, Signs::OPEN) } else { (asked, id, Signs::ACCEPT) };
    let (from, to) = (Endpoint::new(ip.source, from_port), Endpoint::new(ip.destination, to_port));
    let bare = Seen::bare(from, to, Protocol::Icmp, ip.octets);
    Ok(Outcome::Seen(Seen { signs, first_fragment: ip.fragment_key(), ..bare }))
}

/// The quoted packet begins after eight octets, whole IP header first (RFC 792 p. 4, RFC 4443 §3.1).
/// An error that is not sent to the sender of what it quotes is a forgery or a mirror's artefact.
fn refusal<'a>(ip: &Ip<'a>) -> Result<Outcome<'a>, Cause> {
    let quote = ip.payload.skip(8, Cause::MalformedIcmp)?;
    let quote = Span { data: quote.data, wire: quote.wire.max(quote.data.len()) };
    let quoted = ip::lax(quote).map_err(|_| Cause::IcmpErrorUnmatched)?;
    if quoted.source != ip.destination
        || connectable(quoted.source, quoted.destination).is_err()
        || quoted.fragment.is_some_and(|f| f.offset > 0)
    {
        return Err(Cause::IcmpErrorUnmatched);
    }
    let protocol = match quoted.protocol {
        ip::TCP => Protocol::Tcp,
        ip::UDP => Protocol::Udp,
        ip::SCTP => Protocol::Sctp,
        ip::ICMP | ip::ICMP6 => Protocol::Icmp,
        _ => return Err(Cause::IcmpErrorUnmatched),
    };
    let mut is_icmp_answer = false;
    let (from, to) = if protocol == Protocol::Icmp {
        let inner = if quoted.is_v6 { v6_query(&quoted)? } else { v4_query(&quoted)? };
        is_icmp_answer = inner.signs.has(Signs::ACCEPT);
        (inner.from, inner.to)
    } else {
        let ports = quoted.payload.data.first_chunk().ok_or(Cause::IcmpErrorUnmatched)?;
        transport::endpoints(quoted.source, quoted.destination, *ports)
    };
    let is_tunnel = protocol == Protocol::Udp && tunnel::is_tunnel_port(to.port);
    Ok(Outcome::Refusal(Refusal { from, to, protocol, is_icmp_answer, is_tunnel }))
}

fn v4_query<'a>(ip: &Ip<'a>) -> Result<Seen<'a>, Cause> {
    let [kind, code] = *ip.payload.head(Cause::IcmpErrorUnmatched)?;
    quoted_query(ip, &meaning_v4(kind, code), kind, code)
}

fn v6_query<'a>(ip: &Ip<'a>) -> Result<Seen<'a>, Cause> {
    let [kind, code] = *ip.payload.head(Cause::IcmpErrorUnmatched)?;
    quoted_query(ip, &meaning_v6(kind), kind, code)
}

/// Only a quoted query or answer names a flow; an error about an error does not (RFC 1122 §3.2.2).
fn quoted_query<'a>(ip: &Ip<'a>, meaning: &Meaning, kind: u8, code: u8) -> Result<Seen<'a>, Cause> {
    let outcome = match *meaning {
        Meaning::Query => query(ip, kind, code, true),
        Meaning::Answer(to) => query(ip, to, code, false),
        _ => return Err(Cause::IcmpErrorUnmatched),
    };
    match outcome {
        Ok(Outcome::Seen(seen)) => Ok(seen),
        _ => Err(Cause::IcmpErrorUnmatched),
    }
}
