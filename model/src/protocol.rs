//! Transport protocols that an edge can have.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The protocols that make edges. NetworkPolicy v1 can say the first three
/// (`NetworkPolicyPort.protocol`); ICMP stands for ICMPv4 and ICMPv6 and is shown only.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
#[repr(u8)]
pub enum Protocol {
    /// Transmission Control Protocol (RFC 9293).
    Tcp,
    /// User Datagram Protocol (RFC 768).
    Udp,
    /// Stream Control Transmission Protocol (RFC 9260).
    Sctp,
    /// ICMPv4 (RFC 792) and ICMPv6 (RFC 4443).
    Icmp,
}

impl Protocol {
    /// The protocols that NetworkPolicy v1 can name.
    pub const WITH_PORTS: [Protocol; 3] = [Protocol::Tcp, Protocol::Udp, Protocol::Sctp];

    /// The token of the Kubernetes API: `TCP`, `UDP`, `SCTP`; `ICMP` for ours.
    pub const fn token(self) -> &'static str {
        match self {
            Protocol::Tcp => "TCP",
            Protocol::Udp => "UDP",
            Protocol::Sctp => "SCTP",
            Protocol::Icmp => "ICMP",
        }
    }

    /// Whether NetworkPolicy v1 can say it.
    pub const fn has_ports(self) -> bool {
        !matches!(self, Protocol::Icmp)
    }
}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.token())
    }
}

/// A word that names no protocol of ours.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown protocol {0:?}; expected TCP, UDP, SCTP or ICMP")]
pub struct UnknownProtocol(pub String);

impl FromStr for Protocol {
    type Err = UnknownProtocol;

    /// Reads the token in any case.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        [Protocol::Tcp, Protocol::Udp, Protocol::Sctp, Protocol::Icmp]
            .into_iter()
            .find(|p| p.token().eq_ignore_ascii_case(text))
            .ok_or_else(|| UnknownProtocol(text.to_owned()))
    }
}
