//! A made-up cluster: objects as the API prints them, and the packets that its taps see.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use pnet_packet::icmp::IcmpTypes;
use serde_json::{Value, json};

use super::capture::{Frame, pcap};
use super::packet::{self, ACK, FIN, PSH, RST, SYN};
use super::program::{Inputs, Scratch};

/// 2026-06-01T12:00:00Z: when the captures begin.
pub const NOON: i64 = 1_780_315_200;

/// A time so many seconds after the captures begin, as the API writes it.
pub fn time(seconds: i64) -> String {
    jiff::Timestamp::from_second(NOON + seconds).unwrap().to_string()
}

/// Objects of a cluster with pod addresses 10.1.NODE.0/24 and `fd00:NODE::/64`, services in 10.96.0.0/16, and nodes
/// `n1`, `n2`… at 192.168.0.NODE.
#[derive(Clone, Debug)]
pub struct Cluster {
    pub objects: Vec<Value>,
}

impl Cluster {
    /// With so many nodes.
    pub fn new(nodes: u8) -> Self {
        let mut objects = vec![
            namespace("app"),
            namespace("kube-system"),
            json!({"apiVersion": "v1", "kind": "Service",
                "metadata": {"name": "kubernetes", "namespace": "default"},
                "spec": {"type": "ClusterIP", "clusterIP": "10.96.0.1", "clusterIPs": ["10.96.0.1"],
                    "ports": [{"name": "https", "port": 443, "protocol": "TCP", "targetPort": 6443}]}}),
            endpoints("default", "kubernetes", "TCP", 6443, &["192.168.0.200".parse().unwrap()]),
        ];
        for n in 1..=nodes {
            objects.push(json!({"apiVersion": "v1", "kind": "Node", "metadata": {"name": format!("n{n}")},
                "spec": {"podCIDR": format!("10.1.{n}.0/24"), "podCIDRs": [format!("10.1.{n}.0/24"), format!("fd00:{n}::/64")]},
                "status": {"addresses": [{"type": "InternalIP", "address": node(n).to_string()}]}}));
        }
        Cluster { objects }
    }

    /// A Deployment `app/NAME` with its ReplicaSet, and a pod at each address. All listen on `port` by name `main`.
    pub fn deployment(self, name: &str, port: u16, addresses: &[&str]) -> Self {
        let hash = "5d4f8c7b9";
        let set = format!("{name}-{hash}");
        let mut this = self.with(json!({"apiVersion": "apps/v1", "kind": "Deployment",
            "metadata": {"name": name, "namespace": "app", "labels": {"app": name}},
            "spec": {"replicas": addresses.len(), "selector": {"matchLabels": {"app": name}},
                "template": {"metadata": {"labels": {"app": name}}, "spec": {"containers": []}}}}));
        this = this.with(replica_set(name, &set, hash));
        for (n, address) in addresses.iter().enumerate() {
            this = this.with(
                pod(&format!("{set}-{n:05}"), &[address], port)
                    .owned_by("ReplicaSet", &set)
                    .labelled(&[("app", name), ("pod-template-hash", hash)]),
            );
        }
        this
    }

    /// A ClusterIP service `app/NAME` in front of `backends`.
    pub fn service(self, name: &str, ip: &str, protocol: &str, ports: (u16, u16), backends: &[&str]) -> Self {
        let backends: Vec<IpAddr> = backends.iter().map(|ip| ip.parse().unwrap()).collect();
        self.with(service(name, ip, protocol, ports))
            .with(endpoints("app", name, protocol, ports.1, &backends))
    }

    /// CoreDNS at 10.1.1.53 behind 10.96.0.10.
    pub fn dns(self) -> Self {
        let mut pod = pod("coredns-0", &["10.1.1.53"], 53).labelled(&[("k8s-app", "kube-dns")]);
        pod["metadata"]["namespace"] = "kube-system".into();
        self.with(pod)
    }

    pub fn with(mut self, object: Value) -> Self {
        self.objects.push(object);
        self
    }

    /// Writes objects and frames and tells where they are.
    pub fn inputs(&self, scratch: &Scratch, captures: &[&Wire]) -> Inputs {
        let list = super::rewrite::list(&self.objects);
        Inputs {
            captures: (0..)
                .zip(captures)
                .map(|(n, wire)| scratch.file(&format!("{n}.pcap"), wire.pcap()))
                .collect(),
            clusters: vec![scratch.file("cluster.json", list)],
        }
    }
}

pub fn namespace(name: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "Namespace",
        "metadata": {"name": name, "labels": {"kubernetes.io/metadata.name": name}}})
}

pub fn replica_set(deployment: &str, name: &str, hash: &str) -> Value {
    json!({"apiVersion": "apps/v1", "kind": "ReplicaSet", "metadata": {"name": name, "namespace": "app",
        "labels": {"app": deployment, "pod-template-hash": hash},
        "ownerReferences": [{"apiVersion": "apps/v1", "kind": "Deployment", "name": deployment, "controller": true, "uid": deployment}]}})
}

