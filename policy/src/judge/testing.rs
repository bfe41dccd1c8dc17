//! A small cluster and its traffic, in a line each.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use flowfence_graph::crew::Alone;
use flowfence_graph::{Contact, Facts, Inventory, Party, PodName, Tally};
use flowfence_model::object::{
    ContainerPort, Controller, EndpointSlice, Meta, Node, Object, Owner, Pod, Service, ServicePort,
    TargetPort,
};
use flowfence_model::{Labels, Names, NetworkPolicy, NodeId, Orientation, Protocol, Questions, Timestamp};

use super::{Judgement, Prepared, judge_prepared};
use crate::audit::Settings;
use crate::decision::{Choice, Decision, Decisions};
use crate::semantics::Rulebook;

pub fn at(secs: i64) -> Timestamp {
    Timestamp::from_secs(1_700_000_000 + secs, 0)
}

pub fn labels(text: &str) -> Labels {
    text.split(',')
        .filter_map(|pair| pair.split_once('='))
        .map(|(k, v)| (k.to_owned(), v.to_owned()))
        .collect()
}

pub fn workload(key: &str) -> NodeId {
    key.parse().unwrap()
}

fn meta(key: &str) -> Meta {
    let (namespace, name) = key.split_once('/').unwrap_or(("", key));
    Meta { namespace: namespace.to_owned(), name: name.to_owned(), uid: key.to_owned(), ..Meta::default() }
}

/// Objects, contacts and today's policies of a test. Two nodes, `node1` with pods in
/// `10.244.1.0/24` and `node2` with `10.244.2.0/24`.
#[derive(Clone, Debug)]
pub struct World {
    pub pods: BTreeMap<String, Pod>,
    pub objects: Vec<Object>,
    pub contacts: Vec<Sight>,
    pub today: Vec<NetworkPolicy>,
    pub accept: BTreeSet<String>,
    /// Beside `accept`; it is the last day of 2026.
    pub decisions: Vec<Decision>,
    pub unseen: BTreeSet<String>,
    pub names: Names,
    pub questions: Questions,
    pub settings: Settings,
    nodes: usize,
}

/// A contact before its ends have names.
#[derive(Clone, Debug)]
pub struct Sight {
    from: String,
    to: String,
    pub contact: Contact,
}

/// What a test has at hand in the end.
pub struct Seen {
    pub facts: Facts,
    pub inventory: Inventory,
    pub judgement: Judgement,
    pub today: Vec<NetworkPolicy>,
    pub prepared: Prepared,
}

impl World {
    pub fn new() -> Self {
        let mut world = World {
            pods: BTreeMap::new(),
            objects: Vec::new(),
            contacts: Vec::new(),
            today: Vec::new(),
            accept: BTreeSet::new(),
            decisions: Vec::new(),
            unseen: BTreeSet::new(),
            names: Names::default(),
            questions: Questions::default(),
            settings: Settings::default(),
            nodes: 0,
        };
        world.node();
        world.node();
        world
    }

    /// One node more.
    pub fn node(&mut self) -> &mut Self {
        self.nodes += 1;
        let n = self.nodes;
        self.objects.push(Object::Node(Node {
            meta: meta(&format!("node{n}")),
            internal_ips: vec![format!("172.30.0.{}", 10 + n).parse().unwrap()],
            pod_cidrs: vec![format!("10.244.{n}.0/24").parse().unwrap()],
            ..Node::default()
        }));
        self
    }

    /// A Deployment and its pods `NAME-0`, `NAME-1`… on both nodes in turn.
    pub fn deployment(&mut self, key: &str, text: &str, replicas: usize) -> &mut Self {
        self.controlled("Deployment", key, text, replicas)
    }

