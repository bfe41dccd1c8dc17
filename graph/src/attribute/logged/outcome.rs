//! What became of a contact by the word of several observers.
//!
//! A connection that one end let out and the other end stopped is in the log as allowed and as denied. It is one
//! attempt. So it is asked how many there were of any kind, by the observer who saw most, and what somebody stopped did
//! not connect, whoever else let it pass before.

use std::collections::BTreeMap;

use flowfence_model::logged::{self, LoggedCounts, LoggedVerdict};
use flowfence_model::{Protocol, Timestamp};

use crate::contact::{LogWord, Tally};

/// What one observer says under one verdict.
pub(super) type Report<'a> = (LoggedVerdict, u32, &'a LoggedCounts);

/// What was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Asked {
    /// Whether it is a running pod's workload.
    pub is_pod: bool,
    /// Whether the way there may be in other lines than the way back, or in none: it is reached through a service, or
    /// a sample of the packets was looked at.
    pub is_half: bool,
    /// Octets of an IP packet with a TCP segment that has no data and no options; none where it is not TCP, and those of
    /// both versions of IP where the log has no addresses.
    pub bare: &'static [u64],
}

/// What all of them say together.
pub(super) struct Outcome {
    /// Counts.
    pub tally: Tally,
    /// What was stopped, by whom.
    pub word: LogWord,
    /// Whether it counts as connected only because these logs never show an answer.
    pub is_assumed: bool,
}

