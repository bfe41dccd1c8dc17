//! What genuine contacts need of the policies of their ends.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use flowfence_graph::{Contact, EdgeKey, Facts, Holder, Inventory};
use flowfence_model::policy::Direction;
use flowfence_model::{NodeId, PolicyPort, PortName, Protocol};

use super::options::Options;
use super::peer::{Peer, Widths};
use super::port;
use super::recommendation::{Declared, Width};
use super::subject::Subjects;
use crate::judge::{Judgement, Roster};

/// What one direction of a subject must admit, and the edges that need it.
pub(super) type Admissions = BTreeMap<(Peer, PolicyPort), BTreeSet<EdgeKey>>;

/// What all genuine contacts need.
#[derive(Debug, Default)]
pub(super) struct Needs {
    /// By subject and direction.
    pub admissions: BTreeMap<(usize, Direction), Admissions>,
    /// Widths of what is admitted.
    pub declared: BTreeSet<Declared>,
}

/// Goes through the genuine contacts.
pub(super) struct Collector<'a> {
    inventory: &'a Inventory,
    subjects: &'a Subjects,
    widths: &'a Widths,
    roster: Roster,
    options: &'a Options,
    /// Published ports of workloads that were used from outside.
    published: BTreeSet<(NodeId, Protocol, u16)>,
    needs: Needs,
}

/// Collects what the subjects need.
pub(super) fn collect(
    facts: &Facts,
    judgement: &Judgement,
    inventory: &Inventory,
    subjects: &Subjects,
    widths: &Widths,
    options: &Options,
) -> Needs {
    let mut collector = Collector {
        inventory,
        subjects,
        widths,
        roster: Roster::new(inventory),
        options,
        published: BTreeSet::new(),
        needs: Needs::default(),
    };
    for contact in judgement.genuine(facts) {
        collector.publish(contact);
    }
    for contact in judgement.genuine(facts).filter(|contact| !contact.is_loopback()) {
        collector.egress(contact);
        collector.ingress(contact);
    }
    collector.needs
}

