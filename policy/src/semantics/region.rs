//! What one rule admits: peers × ports.

use flowfence_model::object::Pod;
use flowfence_model::{PortSet, Protocol};

use super::cluster::PodIndex;
use super::connection::Party;
use super::peer::Peers;
use super::port::Ports;

/// One compiled rule. Peers and ports must both match; the rules of a policy are alternatives.
#[derive(Clone, Debug)]
pub(super) struct Region {
    pub(super) peers: Peers,
    pub(super) ports: Ports,
}

/// A connection as one direction sees it.
#[derive(Clone, Copy)]
pub(super) struct Question<'a> {
    /// The other end, as selectors see it: no pod for host-network pods.
    pub(super) peer: Party,
    /// The other end with its labels, host-network or not.
    pub(super) labelled: Option<PodIndex>,
    /// The destination, where port names are looked up: the subject for ingress, the peer for
    /// egress. None for addresses and host-network pods.
    pub(super) destination: Option<&'a Pod>,
    pub(super) protocol: Protocol,
    pub(super) port: u16,
}

impl Region {
    /// Whether the rule admits the connection.
    pub(super) fn admits(&self, question: &Question<'_>) -> bool {
        (self.peers.select(question.peer.pod) || self.peers.hold(question.peer.address))
            && self.has_port(question)
    }

    /// Whether it would, if blocks matched no pods.
    pub(super) fn admits_by_selector(&self, question: &Question<'_>) -> bool {
        self.peers.select(question.peer.pod) && self.has_port(question)
    }

    /// Whether it would, if selectors matched host-network pods.
    pub(super) fn admits_by_label(&self, question: &Question<'_>) -> bool {
        self.peers.select(question.labelled) && self.has_port(question)
    }

    /// The ports on which it admits the peer.
    pub(super) fn ports(&self, question: &Question<'_>) -> PortSet {
        if self.peers.select(question.peer.pod) || self.peers.hold(question.peer.address) {
            self.ports.set(question.protocol, question.destination)
        } else {
            PortSet::empty()
        }
    }

    fn has_port(&self, question: &Question<'_>) -> bool {
        self.ports.admit(question.protocol, question.port, question.destination)
    }
}
