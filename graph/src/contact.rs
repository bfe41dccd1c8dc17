//! Facts: who talked to whom, pod by pod.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::sync::Arc;

use flowfence_model::{IcmpType, NodeId, Orientation, Protocol, Timestamp};

use crate::parts::Parts;

/// One end of a contact, as it was at the moment of the traffic.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Party {
    /// The workload, node, external or unknown address that it was.
    pub id: NodeId,
    /// The pod that held the address; `None` for ends that are no pod, and where a service
    /// address was seen but not which of its pods answered.
    pub pod: Option<PodName>,
    /// The address, of the pod itself where a service address was translated.
    pub address: IpAddr,
}

/// Namespace and name of a pod.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PodName {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
}

/// What was counted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tally {
    /// Connections: TCP with a completed handshake, answered UDP, and so on.
    pub connections: u64,
    /// UDP that went one way to an address that a running pod held: a connection too, unless
    /// today's policies deny it or it is part of a scan (whoever knows both decides).
    pub one_way: u64,
    /// Attempts that nobody answered.
    pub unanswered: u64,
    /// Attempts that were refused (reset, or ICMP destination unreachable).
    pub refused: u64,
    /// Packets there and back.
    pub packets: [u64; 2],
    /// Octets there and back.
    pub octets: [u64; 2],
    /// Octets there of the connection that sent most; 0 where connections are not told apart.
    pub largest: u64,
    /// Those that sent much, where any did: few contacts have such, and there may be a hundred thousand.
    pub large: Option<Box<Large>>,
    /// Earliest packet.
    pub first: Timestamp,
    /// Latest packet.
    pub last: Timestamp,
    /// Earliest packet of what connected, one-way datagrams included; [`Timestamp::MAX`] when
    /// nothing did. Attempts may have come before.
    pub found: Timestamp,
    /// Parts of the window in which something that connected was open: whoever had looked only
    /// then would have found it too.
    pub parts: Parts,
}

/// Connections that sent much.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Large {
    /// At once: [`Bulk::OCTETS`] and more.
    pub bulk: Bulk,
    /// [`Bulk::SIZEABLE`] and more, which may be many.
    pub sizeable: Bulk,
}

/// Connections that sent so many octets and more each: the mean of the others tells what is usual,
/// however many of these there are. None where connections are not told apart.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Bulk {
    /// How many.
    pub connections: u64,
    /// Octets that they sent.
    pub octets: u64,
    /// Parts of the window in which they were open.
    pub parts: Parts,
}

impl Bulk {
    /// More than a request carries that is not meant to carry data.
    pub const OCTETS: u64 = 250_000;
    /// More than a request carries that asks for something: some twenty segments.
    pub const SIZEABLE: u64 = 30_000;
    /// No connection.
    pub const NONE: Bulk = Bulk { connections: 0, octets: 0, parts: Parts::NONE };

    fn merge(&mut self, other: Bulk) {
        self.connections += other.connections;
        self.octets += other.octets;
        self.parts = self.parts.union(other.parts);
    }

    fn widen(&mut self, other: Bulk) {
        self.connections = self.connections.max(other.connections);
        self.octets = self.octets.max(other.octets);
        self.parts = self.parts.union(other.parts);
    }
}

impl Tally {
    /// Nothing counted yet, and no time seen.
    pub const fn empty() -> Self {
        Tally {
            connections: 0,
            one_way: 0,
            unanswered: 0,
            refused: 0,
            packets: [0; 2],
            octets: [0; 2],
            largest: 0,
            large: None,
            first: Timestamp::MAX,
            last: Timestamp::MIN,
            found: Timestamp::MAX,
            parts: Parts::NONE,
        }
    }

    /// Notes when it was found, and in which parts of `window`, if anything connected. For the
    /// tally of one connection: merging keeps both.
    #[must_use]
    pub fn placed_in(mut self, window: (Timestamp, Timestamp)) -> Self {
        let parts = Parts::touched(window, self.first, self.last);
        if self.is_connected() {
            (self.found, self.parts) = (self.first, parts);
        }
        let one = Bulk { connections: 1, octets: self.largest, parts };
        let bulk = if self.largest >= Bulk::OCTETS { one } else { Bulk::NONE };
        self.large = (self.largest >= Bulk::SIZEABLE).then(|| Box::new(Large { bulk, sizeable: one }));
        self
    }

    /// Adds `other`: counters add, times widen, so tallies of one window merge in any order.
    pub fn merge(&mut self, other: &Tally) {
        self.connections += other.connections;
        self.one_way += other.one_way;
        self.unanswered += other.unanswered;
        self.refused += other.refused;
        for side in 0..2 {
            self.packets[side] += other.packets[side];
            self.octets[side] += other.octets[side];
        }
        self.largest = self.largest.max(other.largest);
        if let Some(other) = &other.large {
            let large = self.large.get_or_insert_default();
            large.bulk.merge(other.bulk);
            large.sizeable.merge(other.sizeable);
        }
        self.first = self.first.min(other.first);
        self.last = self.last.max(other.last);
        self.found = self.found.min(other.found);
        self.parts = self.parts.union(other.parts);
    }

    /// Takes in another count of the same traffic: the larger of each.
    pub fn widen(&mut self, other: &Tally) {
        self.connections = self.connections.max(other.connections);
        self.one_way = self.one_way.max(other.one_way);
        self.unanswered = self.unanswered.max(other.unanswered);
        self.refused = self.refused.max(other.refused);
        for side in 0..2 {
            self.packets[side] = self.packets[side].max(other.packets[side]);
            self.octets[side] = self.octets[side].max(other.octets[side]);
        }
        self.largest = self.largest.max(other.largest);
        if let Some(other) = &other.large {
            let large = self.large.get_or_insert_default();
            large.bulk.widen(other.bulk);
            large.sizeable.widen(other.sizeable);
        }
        self.first = self.first.min(other.first);
        self.last = self.last.max(other.last);
        self.found = self.found.min(other.found);
        self.parts = self.parts.union(other.parts);
    }

