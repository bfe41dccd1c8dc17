//! Every export of the graph, read by the program that it is for: nodes, edges and attributes are the graph's, whatever
//! they are called.

#![allow(clippy::unwrap_used, reason = "a test panics where it has nothing to say")]

mod expected;
mod generated;

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use clap::ValueEnum;
use expected::{expected, in_xml, links, sorted};
use flowfence::cli::GraphFormat;
use flowfence::output::graph::{GraphReport, write};
use flowfence::output::safe;
use generated::generated;
use serde_json::{Value, json};

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
fn png_is_the_picture_in_pixels_with_every_colour_of_a_line() {
    let Some(consumers) = consumers("png") else { return };
    let export = Export::of(generated(30, 40));
    let read = export.read(&consumers, GraphFormat::Png);
    let side = |at: usize| read["size"][at].as_u64().unwrap();
    assert!((400..=16_384).contains(&side(0)) && (200..=16_384).contains(&side(1)), "{}", read["size"]);
    let colours = read["colours"].as_array().unwrap();
    let count = |wanted: [u8; 3]| {
        let found = colours.iter().find(|colour| colour[1] == json!(wanted));
        found.map_or(0, |colour| colour[0].as_u64().unwrap())
    };
    assert!(count([255, 255, 255]) > side(0) * side(1) / 3, "white paper");
    // Allowed, denied, attempted: lines in their colours; and frames of namespaces.
    for colour in [[0x44, 0x44, 0x44], [0xd5, 0x5e, 0x00], [0x00, 0x72, 0xb2], [0xf4, 0xf6, 0xf8]] {
        assert!(count(colour) > 100, "{colour:?}: {}", count(colour));
    }
}

#[test]
fn a_graph_that_no_picture_holds_is_refused_as_png() {
    let mut octets = Vec::new();
    let error = write(&generated(600, 10_000), GraphFormat::Png, &mut octets).unwrap_err();
    assert!(error.to_string().contains("too large for PNG") && octets.is_empty(), "{error}");
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
