//! Genuine contacts, for every replica of their ends.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use flowfence_graph::{Contact, EdgeKey, Inventory};
use flowfence_model::policy::Direction;
use flowfence_model::{NodeId, Protocol};

use super::Cut;
use super::census::{Census, Class, families, pairs};
use crate::judge::Roster;
use crate::semantics::{Connection, Party, PodIndex, PolicySet};

type Ports = BTreeSet<(Protocol, u16)>;

/// What differs between contacts of one edge: addresses that are no pods, and the pod that tells
/// what its port is called.
type Variant = (Option<IpAddr>, Option<IpAddr>, Option<PodIndex>);

/// The genuine edges and the contacts that each folds.
#[derive(Debug)]
pub(in crate::recommend) struct Genuine<'a> {
    inventory: &'a Inventory,
    edges: BTreeMap<EdgeKey, Vec<&'a Contact>>,
    /// Ports that were seen between two workloads, and what they are called on siblings.
    ports: BTreeMap<&'a NodeId, BTreeMap<&'a NodeId, Ports>>,
}

impl<'a> Genuine<'a> {
    pub(in crate::recommend) fn new(
        contacts: impl Iterator<Item = &'a Contact>,
        inventory: &'a Inventory,
        roster: &Roster,
    ) -> Self {
        let mut genuine = Genuine { inventory, edges: BTreeMap::new(), ports: BTreeMap::new() };
        for contact in contacts {
            genuine.edges.entry(EdgeKey::of(contact)).or_default().push(contact);
            let Some(port) = contact.port else { continue };
            let ports = genuine.ports.entry(&contact.from.id).or_default().entry(&contact.to.id).or_default();
            ports.insert((contact.protocol, port));
            let asked = roster.pod(&contact.to);
            let siblings = roster.pods_of(&contact.to.id).iter();
            let port_on = |pod: &PodIndex| roster.port_on(asked, *pod, contact.protocol, port);
            ports.extend(siblings.map(|pod| (contact.protocol, port_on(pod))));
        }
        genuine
    }

    /// How many edges there are.
    pub(super) fn len(&self) -> usize {
        self.edges.len()
    }

    /// Whether a port was genuinely used between two workloads, or is the name of one that was.
    pub(super) fn ports(&self, from: &NodeId, to: &NodeId) -> Option<&Ports> {
        self.ports.get(from)?.get(to)
    }

    /// The edges of which the set denies something.
    pub(super) fn cut(&self, set: &PolicySet, roster: &Roster, census: &Census<'_>) -> Vec<Cut> {
        self.cut_by(roster, census, |connection| denial(set, connection))
    }

    /// The edges of which `denial` says that an end denies something. Pods that `census` folds
    /// are alike to it.
    pub(super) fn cut_by(
        &self,
        roster: &Roster,
        census: &Census<'_>,
        denial: impl Fn(&Connection) -> Option<Direction>,
    ) -> Vec<Cut> {
        let mut cuts = Vec::new();
        for edge in self.edges.keys() {
            let mut questions = self.questions(edge, roster, census);
            let denied = questions.find_map(|asked| denial(&asked).map(|direction| (direction, asked)));
            if let Some((direction, connection)) = denied {
                let example = describe(&connection, roster);
                cuts.push(Cut { edge: edge.clone(), direction, example });
            }
        }
        cuts
    }

    /// Whether the census' set denies one direction of an edge to some replica. A `port` of another
    /// protocol than the edge's is asked for instead: the twin of DNS.
    pub(in crate::recommend) fn is_denied(
        &self,
        edge: &EdgeKey,
        direction: Direction,
        port: Option<(Protocol, u16)>,
        roster: &Roster,
        census: &Census<'_>,
    ) -> bool {
        self.questions(edge, roster, census).any(|mut asked| {
            if let Some((protocol, port)) = port.filter(|(protocol, _)| asked.protocol != *protocol) {
                (asked.protocol, asked.port) = (protocol, port);
            }
            !census.set.allows_in(&asked, direction)
        })
    }

