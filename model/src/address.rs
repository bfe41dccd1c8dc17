//! Addresses as they are kept by the million.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// An IPv4 or IPv6 address in 16 bytes; IPv4 is kept as `::ffff:a.b.c.d`.
///
/// An IPv4-mapped IPv6 address on the wire (RFC 4291 §2.5.5.2 gives it no place there)
/// therefore reads as IPv4. Orders IPv4 among the mapped range.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Address([u8; 16]);

impl Address {
    /// From the four bytes of an IPv4 header.
    pub const fn v4(o: [u8; 4]) -> Self {
        Address([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, o[0], o[1], o[2], o[3]])
    }

    /// From the sixteen bytes of an IPv6 header.
    pub const fn v6(octets: [u8; 16]) -> Self {
        Address(octets)
    }

    /// The address as the standard library writes it.
    pub fn ip(self) -> IpAddr {
        let v6 = Ipv6Addr::from(self.0);
        v6.to_ipv4_mapped().map_or(IpAddr::V6(v6), IpAddr::V4)
    }

    /// The sixteen bytes.
    pub const fn octets(&self) -> &[u8; 16] {
        &self.0
    }

    /// Whether it names one host: neither multicast, broadcast nor unspecified.
    pub fn is_unicast(self) -> bool {
        match self.ip() {
            IpAddr::V4(ip) => !(ip.is_multicast() || ip.is_broadcast() || ip.is_unspecified()),
            IpAddr::V6(ip) => !(ip.is_multicast() || ip.is_unspecified()),
        }
    }
}

impl From<IpAddr> for Address {
    fn from(ip: IpAddr) -> Self {
        match ip {
            IpAddr::V4(ip) => Address::v4(ip.octets()),
            IpAddr::V6(ip) => Address::v6(ip.octets()),
        }
    }
}

impl From<Ipv4Addr> for Address {
    fn from(ip: Ipv4Addr) -> Self {
        Address::v4(ip.octets())
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.ip().fmt(f)
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.ip().fmt(f)
    }
}

/// Whether an address may be somebody's of the internet: no private, shared (RFC 6598), link-local, loopback, multicast
/// or unspecified one.
pub fn is_public(ip: IpAddr) -> bool {
    match Address::from(ip).ip() {
        IpAddr::V4(ip) => {
            let [first, second, ..] = ip.octets();
            let is_shared = first == 100 && second & 0xc0 == 0x40;
            let is_of_a_host = ip.is_loopback() || ip.is_link_local() || first == 0 || first >= 224;
            !(is_of_a_host || ip.is_private() || is_shared)
        }
        IpAddr::V6(ip) => {
            let is_of_a_host = ip.is_loopback() || ip.is_unspecified() || ip.is_unicast_link_local();
            !(is_of_a_host || ip.is_multicast() || ip.is_unique_local())
        }
    }
}

/// An address and a port (for ICMP see [`crate::FlowRecord::icmp`]).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Endpoint {
    /// The address.
    pub address: Address,
    /// The port number.
    pub port: u16,
}

impl Endpoint {
    /// An address and a port.
    pub const fn new(address: Address, port: u16) -> Self {
        Endpoint { address, port }
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        std::net::SocketAddr::new(self.address.ip(), self.port).fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_families_survive_the_round_trip() {
        for text in ["10.244.1.7", "255.255.255.255", "2001:db8::1", "::", "fe80::1"] {
            let ip: IpAddr = text.parse().unwrap();
            assert_eq!(Address::from(ip).ip(), ip);
        }
    }

    #[test]
    fn multicast_and_broadcast_name_no_single_host() {
        for text in ["224.0.0.251", "255.255.255.255", "ff02::fb", "0.0.0.0"] {
            assert!(!Address::from(text.parse::<IpAddr>().unwrap()).is_unicast(), "{text}");
        }
        assert!(Address::from("10.0.0.1".parse::<IpAddr>().unwrap()).is_unicast());
    }
}
