//! Data that is carried out in questions for names.

use std::collections::{BTreeMap, BTreeSet};

use flowfence_graph::{EdgeKey, Holder};
use flowfence_model::{Asked, NodeId};

use super::finding::{Finding, Level};
use super::scene::{Detector, Scene, Seen, Unasked};

pub(super) const DETECTOR: Detector = Detector {
    id: "dns-tunnel",
    level: Level::Warning,
    title: "data that leaves in questions for names",
    meaning: "A name of a question holds up to 253 octets, and whoever may ask may send them to the server of any zone \
              in the world: what policies admit to everybody is a way out. Told by the distinct names below one zone: \
              thirty and more, with thirty octets on average in front of the zone that are as mixed as digits by \
              chance (an entropy of 3.3 bits an octet), or 250 and more with sixteen. Where names were not seen \
              (flow logs, encryption, live sources) by size: fifty questions and more that take 150 octets on average, \
              where ordinary ones take 60 to 110.",
    doubt: "Lookups of reputation services (hashes) look the same, and are small tunnels. One that sends little is \
            missed. Reverse lookups, names of the cluster and of `internal` are left alone, and so are DNS servers, \
            which pass on what others ask. Without a list of public suffixes the zone is the last two labels, three \
            below such as `co.uk`.",
    fix: "Look at what it asks (the log of the DNS server); let workloads ask the cluster's DNS only, and that only \
          forward the zones that are needed.",
    unasked: Unasked::Suspect,
    silence: "Accept its id, which names the workload and the zone.",
    found: &[
        "shop/api-0 asks 40 names of 48 octets below t.example",
        "shop/api-0 -> kube-system/coredns-0 53/UDP",
    ],
    not_found: &[
        "shop/api-0 asks 40 names of 12 octets below cdn.example",
        "shop/api-0 -> kube-system/coredns-0 53/UDP",
    ],
    find,
};

/// Distinct names, octets of each in front of the zone on average, and bits of entropy an octet.
const NAMES: usize = 30;
const OCTETS: u64 = 30;
const ENTROPY: f64 = 3.3;
/// Of so many names fewer octets are enough.
const MANY: usize = 250;
const FEWER: u64 = 16;
/// Zones below which names tell of machines and services, however many.
const ORDINARY: &[&str] = &["cluster.local", "arpa", "internal", "local"];
/// So many packets must be seen where sizes alone tell.
const QUESTIONS: u64 = 50;
/// Octets a packet with its IP and UDP headers: a question for a name of a hundred octets.
const LONG: u64 = 150;
const PORT: u16 = 53;

type Edges<'a> = Vec<(EdgeKey, Seen<'a>)>;

fn find(scene: &Scene<'_>) -> Vec<Finding> {
    let edges: Edges<'_> = scene.connected().filter(|(edge, _)| edge.port == Some(PORT)).collect();
    let servers: BTreeSet<&NodeId> = edges.iter().map(|(edge, _)| &edge.to).collect();
    let mut findings = by_names(scene, &edges, &servers);
    let told: BTreeSet<NodeId> = findings.iter().filter_map(|finding| finding.from.clone()).collect();
    let is_asker = |id: &NodeId| id.is_workload() && !servers.contains(id) && !told.contains(id);
    findings.extend(edges.iter().filter(|(edge, _)| is_asker(&edge.from)).filter_map(by_size));
    findings
}

