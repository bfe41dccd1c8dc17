//! A made-up cluster, its traffic, and what really happened in it.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use serde_json::{Value, json};

use crate::random::Random;
use crate::support::cluster::{self, Cluster, PodExt, Wire, node};
use crate::support::program::{Inputs, Scratch};

pub const HEX: &str = "0123456789abcdef";
pub const BASE32: &str = "abcdefghijklmnopqrstuvwxyz234567";

/// A pod and when it lived, in seconds of the capture.
#[derive(Clone, Copy, Debug)]
pub struct Pod {
    pub address: Ipv4Addr,
    pub from: i64,
    pub to: i64,
}

/// A workload with all the pods that it ever had.
#[derive(Clone, Debug)]
pub struct Workload {
    pub namespace: String,
    pub kind: &'static str,
    pub name: String,
    pub port: u16,
    pub pods: Vec<Pod>,
}

impl Workload {
    /// Its node id in outputs.
    pub fn id(&self) -> String {
        format!("{}/{}/{}", self.namespace, self.kind, self.name)
    }

    /// The name by which others ask for it.
    pub fn host(&self) -> String {
        format!("{}.{}.svc.cluster.local", self.name, self.namespace)
    }

    pub fn pods_at(&self, at: i64) -> Vec<Pod> {
        self.pods.iter().copied().filter(|pod| pod.from <= at && at < pod.to).collect()
    }
}

/// What an intruder did.
#[derive(Clone, Debug)]
pub struct Injected {
    /// The detector that should tell it.
    pub rule: &'static str,
    /// How it was done.
    pub style: &'static str,
    /// The workload that the finding should name.
    pub subject: String,
}

/// The cluster.
#[derive(Clone, Debug)]
pub struct Town {
    pub random: Random,
    /// How long the capture is.
    pub seconds: i64,
    /// Seconds between two things of one kind, for what is done all the time.
    pub pace: i64,
    pub workloads: Vec<Workload>,
    pub wire: Wire,
    /// Workloads whose findings are the work of an intruder, or about it.
    pub touched: BTreeSet<String>,
    pub injected: Vec<Injected>,
    /// Who really asked whom in vain, for reasons that are nobody's attack.
    pub failures: BTreeSet<String>,
    pub objects: Vec<Value>,
    /// The first half of the day, before anybody came.
    pub morning: Wire,
    /// What each pod asked for.
    asked: BTreeMap<Ipv4Addr, BTreeSet<(Ipv4Addr, u16)>>,
    nodes: u8,
    hosts: Vec<u8>,
    ports: BTreeMap<Ipv4Addr, u16>,
    outside: u8,
}

/// Where CoreDNS is.
pub const DNS: &str = "10.1.1.53:53";

impl Town {
    pub fn new(seed: u64, hours: i64) -> Self {
        let mut random = Random::new(seed);
        let nodes = u8::try_from(random.between(2, 4)).unwrap();
        let mut cluster = Cluster::new(nodes).dns();
        let mut service = cluster::service("kube-dns", "10.96.0.10", "UDP", (53, 53));
        service["metadata"]["namespace"] = "kube-system".into();
        service["spec"]["selector"] = json!({"k8s-app": "kube-dns"});
        cluster = cluster.with(service).with(cluster::endpoints(
            "kube-system",
            "kube-dns",
            "UDP",
            53,
            &["10.1.1.53".parse().unwrap()],
        ));
        let pace = random.between(40, 80) * hours.max(2) / 2;
        Town {
            random,
            seconds: hours * 3_600,
            pace,
            workloads: Vec::new(),
            wire: Wire::new(),
            touched: BTreeSet::new(),
            injected: Vec::new(),
            failures: BTreeSet::new(),
            objects: cluster.objects,
            morning: Wire::new(),
            asked: BTreeMap::new(),
            nodes,
            hosts: vec![60; usize::from(nodes)],
            ports: BTreeMap::new(),
            outside: 0,
        }
    }

