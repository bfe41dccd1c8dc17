//! Ports as people name them.

use std::str::FromStr;

use flowfence_model::Protocol;

/// Ports of one protocol or of all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PortPattern {
    protocol: Option<Protocol>,
    /// First and last.
    range: Option<(u16, u16)>,
}

impl PortPattern {
    /// Whether an edge on this port of this protocol is meant.
    pub fn matches(&self, protocol: Protocol, port: Option<u16>) -> bool {
        self.protocol.is_none_or(|wanted| wanted == protocol)
            && self.range.is_none_or(|(first, last)| port.is_some_and(|port| (first..=last).contains(&port)))
    }
}

impl FromStr for PortPattern {
    type Err = String;

    /// `5432`, `53/UDP`, `8000-8100`, `8000-8100/TCP`, or a protocol alone.
    fn from_str(text: &str) -> Result<Self, String> {
        let wrong =
            || format!("{text:?} is no port; expected one such as 5432, 53/UDP, 8000-8100, udp or icmp");
        if let Ok(protocol) = text.parse::<Protocol>() {
            return Ok(PortPattern { protocol: Some(protocol), range: None });
        }
        let (ports, protocol) = match text.split_once('/') {
            Some((ports, name)) => (ports, Some(name.parse::<Protocol>().map_err(|_| wrong())?)),
            None => (text, None),
        };
        let number = |text: &str| text.trim().parse::<u16>().ok().filter(|port| *port > 0).ok_or_else(wrong);
        let (first, last) = ports.split_once('-').unwrap_or((ports, ports));
        let range = (number(first)?, number(last)?);
        if range.0 > range.1 || protocol.is_some_and(|protocol| !protocol.has_ports()) {
            return Err(wrong());
        }
        Ok(PortPattern { protocol, range: Some(range) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_ranges_and_protocols() {
        let is = |text: &str, protocol, port| text.parse::<PortPattern>().unwrap().matches(protocol, port);
        assert!(is("53", Protocol::Udp, Some(53)) && is("53", Protocol::Tcp, Some(53)), "of any protocol");
        assert!(is("53/udp", Protocol::Udp, Some(53)) && !is("53/udp", Protocol::Tcp, Some(53)));
        assert!(is("80-90", Protocol::Tcp, Some(90)) && !is("80-90", Protocol::Tcp, Some(91)));
        assert!(is("icmp", Protocol::Icmp, None) && !is("icmp", Protocol::Tcp, Some(1)));
        assert!(!is("53", Protocol::Icmp, None));
        for wrong in ["", "0", "9-8", "80/quic", "80/icmp", "http", "70000", "1-"] {
            assert!(wrong.parse::<PortPattern>().is_err(), "{wrong}");
        }
    }
}
