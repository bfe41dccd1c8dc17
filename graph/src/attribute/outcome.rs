//! Connection, attempt, or the remnant of something that ended before the capture began.

use flowfence_model::{FlowRecord, Half, Protocol, Signs};

use super::strand::larger;
use crate::contact::Tally;

/// Counts the strands of one connection; `None` for a remnant, which is neither a connection nor
/// an attempt (the last segment or reset of a connection that closed before the capture).
///
/// `one_wire`: the missing direction could not have been seen. `to_pod`: a running pod held the
/// address that was asked.
pub fn tally(members: &[&FlowRecord], one_wire: bool, to_pod: bool) -> Option<Tally> {
    let first = members.first()?;
    let there = members.iter().map(|r| r.forward).reduce(larger)?;
    let back = members.iter().map(|r| r.reverse).reduce(larger)?;
    let mut tally = Tally {
        packets: [there.packets, back.packets],
        octets: [there.octets, back.octets],
        largest: there.octets,
        first: members.iter().map(|r| r.first).min()?,
        last: members.iter().map(|r| r.last).max()?,
        ..Tally::empty()
    };
    let outcome = match first.protocol {
        Protocol::Tcp | Protocol::Sctp => by_handshake(&there, &back, one_wire)?,
        // Only an ICMP error told of it, and that quoted an answer that came too late.
        _ if !there.is_seen() && !back.is_seen() && !there.signs.has(Signs::UNREACHABLE) => return None,
        Protocol::Udp => datagrams(&there, &back, one_wire, to_pod),
        Protocol::Icmp => echo(&there, &back),
    };
    match outcome {
        Outcome::Connected => tally.connections = 1,
        Outcome::OneWay => tally.one_way = 1,
        Outcome::Unanswered => tally.unanswered = 1,
        Outcome::Refused => tally.refused = 1,
    }
    Some(tally)
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    Connected,
    OneWay,
    Unanswered,
    Refused,
}

/// TCP (RFC 9293 §3.5) and SCTP (RFC 9260 §5): opened, accepted, confirmed. Where the opening is
/// missing, segments both ways; on half a wire what only an accepted connection carries.
fn by_handshake(there: &Half, back: &Half, one_wire: bool) -> Option<Outcome> {
    let opened = there.signs.has(Signs::OPEN);
    let accepted = back.signs.has(Signs::ACCEPT);
    let goes_on = |half: &Half| half.signs.has(Signs::SEGMENT) || half.signs.has(Signs::PAYLOAD);
    let half_wire = one_wire && (!there.is_seen() || !back.is_seen());
    let connected = match (opened, accepted) {
        // Whoever accepts and resets before a word did not accept: the one was another's.
        (true, true) => goes_on(there) && (goes_on(back) || !back.signs.has(Signs::RESET)),
        (true, false) => goes_on(there) && (goes_on(back) || half_wire),
        (false, true) => goes_on(there) || half_wire,
        (false, false) if half_wire => there.signs.has(Signs::PAYLOAD) || back.signs.has(Signs::PAYLOAD),
        (false, false) => goes_on(there) && goes_on(back),
    };
    let refused = back.signs.has(Signs::RESET) || there.signs.has(Signs::UNREACHABLE);
    if connected {
        Some(Outcome::Connected)
    } else if refused && (opened || half_wire || !there.is_seen() || there.signs.has(Signs::UNREACHABLE)) {
        Some(Outcome::Refused)
    } else if opened || accepted {
        Some(Outcome::Unanswered)
    } else {
        None
    }
}

/// An answer counts when its question was seen, or could not be: whoever sends from port 53 to a pod
/// that asked nothing must not thereby become its DNS server.
fn datagrams(there: &Half, back: &Half, one_wire: bool, to_pod: bool) -> Outcome {
    if back.is_seen() && (there.is_seen() || one_wire) {
        Outcome::Connected
    } else if back.is_seen() {
        Outcome::Unanswered
    } else if there.signs.has(Signs::UNREACHABLE) {
        Outcome::Refused
    } else if to_pod {
        Outcome::OneWay
    } else {
        Outcome::Unanswered
    }
}

