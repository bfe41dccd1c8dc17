//! Every export of the graph, read by the program that it is for: nodes, edges and attributes are the graph's, whatever
//! they are called.

#![allow(clippy::unwrap_used, reason = "a test panics where it has nothing to say")]

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write as _;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::process::Command;

use clap::ValueEnum;
use flowfence::cli::GraphFormat;
use flowfence::output::completeness::CompletenessReport;
use flowfence::output::graph::{AttemptRow, EdgeRow, GraphReport, NodeRow, VerdictRow, WindowRow, write};
use flowfence::output::safe;
use flowfence_model::{IcmpType, NodeId, Orientation, Protocol, Timestamp};
use serde_json::{Value, json};

/// Names that would break out of one format or another, if it let them.
const HOSTILE: &[&str] = &[
    "\"]; click n0 \"javascript:alert(1)\"; x[\"",
    "'}) DETACH DELETE n //",
    "\\u0027}) DETACH DELETE n //",
    "</title><script>alert(1)</script>",
    "]]><!--&lt;&#0;<!DOCTYPE x [<!ENTITY a \"b\">]>",
    "=cmd|' /C calc'!A0",
    "\u{ff1d}1+1",
    "${x} |md ` ```",
    "%%{init: {\"securityLevel\": \"loose\"}}%%",
    "#quot;#35; end subgraph",
    "a\u{202e}b\u{1b}[31m\u{0}\u{feff}\u{2028}c\nd\u{fffe}",
    "\\' \\\" \\",
    "name with, comma; semicolon -> x: y {z}",
    "日本語 ünï 🦀",
];

/// A graph of `edges` edges among `nodes` workloads; every kind of node, standing and name is there.
fn generated(nodes: usize, edges: usize) -> GraphReport {
    let mut rows: Vec<NodeRow> = (0..nodes).map(node).collect();
    rows.sort_by(|a, b| a.id.cmp(&b.id));
    let ids: Vec<NodeId> = rows.iter().map(|node| node.id.clone()).collect();
    let mut drawn: BTreeMap<(usize, usize, u16), EdgeRow> = BTreeMap::new();
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    while drawn.len() < edges {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let pick = |shift: u32, below: usize| usize::try_from(state >> shift).unwrap() % below;
        let (from, to, port) = (pick(40, nodes), pick(20, nodes), [53, 80, 443, 5432, 0][pick(33, 5)]);
        let made = edge(&ids[from], &ids[to], port, drawn.len());
        drawn.entry((from, to, port)).or_insert(made);
    }
    let time = Timestamp::from_nanos(1_760_000_000_000_000_000);
    GraphReport {
        api_version: "flowfence.dev/v1",
        kind: "CommunicationGraph",
        window: Some(WindowRow { start: time, end: time }),
        nodes: rows,
        edges: drawn.into_values().collect(),
        completeness: CompletenessReport::default(),
    }
}

fn node(at: usize) -> NodeRow {
    let hostile = HOSTILE[at % HOSTILE.len()];
    let ip = Ipv4Addr::from(0xc633_6400 + u32::try_from(at).unwrap());
    let (id, name) = match at % 7 {
        0 => (NodeId::External(ip.into()), ip.to_string()),
        1 => (NodeId::Unknown(ip.into()), ip.to_string()),
        2 => (NodeId::Node(format!("{hostile} {at}")), format!("{hostile} {at}")),
        _ => {
            let (namespace, name) = (format!("ns{} {hostile}", at % 11), format!("{at} {hostile}"));
            (NodeId::workload(&namespace, "Deployment", &name), name)
        }
    };
    NodeRow {
        kind: id.kind().to_owned(),
        namespace: id.namespace().map(str::to_owned),
        name,
        labels: [("app".to_owned(), hostile.to_owned())].into(),
        fqdns: if at % 7 == 0 { vec![hostile.to_owned(), "a.example".to_owned()] } else { Vec::new() },
        id,
    }
}

