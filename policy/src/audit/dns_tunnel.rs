//! Data that is carried out in questions for names.

use std::collections::{BTreeMap, BTreeSet};

use flowfence_graph::{EdgeKey, Holder};
use flowfence_model::NodeId;

use super::finding::{Finding, Level};
use super::scene::{Detector, Scene, Seen, Unasked};

pub(super) const DETECTOR: Detector = Detector {
    id: "dns-tunnel",
    level: Level::Warning,
    title: "data that leaves in questions for names",
    meaning: "A name of a question holds up to 253 octets, and whoever may ask may send them to the server of any zone \
              in the world: what policies admit to everybody is a way out. Told by the distinct names below one zone \
              that a workload asked for once: ten and more that hold more than twelve octets each which not all of them have \
              in common, in all 180 more than that (ten of thirty octets, twenty of 21, sixty of fifteen), and \
              whose letters are no words: an entropy of 3.3 bits an octet, and few vowels, \
              many digits or octets that names do not have. Names that are asked for again a minute later and more \
              belong to something that stands there, and so do those of a zone to which there was a connection for every two of them; \
              what is asked below a search path is counted where it was meant. Where names were not seen (flow logs, encryption, live sources) \
              by size: fifty questions and more that take 150 octets on average, where ordinary ones take 60 to 110.",
    doubt: "Lookups of reputation services (hashes) look the same, and are small tunnels. One that sends little, that asks \
            below many zones, or that writes its data as words is missed. Reverse lookups, names of the cluster and of \
            `internal` are left alone, and so are DNS servers, which pass on what others ask. Without a list of public \
            suffixes the zone is the last two labels, three below such as `co.uk`.",
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

/// Names that were asked for once.
const NAMES: usize = 10;
/// What chance gives hosts to be told apart by: an IPv4 address has at most twelve digits, and parts of the names of
/// machines and pods are no longer.
const HOST: usize = 12;
/// Octets beyond that, of all names together.
const DATA: usize = 180;
/// Hosts are connected to: some are down, but not half of those that are asked for.
const EXPLAINED: u64 = 2;
/// Bits of entropy an octet, which words have too; it keeps repetitions out.
const ENTROPY: f64 = 3.3;
/// Percent of vowels among letters: words of any language have 35 and more, base 32 and base 64 have 19.
const VOWELS: u64 = 27;
/// Percent of digits: hexadecimal has 62, base 32 has 19 (and few vowels), names of machines rarely 20.
const DIGITS: u64 = 30;
/// Percent of octets that no host name has (RFC 952): base 128 has half.
const FOREIGN: u64 = 5;
/// Zones below which names tell of machines and services, however many.
const ORDINARY: &[&str] = &["cluster.local", "arpa", "internal", "local"];
/// So many packets must be seen where sizes alone tell.
const QUESTIONS: u64 = 50;
/// Octets a packet with its IP and UDP headers: a question for a name of a hundred octets.
const LONG: u64 = 150;
const PORT: u16 = 53;

type Edges<'a> = Vec<(&'a EdgeKey, &'a Seen<'a>)>;

fn find(scene: &Scene<'_>) -> Vec<Finding> {
    let edges: Edges<'_> = scene.connected().filter(|(edge, _)| edge.port == Some(PORT)).collect();
    let servers: BTreeSet<&NodeId> = edges.iter().map(|(edge, _)| &edge.to).collect();
    let mut findings = by_names(scene, &edges, &servers);
    let told: BTreeSet<NodeId> = findings.iter().filter_map(|finding| finding.from.clone()).collect();
    let is_asker = |id: &NodeId| id.is_workload() && !servers.contains(id) && !told.contains(id);
    findings.extend(edges.iter().filter(|(edge, _)| is_asker(&edge.from)).filter_map(by_size));
    findings
}

/// The names below each zone that a workload asked for once, by their hashes. Replicas share one tunnel: their names
/// are taken together.
type Names<'a> = BTreeMap<&'a str, BTreeMap<u64, &'a [u8]>>;

fn by_names(scene: &Scene<'_>, edges: &Edges<'_>, servers: &BTreeSet<&NodeId>) -> Vec<Finding> {
    let mut asked_by: BTreeMap<NodeId, Names<'_>> = BTreeMap::new();
    for (client, zone, asked) in scene.facts.questions.iter() {
        let Holder::Pod(pod) = scene.inventory.holder_at(client, asked.first) else { continue };
        let Some(known) = scene.inventory.pods().get(pod) else { continue };
        if !known.pod.host_network && !servers.contains(&known.workload) {
            let names = asked_by.entry(known.workload.clone()).or_default();
            names.entry(zone).or_default().extend(asked.once());
        }
    }
    let mut told = Vec::new();
    for (from, names) in &asked_by {
        for (zone, letters) in tunnels(scene, from, names) {
            told.push((from.clone(), zone, letters));
        }
    }
    told.into_iter()
        .map(|(from, zone, letters)| {
            let Letters { names, octets, .. } = letters;
            let title =
                format!("{from} asked once each for {names} names below {zone} that hold {octets} octets");
            let fix = format!("look at what {from} asks for below {zone}, and cut it off");
            let mut finding = Finding::new(DETECTOR.id, Level::Warning, &format!("{from}:{zone}"), title)
                .fixed_by(fix)
                .with("zone", zone)
                .with("names", names)
                .with("octetsOut", octets as u64)
                .with("octetsEach", (octets / names.max(1)) as u64)
                .with("entropy", format!("{:.1} bits an octet", letters.entropy()))
                .with("vowels", format!("{} % of letters", share(letters.vowels, letters.alphabetic)))
                .with("digits", format!("{} % of octets", share(letters.digits, letters.octets)))
                .with("threshold", format!("{NAMES} names, {DATA} octets beyond {HOST} each; no words"));
            finding.edges = edges
                .iter()
                .filter(|(edge, _)| edge.from == from)
                .map(|(edge, _)| EdgeKey::clone(edge))
                .collect();
            finding.from = Some(from);
            finding
        })
        .collect()
}

