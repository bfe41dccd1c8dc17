//! What flow logs told: conversations between parties that the log itself may name.
//!
//! A flow log is second-hand. It has no packets, often no client port, and the same connection in
//! it several times: both ends, both nodes, each interval. So a decoder turns every line to
//! (who opened, who was asked, on which port), and lines fold into conversations while they are
//! read: memory grows with who talks to whom and not with the number of lines.

use std::net::IpAddr;

use crate::address::Address;
use crate::flow::{IcmpType, Orientation};
use crate::label::Labels;
use crate::protocol::Protocol;
use crate::time::Timestamp;

/// Index into [`Logged::identities`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct IdentityId(pub u32);

/// Index into [`Logged::observers`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ObserverId(pub u32);

/// Index into [`Logged::names`]: a service or a policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NameId(pub u32);

/// Who a log says that an end was. It wins over a look-up by address.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Identity {
    /// A pod, or one of the pods of a workload.
    Pod(PodIdentity),
    /// A node or something in its network, by name when the log has one.
    Node(Option<String>),
    /// The Kubernetes API server.
    ApiServer,
    /// Outside of the cluster. The log keeps the address to itself, and tells only a class of it
    /// (Calico's `pub`, `pvt`, or the name of a network set) when there is one.
    Outside(Option<String>),
}

/// A pod as a log names it.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PodIdentity {
    /// Its namespace.
    pub namespace: String,
    /// Its name; `None` where the log has only a prefix, or only the workload.
    pub pod: Option<String>,
    /// Kind and name of the controller that the log gives. It need not be the topmost one.
    pub workload: Option<(String, String)>,
    /// Labels of the pod that the log gives.
    pub labels: Labels,
    /// Labels of its namespace that the log gives.
    pub namespace_labels: Labels,
    /// Whether `labels` are all that the pod has. Cilium logs only those that make its identity,
    /// Calico those that all pods of the row share: a label that is not there proves nothing.
    pub labels_complete: bool,
    /// The node that it ran on.
    pub node: Option<String>,
    /// The cluster that it ran in, while lines come: in the end pods of other clusters are outside.
    pub cluster: Option<String>,
}

/// One end of a conversation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LoggedEnd {
    /// Its address; `None` where the log has only names.
    pub address: Option<Address>,
    /// Who it was, when the log says so.
    pub identity: Option<IdentityId>,
}

/// What became of it by the word of the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum LoggedVerdict {
    /// It passed, or the log has nothing else than what passed.
    Allowed,
    /// It passed, and would not if the policy that is being tried out were in force.
    WouldDeny,
    /// A policy stopped it.
    Denied,
    /// Something else stopped it (no route, invalid packet, security group).
    Dropped,
}

impl LoggedVerdict {
    /// Whether it is an attempt, whatever else was seen of it.
    pub const fn is_attempt(self) -> bool {
        !matches!(self, LoggedVerdict::Allowed)
    }
}

/// All lines of one observer on who opened, who was asked and on which port, with one verdict.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Conversation {
    /// Who opened, when `orientation` is known; otherwise the end whose port changes.
    pub from: LoggedEnd,
    /// Who was asked, after translation where the log tells it.
    pub to: LoggedEnd,
    /// The protocol.
    pub protocol: Protocol,
    /// Port of `to`; `None` for ICMP, and where the log has none.
    pub port: Option<u16>,
    /// Type and code, for ICMP.
    pub icmp: Option<IcmpType>,
    /// How sure it is who opened: `Seen` when the log says so or shows the opening packet.
    pub orientation: Orientation,
    /// What became of it.
    pub verdict: LoggedVerdict,
    /// The policy that decided, when the log names it.
    pub policy: Option<NameId>,
    /// The service that it went through, when the log names it.
    pub service: Option<NameId>,
    /// The service address that `to` stood behind.
    pub service_address: Option<Address>,
    /// Who reported it. Reports of several observers are one conversation seen several times.
    pub observer: ObserverId,
    /// Counts.
    pub counts: LoggedCounts,
}

