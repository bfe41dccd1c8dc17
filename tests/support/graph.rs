//! The JSON of `graph`, as far as tests look at it.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

/// What tells edges apart.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Key {
    pub from: String,
    pub to: String,
    pub protocol: String,
    pub port: Option<u64>,
}

impl Key {
    pub fn new(from: &str, to: &str, protocol: &str, port: impl Into<Option<u64>>) -> Self {
        Key { from: from.into(), to: to.into(), protocol: protocol.into(), port: port.into() }
    }
}

impl std::fmt::Display for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let port = self.port.map_or_else(String::new, |port| format!("{port}/"));
        write!(f, "{} -> {} {port}{}", self.from, self.to, self.protocol)
    }
}

/// What is said of an edge.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Edge {
    pub connections: u64,
    pub unanswered: u64,
    pub refused: u64,
    pub services: BTreeSet<String>,
    pub behind: BTreeSet<String>,
    pub packets: Vec<u64>,
    pub octets: Vec<u64>,
    pub established: bool,
    pub orientation: String,
    pub probe: bool,
    pub suspicious: usize,
}

impl Edge {
    pub fn attempts(&self) -> u64 {
        self.unanswered + self.refused
    }
}

pub type Edges = BTreeMap<Key, Edge>;

/// The edges of a `CommunicationGraph`; each key stands once.
#[track_caller]
pub fn edges(graph: &Value) -> Edges {
    assert_eq!(graph["apiVersion"], "flowfence.dev/v1");
    assert_eq!(graph["kind"], "CommunicationGraph");
    let mut edges = Edges::new();
    for edge in graph["edges"].as_array().expect("edges") {
        let key = key(edge);
        let said = Edge {
            connections: edge["connections"].as_u64().expect("connections"),
            unanswered: edge["attempts"]["unanswered"].as_u64().expect("unanswered"),
            refused: edge["attempts"]["refused"].as_u64().expect("refused"),
            services: texts(&edge["services"]),
            behind: texts(&edge["behind"]),
            packets: numbers(&edge["packets"]),
            octets: numbers(&edge["octets"]),
            established: edge["established"].as_bool().expect("established"),
            orientation: edge["orientation"].as_str().expect("orientation").to_owned(),
            probe: edge["probe"].as_bool().expect("probe"),
            suspicious: edge["suspicious"].as_array().map_or(0, Vec::len),
        };
        assert!(edges.insert(key.clone(), said).is_none(), "{key} stands twice");
    }
    edges
}

/// The ends, protocol and port of anything that has them: an edge, a cut, an excess.
#[track_caller]
pub fn key(edge: &Value) -> Key {
    let text = |field: &str| edge[field].as_str().unwrap_or_else(|| panic!("{field} in {edge}")).to_owned();
    Key { from: text("from"), to: text("to"), protocol: text("protocol"), port: edge["port"].as_u64() }
}

/// Those that carried a connection.
pub fn connected(edges: &Edges) -> BTreeSet<Key> {
    edges.iter().filter(|(_, edge)| edge.connections > 0).map(|(key, _)| key.clone()).collect()
}

pub fn texts(list: &Value) -> BTreeSet<String> {
    list.as_array().into_iter().flatten().filter_map(|v| v.as_str().map(str::to_owned)).collect()
}

fn numbers(list: &Value) -> Vec<u64> {
    list.as_array().into_iter().flatten().filter_map(Value::as_u64).collect()
}