fn by_names(scene: &Scene<'_>, edges: &Edges<'_>, servers: &BTreeSet<&NodeId>) -> Vec<Finding> {
    let mut found: BTreeMap<(NodeId, &str), Vec<&Asked>> = BTreeMap::new();
    for (client, zone, asked) in scene.facts.questions.iter() {
        let ordinary = ORDINARY.iter().any(|end| zone == *end || zone.ends_with(&format!(".{end}")));
        let Holder::Pod(pod) = scene.inventory.holder_at(client, asked.first) else { continue };
        let Some(known) = scene.inventory.pods().get(pod) else { continue };
        if !ordinary && is_tunnel(asked) && !known.pod.host_network && !servers.contains(&known.workload) {
            found.entry((known.workload.clone(), zone)).or_default().push(asked);
        }
    }
    found
        .into_iter()
        .map(|((from, zone), asked)| {
            let names: usize = asked.iter().map(|asked| asked.names()).sum();
            let octets: u64 = asked.iter().map(|asked| asked.octets()).sum();
            let entropy = asked.iter().map(|asked| asked.entropy()).fold(0.0, f64::max);
            let title = format!("{from} asked for {names} names below {zone} that hold {octets} octets");
            let fix = format!("look at what {from} asks for below {zone}, and cut it off");
            let mut finding = Finding::new(DETECTOR.id, Level::Warning, &format!("{from}:{zone}"), title)
                .fixed_by(fix)
                .with("zone", zone)
                .with("names", names)
                .with("octetsOut", octets)
                .with("octetsEach", octets / names.max(1) as u64)
                .with("entropy", format!("{entropy:.1} bits an octet"))
                .with(
                    "threshold",
                    format!("{NAMES} names of {OCTETS} octets, or {MANY} of {FEWER}; {ENTROPY} bits"),
                );
            finding.edges =
                edges.iter().filter(|(edge, _)| edge.from == from).map(|(edge, _)| edge.clone()).collect();
            finding.from = Some(from);
            finding
        })
        .collect()
}

fn is_tunnel(asked: &Asked) -> bool {
    let (names, octets) = (asked.names(), asked.octets());
    let long = |each: u64| octets >= names as u64 * each;
    (names >= NAMES && long(OCTETS) || names >= MANY && long(FEWER)) && asked.entropy() >= ENTROPY
}

fn by_size((edge, seen): &(EdgeKey, Seen<'_>)) -> Option<Finding> {
    let (packets, octets) = (seen.tally.packets[0], seen.tally.octets[0]);
    if packets < QUESTIONS || octets < packets.saturating_mul(LONG) {
        return None;
    }
    let average = octets / packets;
    let title = format!(
        "{} sent {octets} octets in {packets} questions for names, {average} each, to {}",
        edge.from, edge.to
    );
    let fix = format!("look at what {} asks in the log of the DNS server, and cut it off", edge.from);
    Some(
        Finding::of_edge(DETECTOR.id, Level::Warning, edge, &seen.tally, title)
            .fixed_by(fix)
            .with("questions", packets)
            .with("octetsOut", octets)
            .with("octetsEach", average)
            .with("threshold", format!("{QUESTIONS} questions of {LONG} octets on average")),
    )
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

    #[test]
    fn long_names_of_words_and_names_of_the_cluster_are_left_alone() {
        for line in [
            "shop/api-0 asks 60 names of 60 octets below cluster.local",
            "shop/api-0 asks 60 names of 60 octets below eu-west-1.compute.internal",
            "shop/api-0 asks 20 names of 60 octets below t.example",
            "kube-system/coredns-0 asks 60 names of 60 octets below t.example",
        ] {
            let lines = [line, "shop/web-0 -> kube-system/coredns-0 53/UDP"];
            assert_eq!(found(&DETECTOR, &lines), [""; 0], "{line}");
        }
    }

    #[test]
    fn a_tunnel_that_names_tell_is_not_told_again_by_its_size() {
        let lines = [
            "shop/api-0 asks 60 names of 60 octets below t.example",
            "shop/api-0 -> kube-system/coredns-0 53/UDP 60 times sends 60000",
        ];
        assert_eq!(found(&DETECTOR, &lines), ["dns-tunnel:shop/Deployment/api:t.example"]);
    }

    #[test]
    fn many_names_of_fewer_octets_are_a_tunnel_too() {
        let line = "shop/api-0 asks 256 names of 16 octets below t.example";
        assert_eq!(found(&DETECTOR, &[line]), ["dns-tunnel:shop/Deployment/api:t.example"]);
    }
}