fn edge(from: &NodeId, to: &NodeId, port: u16, at: usize) -> EdgeRow {
    let icmp = port == 0;
    let count = u64::try_from(at).unwrap();
    let time = Timestamp::from_nanos(1_760_000_000_000_000_000 + i64::try_from(at).unwrap() * 1_000_000_000);
    let said = [Some("allowed"), Some("denied"), Some("unspecified"), None][at % 4];
    EdgeRow {
        from: from.clone(),
        to: to.clone(),
        protocol: if icmp { Protocol::Icmp } else { Protocol::Tcp },
        port: (!icmp).then_some(port),
        icmp: icmp.then_some(IcmpType { kind: 8, code: 0 }),
        services: [HOSTILE[at % HOSTILE.len()].to_owned()].into(),
        behind: [Ipv4Addr::new(203, 0, 113, 7).into()].into(),
        connections: if at.is_multiple_of(5) { 0 } else { count },
        attempts: AttemptRow { unanswered: 1, refused: count % 3 },
        packets: [count, 2],
        octets: [count * 1000, 1 << 40],
        first: time,
        last: time,
        established: at.is_multiple_of(2),
        orientation: Orientation::Seen,
        probe: at.is_multiple_of(9),
        verdict: VerdictRow { egress: said, ingress: Some("allowed") },
        suspicious: vec![format!("port-scan-{}", HOSTILE[at % HOSTILE.len()])],
    }
}

/// The programs, or `None` and a word on why there are none.
fn consumers(test: &str) -> Option<PathBuf> {
    let build = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/consumers/build");
    let ended = Command::new(build).output().unwrap();
    if ended.status.success() {
        return Some(PathBuf::from(String::from_utf8(ended.stdout).unwrap().trim()));
    }
    skipped(test, String::from_utf8_lossy(&ended.stderr).lines().last().unwrap_or_default());
    None
}

/// Past the capture of a passing test's output.
fn skipped(test: &str, why: &str) {
    let _ = writeln!(std::io::stderr(), "SKIPPED graph_exports {test}: {why}");
}

struct Export {
    directory: tempfile::TempDir,
    report: GraphReport,
}

impl Export {
    fn of(report: GraphReport) -> Self {
        Export { directory: tempfile::tempdir().unwrap(), report }
    }

    fn file(&self, format: GraphFormat) -> PathBuf {
        let mut octets = Vec::new();
        write(&self.report, format, &mut octets).unwrap();
        let mut again = Vec::new();
        write(&self.report, format, &mut again).unwrap();
        assert!(octets == again, "the same graph gives the same octets");
        let path = self.directory.path().join(format.to_possible_value().unwrap().get_name());
        std::fs::write(&path, octets).unwrap();
        path
    }

    /// What the program that a format is for holds after it has read it.
    fn read(&self, consumers: &Path, format: GraphFormat) -> Value {
        let here = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/consumers");
        let file = self.file(format);
        let name = format.to_possible_value().unwrap().get_name().to_owned();
        let mut command = match format {
            GraphFormat::D2 => Command::new(consumers.join("d2")),
            GraphFormat::Mermaid | GraphFormat::Drawio | GraphFormat::Cytoscape => {
                let mut node = Command::new("node");
                node.arg(here.join("read.mjs")).arg(consumers).arg(name);
                node
            }
            _ => {
                let mut python = Command::new(consumers.join("python/bin/python"));
                python.arg("-B").arg(here.join("read.py")).arg(name.trim_end_matches("-nodes"));
                python
            }
        };
        let ended = command.arg(file).output().unwrap();
        let problem = String::from_utf8_lossy(&ended.stderr).into_owned();
        assert!(ended.status.success(), "{format:?}: {problem}");
        serde_json::from_slice(&ended.stdout).unwrap_or_else(|error| panic!("{format:?}: {error} {problem}"))
    }
}

