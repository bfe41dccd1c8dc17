//! What must stay possible: genuine contacts, for every replica of their ends, as each direction
//! asks for them.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use flowfence_graph::{Contact, EdgeKey, Facts, Holder};
use flowfence_model::object::ContainerPort;
use flowfence_model::policy::Direction;
use flowfence_model::{Labels, NetworkPolicy, NodeId, PolicyPeer, PortName, Protocol};
use ipnet::IpNet;

use super::field::Field;
use crate::judge::{Judgement, Standing};
use crate::recommend::port;
use crate::recommend::{Declared, Width};
use crate::semantics::{Connection, Party, PodIndex, PolicySet};

/// Connections that today's rules admit and that must stay, by direction, with their edges.
#[derive(Debug, Default)]
pub(super) struct Wants {
    /// Edges of the contacts.
    pub edges: Vec<EdgeKey>,
    /// The connections, and the edges that each belongs to.
    pub all: BTreeMap<(Direction, Connection), BTreeSet<usize>>,
    /// Connections that are withheld, which need no rule.
    pub withheld: Vec<Connection>,
    /// Widths: DNS on the protocol that was not seen, clients behind rewritten addresses.
    pub declared: BTreeSet<Declared>,
}

/// Two pods that stand for all of their workload that no policy of today can tell apart.
#[derive(Clone, Copy, Debug)]
struct Class {
    pod: PodIndex,
    other: Option<PodIndex>,
}

/// Collects the wants.
pub(super) struct Collector<'a> {
    field: &'a Field<'a>,
    today: &'a PolicySet,
    classes: BTreeMap<&'a NodeId, Vec<Class>>,
    wants: Wants,
}

impl<'a> Collector<'a> {
    pub(super) fn new(field: &'a Field<'a>, today: &'a PolicySet) -> Self {
        let keys = label_keys(today.policies());
        let blocks = blocks(today.policies());
        let mut classes = BTreeMap::new();
        for (id, pods) in field.roster.workloads() {
            classes.insert(id, fold(pods, field, &keys, &blocks));
        }
        Collector { field, today, classes, wants: Wants::default() }
    }

    pub(super) fn collect(mut self, facts: &Facts, judgement: &Judgement) -> Wants {
        let mut numbers: BTreeMap<EdgeKey, usize> = BTreeMap::new();
        for (contact, judged) in facts.contacts.iter().zip(&judgement.contacts) {
            match judged.standing {
                // Nobody knows who opened an undirected one; as it was written it keeps its rule.
                Standing::Genuine | Standing::Undirected => {}
                Standing::Withheld(_) => {
                    self.wants.withheld.push(self.field.roster.connection(contact));
                    continue;
                }
                Standing::Inexpressible | Standing::Attempt => continue,
            }
            let (Some(port), false) = (contact.port, contact.is_loopback()) else { continue };
            let next = numbers.len();
            let edge = *numbers.entry(EdgeKey::of(contact)).or_insert(next);
            if edge == next {
                self.wants.edges.push(EdgeKey::of(contact));
            }
            self.contact(contact, port, edge);
        }
        self.wants
    }

    fn contact(&mut self, contact: &Contact, port: u16, edge: usize) {
        for connection in self.questions(contact, port) {
            self.ask(contact, connection, edge);
        }
        let inventory = self.field.inventory;
        let asked = contact.to.id.is_workload().then(|| self.field.roster.pod(&contact.to)).flatten();
        if let Some(twin) = port::other_dns(contact, asked.map(|pod| pod.0 as usize), inventory)
            && let Some(PortName::Range(range)) = twin.port
        {
            for (direction, subject, peer) in ends(contact) {
                self.declare(Width::Dns, subject, direction, peer, (twin.protocol, range.first));
            }
            for mut connection in self.questions(contact, range.first) {
                connection.protocol = twin.protocol;
                self.ask(contact, connection, edge);
            }
        }
        for ip in &contact.behind {
            self.behind(contact, *ip, port, edge);
        }
    }