    pub fn nodes(&self) -> u8 {
        self.nodes
    }

    pub fn namespace(&mut self, name: &str, labels: &[(&str, &str)]) {
        if self
            .objects
            .iter()
            .any(|object| object["kind"] == "Namespace" && object["metadata"]["name"] == name)
        {
            return;
        }
        let mut object = cluster::namespace(name);
        for (key, value) in labels {
            object["metadata"]["labels"][*key] = json!(value);
        }
        self.objects.push(object);
    }

    /// A workload with so many pods, all there from the beginning to the end.
    pub fn workload(
        &mut self,
        kind: &'static str,
        namespace: &str,
        name: &str,
        port: u16,
        pods: usize,
    ) -> usize {
        self.namespace(namespace, &[]);
        let at = self.workloads.len();
        let (namespace, name) = (namespace.to_owned(), name.to_owned());
        self.controller(kind, &namespace, &name);
        self.workloads.push(Workload { namespace, kind, name, port, pods: Vec::new() });
        for _ in 0..pods {
            self.pod(at, -60, None);
        }
        at
    }

    fn controller(&mut self, kind: &str, namespace: &str, name: &str) {
        let template = json!({"metadata": {"labels": {"app": name}}, "spec": {"containers": []}});
        let spec = match kind {
            "CronJob" => json!({"schedule": "0 * * * *", "jobTemplate": {"spec": {"template": template}}}),
            _ => json!({"selector": {"matchLabels": {"app": name}}, "template": template}),
        };
        let version = if kind == "CronJob" { "batch/v1" } else { "apps/v1" };
        self.objects.push(json!({"apiVersion": version, "kind": kind,
            "metadata": {"name": name, "namespace": namespace, "labels": {"app": name}}, "spec": spec}));
        if kind == "Deployment" {
            let mut set = cluster::replica_set(name, &format!("{name}-5d4f8c7b9"), "5d4f8c7b9");
            set["metadata"]["namespace"] = namespace.into();
            self.objects.push(set);
        }
    }