/// What was counted of a conversation; lines of one observer add up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LoggedCounts {
    /// Lines.
    pub lines: u64,
    /// Connections that the log counts itself; 0 where it counts none.
    pub opened: u64,
    /// Of `opened`, those that were refused.
    pub refused: u64,
    /// Of `opened`, those that nobody answered.
    pub unanswered: u64,
    /// Whether any line shows that `to` answered.
    pub answered: bool,
    /// Whether the log could have shown it. Where it could not, what passed counts as answered.
    pub tells_answers: bool,
    /// A bit for each client port, by hash: how many there were, about.
    pub client_ports: u64,
    /// Packets there and back; 0 where the log has none.
    pub packets: [u64; 2],
    /// Octets there and back; 0 where the log has none.
    pub octets: [u64; 2],
    /// Earliest time of any line.
    pub first: Timestamp,
    /// Latest.
    pub last: Timestamp,
}

/// Octets of a SYN beyond a segment with neither data nor options: a maximum segment size at least, and all that fits at
/// most (RFC 9293 §3.1, §3.7.1).
const OPENING: std::ops::RangeInclusive<u64> = 4..=40;
/// Segments of one attempt: what is sent again behind a refusal is few.
const AGAIN: u64 = 3;

/// Whether all that came back can only have been TCP resets, where a log has sizes and no flags: each answer to an
/// opening has options, what follows has timestamps or data on one of the ways, and a reset to who asks at a closed door
/// has neither (RFC 9293 §3.5.2). So bare segments alone came back, one at most for each that went there, and those were
/// as large as openings are.
///
/// Packets and octets there and back; `attempts`, of how many connections at least; `bare`, the octets that the log
/// counts for a segment with neither data nor options.
pub fn are_resets(packets: [u64; 2], octets: [u64; 2], attempts: u64, bare: u64) -> bool {
    let ([there, back], [sent, received]) = (packets, octets);
    let openings = there.saturating_mul(bare + OPENING.start())..=there.saturating_mul(bare + OPENING.end());
    (1..=there).contains(&back)
        && there <= attempts.saturating_mul(AGAIN)
        && received == back.saturating_mul(bare)
        && openings.contains(&sent)
}

impl LoggedCounts {
    /// Nothing counted yet.
    pub const NONE: LoggedCounts = LoggedCounts {
        lines: 0,
        opened: 0,
        refused: 0,
        unanswered: 0,
        answered: false,
        tells_answers: false,
        client_ports: 0,
        packets: [0; 2],
        octets: [0; 2],
        first: Timestamp::MAX,
        last: Timestamp::MIN,
    };

    /// Notes a client port.
    pub fn note_client_port(&mut self, port: u16) {
        // The finisher of SplitMix64: ports that follow one another land anywhere.
        let mut mixed = u64::from(port).wrapping_add(0x9e37_79b9_7f4a_7c15);
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        self.client_ports |= 1 << (mixed >> 58);
    }

    /// How many client ports there were: exact for a few, an estimate (linear counting, Whang 1990)
    /// up to some 260, and no more than that beyond.
    pub fn client_port_count(&self) -> u64 {
        let unset = self.client_ports.count_zeros();
        let share = f64::from(unset.max(1)) / 64.0;
        // At most 64 * ln 64 = 266.
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0 to 266")]
        let estimate = (-64.0 * share.ln()).round() as u64;
        estimate.max(u64::from(self.client_ports.count_ones()))
    }

    /// Connections and attempts of all kinds: what the log counted, else the client ports, else one.
    pub fn opened_or_estimate(&self) -> u64 {
        match self.opened {
            0 => self.client_port_count().max(1),
            opened => opened,
        }
    }

    /// Adds other lines of the same observer.
    pub fn add(&mut self, other: &LoggedCounts) {
        self.lines += other.lines;
        self.opened += other.opened;
        self.refused += other.refused;
        self.unanswered += other.unanswered;
        self.answered |= other.answered;
        self.tells_answers |= other.tells_answers;
        self.client_ports |= other.client_ports;
        for side in 0..2 {
            self.packets[side] = self.packets[side].saturating_add(other.packets[side]);
            self.octets[side] = self.octets[side].saturating_add(other.octets[side]);
        }
        self.first = self.first.min(other.first);
        self.last = self.last.max(other.last);
    }