/// Nodes and edges as the JSON of the graph tells them, flat, their text as `said` changes it.
fn expected(report: &GraphReport, said: fn(&str) -> String) -> (BTreeMap<String, Value>, Vec<Value>) {
    let graph = serde_json::to_value(report).unwrap();
    let nodes = graph["nodes"].as_array().unwrap().iter();
    let nodes = nodes.map(|node| {
        let labels: Vec<String> = node["labels"].as_object().into_iter().flatten().map(pair).collect();
        let mut flat = flat(&[
            ("kind", &node["kind"]),
            ("namespace", &node["namespace"]),
            ("name", &node["name"]),
            ("labels", &json!(labels)),
            ("fqdns", &node["fqdns"]),
        ]);
        say(&mut flat, said);
        (said(node["id"].as_str().unwrap()), flat)
    });
    let edges = graph["edges"].as_array().unwrap().iter();
    let edges = edges.map(|edge| {
        let mut flat = flat(&[
            ("protocol", &edge["protocol"]),
            ("port", &edge["port"]),
            ("icmpType", &edge["icmp"]["type"]),
            ("icmpCode", &edge["icmp"]["code"]),
            ("services", &edge["services"]),
            ("behind", &edge["behind"]),
            ("connections", &edge["connections"]),
            ("unanswered", &edge["attempts"]["unanswered"]),
            ("refused", &edge["attempts"]["refused"]),
            ("packetsOut", &edge["packets"][0]),
            ("packetsBack", &edge["packets"][1]),
            ("octetsOut", &edge["octets"][0]),
            ("octetsBack", &edge["octets"][1]),
            ("first", &edge["first"]),
            ("last", &edge["last"]),
            ("established", &edge["established"]),
            ("orientation", &edge["orientation"]),
            ("probe", &edge["probe"]),
            ("egress", &edge["verdict"]["egress"]),
            ("ingress", &edge["verdict"]["ingress"]),
            ("suspicious", &edge["suspicious"]),
        ]);
        say(&mut flat, said);
        json!([said(edge["from"].as_str().unwrap()), said(edge["to"].as_str().unwrap()), flat])
    });
    (nodes.collect(), sorted(edges.collect()))
}

fn pair((key, value): (&String, &Value)) -> String {
    format!("{key}={}", value.as_str().unwrap())
}

/// Members that are there; lists as one text.
fn flat(members: &[(&str, &Value)]) -> Value {
    let members = members.iter().filter_map(|(name, value)| {
        let value = match value {
            Value::Null => return None,
            Value::Array(items) if items.is_empty() => return None,
            Value::Array(items) => {
                items.iter().map(|item| item.as_str().unwrap()).collect::<Vec<_>>().join(", ").into()
            }
            other => (*other).clone(),
        };
        Some(((*name).to_owned(), value))
    });
    Value::Object(members.collect())
}

fn say(flat: &mut Value, said: fn(&str) -> String) {
    for value in flat.as_object_mut().unwrap().values_mut() {
        if let Value::String(text) = value {
            *text = said(text);
        }
    }
}

fn sorted(mut values: Vec<Value>) -> Vec<Value> {
    values.sort_by_key(Value::to_string);
    values
}

/// What a reader of attributes holds, without what the format itself adds.
fn held(read: &Value, added: &[&str]) -> (BTreeMap<String, Value>, Vec<Value>) {
    let strip = |data: &Value| {
        let members = data.as_object().unwrap().iter().filter(|(name, _)| !added.contains(&name.as_str()));
        Value::Object(members.map(|(name, value)| (name.clone(), value.clone())).collect())
    };
    let nodes = read["nodes"].as_object().unwrap().iter();
    let nodes = nodes.filter(|(id, _)| !id.starts_with("group:")).map(|(id, data)| (id.clone(), strip(data)));
    let edges = read["edges"].as_array().unwrap().iter();
    (nodes.collect(), sorted(edges.map(|edge| json!([edge[0], edge[1], strip(&edge[2])])).collect()))
}

/// XML 1.0 has no place for these either.
fn in_xml(text: &str) -> String {
    safe::line(text).replace(['\u{fffe}', '\u{ffff}'], "")
}

#[test]
fn graphml_and_gexf_hold_the_graph_for_networkx() {
    let Some(consumers) = consumers("networkx") else { return };
    let export = Export::of(generated(600, 10_000));
    let wanted = expected(&export.report, in_xml);
    let graphml = export.read(&consumers, GraphFormat::Graphml);
    assert!(held(&graphml, &["id"]) == wanted, "GraphML differs");
    let gexf = export.read(&consumers, GraphFormat::Gexf);
    let added = ["id", "label", "start", "end"];
    assert!(held(&gexf, &added) == wanted, "GEXF differs");
    let starts: BTreeSet<String> =
        gexf["edges"].as_array().unwrap().iter().map(|edge| edge[2]["start"].to_string()).collect();
    assert_eq!(starts.len(), 10_000, "every edge has its time");
}

