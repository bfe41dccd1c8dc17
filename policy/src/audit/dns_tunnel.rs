//! Data that is carried out in questions for names.

use std::collections::BTreeSet;

use flowfence_model::NodeId;

use super::finding::{Finding, Level};
use super::scene::{Detector, Scene, Unasked};

pub(super) const DETECTOR: Detector = Detector {
    id: "dns-tunnel",
    level: Level::Warning,
    title: "questions for names that are too long and too many",
    meaning: "A name of a question holds up to 255 octets, and whoever may ask may send them to the server of any zone \
              in the world: what policies admit to everybody is a way out. Told by the size of questions: fifty and \
              more that take 150 octets on average, where ordinary ones take 60 to 110.",
    doubt: "Lookups of reputation services (hashes, mirrored addresses) are long too. Which names were asked is not \
            kept, so that a tunnel of short names is missed, and one among many ordinary questions; DNS servers, which \
            pass on what others ask, are left alone.",
    fix: "Look at what it asks (the log of the DNS server); let workloads ask the cluster's DNS only, and that only \
          forward the zones that are needed.",
    unasked: Unasked::Suspect,
    silence: "Give its id to `--accept`, or to a decision with who, why and until when.",
    found: &["shop/api-0 -> kube-system/coredns-0 53/UDP 60 times sends 60000"],
    not_found: &["shop/api-0 -> kube-system/coredns-0 53/UDP 60 times sends 25000"],
    find,
};

/// So many packets must be seen.
const QUESTIONS: u64 = 50;
/// Octets a packet with its IP and UDP headers: a question for a name of a hundred octets.
const LONG: u64 = 150;
const PORT: u16 = 53;

fn find(scene: &Scene<'_>) -> Vec<Finding> {
    let edges: Vec<_> = scene.connected().filter(|(edge, _)| edge.port == Some(PORT)).collect();
    let servers: BTreeSet<&NodeId> = edges.iter().map(|(edge, _)| &edge.to).collect();
    let mut findings = Vec::new();
    for (edge, seen) in &edges {
        let (packets, octets) = (seen.tally.packets[0], seen.tally.octets[0]);
        if servers.contains(&edge.from)
            || !edge.from.is_workload()
            || packets < QUESTIONS
            || octets < packets.saturating_mul(LONG)
        {
            continue;
        }
        let average = octets / packets;
        let title = format!(
            "{} sent {octets} octets in {packets} questions for names, {average} each, to {}",
            edge.from, edge.to
        );
        let fix = format!("look at what {} asks in the log of the DNS server, and cut it off", edge.from);
        findings.push(
            Finding::of_edge(DETECTOR.id, Level::Warning, edge, &seen.tally, title)
                .fixed_by(fix)
                .with("questions", packets)
                .with("octetsOut", octets)
                .with("octetsEach", average)
                .with("threshold", format!("{QUESTIONS} questions of {LONG} octets on average")),
        );
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::super::example::found;
    use super::*;

    #[test]
    fn few_questions_and_servers_that_pass_them_on_are_left_alone() {
        let lines = [
            "shop/api-0 -> kube-system/coredns-0 53/UDP 5 times sends 60000",
            "kube-system/coredns-0 -> 203.0.113.53 53/UDP 60 times sends 90000",
            "shop/web-0 -> shop/db-0 5432/TCP 60 times sends 900000",
        ];
        assert_eq!(found(&DETECTOR, &lines), [""; 0]);
    }

    #[test]
    fn a_tunnel_past_the_cluster_is_told_too() {
        let lines = ["shop/api-0 -> 203.0.113.53 53/UDP 60 times sends 60000"];
        assert_eq!(
            found(&DETECTOR, &lines),
            ["dns-tunnel:shop/Deployment/api->external/203.0.113.53/32:53/UDP"]
        );
    }
}