    /// Every contact of an edge as it was seen, between all replicas, and from the client itself.
    fn questions<'q>(
        &'q self,
        edge: &EdgeKey,
        roster: &'q Roster,
        census: &'q Census<'_>,
    ) -> impl Iterator<Item = Connection> + 'q {
        let contacts = self.edges.get(edge).map_or(&[][..], Vec::as_slice);
        let mut known: BTreeSet<Variant> = BTreeSet::new();
        contacts.iter().flat_map(move |contact| {
            let pod = roster.pod(&contact.to);
            let key = (
                address_unless_pod(contact.from.address, &contact.from.id),
                address_unless_pod(contact.to.address, &contact.to.id),
                pod.filter(|pod| !roster.cluster().pod(*pod).ports.is_empty()),
            );
            let expand = known.insert(key);
            let behind = self.behind(contact, roster, census);
            questions(contact, roster, census, expand).into_iter().chain(behind)
        })
    }

    /// Plugins that filter before addresses are rewritten see the outside client itself.
    fn behind(&self, contact: &Contact, roster: &Roster, census: &Census<'_>) -> Vec<Connection> {
        let seen = roster.connection(contact);
        let is_outside =
            |ip: &&IpAddr| self.inventory.node_of(**ip).is_none() && !self.inventory.is_inside(**ip);
        let mut all = Vec::new();
        for client in contact.behind.iter().filter(is_outside) {
            let from = Party { pod: None, address: *client };
            to_all(census.classes(&contact.to.id), roster, *client, |to| {
                all.push(for_ends(&seen, from, to, roster));
            });
        }
        all
    }
}

fn address_unless_pod(address: IpAddr, id: &NodeId) -> Option<IpAddr> {
    (!id.is_workload()).then_some(address)
}

/// The contact as it was seen, and between all replicas of its ends.
fn questions(contact: &Contact, roster: &Roster, census: &Census<'_>, expand: bool) -> Vec<Connection> {
    if contact.is_loopback() {
        return Vec::new();
    }
    let seen = roster.connection(contact);
    let mut all = vec![seen];
    // A pod's own node passes whatever it sends; another node is another question.
    if contact.own_node || !expand {
        return all;
    }
    let mut ask = |from: Party, to: Party| all.push(for_ends(&seen, from, to, roster));
    let sources = census.classes(&contact.from.id);
    let destinations = census.classes(&contact.to.id);
    match (sources, destinations) {
        ([], []) => {}
        ([], to) => to_all(to, roster, seen.to.address, |party| ask(seen.from, party)),
        (from, []) => to_all(from, roster, seen.from.address, |party| ask(party, seen.to)),
        (from, to) => {
            for (source, destination) in pairs(from, to) {
                for (source, destination) in families(census.set, source, destination) {
                    ask(source, destination);
                }
            }
        }
    }
    all
}

/// One party of each class, by the family of the address that was seen.
fn to_all(classes: &[Class], roster: &Roster, like: IpAddr, mut ask: impl FnMut(Party)) {
    for class in classes {
        for pod in [Some(class.pod), class.other].into_iter().flatten() {
            let ips = &roster.cluster().pod(pod).ips;
            if let Some(address) = ips.iter().find(|ip| ip.is_ipv4() == like.is_ipv4()) {
                ask(Party { pod: Some(pod), address: *address });
            }
        }
    }
}

/// A connection as it was seen, between other replicas of its ends.
fn for_ends(seen: &Connection, from: Party, to: Party, roster: &Roster) -> Connection {
    let port_on = |pod| roster.port_on(seen.to.pod, pod, seen.protocol, seen.port);
    Connection { from, to, protocol: seen.protocol, port: to.pod.map_or(seen.port, port_on) }
}

fn denial(set: &PolicySet, connection: &Connection) -> Option<Direction> {
    Direction::BOTH.into_iter().find(|direction| !set.allows_in(connection, *direction))
}

fn describe(connection: &Connection, roster: &Roster) -> String {
    let name = |party: Party| match party.pod {
        Some(pod) => {
            let meta = &roster.cluster().pod(pod).meta;
            format!("{}/{} ({})", meta.namespace, meta.name, party.address)
        }
        None => party.address.to_string(),
    };
    let (from, to) = (name(connection.from), name(connection.to));
    format!("{from} -> {to} {}/{}", connection.port, connection.protocol)
}
