//! The shop example, and the graph that must come of it: derived by rule from what the kernels said, not from what the
//! program finds.
//!
//! ```text
//! truth.json (connections as the kernels saw them) ─┐
//! which endpoints share a packet in the captures ───┼─▶ expected edges
//! owners, from the snapshot's references ───────────┘
//! ```

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;
use std::net::IpAddr;
use std::path::PathBuf;

use serde_json::Value;

use super::capture::{Frame, read_pcap};
use super::graph::Key;
use super::packet;
use super::program::Inputs;

mod owners;

use owners::Owners;

/// Files of the example.
pub const CAPTURES: [&str; 2] = ["examples/shop/node1.pcap", "examples/shop/node2.pcap"];
/// Moments of its cluster.
pub const MOMENTS: [&str; 2] = ["examples/shop/before", "examples/shop/snapshot"];
/// The pods that were taken over.
pub const ATTACKER: &str = "shop/blog-";
/// UDP after so long a silence is another connection.
const UDP_IDLE_SECS: f64 = 120.0;

pub fn path(relative: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(relative)
}

/// Both captures and both moments.
pub fn inputs() -> Inputs {
    Inputs { captures: CAPTURES.map(path).to_vec(), clusters: MOMENTS.map(path).to_vec() }
}

/// The frames of both captures.
pub fn frames() -> [Vec<Frame>; 2] {
    CAPTURES.map(|name| read_pcap(&std::fs::read(path(name)).unwrap()))
}

/// Every object of both moments, moment by moment.
pub fn objects() -> [Vec<Value>; 2] {
    MOMENTS.map(|dir| {
        let mut files: Vec<PathBuf> =
            std::fs::read_dir(path(dir)).unwrap().map(|entry| entry.unwrap().path()).collect();
        files.sort();
        let list = |file: &PathBuf| -> Vec<Value> {
            let list: Value = serde_yaml::from_str(&std::fs::read_to_string(file).unwrap()).unwrap();
            list["items"].as_array().unwrap().clone()
        };
        files.iter().flat_map(list).collect()
    })
}

/// What an edge must say.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Expected {
    pub connections: u64,
    pub attempts: u64,
    pub services: BTreeSet<String>,
    pub behind: BTreeSet<String>,
    pub probe: bool,
}

/// The kernels' account.
#[derive(Debug)]
pub struct Truth {
    account: Value,
    owners: Owners,
    seen: Seen,
}

impl Truth {
    pub fn load() -> Self {
        Self::as_seen_in(&frames().concat())
    }

    /// As if these frames were all that was captured.
    pub fn as_seen_in(frames: &[Frame]) -> Self {
        let file = std::fs::File::open(path("examples/shop/truth.json.gz")).unwrap();
        let mut text = String::new();
        flate2::read::GzDecoder::new(file).read_to_string(&mut text).unwrap();
        let truth: Value = serde_json::from_str(&text).unwrap();
        let owners = Owners::new(&truth, &objects().concat());
        let seen = Seen::new(frames);
        Truth { account: truth, owners, seen }
    }

    /// Workload edges with all that must be said of them.
    pub fn edges(&self) -> BTreeMap<Key, Expected> {
        let mut edges: BTreeMap<Key, Expected> = BTreeMap::new();
        let mut last_udp: BTreeMap<(Endpoint, Endpoint), f64> = BTreeMap::new();
        for connection in self.visible() {
            let edge = edges
                .entry(self.key(&connection))
                .or_insert_with(|| Expected { probe: true, ..Expected::default() });
            edge.services.extend(self.seen.proven_service(&connection));
            edge.behind.extend(self.behind(&connection).map(|ip| ip.to_string()));
            edge.probe &= self.owners.is_probe(&connection);
            if connection.protocol == "udp" {
                let ends = (connection.client, connection.asked);
                let before = last_udp.insert(ends, connection.end);
                if before.is_some_and(|end| connection.began - end < UDP_IDLE_SECS) {
                    continue;
                }
            }
            if connection.connected { edge.connections += 1 } else { edge.attempts += 1 }
        }
        for (client, server) in self.refused_knocks() {
            let key =
                Key::new(&self.owners.id(client.0), &self.owners.id(server.0), "TCP", u64::from(server.1));
            edges.entry(key).or_default().attempts += 1;
        }
        edges
    }

    /// Openings in the captures of which the kernels know no connection: turned away by a policy.
    pub fn refused_knocks(&self) -> BTreeSet<(Endpoint, Endpoint)> {
        let known: BTreeSet<(Endpoint, Endpoint)> = self.connections().flat_map(|c| c.forms()).collect();
        self.seen.openings.iter().filter(|ends| !known.contains(ends)).copied().collect()
    }

    /// Connections and attempts of which a packet is in the captures.
    pub fn visible(&self) -> impl Iterator<Item = Connection> {
        self.connections().filter(|connection| self.seen.shows(connection))
    }

    /// Whether it is part of the attack: all that blog opened from its first failing knock on.
    pub fn is_attack(&self, connection: &Connection) -> bool {
        let of_blog = |c: &Connection| c.client_name.starts_with(ATTACKER);
        let knocks = self.connections().filter(|c| of_blog(c) && !c.connected).map(|c| c.began);
        let first_knock = knocks.fold(f64::INFINITY, f64::min);
        of_blog(connection) && connection.began >= first_knock
    }