    /// A pod's own node always gets in; the rule for others is not used by it.
    fn ask(&mut self, contact: &Contact, connection: Connection, edge: usize) {
        self.want(Direction::Egress, connection, edge);
        if !contact.own_node {
            self.want(Direction::Ingress, connection, edge);
        }
    }

    fn want(&mut self, direction: Direction, connection: Connection, edge: usize) {
        if let Some(edges) = self.wants.all.get_mut(&(direction, connection)) {
            edges.insert(edge);
        } else if !self.today.admitted_by(&connection, direction).is_empty() {
            self.wants.all.insert((direction, connection), BTreeSet::from([edge]));
        }
    }

    /// Plugins that filter before addresses are rewritten see the client itself.
    fn behind(&mut self, contact: &Contact, ip: IpAddr, port: u16, edge: usize) {
        let inventory = self.field.inventory;
        let client = match inventory.holder_at(ip, contact.tally.first) {
            Holder::Pod(pod) => Some(pod),
            Holder::Ambiguous | Holder::Nobody => None,
        };
        let mut clients: Vec<Party> = Vec::new();
        match client.and_then(|pod| inventory.pods().get(pod)) {
            Some(known) => {
                clients.extend(self.parties(&known.workload, ip));
                let (from, to) = (&known.workload, &contact.to.id);
                for (direction, subject, peer) in
                    [(Direction::Egress, from, to), (Direction::Ingress, to, from)]
                {
                    self.declare(Width::Behind, subject, direction, peer, (contact.protocol, port));
                }
            }
            None if inventory.node_of(ip).is_none() && !inventory.is_inside(ip) => {
                clients.push(Party { pod: None, address: ip });
            }
            None => {}
        }
        for from in clients {
            for to in self.parties(&contact.to.id, ip) {
                let port = self.port_on(contact, to, port);
                let connection = Connection { from, to, protocol: contact.protocol, port };
                for direction in Direction::BOTH {
                    self.want(direction, connection, edge);
                }
            }
        }
    }

    fn declare(
        &mut self,
        kind: Width,
        subject: &NodeId,
        direction: Direction,
        peer: &NodeId,
        (protocol, port): (Protocol, u16),
    ) {
        let is_isolated = |pod: &PodIndex| self.today.isolates(*pod, direction);
        if !self.field.roster.pods_of(subject).iter().any(is_isolated) {
            return;
        }
        self.wants.declared.insert(Declared {
            kind,
            subject: subject.clone(),
            direction,
            peer: Some(peer.clone()),
            protocol,
            port: port.to_string(),
            network: None,
        });
    }

    /// The contact as it was seen, and between all replicas of its ends.
    fn questions(&self, contact: &Contact, port: u16) -> Vec<Connection> {
        let seen = Connection { port, ..self.field.roster.connection(contact) };
        let mut all = vec![seen];
        let classes = |id: &NodeId| self.classes.get(id).map_or(&[][..], Vec::as_slice);
        let (sources, destinations) = (classes(&contact.from.id), classes(&contact.to.id));
        // An address is asked with pods of the family that was seen, pods by each that both have.
        let is_like = |one: &Party, other: &Party| one.address.is_ipv4() == other.address.is_ipv4();
        let is_free = sources.is_empty() != destinations.is_empty();
        let spread = |classes: &[Class], seen: Party| {
            if classes.is_empty() {
                return vec![(seen, None)];
            }
            let all = self.both_families(classes).into_iter();
            all.filter(|(party, _)| !is_free || is_like(party, &seen)).collect()
        };
        let (sources, destinations) = (spread(sources, seen.from), spread(destinations, seen.to));
        for (from, other) in &sources {
            for (to, _) in &destinations {
                // A pod to itself is no question; its sibling is.
                let from = if from.pod.is_some() && from.pod == to.pod { *other } else { Some(*from) };
                let Some(from) = from.filter(|from| is_free || is_like(from, to)) else { continue };
                let port = self.port_on(contact, *to, port);
                all.push(Connection { from, to: *to, protocol: seen.protocol, port });
            }
        }
        all
    }