#[test]
fn cytoscape_holds_the_graph() {
    let Some(consumers) = consumers("cytoscape") else { return };
    let export = Export::of(generated(600, 10_000));
    let read = export.read(&consumers, GraphFormat::Cytoscape);
    let added = ["id", "label", "parent", "source", "target"];
    assert!(held(&read, &added) == expected(&export.report, str::to_owned), "Cytoscape differs");
}

#[test]
fn json_graph_format_holds_the_graph() {
    let report = generated(600, 10_000);
    let mut octets = Vec::new();
    write(&report, GraphFormat::Jgf, &mut octets).unwrap();
    let read: Value = serde_json::from_slice(&octets).unwrap();
    let graph = &read["graph"];
    let (nodes, edges) = expected(&report, str::to_owned);
    let found: BTreeMap<String, Value> = graph["nodes"]
        .as_object()
        .unwrap()
        .iter()
        .map(|(id, node)| (id.clone(), node["metadata"].clone()))
        .collect();
    let links = graph["edges"].as_array().unwrap().iter();
    let links = links.map(|edge| json!([edge["source"], edge["target"], edge["metadata"]])).collect();
    assert!(found == nodes && sorted(links) == edges, "JSON Graph Format differs");
}

#[test]
fn comma_separated_values_hold_the_graph_and_no_formula() {
    let Some(consumers) = consumers("csv") else { return };
    let export = Export::of(generated(600, 10_000));
    let (nodes, edges) = expected(&export.report, safe::line);
    let table = |read: &Value| -> Vec<Value> {
        let rows: Vec<Vec<String>> = serde_json::from_value(read.clone()).unwrap();
        let (head, rows) = rows.split_first().unwrap();
        rows.iter()
            .map(|row| {
                for cell in row {
                    let begins = cell.trim_start().chars().next();
                    assert!(begins.is_none_or(|c| !"=+-@\u{ff1d}".contains(c)), "a formula: {cell}");
                }
                let cells = head.iter().zip(row).filter(|(_, cell)| !cell.is_empty());
                Value::Object(cells.map(|(name, cell)| (name.clone(), plain(cell))).collect())
            })
            .collect()
    };
    let text = |value: &Value| plain(&value.as_str().map_or_else(|| value.to_string(), str::to_owned));
    let row = |ends: &[(&str, &Value)], data: &Value| {
        let ends = ends.iter().map(|(name, value)| ((*name).to_owned(), text(value)));
        let rest = data.as_object().unwrap().iter().map(|(name, value)| (name.clone(), text(value)));
        Value::Object(ends.chain(rest).collect())
    };
    let wanted = edges.iter().map(|edge| row(&[("from", &edge[0]), ("to", &edge[1])], &edge[2])).collect();
    assert!(sorted(table(&export.read(&consumers, GraphFormat::Csv))) == sorted(wanted), "edges differ");
    let wanted = nodes.iter().map(|(id, data)| row(&[("id", &json!(id))], data)).collect();
    assert!(sorted(table(&export.read(&consumers, GraphFormat::CsvNodes))) == sorted(wanted), "nodes differ");
}

/// A cell without the apostrophe that makes it text.
fn plain(cell: &str) -> Value {
    cell.strip_prefix('\'').unwrap_or(cell).into()
}

#[test]
fn yaml_is_the_json() {
    let report = generated(60, 200);
    let mut octets = Vec::new();
    write(&report, GraphFormat::Yaml, &mut octets).unwrap();
    let read: Value = serde_yaml::from_slice(&octets).unwrap();
    assert_eq!(read, serde_json::to_value(&report).unwrap());
}

#[test]
fn cypher_is_read_by_the_grammar_of_opencypher() {
    let Some(consumers) = consumers("cypher") else { return };
    let export = Export::of(generated(56, 60));
    let statements = &export.read(&consumers, GraphFormat::Cypher)["statements"];
    assert_eq!(*statements, export.report.nodes.len() + export.report.edges.len());
}

