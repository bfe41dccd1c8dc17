//! One connection of a log that has every connection with both its ports.
//!
//! Such a log is as good as packets: it becomes a flow record, and goes the way of all flow
//! records, so that translation, direction and outcome are decided in one place.

use flowfence_model::{Endpoint, FlowRecord, Half, IcmpType, Protocol, Signs, TapId, Timestamp};

use super::entry::icmp_question;
use crate::cause::Cause;
use crate::decode::connectable;

/// How far a connection got.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// It was opened and answered.
    Established,
    /// It was refused.
    Refused,
    /// Nobody answered.
    Unanswered,
    /// Nobody answered, and who opened went on as if.
    HalfOpen,
    /// It was accepted, and the opening was not seen.
    Accepted {
        /// Whether it was reset then.
        then_reset: bool,
    },
    /// What each end did is told step by step.
    Shown {
        /// By who opened.
        there: Signs,
        /// By who was asked.
        back: Signs,
    },
    /// Packets went as counted; the log does not tell who opened.
    Untold,
}

/// A connection as a log tells it. The client is who opened, when the log knows.
#[derive(Clone, Copy, Debug)]
pub struct Connection {
    /// Who opened, or who sent the first packet.
    pub client: Endpoint,
    /// The other end.
    pub server: Endpoint,
    /// The protocol.
    pub protocol: Protocol,
    /// Type and code, for ICMP.
    pub icmp: Option<IcmpType>,
    /// First and last moment.
    pub time: (Timestamp, Timestamp),
    /// How far it got.
    pub state: State,
    /// Packets there and back; 0 where the log has none.
    pub packets: [u64; 2],
    /// Octets there and back.
    pub octets: [u64; 2],
    /// What tells it from every other, the same for all writings of it before and after address
    /// translation.
    pub mark: Option<u32>,
}

impl Connection {
    /// The connection as one between hosts, and of an ICMP answer that of its question.
    pub fn fit(&self) -> Result<Self, Cause> {
        connectable(self.client.address, self.server.address)?;
        // Nothing listens on port 0: it stands where there is none to tell.
        if self.protocol.has_ports() && self.server.port == 0 {
            return Err(Cause::LogIncomplete);
        }
        let Some(shown) = self.icmp else { return Ok(*self) };
        let is_v6 = self.server.address.ip().is_ipv6();
        let (question, is_question) = icmp_question(shown, is_v6)?;
        let icmp = Some(question);
        if is_question {
            return Ok(Connection { icmp, ..*self });
        }
        let ([there, back], [octets_there, octets_back]) = (self.packets, self.octets);
        Ok(Connection {
            client: self.server,
            server: self.client,
            icmp,
            state: State::Established,
            packets: [back, there],
            octets: [octets_back, octets_there],
            ..*self
        })
    }

    /// The record of what a tap would have seen of it.
    pub fn record(&self, tap: TapId) -> FlowRecord {
        let mut server = self.server;
        if let Some(icmp) = self.icmp {
            server.port = u16::from_be_bytes([icmp.kind, icmp.code]);
        }
        let mut record = FlowRecord::new(self.protocol, self.client, server, tap, self.time.0);
        record.last = self.time.1.max(self.time.0);
        let (there, back) = self.signs();
        let came_back = self.state == State::Established
            || (self.protocol == Protocol::Tcp
                && matches!(self.state, State::Refused | State::Accepted { .. } | State::Shown { .. }));
        record.forward = self.half(0, there, !matches!(self.state, State::Accepted { .. }));
        record.reverse = self.half(1, back, came_back);
        record
    }

    /// A log without counts still had a packet where something is known to have been sent.
    fn half(&self, side: usize, signs: Signs, is_sent: bool) -> Half {
        let packets = self.packets.get(side).copied().unwrap_or(0).max(u64::from(is_sent));
        let octets = self.octets.get(side).copied().unwrap_or(0);
        let mut half = Half { packets, octets, isn: 0, signs };
        if let Some(mark) = self.mark {
            half.signs.insert(Signs::ISN);
            half.isn = mark;
        }
        half
    }

    fn signs(&self) -> (Signs, Signs) {
        let none = Signs::default();
        match (self.protocol, self.state) {
            (Protocol::Tcp | Protocol::Sctp, State::Established) => {
                (Signs::OPEN.union(Signs::SEGMENT), Signs::ACCEPT.union(Signs::SEGMENT))
            }
            (Protocol::Tcp | Protocol::Sctp, State::Shown { there, back }) => (there, back),
            (Protocol::Tcp | Protocol::Sctp, State::Refused) => (Signs::OPEN, Signs::RESET),
            (Protocol::Tcp | Protocol::Sctp, State::HalfOpen) => (Signs::OPEN.union(Signs::SEGMENT), none),
            (Protocol::Tcp | Protocol::Sctp, State::Accepted { then_reset }) => {
                (none, if then_reset { Signs::ACCEPT.union(Signs::RESET) } else { Signs::ACCEPT })
            }
            (Protocol::Tcp | Protocol::Sctp, State::Untold) => {
                let went = |side: usize| self.packets.get(side).is_some_and(|n| *n > 0);
                let segment = |went: bool| if went { Signs::SEGMENT.union(Signs::PAYLOAD) } else { none };
                (segment(went(0)), segment(went(1)))
            }
            (Protocol::Udp, State::Refused) => (Signs::UNREACHABLE, none),
            (Protocol::Icmp, State::Established) => (Signs::OPEN, Signs::ACCEPT),
            (Protocol::Tcp | Protocol::Sctp, State::Unanswered) | (Protocol::Icmp, _) => (Signs::OPEN, none),
            (Protocol::Udp, _) => (none, none),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use flowfence_model::Address;

    fn connection(protocol: Protocol, state: State) -> Connection {
        let end = |last, port| Endpoint::new(Address::v4([10, 0, 0, last]), port);
        let at = Timestamp::from_secs(1, 0);
        let (client, server) = (end(1, 40_000), end(2, 80));
        let (packets, octets) = ([0; 2], [0; 2]);
        Connection {
            client,
            server,
            protocol,
            icmp: None,
            time: (at, at),
            state,
            packets,
            octets,
            mark: None,
        }
    }

    #[test]
    fn without_counts_a_known_answer_is_a_packet_that_came_back() {
        let cases = [
            (Protocol::Tcp, State::Established, [1, 1]),
            (Protocol::Tcp, State::Refused, [1, 1]),
            (Protocol::Tcp, State::Unanswered, [1, 0]),
            (Protocol::Udp, State::Established, [1, 1]),
            (Protocol::Udp, State::Refused, [1, 0]),
            (Protocol::Udp, State::Unanswered, [1, 0]),
        ];
        for (protocol, state, packets) in cases {
            let record = connection(protocol, state).record(TapId(0));
            assert_eq!([record.forward.packets, record.reverse.packets], packets, "{protocol} {state:?}");
        }
    }
}