/// A running pod of `app`, on the node that its first address tells, since a minute before the captures.
pub fn pod(name: &str, addresses: &[&str], port: u16) -> Value {
    let first: IpAddr = addresses[0].parse().unwrap();
    let node = match first {
        IpAddr::V4(ip) => ip.octets()[2].into(),
        IpAddr::V6(ip) => ip.segments()[1],
    };
    let ips: Vec<Value> = addresses.iter().map(|ip| json!({"ip": ip})).collect();
    json!({"apiVersion": "v1", "kind": "Pod",
        "metadata": {"name": name, "namespace": "app", "creationTimestamp": time(-60)},
        "spec": {"nodeName": format!("n{node}"), "containers": [{"name": "main",
            "ports": [{"name": "main", "containerPort": port, "protocol": "TCP"}]}]},
        "status": {"phase": "Running", "podIP": addresses[0], "podIPs": ips, "startTime": time(-60),
            "hostIP": format!("192.168.0.{node}")}})
}

pub fn service(name: &str, ip: &str, protocol: &str, (port, target): (u16, u16)) -> Value {
    json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": name, "namespace": "app"},
        "spec": {"type": "ClusterIP", "clusterIP": ip, "clusterIPs": [ip], "selector": {"app": name},
            "ports": [{"port": port, "protocol": protocol, "targetPort": target}]}})
}

pub fn endpoints(namespace: &str, service: &str, protocol: &str, port: u16, backends: &[IpAddr]) -> Value {
    let endpoints: Vec<Value> =
        backends.iter().map(|ip| json!({"addresses": [ip], "conditions": {"ready": true}})).collect();
    json!({"apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "addressType": "IPv4",
        "metadata": {"name": format!("{service}-x1"), "namespace": namespace, "labels": {"kubernetes.io/service-name": service}},
        "ports": [{"name": if service == "kubernetes" { "https" } else { "" }, "port": port, "protocol": protocol}],
        "endpoints": endpoints})
}

/// Small changes of a pod.
pub trait PodExt {
    fn owned_by(self, kind: &str, name: &str) -> Value;
    fn labelled(self, labels: &[(&str, &str)]) -> Value;
    fn between(self, from: i64, to: Option<i64>) -> Value;
    fn on_host(self) -> Value;
    fn probed(self) -> Value;
}

impl PodExt for Value {
    fn owned_by(mut self, kind: &str, name: &str) -> Value {
        self["metadata"]["ownerReferences"] =
            json!([{"apiVersion": "apps/v1", "kind": kind, "name": name, "controller": true, "uid": name}]);
        self
    }

    fn labelled(mut self, labels: &[(&str, &str)]) -> Value {
        self["metadata"]["labels"] = labels.iter().map(|(k, v)| ((*k).to_owned(), json!(v))).collect();
        self
    }

    /// Created and started at `from`, finished at `to`, in seconds of the capture.
    fn between(mut self, from: i64, to: Option<i64>) -> Value {
        self["metadata"]["creationTimestamp"] = time(from).into();
        self["status"]["startTime"] = time(from).into();
        if let Some(to) = to {
            self["status"]["phase"] = "Succeeded".into();
            self["status"]["containerStatuses"] = json!([{"name": "main", "state": {"terminated":
                {"exitCode": 0, "startedAt": time(from), "finishedAt": time(to)}}}]);
        }
        self
    }

    /// On the network of its node.
    fn on_host(mut self) -> Value {
        self["spec"]["hostNetwork"] = true.into();
        self
    }

    /// With a readiness probe at its port.
    fn probed(mut self) -> Value {
        self["spec"]["containers"][0]["readinessProbe"] = json!({"tcpSocket": {"port": "main"}});
        self
    }
}

/// The address of a node.
pub fn node(n: u8) -> Ipv4Addr {
    Ipv4Addr::new(192, 168, 0, n)
}

