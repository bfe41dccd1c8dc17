//! `graph --against`: what is new, gone or changed since an earlier recording or graph.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use flowfence_graph::EdgeKey;
use flowfence_graph::difference::{Sight, difference};
use flowfence_model::{IcmpType, NodeId, Protocol, Timestamp};
use serde::Deserialize;

use crate::exit::Failure;
use crate::output::graph::{ChangeRow, GraphDifferenceReport, GraphReport, WindowRow};
use crate::source;

/// One graph: its edges and when was watched.
pub struct Past {
    edges: BTreeMap<EdgeKey, Sight>,
    window: Option<WindowRow>,
}

impl From<&GraphReport> for Past {
    fn from(report: &GraphReport) -> Self {
        let edges = report.edges.iter().map(|row| {
            let (from, to) = (row.from.clone(), row.to.clone());
            let key = EdgeKey { from, to, protocol: row.protocol, port: row.port, icmp: row.icmp };
            let sight =
                Sight { connections: row.connections, attempts: row.attempts.total(), octets: row.octets };
            (key, sight)
        });
        Past { edges: edges.collect(), window: report.window }
    }
}

/// The graph that a file holds; `None` when it holds something else, such as a recording.
pub fn read_graph(path: &str) -> Result<Option<Past>, Failure> {
    let Ok(file) = std::fs::File::open(path) else { return Ok(None) };
    if !file.metadata().is_ok_and(|metadata| metadata.is_file()) {
        return Ok(None);
    }
    // The first value of the file; the kind may stand anywhere in it.
    let mut values = serde_json::Deserializer::from_reader(std::io::BufReader::new(file)).into_iter::<Kind>();
    if !values.next().is_some_and(|first| first.is_ok_and(|first| first.kind == "CommunicationGraph")) {
        return Ok(None);
    }
    let text = source::read_text(Path::new(path))?;
    let graph: Graph = serde_json::from_str(text.trim_start_matches('\u{feff}')).map_err(|error| {
        Failure::unreadable(format!("{path}: no graph as graph -o json writes it: {error}"))
    })?;
    let window = graph.window.map(|window| -> Result<WindowRow, Failure> {
        Ok(WindowRow { start: time(path, &window.start)?, end: time(path, &window.end)? })
    });
    let mut edges = BTreeMap::new();
    for (at, edge) in graph.edges.iter().enumerate() {
        let key = edge.key().map_err(|error| Failure::unreadable(format!("{path}: edges[{at}]: {error}")))?;
        edges.insert(key, edge.sight());
    }
    Ok(Some(Past { edges, window: window.transpose()? }))
}

fn time(path: &str, text: &str) -> Result<Timestamp, Failure> {
    text.parse().map_err(|_| Failure::unreadable(format!("{path}: {text:?} is no time")))
}

/// What differs between then and now, of what `is_subject` wants.
pub fn compare(then: &Past, now: GraphReport, is_subject: &dyn Fn(&NodeId) -> bool) -> GraphDifferenceReport {
    let past = Past::from(&now);
    let span = |window: Option<WindowRow>| window.map_or(Duration::ZERO, |w| w.end.since(w.start));
    let found = difference((&then.edges, span(then.window)), (&past.edges, span(past.window)));
    let suspicious: BTreeMap<EdgeKey, Vec<String>> =
        past.edges.keys().cloned().zip(now.edges.into_iter().map(|row| row.suspicious)).collect();
    let rows = found
        .iter()
        .filter(|difference| is_subject(&difference.edge.from) || is_subject(&difference.edge.to))
        .map(|difference| {
            ChangeRow::new(difference, suspicious.get(&difference.edge).cloned().unwrap_or_default())
        })
        .collect();
    GraphDifferenceReport::new([then.window, past.window], rows, now.completeness)
}

/// What tells a graph from a flow log.
#[derive(Deserialize)]
struct Kind {
    kind: String,
}

/// What is read of a graph.
#[derive(Deserialize)]
struct Graph {
    window: Option<Window>,
    edges: Vec<Row>,
}

#[derive(Deserialize)]
struct Window {
    start: String,
    end: String,
}

#[derive(Deserialize)]
struct Row {
    from: String,
    to: String,
    protocol: Protocol,
    port: Option<u16>,
    icmp: Option<Icmp>,
    connections: u64,
    attempts: Attempts,
    octets: [u64; 2],
}

#[derive(Deserialize)]
struct Icmp {
    #[serde(rename = "type")]
    kind: u8,
    code: u8,
}

#[derive(Deserialize)]
struct Attempts {
    unanswered: u64,
    refused: u64,
}

impl Row {
    fn key(&self) -> Result<EdgeKey, String> {
        let node = |text: &str| text.parse::<NodeId>().map_err(|error| error.to_string());
        let icmp = self.icmp.as_ref().map(|icmp| IcmpType { kind: icmp.kind, code: icmp.code });
        let (protocol, port) = (self.protocol, self.port);
        Ok(EdgeKey { from: node(&self.from)?, to: node(&self.to)?, protocol, port, icmp })
    }

    fn sight(&self) -> Sight {
        let attempts = self.attempts.unanswered.saturating_add(self.attempts.refused);
        Sight { connections: self.connections, attempts, octets: self.octets }
    }
}
