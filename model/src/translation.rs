//! What a node said of the addresses that it rewrote.

use crate::address::Endpoint;
use crate::protocol::Protocol;
use crate::time::Timestamp;

/// One connection whose addresses a node rewrote, as its connection tracking tells: the original
/// direction, and the reply's as the node expects it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Translation {
    /// TCP, UDP or SCTP.
    pub protocol: Protocol,
    /// Who opened, as it sent.
    pub client: Endpoint,
    /// Whom it asked: a service's address, or a node's with a node port.
    pub asked: Endpoint,
    /// Who got it: the reply's source.
    pub server: Endpoint,
    /// The client as the server saw it: the reply's destination, another one where it was masked.
    pub seen_as: Endpoint,
    /// When the node made the entry.
    pub first: Timestamp,
    /// When it forgot it; [`Timestamp::MAX`] while it has not.
    pub last: Timestamp,
}

impl Translation {
    /// Whether the one who was asked is not the one who got it.
    pub fn is_of_service(&self) -> bool {
        self.asked != self.server
    }
}