impl Collector<'_> {
    fn publish(&mut self, contact: &Contact) {
        let Some(port) = contact.port else { return };
        let from_outside = matches!(contact.from.id, NodeId::External(_))
            || contact.behind.iter().any(|ip| self.is_outside(*ip));
        if !from_outside || !contact.to.id.is_workload() {
            return;
        }
        let behind = self.asked(contact).map(|pod| {
            self.inventory.services_behind(pod, contact.protocol, port).iter().any(|used| used.published)
        });
        if behind == Some(true) {
            self.published.insert((contact.to.id.clone(), contact.protocol, port));
        }
    }

    fn egress(&mut self, contact: &Contact) {
        let Some(subject) = self.subjects.index_of(&contact.from.id) else { return };
        let Some(peer) = self.peer(&contact.to.id, contact.to.address) else { return };
        self.admit(contact, (subject, &contact.from.id), Direction::Egress, peer);
        self.cover(contact, (subject, &contact.from.id), Direction::Egress, peer, contact.to.address);
    }

    fn ingress(&mut self, contact: &Contact) {
        let Some(subject) = self.subjects.index_of(&contact.to.id) else { return };
        let to = (subject, &contact.to.id);
        let is_published = contact
            .port
            .is_some_and(|port| self.published.contains(&(contact.to.id.clone(), contact.protocol, port)));
        let client = contact.from.address;
        let peer = match &contact.from.id {
            NodeId::Node(_) | NodeId::External(_) if is_published => Some(Peer::Exposed),
            // The kubelet and host-network pods of the pod's own node pass any policy.
            NodeId::Node(_) if contact.own_node => None,
            id => self.peer(id, client),
        };
        if let Some(peer) = peer {
            self.admit(contact, to, Direction::Ingress, peer);
            self.cover(contact, to, Direction::Ingress, peer, client);
        }
        for ip in &contact.behind {
            self.behind(contact, to, *ip, is_published);
        }
    }

    /// Plugins that filter before addresses are rewritten see the client itself.
    fn behind(&mut self, contact: &Contact, to: (usize, &NodeId), ip: IpAddr, is_published: bool) {
        let client = match self.inventory.holder_at(ip, contact.tally.first) {
            Holder::Pod(pod) => self.inventory.pods().get(pod).map(|known| known.workload.clone()),
            Holder::Ambiguous | Holder::Nobody => None,
        };
        match client {
            Some(workload) => {
                let Some(from) = self.subjects.index_of(&workload) else { return };
                let ends = [
                    ((from, &workload), Direction::Egress, Peer::Pods(to.0), to.1),
                    (to, Direction::Ingress, Peer::Pods(from), &workload),
                ];
                for (subject, direction, peer, other) in ends {
                    let Some(port) = self.port(contact) else { continue };
                    self.needs.declared.insert(Declared {
                        kind: Width::Behind,
                        subject: subject.1.clone(),
                        direction,
                        peer: Some(other.clone()),
                        protocol: port.protocol,
                        port: port.port.as_ref().map(PortName::to_string).unwrap_or_default(),
                        network: None,
                    });
                    self.insert(subject.0, direction, peer, port, contact);
                }
            }
            None if self.is_outside(ip) => {
                let peer = if is_published { Peer::Exposed } else { self.widths.outside(ip) };
                self.admit(contact, to, Direction::Ingress, peer);
                self.cover(contact, to, Direction::Ingress, peer, ip);
            }
            None => {}
        }
    }

    fn peer(&self, id: &NodeId, address: IpAddr) -> Option<Peer> {
        match id {
            NodeId::Workload(_) => match self.subjects.index_of(id) {
                Some(subject) => Some(Peer::Pods(subject)),
                // A workload on its node's network is an address to every policy.
                None => Some(Peer::Nodes),
            },
            NodeId::Node(_) => Some(Peer::Nodes),
            NodeId::ApiServer => Some(Peer::ApiServer),
            NodeId::External(_) => Some(self.widths.outside(address)),
            NodeId::Unknown(_) => Some(Peer::Address(address)),
            NodeId::Namespace(_) | NodeId::Folded(_) => None,
        }
    }

    /// Adds the address itself where a wide peer lacks it: a node's external address, a client of
    /// `--exposed observed`.
    fn cover(
        &mut self,
        contact: &Contact,
        subject: (usize, &NodeId),
        direction: Direction,
        peer: Peer,
        ip: IpAddr,
    ) {
        let wide = matches!(peer, Peer::Nodes | Peer::ApiServer | Peer::Exposed);
        if wide && !self.widths.holds(peer, ip) {
            self.admit(contact, subject, direction, Peer::Address(ip));
        }
    }

    fn admit(&mut self, contact: &Contact, subject: (usize, &NodeId), direction: Direction, peer: Peer) {
        let Some(port) = self.port(contact) else { return };
        let twin = port::other_dns(contact, self.asked(contact), self.inventory);
        let other = match direction {
            Direction::Egress => &contact.to.id,
            Direction::Ingress => &contact.from.id,
        };
        let mut declare = |kind, peer, port: &PolicyPort, network: Option<&str>| {
            self.needs.declared.insert(Declared {
                kind,
                subject: subject.1.clone(),
                direction,
                peer,
                protocol: port.protocol,
                port: port.port.as_ref().map(PortName::to_string).unwrap_or_default(),
                network: network.map(str::to_owned),
            });
        };
        if let Some(PortName::Range(range)) = port.port
            && range.last > range.first
        {
            declare(Width::PortRange, Some(other.clone()), &port, None);
        }
        match (peer, other) {
            (Peer::Pods(_), _) => {}
            (Peer::Nodes, _) => declare(Width::Nodes, None, &port, None),
            (Peer::ApiServer, _) => declare(Width::ApiServer, Some(other.clone()), &port, None),
            (Peer::Exposed, _) => declare(Width::Exposed, None, &port, None),
            (Peer::Network(at), _) => declare(Width::Network, None, &port, self.widths.network_name(at)),
            (Peer::Address(_), NodeId::Unknown(_)) => {
                declare(Width::Unknown, Some(other.clone()), &port, None);
            }
            (Peer::Address(ip), _) => declare(Width::External, Some(NodeId::External(ip)), &port, None),
        }
        if let Some(twin) = &twin {
            declare(Width::Dns, Some(other.clone()), twin, None);
        }
        for port in [Some(port), twin].into_iter().flatten() {
            self.insert(subject.0, direction, peer, port, contact);
        }
    }

    fn insert(
        &mut self,
        subject: usize,
        direction: Direction,
        peer: Peer,
        port: PolicyPort,
        contact: &Contact,
    ) {
        let admissions = self.needs.admissions.entry((subject, direction)).or_default();
        admissions.entry((peer, port)).or_default().insert(EdgeKey::of(contact));
    }

    fn port(&self, contact: &Contact) -> Option<PolicyPort> {
        let asked = self.asked(contact).and_then(|pod| self.inventory.pods().get(pod));
        port::of_contact(contact, asked.map(|known| &known.pod), self.inventory, &self.options.port_ranges)
    }

    /// The pod that was asked, by its place in the inventory.
    fn asked(&self, contact: &Contact) -> Option<usize> {
        let is_workload = contact.to.id.is_workload();
        is_workload.then(|| self.roster.pod(&contact.to)).flatten().map(|pod| pod.0 as usize)
    }

    fn is_outside(&self, ip: IpAddr) -> bool {
        self.inventory.node_of(ip).is_none() && !self.inventory.is_inside(ip)
    }
}
