//! Genuine edges as rules tell them apart, with when each was seen.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr};

use flowfence_graph::{Contact, EdgeKey, Facts, Inventory, Parts, PodName};
use flowfence_model::{NodeId, Timestamp};
use ipnet::IpNet;

use crate::judge::{JudgedContact, Judgement, Roster, Standing};
use crate::recommend::{Exposed, Options};

/// One edge.
#[derive(Clone, Debug)]
pub(super) struct Sighting<'a> {
    /// The edge as it first appeared.
    pub edge: EdgeKey,
    /// When it first connected.
    pub found: Timestamp,
    /// In which parts of the window.
    pub parts: Parts,
    /// How many connections.
    pub connections: u64,
    /// Pods of workloads that run by a schedule.
    pub runs: BTreeSet<&'a PodName>,
    /// The workloads at its ends.
    pub ends: BTreeSet<&'a NodeId>,
}

/// What was seen of all workloads.
#[derive(Clone, Debug, Default)]
pub(super) struct Sightings<'a> {
    /// Edges in order.
    pub edges: Vec<Sighting<'a>>,
    /// Edges of unknown direction, by workload.
    pub undirected: BTreeMap<&'a NodeId, BTreeSet<EdgeKey>>,
    /// Edges that a finding withholds, by workload.
    pub withheld: BTreeMap<&'a NodeId, BTreeSet<EdgeKey>>,
    /// Edges that were only tried, by the workload that tried.
    pub unanswered: BTreeMap<&'a NodeId, BTreeSet<EdgeKey>>,
    /// Workloads with any traffic beyond probes.
    pub active: BTreeSet<&'a NodeId>,
}

impl<'a> Sightings<'a> {
    /// Goes through all contacts. `by_schedule` are the workloads whose runs are samples.
    pub(super) fn new(
        facts: &'a Facts,
        judgement: &Judgement,
        inventory: &Inventory,
        options: &Options,
        by_schedule: &BTreeSet<&NodeId>,
    ) -> Self {
        let roster = Roster::new(inventory);
        let mut sightings = Sightings::default();
        let mut edges: BTreeMap<EdgeKey, Sighting<'a>> = BTreeMap::new();
        let mut tried: Vec<(&NodeId, EdgeKey, EdgeKey)> = Vec::new();
        for (contact, judged) in facts.contacts.iter().zip(&judgement.contacts) {
            if contact.probe || contact.is_loopback() {
                continue;
            }
            let ends = [&contact.from.id, &contact.to.id].into_iter().filter(|id| id.is_workload());
            sightings.active.extend(ends.clone());
            match judged.standing {
                // Host processes of a pod's own node pass any policy: no rule is needed.
                Standing::Genuine if contact.own_node && contact.behind.is_empty() => {}
                Standing::Genuine => {
                    let key = as_ruled(contact, inventory, &roster, options);
                    let known = edges.entry(key).or_insert_with(|| unseen(contact));
                    note(known, contact, judged, by_schedule);
                }
                Standing::Undirected => put(&mut sightings.undirected, ends, contact),
                Standing::Withheld(_) => put(&mut sightings.withheld, ends, contact),
                Standing::Attempt if judged.scan.is_none() && !judged.verdict.is_denied() => {
                    if contact.from.id.is_workload() {
                        let key = as_ruled(contact, inventory, &roster, options);
                        tried.push((&contact.from.id, key, EdgeKey::of(contact)));
                    }
                }
                Standing::Attempt | Standing::Inexpressible => {}
            }
        }
        // Whatever lies under the rule of an edge that was answered is admitted by it.
        for (from, _, edge) in tried.into_iter().filter(|(_, key, _)| !edges.contains_key(key)) {
            sightings.unanswered.entry(from).or_default().insert(edge);
        }
        sightings.edges = edges.into_values().collect();
        sightings
    }
}

fn unseen(contact: &Contact) -> Sighting<'_> {
    Sighting {
        edge: EdgeKey::of(contact),
        found: Timestamp::MAX,
        parts: Parts::NONE,
        connections: 0,
        runs: BTreeSet::new(),
        ends: BTreeSet::new(),
    }
}

fn note<'a>(
    known: &mut Sighting<'a>,
    contact: &'a Contact,
    judged: &JudgedContact,
    by_schedule: &BTreeSet<&NodeId>,
) {
    if (contact.tally.found, EdgeKey::of(contact)) < (known.found, known.edge.clone()) {
        known.found = contact.tally.found;
        known.edge = EdgeKey::of(contact);
    }
    known.parts = known.parts.union(contact.tally.parts);
    known.connections += judged.connections(contact);
    for party in [&contact.from, &contact.to] {
        if party.id.is_workload() {
            known.ends.insert(&party.id);
        }
        if by_schedule.contains(&party.id) {
            known.runs.extend(&party.pod);
        }
    }
}

fn put<'a>(
    into: &mut BTreeMap<&'a NodeId, BTreeSet<EdgeKey>>,
    ends: impl Iterator<Item = &'a NodeId>,
    contact: &Contact,
) {
    for end in ends {
        into.entry(end).or_default().insert(EdgeKey::of(contact));
    }
}

/// The edge with ends that one rule admits together made one: all nodes, a network with a name,
/// everybody outside where a service publishes the port, and ports that a server opens as it
/// needs them. A new node, or a new visitor, is nothing that a policy would cut.
fn as_ruled(contact: &Contact, inventory: &Inventory, roster: &Roster, options: &Options) -> EdgeKey {
    let mut key = EdgeKey::of(contact);
    if let Some(port) = key.port {
        let mut ranges = options.port_ranges.iter();
        let range = ranges.find(|range| range.holds(&key.to, key.protocol, port));
        key.port = range.map_or(key.port, |range| Some(range.range.first));
    }
    let is_outside = matches!(key.from, NodeId::External(_) | NodeId::Node(_));
    if is_outside && options.exposed == Exposed::Any && published(contact, inventory, roster) {
        key.from = NodeId::External(IpAddr::V4(Ipv4Addr::UNSPECIFIED));
    }
    for end in [&mut key.from, &mut key.to] {
        match end {
            NodeId::Node(name) => *name = "".into(),
            NodeId::External(ip) => {
                let block = options.network_of(*ip).and_then(|network| network.cidrs.first());
                *ip = block.map_or(*ip, IpNet::addr);
            }
            _ => {}
        }
    }
    key
}

fn published(contact: &Contact, inventory: &Inventory, roster: &Roster) -> bool {
    let asked = contact.to.id.is_workload().then(|| roster.pod(&contact.to)).flatten();
    let (Some(pod), Some(port)) = (asked, contact.port) else { return false };
    let uses = inventory.services_behind(pod.0 as usize, contact.protocol, port);
    uses.iter().any(|used| used.published)
}
