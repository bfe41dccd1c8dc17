//! Workloads that ask the cloud's metadata service.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::finding::{Finding, Level};
use super::scene::{Detector, Scene, Unasked};

pub(super) const DETECTOR: Detector = Detector {
    id: "metadata-access",
    level: Level::Warning,
    title: "a workload that asks the cloud's metadata service",
    meaning: "The service at a link-local address hands out the credentials of the machine to whoever asks: it is the \
              first thing that an intruder in a pod asks. Attempts that failed are a note, and so is what system \
              namespaces do.",
    doubt: "Programs that use the identity of their machine, or one that the cloud gives to pods there, ask it \
            rightfully. DNS and time (ports 53 and 123), which some clouds serve at the same address, are left alone.",
    fix: "Deny the address by an egress rule (`except: [169.254.169.254/32]`), and require the hop limit or token that \
          the cloud offers; admit it to the workloads that need it.",
    unasked: Unasked::Suspect,
    silence: "Give its id to `--accept`, or to a decision with who, why and until when.",
    found: &["shop/api-0 -> 169.254.169.254 80/TCP"],
    not_found: &["shop/api-0 -> 169.254.169.254 53/UDP"],
    find,
};

/// Addresses with what serves them, as the clouds document them.
const SERVICES: &[(IpAddr, &str)] = &[
    (v4(169, 254, 169, 254), "instance metadata (EC2, GCE, Azure, OpenStack and others)"),
    (v6(0xfd00, 0xec2, 0x254), "instance metadata of EC2"),
    (v6(0xfd20, 0xce, 0x254), "instance metadata of GCE"),
    (v4(169, 254, 170, 2), "credentials of ECS tasks"),
    (v4(169, 254, 170, 23), "credentials of EKS pods"),
    (v6(0xfd00, 0xec2, 0x23), "credentials of EKS pods"),
    (v4(100, 100, 100, 200), "instance metadata of Alibaba Cloud"),
    (v4(168, 63, 129, 16), "host services of Azure"),
    (v4(192, 0, 0, 192), "instance metadata of Oracle Cloud"),
];

const fn v4(a: u8, b: u8, c: u8, d: u8) -> IpAddr {
    IpAddr::V4(Ipv4Addr::new(a, b, c, d))
}

const fn v6(first: u16, second: u16, last: u16) -> IpAddr {
    IpAddr::V6(Ipv6Addr::new(first, second, 0, 0, 0, 0, 0, last))
}

/// What serves an address.
pub(super) fn service(address: IpAddr) -> Option<&'static str> {
    SERVICES.iter().find(|(known, _)| *known == address).map(|(_, service)| *service)
}

fn find(scene: &Scene<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (edge, seen) in scene.edges() {
        let asked = edge.from.is_workload() && !matches!(edge.port, None | Some(53 | 123));
        let mut addresses = seen.contacts().map(|(contact, _)| contact.to.address);
        let Some(service) = addresses.find_map(service).filter(|_| asked) else { continue };
        let answered = seen.tally.is_connected();
        let system = edge.from.namespace().is_some_and(|namespace| namespace.starts_with("kube-"));
        let level = if answered && !system { Level::Warning } else { Level::Note };
        let came = if answered { "asked" } else { "tried to ask" };
        let title = format!("{} {came} {}: {service}", edge.from, edge.to);
        let fix =
            format!("deny the address to {} by an egress rule, or admit it where it is needed", edge.from);
        findings.push(
            Finding::of_edge(DETECTOR.id, level, edge, &seen.tally, title)
                .fixed_by(fix)
                .with("service", service)
                .with("attempts", seen.tally.attempts()),
        );
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::super::example::{found, levels};
    use super::*;

    #[test]
    fn every_known_address_is_told_and_its_neighbour_is_not() {
        for (address, _) in SERVICES {
            let line = format!("shop/api-0 -> {address} 80/TCP");
            assert_eq!(found(&DETECTOR, &[&line]).len(), 1, "{address}");
        }
        assert_eq!(found(&DETECTOR, &["shop/api-0 -> 169.254.169.253 80/TCP"]), [""; 0]);
    }

    #[test]
    fn what_failed_and_what_the_system_asks_is_a_note() {
        let lines = ["shop/api-0 -> 169.254.169.254 80/TCP unanswered"];
        assert_eq!(levels(&DETECTOR, &lines), [Level::Note]);
        let lines = ["kube-system/coredns-0 -> 169.254.169.254 80/TCP"];
        assert_eq!(levels(&DETECTOR, &lines), [Level::Note]);
        assert_eq!(levels(&DETECTOR, DETECTOR.found), [Level::Warning]);
    }

    #[test]
    fn a_node_may_ask() {
        assert_eq!(found(&DETECTOR, &["node1 -> 169.254.169.254 80/TCP"]), [""; 0]);
    }
}
