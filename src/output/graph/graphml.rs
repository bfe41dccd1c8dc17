//! `GraphML` (graphml.graphdrawing.org, `primer`): for yEd, Gephi, networkx and igraph.

use std::io::{self, Write};

use super::GraphReport;
use super::field::{self, EDGE, Field, Kind, NODE, Value};
use crate::output::xml::Xml;

pub(super) fn write(report: &GraphReport, out: &mut dyn Write) -> io::Result<()> {
    let mut xml = Xml::begin(out)?;
    xml.open("graphml", &[("xmlns", "http://graphml.graphdrawing.org/xmlns")])?;
    keys(&mut xml, "node", NODE)?;
    keys(&mut xml, "edge", EDGE)?;
    xml.open("graph", &[("id", "flowfence"), ("edgedefault", "directed")])?;
    for node in &report.nodes {
        xml.open("node", &[("id", &node.id.to_string())])?;
        data(&mut xml, "node", field::all(NODE, node))?;
    }
    for (index, edge) in report.edges.iter().enumerate() {
        let (id, from, to) = (format!("e{index}"), edge.from.to_string(), edge.to.to_string());
        xml.open("edge", &[("id", &id), ("source", &from), ("target", &to)])?;
        data(&mut xml, "edge", field::all(EDGE, edge))?;
    }
    xml.end()
}

/// Names may be those of a node and of an edge at once, keys may not.
fn key(of: &str, name: &str) -> String {
    format!("{of}-{name}")
}

fn keys<R, W: Write>(xml: &mut Xml<W>, of: &str, fields: &[Field<R>]) -> io::Result<()> {
    for field in fields {
        let kind = match field.kind {
            Kind::Text => "string",
            Kind::Whole => "long",
            Kind::Flag => "boolean",
        };
        let id = key(of, field.name);
        xml.empty("key", &[("id", &id), ("for", of), ("attr.name", field.name), ("attr.type", kind)])?;
    }
    Ok(())
}

fn data<W: Write>(
    xml: &mut Xml<W>,
    of: &str,
    values: impl Iterator<Item = (&'static str, Value)>,
) -> io::Result<()> {
    for (name, value) in values {
        xml.text("data", &[("key", &key(of, name))], &value.to_string())?;
    }
    xml.close()
}
