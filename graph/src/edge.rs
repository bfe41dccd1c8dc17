//! What a view shows between two nodes.

use std::collections::BTreeSet;
use std::net::IpAddr;

use flowfence_model::{IcmpType, NodeId, Orientation, Protocol};

use crate::contact::{Contact, Tally};

/// What tells edges of one view apart.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EdgeKey {
    /// Who opened.
    pub from: NodeId,
    /// Who was asked.
    pub to: NodeId,
    /// Protocol.
    pub protocol: Protocol,
    /// Port of the pod; `None` for ICMP.
    pub port: Option<u16>,
    /// Type and code, for ICMP.
    pub icmp: Option<IcmpType>,
}

impl EdgeKey {
    /// The key of a contact between workloads.
    pub fn of(contact: &Contact) -> Self {
        EdgeKey {
            from: contact.from.id.clone(),
            to: contact.to.id.clone(),
            protocol: contact.protocol,
            port: contact.port,
            icmp: contact.icmp,
        }
    }
}

/// An edge as text: `FROM -> TO PORT/PROTOCOL`. Stable; people name edges by it.
impl std::fmt::Display for EdgeKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} -> {} ", self.from, self.to)?;
        match (self.port, self.icmp) {
            (Some(port), _) => write!(f, "{port}/{}", self.protocol),
            (None, Some(icmp)) => write!(f, "{}/{}/{}", self.protocol, icmp.kind, icmp.code),
            (None, None) => write!(f, "{}", self.protocol),
        }
    }
}

/// All contacts between two nodes of a view on one port of one protocol.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Edge {
    /// Its ends, protocol and port.
    pub key: EdgeKey,
    /// Services that were proven on the way.
    pub services: BTreeSet<String>,
    /// Clients that were rewritten on the way.
    pub behind: BTreeSet<IpAddr>,
    /// How sure it is who opened: the best of its contacts.
    pub orientation: Orientation,
    /// Whether all of it are kubelet probes.
    pub probe: bool,
    /// Counts.
    pub tally: Tally,
    /// The contacts that it folds, as indices into [`crate::Facts::contacts`].
    pub contacts: Vec<usize>,
}