/// The pairs that are linked, each way of standing once, by what their boxes say.
fn links(report: &GraphReport) -> BTreeSet<(String, String, String)> {
    report
        .edges
        .iter()
        .map(|edge| {
            let denied = [edge.verdict.egress, edge.verdict.ingress].contains(&Some("denied"));
            let unspecified = [edge.verdict.egress, edge.verdict.ingress].contains(&Some("unspecified"));
            let standing = match (edge.connections, denied, edge.probe, unspecified) {
                (0, ..) => "never connected",
                (_, true, ..) => "denied",
                (_, _, true, _) => "probe",
                (.., true) => "unspecified",
                _ => "",
            };
            (title(report, &edge.from), title(report, &edge.to), standing.to_owned())
        })
        .collect()
}

fn title(report: &GraphReport, id: &NodeId) -> String {
    let node = report.nodes.iter().find(|node| node.id == *id).unwrap();
    let names = if node.fqdns.is_empty() { String::new() } else { format!(" ({})", node.fqdns.join(", ")) };
    in_xml(&format!("{}{names}", node.name))
}

/// The same of what a program read: `boxes` are `ID TEXT`, `links` are `[ID, ID, LABEL]`.
fn drawn(read: &Value) -> BTreeSet<(String, String, String)> {
    let boxes: BTreeMap<&str, &str> = read["boxes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|text| text.as_str().unwrap().split_once(' ').unwrap())
        .collect();
    let text = |id: &Value| boxes[id.as_str().unwrap()].to_owned();
    let links = read["links"].as_array().unwrap().iter();
    links
        .map(|link| {
            let standing = link[2]
                .as_str()
                .unwrap()
                .rsplit_once(" (")
                .map_or("", |(_, note)| note.trim_end_matches(')'));
            (in_xml(&text(&link[0])), in_xml(&text(&link[1])), standing.to_owned())
        })
        .collect()
}

#[test]
fn mermaid_draws_every_link_in_diagrams_that_it_takes() {
    let Some(consumers) = consumers("mermaid") else { return };
    for report in [generated(56, 200), generated(600, 10_000)] {
        let export = Export::of(report);
        assert!(
            drawn(&export.read(&consumers, GraphFormat::Mermaid)) == links(&export.report),
            "Mermaid differs"
        );
    }
}

#[test]
fn d2_draws_every_link() {
    let Some(consumers) = consumers("d2") else { return };
    let export = Export::of(generated(112, 1_000));
    assert!(drawn(&export.read(&consumers, GraphFormat::D2)) == links(&export.report), "D2 differs");
}

#[test]
fn drawio_draws_every_link() {
    let Some(consumers) = consumers("draw.io") else { return };
    let export = Export::of(generated(600, 10_000));
    assert!(drawn(&export.read(&consumers, GraphFormat::Drawio)) == links(&export.report), "draw.io differs");
}

#[test]
fn svg_is_well_formed_and_shows_every_box_and_link() {
    let Some(consumers) = consumers("svg") else { return };
    let export = Export::of(generated(600, 10_000));
    let read = export.read(&consumers, GraphFormat::Svg);
    assert_eq!(read["boxes"], export.report.nodes.len());
    assert_eq!(read["links"], links(&export.report).len());
}

#[test]
fn graphviz_draws_every_node_and_edge() {
    if Command::new("dot").arg("-V").output().is_err() {
        skipped("graphviz", "it needs Graphviz (`dot`)");
        return;
    }
    let export = Export::of(generated(56, 200));
    let ended = Command::new("dot").arg("-Tjson0").arg(export.file(GraphFormat::Dot)).output().unwrap();
    assert!(ended.status.success(), "{}", String::from_utf8_lossy(&ended.stderr));
    let read: Value = serde_json::from_slice(&ended.stdout).unwrap();
    let boxes = read["objects"].as_array().unwrap().iter().filter(|object| object["nodes"].is_null());
    assert_eq!(boxes.count(), export.report.nodes.len());
    assert_eq!(read["edges"].as_array().unwrap().len(), export.report.edges.len());
}