    pub fn controlled(&mut self, kind: &str, key: &str, text: &str, replicas: usize) -> &mut Self {
        let template_labels = labels(text);
        self.objects.push(Object::Controller(Controller {
            meta: meta(key),
            kind: kind.to_owned(),
            template_labels: template_labels.clone(),
            ..Controller::default()
        }));
        let (_, name) = key.split_once('/').unwrap();
        for replica in 0..replicas {
            let mut labels = template_labels.clone();
            labels.insert("pod-template-hash".to_owned(), "5d".to_owned());
            labels.insert("apps.kubernetes.io/pod-index".to_owned(), replica.to_string());
            let owner = Some(Owner { kind: kind.to_owned(), name: name.to_owned() });
            let pod = self.pod(&format!("{key}-{replica}"));
            pod.meta.labels = labels;
            pod.meta.owner = owner;
        }
        self
    }

    /// A bare pod without labels; change what it returns.
    pub fn pod(&mut self, key: &str) -> &mut Pod {
        let n = self.pods.len();
        let node = n % 2 + 1;
        let pod = Pod {
            meta: meta(key),
            node: format!("node{node}"),
            ips: vec![format!("10.244.{node}.{}", 2 + n / 2).parse().unwrap()],
            ..Pod::default()
        };
        self.pods.entry(key.to_owned()).or_insert(pod)
    }

    /// A container port of a pod.
    pub fn port(&mut self, pod: &str, name: &str, port: u16) -> &mut Self {
        let port = ContainerPort { name: Some(name.to_owned()), port, protocol: Protocol::Tcp };
        self.pods.get_mut(pod).unwrap().ports.push(port);
        self
    }

    pub fn service(
        &mut self,
        key: &str,
        selector: &str,
        port: u16,
        target: u16,
        node_port: Option<u16>,
    ) -> &mut Self {
        let ports = [Protocol::Tcp, Protocol::Udp].map(|protocol| ServicePort {
            name: None,
            protocol,
            port,
            target: TargetPort::Number(target),
            node_port,
        });
        self.objects.push(Object::Service(Service {
            meta: meta(key),
            cluster_ips: vec![format!("10.96.0.{}", 10 + self.objects.len()).parse().unwrap()],
            ports: ports.to_vec(),
            selector: Some(labels(selector)),
            ..Service::default()
        }));
        self
    }

    pub fn api_server(&mut self, ip: &str) -> &mut Self {
        self.objects.push(Object::EndpointSlice(EndpointSlice {
            meta: meta("default/kubernetes"),
            service: "kubernetes".to_owned(),
            addresses: vec![ip.parse().unwrap()],
            ports: vec![ContainerPort { name: None, port: 6443, protocol: Protocol::Tcp }],
        }));
        self
    }

    /// Traffic between two pods or addresses; change what it returns.
    pub fn sees(
        &mut self,
        from: &str,
        to: &str,
        protocol: Protocol,
        port: u16,
        tally: Tally,
    ) -> &mut Contact {
        let nobody = Party { id: NodeId::ApiServer, pod: None, address: "0.0.0.0".parse().unwrap() };
        let contact = Contact {
            from: nobody.clone().into(),
            to: nobody.into(),
            protocol,
            port: protocol.has_ports().then_some(port),
            icmp: None,
            services: BTreeSet::new(),
            behind: BTreeSet::new(),
            orientation: Orientation::Seen,
            probe: false,
            own_node: false,
            hairpin: false,
            word: None,
            assumed: false,
            tally,
        };
        self.contacts.push(Sight { from: from.to_owned(), to: to.to_owned(), contact });
        &mut self.contacts.last_mut().unwrap().contact
    }

    /// A TCP connection.
    pub fn tcp(&mut self, from: &str, to: &str, port: u16) -> &mut Contact {
        self.sees(from, to, Protocol::Tcp, port, connected(1))
    }

    /// An answered UDP exchange.
    pub fn udp(&mut self, from: &str, to: &str, port: u16) -> &mut Contact {
        self.sees(from, to, Protocol::Udp, port, connected(1))
    }

