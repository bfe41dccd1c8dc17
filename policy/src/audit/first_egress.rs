//! Workloads that leave the cluster and never did.

use std::net::IpAddr;

use super::finding::{Finding, Level};
use super::new_connection::{is_first_egress, unknown};
use super::scene::{Detector, Scene, Unasked};

pub(super) const DETECTOR: Detector = Detector {
    id: "first-egress",
    level: Level::Error,
    title: "traffic that leaves the cluster, from a workload that never did",
    meaning: "The baseline knows the workload, and nothing outside that it talks to. Data leaves, or somebody outside \
              gives orders. A warning where the address is private.",
    doubt: "A release that needs a service outside looks the same.",
    fix: "Look at what it sends and to whom; add the edge to the baseline when it is meant.",
    unasked: Unasked::Suspect,
    silence: "Add the edge to the baseline.",
    found: &["known shop/Deployment/api -> shop/Deployment/db 5432/TCP", "shop/api-0 -> 203.0.113.9 443/TCP"],
    not_found: &[
        "known shop/Deployment/api -> external/203.0.113.7/32 443/TCP",
        "shop/api-0 -> 203.0.113.9 443/TCP",
    ],
    find,
};

fn find(scene: &Scene<'_>) -> Vec<Finding> {
    let first = unknown(scene).filter(|(edge, _, baseline)| is_first_egress(edge, baseline));
    first
        .map(|(edge, seen, _)| {
            let private = edge.to.external().is_some_and(is_private);
            let level = if private { Level::Warning } else { Level::Error };
            let title = format!("{edge} leaves the cluster, which {} never did in the baseline", edge.from);
            let fix = format!(
                "look at what {} sends, and add the edge to the baseline when it is meant",
                edge.from
            );
            Finding::of_edge(DETECTOR.id, level, edge, &seen.tally, title)
                .fixed_by(fix)
                .with("names", scene.names(&edge.to).as_slice())
                .with("octetsOut", seen.tally.octets[0])
                .with("octetsIn", seen.tally.octets[1])
        })
        .collect()
}

/// Of a network of one's own, or of one link.
pub(super) fn is_private(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(ip) => ip.is_private() || ip.is_link_local(),
        IpAddr::V6(ip) => ip.is_unique_local() || ip.is_unicast_link_local(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::example::{found, levels};
    use super::*;

    const KNOWN: &str = "known shop/Deployment/api -> shop/Deployment/db 5432/TCP";

    #[test]
    fn a_private_address_is_a_warning_and_a_workload_that_nobody_knows_is_merely_new() {
        assert_eq!(levels(&DETECTOR, &[KNOWN, "shop/api-0 -> 10.9.9.9 443/TCP"]), [Level::Warning]);
        assert_eq!(found(&DETECTOR, &[KNOWN, "shop/web-0 -> 203.0.113.9 443/TCP"]), [""; 0]);
    }

    #[test]
    fn what_comes_from_outside_does_not_leave() {
        assert_eq!(found(&DETECTOR, &[KNOWN, "203.0.113.9 -> shop/api-0 8080/TCP"]), [""; 0]);
    }
}
