//! What one rule matches: peers × ports.

use flowfence_model::{PortSet, Protocol};

use super::cluster::{Cluster, PodIndex};
use super::connection::Party;
use super::peer::Peers;
use super::port::{Destination, Ports};
use super::reading::Reading;
use super::unspecified::Unspecified;

/// One compiled rule of a NetworkPolicy. Peers and ports must both match; the rules of a policy
/// are alternatives.
#[derive(Clone, Debug)]
pub(super) struct Region {
    pub(super) peers: Peers,
    pub(super) ports: Ports,
}

/// A connection as one direction sees it.
#[derive(Clone, Copy)]
pub(super) struct Question<'a> {
    /// The cluster that it is asked in.
    pub(super) cluster: &'a Cluster,
    /// The other end, as selectors see it: no pod for host-network pods.
    pub(super) peer: Party,
    /// The other end with its labels, host-network or not.
    pub(super) labelled: Option<PodIndex>,
    /// Where port names are looked up: the subject for ingress, the peer for egress.
    pub(super) destination: Destination<'a>,
    pub(super) protocol: Protocol,
    pub(super) port: u16,
    pub(super) reading: Reading,
}

impl Region {
    /// Whether the rule admits the connection.
    pub(super) fn admits(&self, question: &Question<'_>) -> bool {
        self.has_peer(question) && self.ports.admit(question.protocol, question.port, question.destination)
    }

    /// Whether it would, if blocks matched nobody.
    pub(super) fn admits_by_selector(&self, question: &Question<'_>) -> bool {
        self.peers.select(question.peer.pod)
            && self.ports.admit(question.protocol, question.port, question.destination)
    }

    /// The ports on which it admits the peer.
    pub(super) fn ports(&self, question: &Question<'_>) -> PortSet {
        if self.has_peer(question) {
            self.ports.set(question.protocol, question.destination)
        } else {
            PortSet::empty()
        }
    }

    /// Whether the other end is among its peers.
    pub(super) fn has_peer(&self, question: &Question<'_>) -> bool {
        self.peers.select(question.peer.pod)
            || (question.may_be_in_block() && self.peers.hold(question.peer.address))
    }
}

impl Question<'_> {
    /// Whether an `ipBlock` may match the other end.
    pub(super) fn may_be_in_block(&self) -> bool {
        self.peer.pod.is_none() || !self.reading.is_other(Unspecified::PodAddressInBlock)
    }
}