    /// Connections that sent much at once: [`Bulk::OCTETS`] and more.
    pub fn bulk(&self) -> Bulk {
        self.large.as_ref().map_or(Bulk::NONE, |large| large.bulk)
    }

    /// Connections that sent [`Bulk::SIZEABLE`] and more, which may be many.
    pub fn sizeable(&self) -> Bulk {
        self.large.as_ref().map_or(Bulk::NONE, |large| large.sizeable)
    }

    /// Attempts of both kinds.
    pub fn attempts(&self) -> u64 {
        self.unanswered + self.refused
    }

    /// Whether any connection is in it, one-way UDP included.
    pub fn is_connected(&self) -> bool {
        self.connections + self.one_way > 0
    }
}

/// All traffic from one party to another on one port of one protocol.
///
/// The proof replays these, so nothing is folded further than to pods and addresses. Ends are
/// shared: a contact takes some 200 octets, however long the names are.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "what holds of a contact; none excludes another")]
pub struct Contact {
    /// Who opened.
    pub from: Arc<Party>,
    /// Who was asked.
    pub to: Arc<Party>,
    /// Protocol.
    pub protocol: Protocol,
    /// Port of the pod (after translation); `None` for ICMP.
    pub port: Option<u16>,
    /// Type and code, for ICMP.
    pub icmp: Option<IcmpType>,
    /// Services (`NAMESPACE/NAME`) through which it went, only where a service address or node
    /// port was seen on the wire.
    pub services: BTreeSet<String>,
    /// Addresses of clients that were rewritten before they reached `to`.
    pub behind: BTreeSet<IpAddr>,
    /// How sure it is who opened.
    pub orientation: Orientation,
    /// Opened by the pod's own node to a port that its kubelet probes, and nobody behind it.
    pub probe: bool,
    /// Opened by the pod's own node (kubelet, host-network pods there): no policy can stop it.
    pub own_node: bool,
    /// A pod that came back to itself through a service: the next backend may be a sibling.
    pub hairpin: bool,
    /// What flow logs say that policies did to it; `None` where they say nothing of the kind.
    pub word: Option<Box<LogWord>>,
    /// Whether it counts as connected only because the logs that tell of it never show an answer.
    pub assumed: bool,
    /// Counts.
    pub tally: Tally,
}

/// What flow logs say that was not let through. Its counts are in [`Tally::unanswered`] too.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LogWord {
    /// Connections that a policy stopped.
    pub denied: u64,
    /// Connections that a policy would have stopped, were it in force.
    pub would_deny: u64,
    /// Connections that something else stopped.
    pub dropped: u64,
    /// The policies that the logs name, `NAMESPACE/NAME`.
    pub policies: BTreeSet<String>,
}

impl LogWord {
    /// Adds what another log, or other lines, say.
    pub fn merge(&mut self, other: &LogWord) {
        self.denied = self.denied.max(other.denied);
        self.would_deny = self.would_deny.max(other.would_deny);
        self.dropped = self.dropped.max(other.dropped);
        self.policies.extend(other.policies.iter().cloned());
    }
}

impl Contact {
    /// Takes in what another source reports of the same traffic: the fuller counts, and everything
    /// that either knows.
    pub fn hear(&mut self, other: Contact) {
        self.services.extend(other.services);
        self.behind.extend(other.behind);
        self.orientation = self.orientation.min(other.orientation);
        self.probe &= other.probe;
        self.own_node &= other.own_node;
        self.hairpin |= other.hairpin;
        self.assumed = match (self.tally.is_connected(), other.tally.is_connected()) {
            (true, true) => self.assumed && other.assumed,
            (false, true) => other.assumed,
            (_, false) => self.assumed,
        };
        self.tally.widen(&other.tally);
        match (&mut self.word, other.word) {
            (Some(known), Some(more)) => known.merge(&more),
            (known @ None, more) => *known = more,
            (Some(_), None) => {}
        }
    }

    /// A pod that talked to itself without a service in between: no policy sees it.
    pub fn is_loopback(&self) -> bool {
        !self.hairpin && self.from.pod.is_some() && self.from.pod == self.to.pod
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::at;

    #[test]
    fn connections_that_sent_much_are_kept_apart_and_add_up() {
        let sent = |largest: u64, secs: i64| {
            let tally = Tally { connections: 1, largest, first: at(secs), last: at(secs), ..Tally::empty() };
            tally.placed_in((at(0), at(240)))
        };
        let mut tally = sent(900, 5);
        assert_eq!((tally.bulk(), tally.sizeable(), &tally.large), (Bulk::NONE, Bulk::NONE, &None));
        tally.merge(&sent(Bulk::SIZEABLE, 15));
        tally.merge(&sent(Bulk::OCTETS, 25));
        assert_eq!((tally.bulk().connections, tally.bulk().octets), (1, Bulk::OCTETS));
        let both = tally.sizeable();
        assert_eq!((both.connections, both.octets), (2, Bulk::SIZEABLE + Bulk::OCTETS));
        assert_eq!(both.parts.iter().collect::<Vec<_>>(), [1, 2]);
        let mut heard = sent(900, 5);
        heard.widen(&tally);
        assert_eq!((heard.bulk(), heard.sizeable()), (tally.bulk(), tally.sizeable()), "the fuller count");
    }
}
