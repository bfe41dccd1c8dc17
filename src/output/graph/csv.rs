//! Comma-separated values (RFC 4180): a row an edge, or a row a node.

use std::io::{self, Write};

use super::GraphReport;
use super::field::{EDGE, Field, NODE};
use crate::output::cell::guarded;

pub(super) fn write_edges(report: &GraphReport, out: &mut dyn Write) -> io::Result<()> {
    let mut writer = csv::Writer::from_writer(out);
    writer.write_record(["from", "to"].into_iter().chain(EDGE.iter().map(|field| field.name)))?;
    for edge in &report.edges {
        row(&mut writer, &[edge.from.to_string(), edge.to.to_string()], EDGE, edge)?;
    }
    writer.flush()
}

pub(super) fn write_nodes(report: &GraphReport, out: &mut dyn Write) -> io::Result<()> {
    let mut writer = csv::Writer::from_writer(out);
    writer.write_record(["id"].into_iter().chain(NODE.iter().map(|field| field.name)))?;
    for node in &report.nodes {
        row(&mut writer, &[node.id.to_string()], NODE, node)?;
    }
    writer.flush()
}

fn row<R, W: Write>(
    writer: &mut csv::Writer<W>,
    first: &[String],
    fields: &[Field<R>],
    row: &R,
) -> io::Result<()> {
    let values =
        fields.iter().map(|field| (field.of)(row).map_or_else(String::new, |value| value.to_string()));
    for cell in first.iter().cloned().chain(values) {
        writer.write_field(guarded(&cell))?;
    }
    Ok(writer.write_record(None::<&[u8]>)?)
}
