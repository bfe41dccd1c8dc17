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

/// A text that names no edge.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is no edge ({reason}); expected FROM -> TO PORT/PROTOCOL, as outputs print it")]
pub struct InvalidEdge {
    /// The text.
    pub text: String,
    /// What is wrong with it.
    pub reason: String,
}

impl std::str::FromStr for EdgeKey {
    type Err = InvalidEdge;

    /// Reads what [`EdgeKey`] prints; more spaces, and protocols in any case, are the same.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let invalid = |reason: &str| InvalidEdge { text: text.to_owned(), reason: reason.to_owned() };
        let (from, rest) = text.split_once("->").ok_or_else(|| invalid("an arrow is missing"))?;
        let (to, what) = rest
            .trim()
            .rsplit_once(char::is_whitespace)
            .ok_or_else(|| invalid("PORT/PROTOCOL is missing"))?;
        let node = |text: &str| text.trim().parse::<NodeId>().map_err(|error| invalid(&error.to_string()));
        let (from, to) = (node(from)?, node(to)?);
        let parts: Vec<&str> = what.split('/').collect();
        let protocol = |text: &str| text.parse::<Protocol>().map_err(|error| invalid(&error.to_string()));
        let (protocol, port, icmp) = match parts.as_slice() {
            [port, name] if !protocol(name)?.has_ports() => {
                return Err(invalid(&format!("{name} has no port such as {port}")));
            }
            [port, name] => match port.parse::<u16>() {
                Ok(port) if port > 0 => (protocol(name)?, Some(port), None),
                _ => return Err(invalid(&format!("{port:?} is not a port number (1 to 65535)"))),
            },
            [name, kind, code] if protocol(name)? == Protocol::Icmp => match (kind.parse(), code.parse()) {
                (Ok(kind), Ok(code)) => (Protocol::Icmp, None, Some(IcmpType { kind, code })),
                _ => return Err(invalid("ICMP has a type and a code from 0 to 255")),
            },
            _ => return Err(invalid(&format!("{what:?} is not PORT/PROTOCOL"))),
        };
        Ok(EdgeKey { from, to, protocol, port, icmp })
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_printed_is_read_back() {
        for text in [
            "shop/Deployment/web -> data/StatefulSet/cache 6379/TCP",
            "node/node1 -> external/2001:db8::1/128 53/UDP",
            "ops/Pod/x -> apiserver 6443/TCP",
            "ops/Pod/x -> unknown/10.0.0.9 ICMP/8/0",
        ] {
            assert_eq!(text.parse::<EdgeKey>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn what_is_no_edge_says_what_is_wrong() {
        let cases = [
            ("", "an arrow is missing"),
            ("a/Pod/b c/Pod/d 1/TCP", "an arrow is missing"),
            ("a/Pod/b -> c/Pod/d", "PORT/PROTOCOL is missing"),
            ("a/b -> c/Pod/d 1/TCP", "is no node id"),
            ("a/Pod/b -> c/Pod/d 0/TCP", "is not a port number"),
            ("a/Pod/b -> c/Pod/d 1/QUIC", "unknown protocol"),
            ("a/Pod/b -> c/Pod/d 1/ICMP", "has no port"),
            ("a/Pod/b -> c/Pod/d ICMP/300/0", "from 0 to 255"),
            ("a/Pod/b -> c/Pod/d TCP", "is not PORT/PROTOCOL"),
        ];
        for (text, reason) in cases {
            let error = text.parse::<EdgeKey>().unwrap_err().to_string();
            assert!(error.contains(reason), "{text}: {error}");
        }
    }
}
