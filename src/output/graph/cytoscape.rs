//! Cytoscape JSON, as Cytoscape exports and Cytoscape.js takes it; namespaces are parents.

use std::collections::BTreeSet;
use std::io::{self, Write};

use serde_json::json;

use super::field::{self, EDGE, NODE};
use super::{GraphReport, link};

pub(super) fn write(report: &GraphReport, out: &mut dyn Write) -> io::Result<()> {
    let namespaces: BTreeSet<&str> =
        report.nodes.iter().filter_map(|node| node.namespace.as_deref()).collect();
    let parents = namespaces.into_iter().map(
        |name| json!({"data": {"id": parent(name), "label": name, "kind": "NamespaceGroup", "name": name}}),
    );
    let nodes = report.nodes.iter().map(|node| {
        let mut data = field::object(field::all(NODE, node));
        data.insert("id".to_owned(), node.id.to_string().into());
        data.insert("label".to_owned(), node.name.clone().into());
        if let Some(namespace) = &node.namespace {
            data.insert("parent".to_owned(), parent(namespace).into());
        }
        json!({ "data": data })
    });
    let edges = report.edges.iter().enumerate().map(|(index, edge)| {
        let mut data = field::object(field::all(EDGE, edge));
        data.insert("id".to_owned(), format!("e{index}").into());
        data.insert("source".to_owned(), edge.from.to_string().into());
        data.insert("target".to_owned(), edge.to.to_string().into());
        data.insert("label".to_owned(), link::port(edge).into());
        json!({ "data": data })
    });
    let document = json!({
        "format_version": "1.0",
        "generated_by": concat!("flowfence-", env!("CARGO_PKG_VERSION")),
        "data": {"name": "flowfence"},
        "elements": {
            "nodes": parents.chain(nodes).collect::<Vec<_>>(),
            "edges": edges.collect::<Vec<_>>(),
        },
    });
    serde_json::to_writer_pretty(&mut *out, &document)?;
    out.write_all(b"\n")
}

/// No node has such an id: kinds of the API have no colon.
fn parent(namespace: &str) -> String {
    format!("group:{namespace}")
}
