//! Small graphs for tests.

use std::collections::BTreeSet;

use flowfence_graph::{EdgeKey, Parts};
use flowfence_model::{NodeId, Orientation, Timestamp};

use crate::output::graph::{AttemptRow, EdgeRow, GraphReport, NodeRow, VerdictRow, WindowRow};

/// A node by its id, with labels.
pub fn node(id: &str, labels: &[(&str, &str)]) -> NodeRow {
    let id: NodeId = id.parse().unwrap();
    let labels = labels.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
    NodeRow::new(id, labels, Vec::new())
}

/// An edge as its text names it, with as many connections; none is an attempt.
pub fn edge(text: &str, connections: u64) -> EdgeRow {
    let key: EdgeKey = text.parse().unwrap();
    EdgeRow {
        from: key.from,
        to: key.to,
        protocol: key.protocol,
        port: key.port,
        icmp: key.icmp,
        services: BTreeSet::new(),
        behind: BTreeSet::new(),
        connections,
        attempts: AttemptRow { unanswered: u64::from(connections == 0), refused: 0 },
        packets: [2, 1],
        octets: [200, 100],
        first: Timestamp::from_secs(10, 0),
        last: Timestamp::from_secs(20, 0),
        parts: Parts::NONE,
        established: connections > 0,
        orientation: Orientation::Seen,
        probe: false,
        verdict: VerdictRow { egress: Some("allowed"), ingress: Some("allowed") },
        suspicious: Vec::new(),
    }
}

/// A graph of these, with a node for every end that has no row of its own.
pub fn graph(nodes: Vec<NodeRow>, mut edges: Vec<EdgeRow>) -> GraphReport {
    edges.sort_by_key(EdgeRow::key);
    let mut nodes = nodes;
    for id in edges.iter().flat_map(|edge| [&edge.from, &edge.to]) {
        if nodes.iter().all(|node| node.id != *id) {
            nodes.push(NodeRow::new(id.clone(), [].into(), Vec::new()));
        }
    }
    nodes.sort_by(|a, b| a.id.cmp(&b.id));
    let window = WindowRow { start: Timestamp::from_secs(0, 0), end: Timestamp::from_secs(100, 0) };
    GraphReport { window: Some(window), nodes, edges, ..GraphReport::empty() }
}
