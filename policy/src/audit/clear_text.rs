//! Protocols without encryption, to outside.

use flowfence_model::Protocol;

use super::finding::{Finding, Level};
use super::scene::{Detector, Scene, Unasked};

pub(super) const DETECTOR: Detector = Detector {
    id: "clear-text",
    level: Level::Note,
    title: "a protocol without encryption, to outside",
    meaning: "Passwords and contents pass networks of others readable. FTP, Telnet and the remote shells of BSD, which \
              send the password so by design, are a warning.",
    doubt: "The port is the only evidence: another protocol may be spoken there, and mail, LDAP and databases may turn \
            to TLS on their usual port. HTTP on port 80 is left out, since revocation lists, redirects and signed \
            packages are meant to be fetched so; so is DNS.",
    fix: "Use the encrypted form of the protocol, or a private path.",
    unasked: Unasked::Kept,
    silence: "Give its id to `--accept`, or to a decision with who, why and until when.",
    found: &["shop/api-0 -> 203.0.113.9 23/TCP"],
    not_found: &["shop/api-0 -> 203.0.113.9 443/TCP"],
    find,
};

/// Ports of IANA's registry whose protocol is not encrypted from its first octet on; whether it
/// sends passwords readable by design.
const PORTS: &[(Protocol, u16, &str, bool)] = &[
    (Protocol::Tcp, 21, "FTP", true),
    (Protocol::Tcp, 23, "Telnet", true),
    (Protocol::Tcp, 110, "POP3", false),
    (Protocol::Tcp, 143, "IMAP", false),
    (Protocol::Tcp, 389, "LDAP", false),
    (Protocol::Tcp, 512, "rexec", true),
    (Protocol::Tcp, 513, "rlogin", true),
    (Protocol::Tcp, 514, "rsh", true),
    (Protocol::Tcp, 873, "rsync", false),
    (Protocol::Tcp, 1883, "MQTT", false),
    (Protocol::Tcp, 3306, "MySQL", false),
    (Protocol::Tcp, 6379, "Redis", false),
    (Protocol::Tcp, 9200, "Elasticsearch", false),
    (Protocol::Tcp, 11211, "memcached", false),
    (Protocol::Tcp, 27017, "MongoDB", false),
    (Protocol::Udp, 69, "TFTP", false),
    (Protocol::Udp, 161, "SNMP", false),
    (Protocol::Udp, 389, "LDAP", false),
    (Protocol::Udp, 514, "syslog", false),
];

fn find(scene: &Scene<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (edge, seen) in scene.connected() {
        let known = PORTS.iter().find(|(protocol, port, ..)| {
            *protocol == edge.protocol && Some(*port) == edge.port && edge.from.is_workload()
        });
        let Some((_, port, name, by_design)) = known.filter(|_| edge.to.external().is_some()) else {
            continue;
        };
        let level = if *by_design { Level::Warning } else { Level::Note };
        let title = format!("{} speaks {name} with {}, by the port {port}", edge.from, edge.to);
        let fix = format!("let {} use the encrypted form of {name}, or a private path", edge.from);
        findings.push(
            Finding::of_edge(DETECTOR.id, level, edge, &seen.tally, title)
                .fixed_by(fix)
                .with("evidence", "port")
                .with("names", scene.names(&edge.to).as_slice())
                .with("octetsOut", seen.tally.octets[0])
                .with("octetsIn", seen.tally.octets[1]),
        );
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::super::example::{found, levels};
    use super::*;

    #[test]
    fn passwords_by_design_are_a_warning_and_what_may_turn_to_tls_is_a_note() {
        assert_eq!(levels(&DETECTOR, &["shop/api-0 -> 203.0.113.9 21/TCP"]), [Level::Warning]);
        assert_eq!(levels(&DETECTOR, &["shop/api-0 -> 203.0.113.9 389/TCP"]), [Level::Note]);
    }

    #[test]
    fn inside_unanswered_and_on_port_80_it_is_not_told() {
        let lines = [
            "shop/api-0 -> shop/db-0 23/TCP",
            "shop/api-0 -> 203.0.113.9 23/TCP unanswered",
            "shop/api-0 -> 203.0.113.9 80/TCP",
            "shop/api-0 -> 203.0.113.9 23/UDP",
            "203.0.113.9 -> shop/api-0 23/TCP",
        ];
        assert_eq!(found(&DETECTOR, &lines), [""; 0]);
    }
}
