//! GEXF 1.3 (gexf.net): for Gephi; edges have the time in which they were seen.

use std::io::{self, Write};

use flowfence_model::Timestamp;

use super::field::{self, EDGE, Field, Kind, NODE, Value};
use super::{GraphReport, link};
use crate::output::xml::Xml;

pub(super) fn write(report: &GraphReport, out: &mut dyn Write) -> io::Result<()> {
    let mut xml = Xml::begin(out)?;
    xml.open("gexf", &[("xmlns", "http://gexf.net/1.3"), ("version", "1.3")])?;
    let graph = [("defaultedgetype", "directed"), ("mode", "dynamic"), ("timeformat", "double")];
    xml.open("graph", &graph)?;
    declare(&mut xml, "node", NODE)?;
    declare(&mut xml, "edge", EDGE)?;
    xml.open("nodes", &[])?;
    for node in &report.nodes {
        xml.open("node", &[("id", &node.id.to_string()), ("label", &node.name)])?;
        values(&mut xml, field::all(NODE, node))?;
    }
    xml.close()?;
    xml.open("edges", &[])?;
    for (index, edge) in report.edges.iter().enumerate() {
        let (id, from, to) = (format!("e{index}"), edge.from.to_string(), edge.to.to_string());
        let (first, last) = (seconds(edge.first), seconds(edge.last));
        xml.open(
            "edge",
            &[
                ("id", &id),
                ("source", &from),
                ("target", &to),
                ("label", &link::port(edge)),
                ("start", &first),
                ("end", &last),
            ],
        )?;
        values(&mut xml, field::all(EDGE, edge))?;
    }
    xml.end()
}

/// Since the epoch; networkx does not read `dateTime`.
fn seconds(time: Timestamp) -> String {
    let nanos = time.as_nanos();
    format!("{}.{:09}", nanos.div_euclid(1_000_000_000), nanos.rem_euclid(1_000_000_000))
}

fn declare<R, W: Write>(xml: &mut Xml<W>, class: &str, fields: &[Field<R>]) -> io::Result<()> {
    xml.open("attributes", &[("class", class), ("mode", "static")])?;
    for field in fields {
        let kind = match field.kind {
            Kind::Text => "string",
            Kind::Whole => "long",
            Kind::Flag => "boolean",
        };
        xml.empty("attribute", &[("id", field.name), ("title", field.name), ("type", kind)])?;
    }
    xml.close()
}

fn values<W: Write>(xml: &mut Xml<W>, values: impl Iterator<Item = (&'static str, Value)>) -> io::Result<()> {
    xml.open("attvalues", &[])?;
    for (name, value) in values {
        xml.empty("attvalue", &[("for", name), ("value", &value.to_string())])?;
    }
    xml.close()?;
    xml.close()
}