    fn connections(&self) -> impl Iterator<Item = Connection> {
        self.account["connections"].as_array().unwrap().iter().map(Connection::parse)
    }

    /// The edge of the graph that it belongs to.
    pub fn key(&self, c: &Connection) -> Key {
        // A client from outside that comes through a node reaches the pod from that node's address; a pod on its way to
        // something that is no pod is still the pod.
        let from =
            if self.owners.is_pod(c.client.0) { c.client } else { c.as_server_sees.unwrap_or(c.client) };
        let port = (c.protocol != "icmp").then_some(u64::from(c.server.1));
        Key::new(&self.owners.id(from.0), &self.owners.id(c.server.0), &c.protocol.to_uppercase(), port)
    }

    /// The client whose address was rewritten on the way to a pod, where a packet still shows it.
    fn behind(&self, c: &Connection) -> Option<IpAddr> {
        let rewritten = c.as_server_sees.is_some_and(|seen| seen.0 != c.client.0);
        let shown = self.seen.pairs.contains(&(c.server, c.client));
        (rewritten && shown && self.owners.is_pod(c.server.0) && !self.owners.is_pod(c.client.0))
            .then_some(c.client.0)
    }
}

/// An address and a port; 0 for ICMP.
pub type Endpoint = (IpAddr, u16);

/// A connection as a kernel saw it.
#[derive(Clone, Debug)]
pub struct Connection {
    /// `tcp`, `udp` or `icmp`.
    pub protocol: String,
    /// The client, as it saw itself.
    pub client: Endpoint,
    /// `NAMESPACE/POD` of the client, or what else it is.
    pub client_name: String,
    /// Whom it asked.
    pub asked: Endpoint,
    /// Who answered.
    pub server: Endpoint,
    /// `NAMESPACE/POD` of the server, or what else it is.
    pub server_name: String,
    /// The client as the server saw it, if rewritten.
    pub as_server_sees: Option<Endpoint>,
    /// The service that was asked.
    pub service: Option<String>,
    /// Whether it came to a connection, and not only to an attempt.
    pub connected: bool,
    /// Seconds since 1970.
    pub began: f64,
    /// Seconds since 1970.
    pub end: f64,
}

impl Connection {
    fn parse(record: &Value) -> Self {
        let endpoint = |object: &Value, address: &str, port: &str| -> Endpoint {
            (
                object[address].as_str().unwrap().parse().unwrap(),
                u16::try_from(object[port].as_u64().unwrap_or(0)).unwrap(),
            )
        };
        let asked = endpoint(record, "dst", "dport");
        let protocol = record["proto"].as_str().unwrap().to_owned();
        let replied = record["replied"] == true;
        let handshake = record["established"] == true || record["began_before_capture"] == true;
        let began = record["t"].as_f64().unwrap();
        Connection {
            client: endpoint(record, "src", "sport"),
            client_name: record["src_name"].as_str().unwrap().to_owned(),
            server_name: record["dst_name"].as_str().unwrap().to_owned(),
            server: if record["dnat"].is_object() {
                endpoint(&record["dnat"], "dst", "dport")
            } else {
                asked
            },
            as_server_sees: record["snat"].is_object().then(|| endpoint(&record["snat"], "src", "sport")),
            service: record["service"].as_str().map(str::to_owned),
            connected: replied && (protocol != "tcp" || handshake),
            end: record["end"].as_f64().unwrap_or(began),
            asked,
            protocol,
            began,
        }
    }

    /// The ends as they may stand in a packet, client first.
    fn forms(&self) -> [(Endpoint, Endpoint); 4] {
        let seen = self.as_server_sees.unwrap_or(self.client);
        [(self.client, self.asked), (self.client, self.server), (seen, self.asked), (seen, self.server)]
    }
}

/// Which endpoints share a packet in the captures.
#[derive(Debug)]
struct Seen {
    /// Sender and receiver.
    pairs: BTreeSet<(Endpoint, Endpoint)>,
    /// Of these, the senders of a TCP opening.
    openings: BTreeSet<(Endpoint, Endpoint)>,
}

impl Seen {
    fn new(frames: &[Frame]) -> Self {
        let mut seen = Seen { pairs: BTreeSet::new(), openings: BTreeSet::new() };
        for packet in frames.iter().filter_map(|frame| packet::read(&frame.bytes)) {
            let ends = ((packet.source, packet.source_port), (packet.destination, packet.destination_port));
            seen.pairs.insert(ends);
            if packet.tcp_flags.is_some_and(|flags| flags & (packet::SYN | packet::ACK) == packet::SYN) {
                seen.openings.insert(ends);
            }
        }
        seen
    }

    fn shows(&self, connection: &Connection) -> bool {
        connection
            .forms()
            .into_iter()
            .any(|(x, y)| self.pairs.contains(&(x, y)) || self.pairs.contains(&(y, x)))
    }

    /// The service, if a packet from or to its address shows it.
    fn proven_service(&self, c: &Connection) -> Option<String> {
        let (x, y) = (c.client, c.asked);
        let shown = x != y && (self.pairs.contains(&(x, y)) || self.pairs.contains(&(y, x)));
        c.service.clone().filter(|_| shown && c.asked != c.server)
    }
}
