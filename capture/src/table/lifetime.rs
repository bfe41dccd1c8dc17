//! When a packet belongs to a new connection on old addresses and ports.

use std::time::Duration;

use flowfence_model::{FlowRecord, Protocol, Signs, Timestamp};

use crate::decode::Seen;

/// Whether `seen` is the first packet of another connection than the one in `record`.
///
/// - An opening packet with another initial sequence number begins another connection, whoever
///   sends it; with the same one it is a retransmission, or the same packet at another hop.
/// - On half a wire only answers are seen: an answer with another number begins another one too,
///   unless it answers the opening that was seen.
/// - What has no openings (UDP, ICMP) ends by silence; SCTP ends by either.
#[inline]
pub(super) fn has_ended(record: &FlowRecord, seen: &Seen<'_>, at: Timestamp, idle: Duration) -> bool {
    if record.protocol != Protocol::Tcp
        && (at > record.last || at < record.first)
        && is_idle(record, at, idle)
    {
        return true;
    }
    if !seen.signs.has(Signs::OPEN) && !seen.signs.has(Signs::ACCEPT) {
        return false;
    }
    record.protocol != Protocol::Icmp && opens_another(record, seen)
}

/// Capture time may run backwards by little; by more than the idle time it is another flow as well.
fn is_idle(record: &FlowRecord, at: Timestamp, idle: Duration) -> bool {
    at.since(record.last) > idle || record.first.since(at) > idle
}

fn opens_another(record: &FlowRecord, seen: &Seen<'_>) -> bool {
    if record.forward.packets + record.reverse.packets == 0 {
        return false; // a refusal came before the packet that it quotes
    }
    let is_forward = record.a == seen.from && record.b == seen.to;
    let (own, other) =
        if is_forward { (&record.forward, &record.reverse) } else { (&record.reverse, &record.forward) };
    if seen.signs.has(Signs::OPEN) {
        return own.isn() != Some(seen.isn);
    }
    match (own.isn(), other.isn()) {
        (Some(own), _) if own == seen.isn => false,
        (Some(_), Some(other)) => other != seen.peer_isn,
        (Some(_), None) => true,
        (None, Some(other)) => other != seen.peer_isn && own.signs.has(Signs::SEGMENT),
        (None, None) => own.signs.has(Signs::SEGMENT),
    }
}

/// How long a connection that was closed, or never answered, is kept after its last packet by who
/// forgets: what comes late, and the next try of one who keeps trying, belong to it.
const LINGER: Duration = Duration::from_mins(5);

/// Whether nothing more is expected of a record, so that its place may be given to another.
pub(super) fn is_over(record: &FlowRecord, now: Timestamp, udp_idle: Duration) -> bool {
    let silent = now.since(record.last);
    let both = [&record.forward, &record.reverse];
    match record.protocol {
        Protocol::Tcp | Protocol::Sctp => {
            let is_reset = both.iter().any(|half| half.signs.has(Signs::RESET));
            let is_closed = is_reset || both.iter().all(|half| half.signs.has(Signs::FIN));
            let is_attempt = both.iter().any(|half| !half.is_seen());
            (is_closed || is_attempt) && silent > LINGER
        }
        Protocol::Udp | Protocol::Icmp => silent > udp_idle,
    }
}
