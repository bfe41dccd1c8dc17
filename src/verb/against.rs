//! `graph --against`: what is new, gone or changed since an earlier recording or graph.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::Duration;

use flowfence_graph::difference::{Sight, difference};
use flowfence_graph::{EdgeKey, Parts};
use flowfence_model::{IcmpType, Labels, NodeId, Orientation, Protocol, Timestamp};
use serde::Deserialize;

use crate::exit::Failure;
use crate::output::graph::{
    AttemptRow, ChangeRow, EdgeRow, GraphDifferenceReport, GraphReport, NodeRow, VerdictRow, WindowRow,
};
use crate::source;

/// One graph: its edges and when was watched.
struct Past {
    edges: BTreeMap<EdgeKey, Sight>,
    window: Option<WindowRow>,
}

impl From<&GraphReport> for Past {
    fn from(report: &GraphReport) -> Self {
        let edges = report.edges.iter().map(|row| {
            let sight =
                Sight { connections: row.connections, attempts: row.attempts.total(), octets: row.octets };
            (row.key(), sight)
        });
        Past { edges: edges.collect(), window: report.window }
    }
}

/// The graph that a file holds; `None` when it holds something else, such as a recording.
pub fn read_graph(path: &str) -> Result<Option<GraphReport>, Failure> {
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
    let window = window.transpose()?;
    let wrong =
        |what: &str, at: usize, error: String| Failure::unreadable(format!("{path}: {what}[{at}]: {error}"));
    let nodes = graph.nodes.into_iter().enumerate();
    let nodes = nodes.map(|(at, node)| {
        let id = node.id.parse::<NodeId>().map_err(|error| wrong("nodes", at, error.to_string()))?;
        Ok((id.clone(), NodeRow::new(id, node.labels, node.fqdns)))
    });
    let mut nodes = nodes.collect::<Result<BTreeMap<_, _>, Failure>>()?;
    let mut edges = BTreeMap::new();
    for (at, edge) in graph.edges.iter().enumerate() {
        let row = edge.row(window).map_err(|error| wrong("edges", at, error))?;
        for id in [&row.from, &row.to] {
            nodes.entry(id.clone()).or_insert_with(|| NodeRow::new(id.clone(), Labels::new(), Vec::new()));
        }
        edges.insert(row.key(), row);
    }
    Ok(Some(GraphReport {
        window,
        nodes: nodes.into_values().collect(),
        edges: edges.into_values().collect(),
        ..GraphReport::empty()
    }))
}

fn time(path: &str, text: &str) -> Result<Timestamp, Failure> {
    text.parse().map_err(|_| Failure::unreadable(format!("{path}: {text:?} is no time")))
}

/// What differs between then and now.
pub fn compare(then: &GraphReport, now: GraphReport) -> GraphDifferenceReport {
    let (then, past) = (Past::from(then), Past::from(&now));
    let span = |window: Option<WindowRow>| window.map_or(Duration::ZERO, |w| w.end.since(w.start));
    let found = difference((&then.edges, span(then.window)), (&past.edges, span(past.window)));
    let suspicious: BTreeMap<EdgeKey, Vec<String>> =
        now.edges.into_iter().map(|row| (row.key(), row.suspicious)).collect();
    let rows = found
        .iter()
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
    #[serde(default)]
    nodes: Vec<Node>,
    edges: Vec<Row>,
}

#[derive(Deserialize)]
struct Node {
    id: String,
    #[serde(default)]
    labels: Labels,
    #[serde(default)]
    fqdns: Vec<String>,
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
    first: Option<String>,
    last: Option<String>,
    #[serde(default)]
    probe: bool,
    #[serde(default)]
    verdict: Verdict,
}

#[derive(Default, Deserialize)]
struct Verdict {
    egress: Option<String>,
    ingress: Option<String>,
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
    /// The edge as far as filters, folds and the difference look at it.
    fn row(&self, window: Option<WindowRow>) -> Result<EdgeRow, String> {
        let node = |text: &str| text.parse::<NodeId>().map_err(|error| error.to_string());
        // What an earlier version left out was there for as long as was watched.
        let time = |text: &Option<String>, open: Option<Timestamp>| match text {
            Some(text) => text.parse().map_err(|_| format!("{text:?} is no time")),
            None => Ok(open.unwrap_or_default()),
        };
        Ok(EdgeRow {
            from: node(&self.from)?,
            to: node(&self.to)?,
            protocol: self.protocol,
            port: self.port,
            icmp: self.icmp.as_ref().map(|icmp| IcmpType { kind: icmp.kind, code: icmp.code }),
            services: BTreeSet::new(),
            behind: BTreeSet::new(),
            connections: self.connections,
            attempts: AttemptRow { unanswered: self.attempts.unanswered, refused: self.attempts.refused },
            packets: [0, 0],
            octets: self.octets,
            first: time(&self.first, window.map(|window| window.start))?,
            last: time(&self.last, window.map(|window| window.end))?,
            parts: Parts::NONE,
            established: self.connections > 0,
            orientation: Orientation::Unknown,
            probe: self.probe,
            verdict: VerdictRow {
                egress: said(self.verdict.egress.as_deref()),
                ingress: said(self.verdict.ingress.as_deref()),
            },
            suspicious: Vec::new(),
        })
    }
}

/// A word that we say of an edge; others are none.
fn said(word: Option<&str>) -> Option<&'static str> {
    ["allowed", "denied", "unspecified"].into_iter().find(|known| word == Some(*known))
}
