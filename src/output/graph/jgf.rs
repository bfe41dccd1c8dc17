//! JSON Graph Format, version 2 (jsongraphformat.info).

use std::io::{self, Write};

use serde_json::{Map, Value, json};

use super::field::{self, EDGE, NODE};
use super::{GraphReport, link};

pub(super) fn write(report: &GraphReport, out: &mut dyn Write) -> io::Result<()> {
    let nodes: Map<String, Value> = report
        .nodes
        .iter()
        .map(|node| {
            let metadata = field::object(field::all(NODE, node));
            (node.id.to_string(), json!({"label": node.name, "metadata": metadata}))
        })
        .collect();
    let edges: Vec<Value> = report
        .edges
        .iter()
        .map(|edge| {
            json!({
                "source": edge.from.to_string(),
                "target": edge.to.to_string(),
                "relation": "connects",
                "directed": true,
                "label": link::port(edge),
                "metadata": field::object(field::all(EDGE, edge)),
            })
        })
        .collect();
    let document = json!({"graph": {
        "directed": true,
        "type": "CommunicationGraph",
        "metadata": {"window": report.window},
        "nodes": nodes,
        "edges": edges,
    }});
    serde_json::to_writer_pretty(&mut *out, &document)?;
    out.write_all(b"\n")
}