    /// One party a class and family, and its sibling.
    fn both_families(&self, classes: &[Class]) -> Vec<(Party, Option<Party>)> {
        let mut parties = Vec::new();
        for class in classes {
            for v4 in [true, false] {
                let party = |pod: PodIndex| {
                    let ips = &self.field.roster.cluster().pod(pod).ips;
                    let address = ips.iter().find(|ip| ip.is_ipv4() == v4).copied()?;
                    Some(Party { pod: Some(pod), address })
                };
                if let Some(own) = party(class.pod) {
                    parties.push((own, class.other.and_then(party)));
                }
            }
        }
        parties
    }

    /// One party a class, by the family of an address.
    fn parties(&self, id: &NodeId, like: IpAddr) -> Vec<Party> {
        let classes = self.classes.get(id).map_or(&[][..], Vec::as_slice);
        let all = self.both_families(classes).into_iter().map(|(party, _)| party);
        all.filter(|party| party.address.is_ipv4() == like.is_ipv4()).collect()
    }

    /// The port of another replica of the end that was asked.
    fn port_on(&self, contact: &Contact, to: Party, port: u16) -> u16 {
        let roster = self.field.roster;
        let port_on = |pod| roster.port_on(roster.pod(&contact.to), pod, contact.protocol, port);
        to.pod.map_or(port, port_on)
    }
}

fn ends(contact: &Contact) -> [(Direction, &NodeId, &NodeId); 2] {
    let (from, to) = (&contact.from.id, &contact.to.id);
    [(Direction::Egress, from, to), (Direction::Ingress, to, from)]
}

/// Every label key that a selector of the policies speaks of.
fn label_keys(policies: &[NetworkPolicy]) -> BTreeSet<&str> {
    let peers = policies.iter().flat_map(|policy| policy.egress.iter().chain(&policy.ingress).flatten());
    let of_peers = peers.flat_map(|rule| &rule.peers).filter_map(|peer| match peer {
        PolicyPeer::Pods(selector) => selector.pods.as_ref(),
        PolicyPeer::Block { .. } => None,
    });
    let selectors = policies.iter().map(|policy| &policy.pod_selector).chain(of_peers);
    selectors
        .flat_map(|selector| {
            let equal = selector.match_labels.keys().map(String::as_str);
            equal.chain(selector.match_expressions.iter().map(flowfence_model::Requirement::key))
        })
        .collect()
}

/// Every block of the policies, those of `except` too.
fn blocks(policies: &[NetworkPolicy]) -> BTreeSet<IpNet> {
    let rules = policies.iter().flat_map(|policy| policy.egress.iter().chain(&policy.ingress).flatten());
    let blocks = rules.flat_map(|rule| &rule.peers).filter_map(|peer| match peer {
        PolicyPeer::Block { cidr, except } => Some(except.iter().chain([cidr])),
        PolicyPeer::Pods(_) => None,
    });
    blocks.flatten().copied().collect()
}

/// What policies see of a pod: labels that they speak of, ports, families, blocks.
type Sight<'a> = (Labels, &'a [ContainerPort], Vec<bool>, Vec<bool>);

fn fold(pods: &[PodIndex], field: &Field<'_>, keys: &BTreeSet<&str>, blocks: &BTreeSet<IpNet>) -> Vec<Class> {
    let mut known: BTreeMap<Sight<'_>, usize> = BTreeMap::new();
    let mut classes: Vec<Class> = Vec::new();
    for index in pods {
        let pod = field.roster.cluster().pod(*index);
        let labels = pod.meta.labels.iter().filter(|(key, _)| keys.contains(key.as_str()));
        let labels = labels.map(|(key, value)| (key.clone(), value.clone())).collect();
        let families = pod.ips.iter().map(IpAddr::is_ipv4).collect();
        let inside = blocks.iter().flat_map(|block| pod.ips.iter().map(|ip| block.contains(ip))).collect();
        let next = classes.len();
        let class = *known.entry((labels, &pod.ports, families, inside)).or_insert(next);
        match classes.get_mut(class) {
            Some(class) => class.other = class.other.or(Some(*index)),
            None => classes.push(Class { pod: *index, other: None }),
        }
    }
    classes
}