    /// One pod more of a workload, from `from` until it is done.
    pub fn pod(&mut self, workload: usize, from: i64, to: Option<i64>) -> Pod {
        let number = self.workloads[workload].pods.len();
        let node = match self.workloads[workload].kind {
            "DaemonSet" => number % usize::from(self.nodes),
            _ => self.random.count(0, usize::from(self.nodes) - 1),
        };
        let host = self.hosts[node];
        self.hosts[node] += 1;
        let address = Ipv4Addr::new(10, 1, u8::try_from(node + 1).unwrap(), host);
        let Workload { namespace, kind, name, port, .. } = &self.workloads[workload];
        let (owner_kind, owner, pod_name) = match *kind {
            "Deployment" => {
                let set = format!("{name}-5d4f8c7b9");
                ("ReplicaSet", set.clone(), format!("{set}-{number:05}"))
            }
            "CronJob" => {
                let job = format!("{name}-{}", 29_000_000 + number);
                self.objects.push(json!({"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": job,
                    "namespace": namespace, "ownerReferences": [{"apiVersion": "batch/v1", "kind": "CronJob",
                    "name": name, "controller": true, "uid": name}]}}));
                ("Job", job.clone(), format!("{job}-abcde"))
            }
            kind => (kind, name.clone(), format!("{name}-{number}")),
        };
        let address_text = address.to_string();
        let mut object = cluster::pod(&pod_name, &[&address_text], *port)
            .owned_by(owner_kind, &owner)
            .labelled(&[("app", name)])
            .between(from, to);
        object["metadata"]["namespace"] = namespace.clone().into();
        self.objects.push(object);
        let pod = Pod { address, from, to: to.unwrap_or(self.seconds + 60) };
        self.workloads[workload].pods.push(pod);
        pod
    }

    /// An address outside that nobody else has.
    pub fn outside(&mut self) -> Ipv4Addr {
        self.outside += 1;
        Ipv4Addr::new(203, 0, 113, self.outside)
    }

    /// The next port of a client.
    pub fn client(&mut self, pod: Ipv4Addr) -> SocketAddr {
        let next = self.ports.entry(pod).or_insert(32_768);
        *next = if *next > 60_000 { 32_768 } else { *next + 1 };
        SocketAddr::new(IpAddr::V4(pod), *next)
    }

    /// A connection.
    pub fn talk(&mut self, at: i64, from: Ipv4Addr, to: (Ipv4Addr, u16), octets: [u32; 2], seconds: i64) {
        let client = self.client(from);
        self.asked.entry(from).or_default().insert(to);
        self.wire.from(at);
        self.wire.exchange(client, (to.0, to.1).into(), octets, seconds);
    }

    /// A datagram with an answer.
    pub fn ask(&mut self, at: i64, from: Ipv4Addr, to: (Ipv4Addr, u16)) {
        let client = self.client(from);
        self.wire.from(at);
        self.wire.ask(client, (to.0, to.1).into());
    }

    /// An opening that is refused, or that nobody answers.
    pub fn knock(&mut self, at: i64, from: Ipv4Addr, to: (Ipv4Addr, u16), refused: bool) {
        let client = self.client(from);
        self.wire.from(at);
        if refused {
            self.wire.refused(client, (to.0, to.1).into());
        } else {
            self.wire.unanswered(client, (to.0, to.1).into());
        }
    }

    /// A question for a name; those of records that hold no address have no answer that we read.
    pub fn question(&mut self, at: i64, from: Ipv4Addr, name: &[u8], kind: u16, answer: Option<Ipv4Addr>) {
        let client = self.client(from);
        self.wire.from(at);
        self.wire.question(client, DNS.parse().unwrap(), name, kind, answer);
    }

    /// What a resolver does for a name: its search path first, then the name itself.
    pub fn look_up(&mut self, at: i64, pod: Ipv4Addr, namespace: &str, name: &str, answer: Option<Ipv4Addr>) {
        let inside = name.ends_with("cluster.local");
        let ends = [
            format!(".{namespace}.svc.cluster.local"),
            ".svc.cluster.local".into(),
            ".cluster.local".into(),
            ".corp.firm.example".into(),
        ];
        for end in ends.iter().filter(|_| !inside) {
            self.question(at, pod, format!("{name}{end}").as_bytes(), 1, None);
        }
        self.question(at, pod, name.as_bytes(), 1, answer);
    }

    /// What the pods of a workload asked for by TCP.
    pub fn asked(&self, workload: usize) -> BTreeSet<(Ipv4Addr, u16)> {
        let pods = self.workloads[workload].pods.iter();
        pods.filter_map(|pod| self.asked.get(&pod.address)).flatten().copied().collect()
    }

    /// Whether it asks only who is inside, in all the day.
    pub fn stays_inside(&self, workload: usize) -> bool {
        self.asked(workload).iter().all(|(to, _)| to.is_private())
    }

    /// Which workload has an address.
    pub fn holder(&self, address: Ipv4Addr) -> Option<&Workload> {
        self.workloads.iter().find(|known| known.pods.iter().any(|pod| pod.address == address))
    }

    /// Something that failed for no evil reason.
    pub fn fails(&mut self, workload: usize) {
        self.failures.insert(self.workloads[workload].id());
    }

    /// The address of a node.
    pub fn node(&mut self) -> Ipv4Addr {
        node(u8::try_from(self.random.between(1, self.nodes.into())).unwrap())
    }

    /// Workloads and hours that were watched.
    pub fn workload_hours(&self) -> f64 {
        self.workloads.len() as f64 * self.seconds as f64 / 3_600.0
    }

    pub fn inputs(&self, scratch: &Scratch) -> Inputs {
        Cluster { objects: self.objects.clone() }.inputs(scratch, &[&self.wire])
    }
}