fn echo(there: &Half, back: &Half) -> Outcome {
    if back.is_seen() {
        Outcome::Connected
    } else if there.signs.has(Signs::UNREACHABLE) {
        Outcome::Refused
    } else {
        Outcome::Unanswered
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn half(packets: u64, signs: &[Signs]) -> Half {
        let signs = signs.iter().fold(Signs::default(), |all, s| all.union(*s));
        Half { packets, signs, ..Half::default() }
    }

    #[test]
    fn an_answer_to_nobodys_question_is_no_connection() {
        let (some, none) = (half(1, &[]), Half::default());
        assert_eq!(datagrams(&some, &some, false, true), Outcome::Connected);
        assert_eq!(datagrams(&none, &some, true, true), Outcome::Connected, "half a wire");
        assert_eq!(datagrams(&none, &some, false, true), Outcome::Unanswered);
        assert_eq!(datagrams(&some, &none, false, true), Outcome::OneWay);
    }

    #[test]
    fn a_handshake_counts_when_its_last_step_was_seen() {
        let syn = half(1, &[Signs::OPEN]);
        let full = half(2, &[Signs::OPEN, Signs::SEGMENT]);
        let accept = half(1, &[Signs::ACCEPT]);
        let none = Half::default();
        let cases = [
            ("handshake completed", full, accept, false, Some(Outcome::Connected)),
            (
                "half-open scan",
                half(2, &[Signs::OPEN, Signs::RESET]),
                accept,
                false,
                Some(Outcome::Unanswered),
            ),
            (
                "a forged acceptance and the true refusal",
                full,
                half(2, &[Signs::ACCEPT, Signs::RESET]),
                false,
                Some(Outcome::Refused),
            ),
            (
                "a server that resets after a word",
                full,
                half(3, &[Signs::ACCEPT, Signs::SEGMENT, Signs::RESET]),
                false,
                Some(Outcome::Connected),
            ),
            ("nobody answers", syn, none, false, Some(Outcome::Unanswered)),
            ("refused by reset", syn, half(1, &[Signs::RESET]), false, Some(Outcome::Refused)),
            (
                "refused by a router",
                half(1, &[Signs::OPEN, Signs::UNREACHABLE]),
                none,
                false,
                Some(Outcome::Refused),
            ),
            ("only the answers were seen", none, accept, true, Some(Outcome::Connected)),
            ("an answer that nobody asked for", none, accept, false, Some(Outcome::Unanswered)),
            ("only the client was seen", full, none, true, Some(Outcome::Connected)),
            ("a client that nobody answers goes on blindly", full, none, false, Some(Outcome::Unanswered)),
            (
                "the opening is missing",
                half(2, &[Signs::SEGMENT]),
                half(1, &[Signs::SEGMENT]),
                false,
                Some(Outcome::Connected),
            ),
            ("the last reset of an older connection", half(1, &[Signs::RESET]), none, false, None),
            (
                "a stray segment and its reset",
                half(1, &[Signs::SEGMENT]),
                half(1, &[Signs::RESET]),
                false,
                None,
            ),
        ];
        for (what, there, back, one_wire, expected) in cases {
            assert_eq!(by_handshake(&there, &back, one_wire), expected, "{what}");
        }
    }

    #[test]
    fn an_error_about_a_late_answer_is_no_attempt() {
        use flowfence_model::{Address, Endpoint, TapId, Timestamp};
        let end = |last, port| Endpoint::new(Address::v4([10, 0, 0, last]), port);
        let at = Timestamp::from_nanos(0);
        let mut record = FlowRecord::new(Protocol::Udp, end(1, 5000), end(2, 53), TapId(0), at);
        record.reverse = half(0, &[Signs::UNREACHABLE]);
        assert_eq!(tally(&[&record], false, true), None);
        record.forward = half(0, &[Signs::UNREACHABLE]);
        assert_eq!(tally(&[&record], false, true).map(|t| t.refused), Some(1));
    }

    #[test]
    fn silent_datagrams_to_a_running_pod_are_kept_apart() {
        assert_eq!(datagrams(&half(3, &[]), &Half::default(), false, true), Outcome::OneWay);
        assert_eq!(datagrams(&half(3, &[]), &Half::default(), false, false), Outcome::Unanswered);
        assert_eq!(
            datagrams(&half(3, &[Signs::UNREACHABLE]), &Half::default(), false, true),
            Outcome::Refused
        );
        assert_eq!(
            datagrams(&half(1, &[]), &half(1, &[Signs::UNREACHABLE]), false, true),
            Outcome::Connected
        );
    }
}