/// The zones below which a workload asks for data.
fn tunnels<'a>(scene: &Scene<'_>, from: &NodeId, asked: &Names<'a>) -> Vec<(&'a str, Letters)> {
    let is_ordinary = |zone: &str| ORDINARY.iter().any(|end| is_below(zone, end));
    let zones = asked.iter().filter(|(zone, _)| !is_ordinary(zone));
    let mut found = Vec::new();
    for (zone, names) in zones {
        let letters = Letters::of(names.values().copied());
        if !letters.are_a_tunnel() {
            continue;
        }
        let meant: BTreeSet<Vec<u8>> = asked.iter().flat_map(|(zone, names)| whole(zone, names)).collect();
        let proper = names.values().copied().filter(|below| !is_expanded(below, &meant));
        let letters = Letters::of(proper);
        if letters.are_a_tunnel() && connections(scene, from, zone) < letters.names as u64 / EXPLAINED {
            found.push((*zone, letters));
        }
    }
    found
}

/// Names with their zone, dots left out.
fn whole<'a>(zone: &str, names: &'a BTreeMap<u64, &[u8]>) -> impl Iterator<Item = Vec<u8>> + 'a {
    let zone: Vec<u8> = zone.bytes().filter(|octet| *octet != b'.').collect();
    names.values().map(move |below| [*below, zone.as_slice()].concat())
}

/// Whether it begins with a whole name that was asked for, too: a resolver tries its search path (`resolv.conf`) first.
fn is_expanded(below: &[u8], meant: &BTreeSet<Vec<u8>>) -> bool {
    (1..=below.len()).any(|end| below.get(..end).is_some_and(|part| meant.contains(part)))
}

/// Connections to places that bear a name below the zone.
fn connections(scene: &Scene<'_>, from: &NodeId, zone: &str) -> u64 {
    let outward = scene.connected().filter(|(edge, _)| edge.from == *from);
    let named = outward.filter(|(edge, _)| scene.names(&edge.to).iter().any(|name| is_below(name, zone)));
    named.map(|(_, seen)| seen.tally.connections).sum()
}

/// Whether a name is the zone or stands below it.
fn is_below(name: &str, zone: &str) -> bool {
    name.strip_suffix(zone).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
}

/// What names are made of.
struct Letters {
    names: usize,
    octets: usize,
    /// Those at the beginning and at the end that all names have in common.
    common: usize,
    counts: [usize; 256],
    alphabetic: usize,
    vowels: usize,
    digits: usize,
    foreign: usize,
}

impl Letters {
    fn of<'a>(names: impl Iterator<Item = &'a [u8]>) -> Self {
        let mut counts = [0; 256];
        let mut many = 0;
        let mut first: Option<&[u8]> = None;
        let (mut before, mut behind) = (usize::MAX, usize::MAX);
        for name in names {
            many += 1;
            let known = *first.get_or_insert(name);
            before = before.min(alike(known.iter(), name.iter()));
            behind = behind.min(alike(known.iter().rev(), name.iter().rev()));
            for octet in name {
                counts[usize::from(*octet)] += 1;
            }
        }
        let sum =
            |is: fn(&u8) -> bool| (0..=u8::MAX).filter(&is).map(|octet| counts[usize::from(octet)]).sum();
        Letters {
            names: many,
            octets: sum(|_| true),
            common: before.min(usize::from(u8::MAX)) + behind.min(usize::from(u8::MAX)),
            alphabetic: sum(u8::is_ascii_alphabetic),
            vowels: sum(|octet| b"aeiouAEIOU".contains(octet)),
            digits: sum(u8::is_ascii_digit),
            foreign: sum(|octet| !octet.is_ascii_alphanumeric() && !b"-_".contains(octet)),
            counts,
        }
    }

    fn are_a_tunnel(&self) -> bool {
        let data = self.octets.saturating_sub(self.names * (self.common + HOST));
        let much = self.names >= NAMES && data >= DATA;
        let words = share(self.vowels, self.alphabetic) >= VOWELS
            && share(self.digits, self.octets) < DIGITS
            && share(self.foreign, self.octets) < FOREIGN;
        much && !words && self.entropy() >= ENTROPY
    }

    /// Shannon's entropy of an octet, in bits: some 4 for words and for hexadecimal digits by
    /// chance, 5 for base 32.
    fn entropy(&self) -> f64 {
        let share = |n: usize| n as f64 / self.octets as f64;
        let some = self.counts.iter().filter(|n| **n > 0);
        some.map(|n| share(*n)).map(|share| -share * share.log2()).sum()
    }
}

/// How many octets are the same from one end on.
fn alike<'a>(one: impl Iterator<Item = &'a u8>, other: impl Iterator<Item = &'a u8>) -> usize {
    one.zip(other).take_while(|(one, other)| one == other).count()
}

/// Percent; no part of nothing.
fn share(part: usize, whole: usize) -> u64 {
    (part * 100).checked_div(whole).unwrap_or(0) as u64
}

fn by_size((edge, seen): &(&EdgeKey, &Seen<'_>)) -> Option<Finding> {
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
mod tests;