/// `ADDRESS:PORT`.
pub fn at(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

/// What a tap sees.
#[derive(Clone, Debug)]
pub struct Wire {
    pub frames: Vec<Frame>,
    pub(super) now: i64,
    sequence: u32,
}

impl Wire {
    pub fn new() -> Self {
        Wire { frames: Vec::new(), now: NOON * 1_000_000_000, sequence: 1_000 }
    }

    /// What follows happens so many seconds after the capture began.
    pub fn from(&mut self, seconds: i64) -> &mut Self {
        self.now = (NOON + seconds) * 1_000_000_000;
        self
    }

    /// What was seen until so many seconds after the capture began.
    pub fn until(&self, seconds: i64) -> Wire {
        let end = (NOON + seconds) * 1_000_000_000;
        let frames = self.frames.iter().filter(|frame| frame.at < end).cloned().collect();
        Wire { frames, ..*self }
    }

    pub fn pcap(&self) -> Vec<u8> {
        let mut frames = self.frames.clone();
        frames.sort_by_key(|frame| frame.at);
        pcap(&frames)
    }

    pub fn frame(&mut self, bytes: Vec<u8>) {
        self.now += 300_000;
        let wire_octets = bytes.len();
        self.frames.push(Frame { at: self.now, bytes, wire_octets });
    }

    /// A whole TCP connection: handshake, request, answer, close.
    pub fn connect(&mut self, client: SocketAddr, server: SocketAddr) {
        self.translated(client, [server, server]);
    }

    /// A TCP connection whose requests go to the first and whose answers come from the second of `servers`, as where a
    /// service is translated between pod and tap.
    pub fn translated(&mut self, client: SocketAddr, servers: [SocketAddr; 2]) {
        self.rewritten([client, client], servers);
    }

    /// A TCP connection whose client stands in the requests and in the answers with different addresses.
    pub fn rewritten(&mut self, clients: [SocketAddr; 2], servers: [SocketAddr; 2]) {
        let (mine, theirs) = self.sequences();
        let mut there = |flags, sequence, acknowledged, data: &[u8]| {
            self.frame(packet::tcp(clients[0], servers[0], flags, sequence, acknowledged, data));
        };
        there(SYN, mine, 0, b"");
        self.frame(packet::tcp(servers[1], clients[1], SYN | ACK, theirs, mine + 1, b""));
        self.frame(packet::tcp(clients[0], servers[0], ACK, mine + 1, theirs + 1, b""));
        self.frame(packet::tcp(clients[0], servers[0], PSH | ACK, mine + 1, theirs + 1, b"question"));
        self.frame(packet::tcp(servers[1], clients[1], PSH | ACK, theirs + 1, mine + 9, b"answer"));
        self.frame(packet::tcp(clients[0], servers[0], FIN | ACK, mine + 9, theirs + 7, b""));
        self.frame(packet::tcp(servers[1], clients[1], FIN | ACK, theirs + 7, mine + 10, b""));
        self.frame(packet::tcp(clients[0], servers[0], ACK, mine + 10, theirs + 8, b""));
    }

    /// The middle of a TCP connection: data both ways, no beginning and no end.
    pub fn midstream(&mut self, client: SocketAddr, server: SocketAddr) {
        let (mine, theirs) = self.sequences();
        for n in 0..4 {
            self.frame(packet::tcp(client, server, PSH | ACK, mine + n * 8, theirs + n * 6, b"question"));
            self.frame(packet::tcp(server, client, PSH | ACK, theirs + n * 6, mine + n * 8 + 8, b"answer"));
        }
    }

    /// A bare connect, as the kubelet probes: handshake and close.
    pub fn probe(&mut self, client: SocketAddr, server: SocketAddr) {
        let (mine, theirs) = self.sequences();
        self.frame(packet::tcp(client, server, SYN, mine, 0, b""));
        self.frame(packet::tcp(server, client, SYN | ACK, theirs, mine + 1, b""));
        self.frame(packet::tcp(client, server, ACK, mine + 1, theirs + 1, b""));
        self.frame(packet::tcp(client, server, FIN | ACK, mine + 1, theirs + 1, b""));
        self.frame(packet::tcp(server, client, FIN | ACK, theirs + 1, mine + 2, b""));
        self.frame(packet::tcp(client, server, ACK, mine + 2, theirs + 2, b""));
    }

    /// An opening that is reset.
    pub fn refused(&mut self, client: SocketAddr, server: SocketAddr) {
        let (mine, _) = self.sequences();
        self.frame(packet::tcp(client, server, SYN, mine, 0, b""));
        self.frame(packet::tcp(server, client, RST | ACK, 0, mine + 1, b""));
    }

    /// An opening that nobody answers, tried three times.
    pub fn unanswered(&mut self, client: SocketAddr, server: SocketAddr) {
        let (mine, _) = self.sequences();
        for _ in 0..3 {
            self.frame(packet::tcp(client, server, SYN, mine, 0, b""));
        }
    }

    /// An opening that the client's or server's node refuses by ICMP.
    pub fn rejected(&mut self, client: SocketAddr, server: SocketAddr, by: Ipv4Addr) {
        let (mine, _) = self.sequences();
        let opening = packet::tcp(client, server, SYN, mine, 0, b"");
        self.frame(opening.clone());
        self.frame(packet::port_unreachable(by, &opening));
    }

    /// An echo request, and the reply to it where somebody is there.
    pub fn ping(&mut self, from: Ipv4Addr, to: Ipv4Addr, answered: bool) {
        let (identifier, _) = self.sequences();
        let identifier = u16::try_from(identifier & 0xffff).unwrap();
        self.frame(packet::echo(from, to, IcmpTypes::EchoRequest, identifier));
        if answered {
            self.frame(packet::echo(to, from, IcmpTypes::EchoReply, identifier));
        }
    }

    /// UDP with an answer.
    pub fn ask(&mut self, client: SocketAddr, server: SocketAddr) {
        self.frame(packet::udp(client, server, b"question"));
        self.frame(packet::udp(server, client, b"answer"));
    }

    /// UDP without an answer.
    pub fn tell(&mut self, client: SocketAddr, server: SocketAddr) {
        self.frame(packet::udp(client, server, b"metric:1|c"));
    }

    pub(super) fn sequences(&mut self) -> (u32, u32) {
        self.sequence = self.sequence.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let mine = self.sequence >> 1;
        self.sequence = self.sequence.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (mine, self.sequence >> 1)
    }
}