    /// A TCP attempt that was refused.
    pub fn refused(&mut self, from: &str, to: &str, port: u16, secs: i64) -> &mut Contact {
        let tally = Tally { refused: 1, packets: [1, 1], first: at(secs), last: at(secs), ..Tally::empty() };
        self.sees(from, to, Protocol::Tcp, port, tally)
    }

    /// Builds the inventory, names the ends and judges.
    pub fn seen(&self) -> Seen {
        let mut objects = self.objects.clone();
        objects.extend(self.pods.values().cloned().map(Object::Pod));
        objects.extend(self.today.iter().cloned().map(Object::NetworkPolicy));
        let inventory = Inventory::new(vec![objects]);
        let mut contacts: Vec<Contact> = self.contacts.iter().map(|sight| named(sight, &inventory)).collect();
        for contact in &mut contacts {
            contact.tally = contact.tally.clone().placed_in((at(0), at(600)));
        }
        contacts
            .sort_by(|x, y| (&x.from, &x.to, x.protocol, x.port).cmp(&(&y.from, &y.to, y.protocol, y.port)));
        let visible = self.pods.values().filter(|pod| !self.unseen.contains(&pod.meta.name));
        let visible = visible
            .map(|pod| PodName { namespace: pod.meta.namespace.clone(), name: pod.meta.name.clone() })
            .collect();
        let facts = Facts {
            contacts,
            window: Some((at(0), at(600))),
            visible,
            names: self.names.clone(),
            questions: self.questions.clone(),
            ..Facts::default()
        };
        let accepted = self.accept.iter().map(|subject| decided(Choice::Accept, subject, None));
        let decisions = self.decisions.iter().cloned().chain(accepted).collect();
        let decisions = Decisions::new(decisions, "2026-12-31".parse().unwrap()).unwrap();
        let rules = Rulebook { policies: &self.today, tiers: inventory.cluster_policies(), plugin: None };
        let prepared = Prepared::new(&inventory, &rules);
        let judgement = judge_prepared(&facts, &inventory, &prepared, &decisions, &Alone);
        Seen { facts, inventory, judgement, today: self.today.clone(), prepared }
    }
}

/// What ann decided, and until when.
pub fn decided(choice: Choice, subject: &str, until: Option<&str>) -> Decision {
    Decision {
        choice,
        subject: subject.parse().unwrap(),
        by: "ann".to_owned(),
        reason: "agreed".to_owned(),
        until: until.map(|day| day.parse().unwrap()),
        place: Some("decisions.yaml:7".to_owned()),
    }
}

/// So many connections, from second 1 to second 2.
pub fn connected(connections: u64) -> Tally {
    Tally {
        connections,
        packets: [5 * connections, 4 * connections],
        octets: [900 * connections, 900 * connections],
        largest: 900,
        first: at(1),
        last: at(2),
        ..Tally::empty()
    }
}

fn named(sight: &Sight, inventory: &Inventory) -> Contact {
    let party = |text: &str| {
        if let Ok(address) = text.parse::<IpAddr>() {
            let serves =
                sight.contact.port.is_some_and(|port| inventory.api_server().contains(&(address, port)));
            let id = match inventory.node_of(address) {
                _ if serves => NodeId::ApiServer,
                Some(node) => NodeId::Node(node.into()),
                None if inventory.is_inside(address) => NodeId::Unknown(address),
                None => NodeId::External(address),
            };
            return Party { id, pod: None, address };
        }
        let (namespace, name) = text.split_once('/').unwrap();
        let known =
            inventory.pods().iter().find(|k| k.pod.meta.namespace == namespace && k.pod.meta.name == name);
        let known = known.unwrap_or_else(|| panic!("no pod {text}"));
        let pod = PodName { namespace: namespace.to_owned(), name: name.to_owned() };
        Party { id: known.workload.clone(), pod: Some(pod), address: known.pod.ips[0] }
    };
    Contact { from: party(&sight.from).into(), to: party(&sight.to).into(), ..sight.contact.clone() }
}