    /// Takes in what another observer reported of the same: the fuller count of each.
    pub fn merge(&mut self, other: &LoggedCounts) {
        self.lines = self.lines.max(other.lines);
        self.opened = self.opened.max(other.opened);
        self.refused = self.refused.max(other.refused);
        self.unanswered = self.unanswered.max(other.unanswered);
        self.answered |= other.answered;
        self.tells_answers |= other.tells_answers;
        self.client_ports |= other.client_ports;
        for side in 0..2 {
            self.packets[side] = self.packets[side].max(other.packets[side]);
            self.octets[side] = self.octets[side].max(other.octets[side]);
        }
        self.first = self.first.min(other.first);
        self.last = self.last.max(other.last);
    }
}

/// Who wrote lines: a node, an interface, one end.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Observer {
    /// The format, by its token.
    pub format: &'static str,
    /// What tells it from others of the format: a node, an interface, `Src` or `Dst`.
    pub name: String,
    /// Whether it is a node of which it reports all traffic of all pods.
    pub is_whole: bool,
}

/// Everything that flow logs told.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Logged {
    /// Conversations, in no promised order.
    pub conversations: Vec<Conversation>,
    /// Ends that a log named.
    pub identities: Vec<Identity>,
    /// Addresses of pods as a log named them, with the earliest and latest line that did.
    pub addresses: Vec<LoggedAddress>,
    /// Who wrote lines.
    pub observers: Vec<Observer>,
    /// Names of services and policies, `NAMESPACE/NAME`.
    pub names: Vec<String>,
    /// Events that a log says it lost, and the like, by cause: they lower what the rest is worth.
    pub lines: u64,
}

/// An address that a log gave to a pod.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct LoggedAddress {
    /// The address.
    pub address: IpAddr,
    /// Who held it.
    pub identity: IdentityId,
    /// Time of the earliest line that says so.
    pub first: Timestamp,
    /// Time of the latest.
    pub last: Timestamp,
}

impl Logged {
    /// An identity.
    pub fn identity(&self, id: Option<IdentityId>) -> Option<&Identity> {
        self.identities.get(id?.0 as usize)
    }

    /// A name.
    pub fn name(&self, id: Option<NameId>) -> Option<&str> {
        self.names.get(id?.0 as usize).map(String::as_str)
    }

    /// Whether no log was read.
    pub fn is_empty(&self) -> bool {
        self.conversations.is_empty() && self.lines == 0
    }

    /// Earliest and latest time of any line.
    pub fn window(&self) -> Option<(Timestamp, Timestamp)> {
        let first = self.conversations.iter().map(|c| c.counts.first).min()?;
        let last = self.conversations.iter().map(|c| c.counts.last).max()?;
        Some((first, last))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_few_client_ports_are_counted_about_right() {
        for ports in [1u64, 3, 10, 40, 100] {
            let mut counts = LoggedCounts::NONE;
            for port in 0..ports {
                counts.note_client_port(u16::try_from(32_768 + port * 7).unwrap());
            }
            let counted = counts.client_port_count();
            assert!(counted.abs_diff(ports) <= ports / 3, "{ports} counted as {counted}");
        }
    }

    #[test]
    fn observers_do_not_add_up_and_lines_do() {
        let one = LoggedCounts { lines: 2, opened: 3, packets: [10, 8], ..LoggedCounts::NONE };
        let mut lines = one;
        lines.add(&one);
        assert_eq!((lines.opened, lines.packets), (6, [20, 16]));
        let mut reports = one;
        reports.merge(&LoggedCounts { lines: 1, opened: 4, packets: [9, 9], ..LoggedCounts::NONE });
        assert_eq!((reports.opened, reports.packets), (4, [10, 9]));
    }
}
