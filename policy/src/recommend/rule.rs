//! Few rules for what must be admitted, and nothing beside it.

use std::collections::{BTreeMap, BTreeSet};

use flowfence_graph::EdgeKey;
use flowfence_model::{PolicyPeer, PolicyPort, PolicyRule};

use super::need::Admissions;
use super::options::Exposed;
use super::peer::{Peer, Widths};
use super::subject::{Subject, Subjects};

/// A rule and the edges that need it.
pub(super) type Reasoned = (PolicyRule, BTreeSet<EdgeKey>);

type Cover = BTreeMap<BTreeSet<Peer>, BTreeSet<PolicyPort>>;

/// The rules of one direction of `subject`, in a fixed order: pods before blocks, ports by
/// protocol and number.
pub(super) fn rules(
    admissions: &Admissions,
    subject: &Subject,
    subjects: &Subjects,
    widths: &Widths,
    exposed: Exposed,
) -> Vec<Reasoned> {
    let admissions = without_covered(admissions, widths, exposed);
    let cover = smallest(&admissions);
    let mut rules: Vec<Reasoned> = Vec::new();
    for (peers, ports) in cover {
        let written: BTreeSet<PolicyPeer> =
            peers.iter().flat_map(|peer| widths.write(*peer, subject, subjects, exposed)).collect();
        // A rule without peers would admit everybody.
        if written.is_empty() {
            continue;
        }
        let edges = peers
            .iter()
            .flat_map(|peer| ports.iter().filter_map(|port| admissions.get(&(*peer, port.clone()))))
            .flatten()
            .cloned()
            .collect();
        let rule = PolicyRule { peers: written.into_iter().collect(), ports: ports.into_iter().collect() };
        rules.push((rule, edges));
    }
    rules.sort();
    rules
}

/// An exposed port admits nodes and addresses outside anyway.
fn without_covered(admissions: &Admissions, widths: &Widths, exposed: Exposed) -> Admissions {
    let mut kept = Admissions::new();
    for ((peer, port), edges) in admissions {
        let is_exposed = admissions.contains_key(&(Peer::Exposed, port.clone()));
        let covered = is_exposed && widths.covers(*peer, exposed);
        let peer = if covered { Peer::Exposed } else { *peer };
        kept.entry((peer, port.clone())).or_default().extend(edges.iter().cloned());
    }
    kept
}

/// Peers with the same ports share a rule, or ports with the same peers: whichever takes fewer
/// rules, then fewer entries. Both admit exactly the pairs that are needed.
fn smallest(admissions: &Admissions) -> Cover {
    let mut ports_of: BTreeMap<Peer, BTreeSet<PolicyPort>> = BTreeMap::new();
    let mut peers_of: BTreeMap<PolicyPort, BTreeSet<Peer>> = BTreeMap::new();
    for (peer, port) in admissions.keys() {
        ports_of.entry(*peer).or_default().insert(port.clone());
        peers_of.entry(port.clone()).or_default().insert(*peer);
    }
    let mut by_ports: BTreeMap<BTreeSet<PolicyPort>, BTreeSet<Peer>> = BTreeMap::new();
    for (peer, ports) in ports_of {
        by_ports.entry(ports).or_default().insert(peer);
    }
    let by_peers: Cover = by_ports.into_iter().map(|(ports, peers)| (peers, ports)).collect();
    let mut by_port = Cover::new();
    for (port, peers) in peers_of {
        by_port.entry(peers).or_default().insert(port);
    }
    let cost = |cover: &Cover| {
        (cover.len(), cover.iter().map(|(peers, ports)| peers.len() + ports.len()).sum::<usize>())
    };
    if cost(&by_port) < cost(&by_peers) { by_port } else { by_peers }
}
