//! What is asked: one connection, seen by its initiator.

use std::net::IpAddr;

use flowfence_model::Protocol;

use super::cluster::PodIndex;

/// One end of a connection. Who held the address is the caller's to say, for a history holds
/// several pods of one address; [`super::Cluster::party`] answers it for one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Party {
    /// The pod; `None` for nodes and the world outside. A host-network pod may be named, and is
    /// then an address to every selector.
    pub pod: Option<PodIndex>,
    /// The address, of the family that the connection uses.
    pub address: IpAddr,
}

/// A connection from its initiator to the pod and port that it reaches after address
/// translation. Replies need no question of their own: an admitted connection is admitted both
/// ways, and source ports are never matched.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Connection {
    /// Who opens it.
    pub from: Party,
    /// Who is reached.
    pub to: Party,
    /// Its protocol.
    pub protocol: Protocol,
    /// The port of the destination; without meaning for ICMP.
    pub port: u16,
}