/// Of one contact, whose reports differ in observer or verdict.
///
/// `to`: what was asked.
pub(super) fn outcome(
    reports: &[Report<'_>],
    window: Option<(Timestamp, Timestamp)>,
    protocol: Protocol,
    to: Asked,
) -> Outcome {
    let place = |told: Tally| match window {
        Some(window) => told.placed_in(window),
        None => told,
    };
    // Mostly there is one.
    if let [(LoggedVerdict::Allowed, _, counts)] = reports {
        let tally = place(passed(counts, protocol, to));
        let is_assumed = tally.connections > 0 && !is_answered(counts, to);
        return Outcome { tally, word: LogWord::default(), is_assumed };
    }
    let mut by_verdict: BTreeMap<LoggedVerdict, LoggedCounts> = BTreeMap::new();
    let mut by_observer: BTreeMap<u32, LoggedCounts> = BTreeMap::new();
    for (verdict, observer, counts) in reports {
        by_verdict.entry(*verdict).or_insert(LoggedCounts::NONE).merge(counts);
        by_observer.entry(*observer).or_insert(LoggedCounts::NONE).add(counts);
    }
    let mut tally = Tally::empty();
    let mut word = LogWord::default();
    for (verdict, counts) in by_verdict.iter().filter(|(verdict, _)| verdict.is_attempt()) {
        let told = stopped(counts);
        let n = told.attempts();
        match verdict {
            LoggedVerdict::Allowed => {}
            LoggedVerdict::Denied => word.denied += n,
            LoggedVerdict::WouldDeny => word.would_deny += n,
            LoggedVerdict::Dropped => word.dropped += n,
        }
        tally.merge(&told);
    }
    let mut is_assumed = false;
    if let Some(counts) = by_verdict.get(&LoggedVerdict::Allowed) {
        let mut told = passed(counts, protocol, to);
        if tally.attempts() > 0 {
            let all = by_observer.values().map(total).max().unwrap_or(0);
            let least = u64::from(is_answered(counts, to));
            cap(&mut told, all.saturating_sub(tally.attempts()).max(least));
        }
        is_assumed = told.connections > 0 && !is_answered(counts, to);
        tally.merge(&place(told));
    }
    // Of packets the same holds.
    let mut sizes = LoggedCounts::NONE;
    for counts in by_observer.values() {
        sizes.merge(counts);
    }
    (tally.packets, tally.octets) = (sizes.packets, sizes.octets);
    Outcome { tally, word, is_assumed }
}

/// How many connections and attempts one observer saw: what it counted, else as many as there were client ports, for
/// one that lets out and stops at the same node says both of one port.
fn total(counts: &LoggedCounts) -> u64 {
    counts.opened_or_estimate()
}

/// Leaves `n` of what passed. What got no answer here is most likely what was stopped there.
fn cap(tally: &mut Tally, n: u64) {
    let mut more = (tally.connections + tally.one_way + tally.attempts()).saturating_sub(n);
    let parts = [&mut tally.unanswered, &mut tally.one_way, &mut tally.refused, &mut tally.connections];
    for part in parts {
        let taken = more.min(*part);
        *part -= taken;
        more -= taken;
    }
}

fn sized(counts: &LoggedCounts) -> Tally {
    Tally {
        packets: counts.packets,
        octets: counts.octets,
        first: counts.first,
        last: counts.last,
        ..Tally::empty()
    }
}

/// What did not get through, or would not: attempts, whatever else was seen.
fn stopped(counts: &LoggedCounts) -> Tally {
    Tally { unanswered: counts.opened_or_estimate(), ..sized(counts) }
}

/// Whether a line shows that it was answered. A refusal is a packet, too, where packets are counted.
fn is_answered(counts: &LoggedCounts, to: Asked) -> bool {
    let came_back = counts.packets[1] > counts.refused
        || (counts.octets[1] > 0 && counts.packets[1] == 0 && counts.refused == 0);
    counts.answered || came_back && !are_resets(counts, to)
}

/// Whether all that came back can only have been resets, by its size.
fn are_resets(counts: &LoggedCounts, to: Asked) -> bool {
    let attempts = match counts.opened {
        // Of many client ports the count is a bound only.
        0 if counts.client_ports == u64::MAX => u64::MAX,
        0 => counts.client_port_count(),
        opened => opened,
    };
    to.bare.iter().any(|bare| logged::are_resets(counts.packets, counts.octets, attempts, *bare))
}

/// Whether a log that counts packets has some on the way back and none on the way there, in all its lines: whoever
/// sends from a port that others serve must not thereby become the server of whom he sends to.
fn answers_nobody(counts: &LoggedCounts) -> bool {
    counts.packets[1] > 0 && counts.packets[0] == 0 && counts.octets[0] == 0 && counts.opened == 0
}

/// What got through: connections when answered, or when the log cannot tell.
fn passed(counts: &LoggedCounts, protocol: Protocol, to: Asked) -> Tally {
    let mut tally = sized(counts);
    let n = counts.opened_or_estimate();
    if answers_nobody(counts) && !to.is_half {
        tally.unanswered = n;
    } else if is_answered(counts, to) || !counts.tells_answers {
        let failed = if counts.opened > 0 { counts.refused + counts.unanswered } else { 0 };
        tally.connections = n.saturating_sub(failed).max(1);
        if counts.opened > 0 {
            (tally.refused, tally.unanswered) = (counts.refused, counts.unanswered);
        }
    } else if counts.refused > 0 || are_resets(counts, to) {
        tally.refused = n;
    } else if protocol == Protocol::Udp && to.is_pod {
        tally.one_way = n;
    } else {
        tally.unanswered = n;
    }
    tally
}

#[cfg(test)]
mod tests {
    use super::*;

    const POD: Asked = Asked { is_pod: true, is_half: false, bare: &[40] };
    const SOURCE: u32 = 1;
    const DESTINATION: u32 = 2;

    fn opened(n: u64) -> LoggedCounts {
        let at = Timestamp::from_secs(1, 0);
        LoggedCounts { lines: 1, opened: n, first: at, last: at, ..LoggedCounts::NONE }
    }

    fn answered(n: u64) -> LoggedCounts {
        LoggedCounts { answered: true, tells_answers: true, packets: [n, n], ..opened(n) }
    }

    fn silent(n: u64) -> LoggedCounts {
        LoggedCounts { unanswered: n, tells_answers: true, packets: [n, 0], ..opened(n) }
    }

    /// Of a log without counts: by client ports.
    fn ports(ports: std::ops::Range<u16>) -> LoggedCounts {
        let mut counts = LoggedCounts { tells_answers: true, ..opened(0) };
        ports.for_each(|port| counts.note_client_port(40_000 + port));
        counts
    }

    /// Connections, attempts, denied ones, and packets there.
    fn gist(reports: &[(LoggedVerdict, u32, LoggedCounts)]) -> (u64, u64, u64, u64) {
        let reports: Vec<Report<'_>> = reports.iter().map(|(v, o, counts)| (*v, *o, counts)).collect();
        let Outcome { tally, word, .. } = outcome(&reports, None, Protocol::Tcp, POD);
        (tally.connections, tally.attempts(), word.denied, tally.packets[0])
    }

    #[test]
    fn what_one_end_let_out_and_the_other_stopped_is_one_attempt() {
        use LoggedVerdict::{Allowed, Denied};
        let denied = |n| LoggedCounts { packets: [n, 0], ..opened(n) };
        let cases = [
            // Let out at the source, stopped at the destination: once, and no connection.
            (vec![(Allowed, SOURCE, silent(2)), (Denied, DESTINATION, denied(2))], (0, 2, 2, 2)),
            // The same of a log that never shows an answer.
            (vec![(Allowed, SOURCE, opened(2)), (Denied, DESTINATION, denied(2))], (0, 2, 2, 2)),
            // Some of it was let in.
            (
                vec![
                    (Allowed, SOURCE, answered(5)),
                    (Allowed, DESTINATION, answered(3)),
                    (Denied, DESTINATION, denied(2)),
                ],
                (3, 2, 2, 5),
            ),
            // Stopped where it came from: the destination knows the others only.
            (
                vec![
                    (Allowed, SOURCE, answered(3)),
                    (Denied, SOURCE, denied(2)),
                    (Allowed, DESTINATION, answered(3)),
                ],
                (3, 2, 2, 5),
            ),
            // What was answered was let in at some time.
            (vec![(Allowed, SOURCE, answered(2)), (Denied, DESTINATION, denied(2))], (1, 2, 2, 2)),
            // One observer alone adds up.
            (vec![(Allowed, SOURCE, answered(4)), (Denied, SOURCE, denied(1))], (4, 1, 1, 5)),
            // Both ends stop the same.
            (vec![(Denied, SOURCE, denied(3)), (Denied, DESTINATION, denied(3))], (0, 3, 3, 3)),
        ];
        for (reports, expected) in cases {
            assert_eq!(gist(&reports), expected, "{reports:?}");
        }
    }

    #[test]
    fn a_node_with_both_ends_says_both_of_one_client_port() {
        use LoggedVerdict::{Allowed, Denied, WouldDeny};
        assert_eq!(gist(&[(Allowed, SOURCE, ports(0..3)), (Denied, SOURCE, ports(0..3))]), (0, 3, 3, 0));
        assert_eq!(gist(&[(Allowed, SOURCE, ports(0..3)), (Denied, DESTINATION, ports(0..3))]), (0, 3, 3, 0));
        let answered = LoggedCounts { answered: true, ..ports(0..3) };
        assert_eq!(gist(&[(Allowed, SOURCE, answered), (Denied, SOURCE, ports(20..22))]), (3, 2, 2, 0));
        // What would be denied passed, and is an attempt by its verdict.
        assert_eq!(
            gist(&[(Allowed, SOURCE, ports(0..2)), (WouldDeny, DESTINATION, ports(0..2))]),
            (0, 2, 0, 0)
        );
    }

    #[test]
    fn answers_to_what_nobody_asked_are_no_connection() {
        let back = LoggedCounts { packets: [0, 4], octets: [0, 320], tells_answers: true, ..ports(0..3) };
        let of = |counts: LoggedCounts, to: Asked| {
            let reports = [(LoggedVerdict::Allowed, SOURCE, &counts)];
            outcome(&reports, None, Protocol::Tcp, to).tally.connections
        };
        assert_eq!(of(back, POD), 0);
        assert_eq!(of(back, Asked { is_half: true, ..POD }), 3, "the way there is in lines about the pod");
        assert_eq!(of(LoggedCounts { packets: [1, 4], ..back }, POD), 3);
        assert_eq!(of(LoggedCounts { opened: 1, ..back }, POD), 1, "the log knows that it was opened");
    }

    #[test]
    fn bare_segments_that_answer_openings_are_resets() {
        let of = |packets: [u64; 2], octets: [u64; 2], to: Asked| {
            // By client ports, and as many by the log's own count.
            let both = [ports(0..3), opened(3)].map(|counts| {
                let counts = LoggedCounts { packets, octets, tells_answers: true, ..counts };
                let reports = [(LoggedVerdict::Allowed, SOURCE, &counts)];
                let tally = outcome(&reports, None, Protocol::Tcp, to).tally;
                (tally.connections, tally.refused)
            });
            assert_eq!(both[0], both[1], "{packets:?} {octets:?}");
            both[0]
        };
        let (v6, either) = (Asked { bare: &[60], ..POD }, Asked { bare: &[40, 60], ..POD });
        let (refused, connected) = ((0, 3), (3, 0));
        for (packets, octets, to, expected, why) in [
            ([3, 3], [180, 120], POD, refused, "as Linux asks"),
            ([3, 3], [132, 120], POD, refused, "as nmap asks"),
            ([6, 4], [360, 160], POD, refused, "asked again, and some refusals were lost"),
            ([3, 3], [240, 180], v6, refused, "of IPv6"),
            ([3, 3], [180, 120], either, refused, "of who knows which"),
            ([3, 3], [240, 180], either, refused, "likewise"),
            ([3, 3], [180, 180], POD, connected, "answers to openings have options"),
            ([3, 3], [180, 164], POD, connected, "one door was open"),
            ([3, 3], [120, 120], POD, connected, "probes of connections that are idle"),
            ([3, 3], [1500, 120], POD, connected, "data, and what acknowledges it"),
            ([30, 30], [1800, 1200], POD, connected, "small data for long"),
            ([2, 3], [120, 120], POD, connected, "more came back than went there"),
            ([3, 3], [180, 120], Asked { bare: &[], ..POD }, connected, "no TCP"),
        ] {
            assert_eq!(of(packets, octets, to), expected, "{why}");
        }
    }

    #[test]
    fn a_connection_is_assumed_where_no_line_can_show_an_answer() {
        let assumed = |counts: LoggedCounts| {
            let reports = [(LoggedVerdict::Allowed, SOURCE, &counts)];
            let outcome = outcome(&reports, None, Protocol::Tcp, POD);
            (outcome.tally.connections > 0, outcome.is_assumed)
        };
        assert_eq!(assumed(opened(2)), (true, true));
        assert_eq!(assumed(answered(2)), (true, false));
        assert_eq!(assumed(silent(2)), (false, false));
        assert_eq!(assumed(LoggedCounts { octets: [1, 1], ..opened(1) }), (true, false));
    }
}
