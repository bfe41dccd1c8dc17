//! `graph`: who talks to whom.
//!
//! Formats for machines hold every node and edge with the attributes of `field`; pictures show
//! `link`s, and those that need places take them from `layout`.

mod csv;
mod cypher;
mod cytoscape;
mod d2;
mod difference;
pub(crate) mod dot;
mod drawio;
mod field;
mod gexf;
mod graphml;
mod jgf;
mod json;
mod layout;
mod link;
mod matrix;
mod mermaid;
mod png;
mod report;
mod svg;
mod table;
mod tree;
mod yaml;

use std::io::{self, Write};

pub use difference::{ChangeRow, GraphDifferenceReport, SightRow, write_difference};
pub use link::Standing;
pub use report::{AttemptRow, EdgeRow, GraphReport, NodeRow, UnusedRow, VerdictRow, WindowRow};

use crate::cli::GraphFormat;
pub use crate::output::screen::Screen;

/// Writes the report in one of its formats, for a screen of the usual width.
pub fn write(report: &GraphReport, format: GraphFormat, out: &mut dyn Write) -> io::Result<()> {
    write_on(report, format, Screen::default(), out)
}

/// How an edge stands, in one word: `allowed`, `denied`, `unspecified`, `probe` or `attempted`.
pub fn standing(edge: &EdgeRow) -> &'static str {
    Standing::of(edge).token()
}

/// Writes the report in one of its formats.
pub fn write_on(
    report: &GraphReport,
    format: GraphFormat,
    screen: Screen,
    out: &mut dyn Write,
) -> io::Result<()> {
    match format {
        GraphFormat::Tree => tree::write(report, screen, out),
        GraphFormat::Matrix => matrix::write(report, screen, out),
        GraphFormat::Png => png::write(report, out),
        GraphFormat::Table => table::write(report, false, out),
        GraphFormat::Wide => table::write(report, true, out),
        GraphFormat::Json => json::write(report, out),
        GraphFormat::Yaml => yaml::write(report, out),
        GraphFormat::Csv => csv::write_edges(report, out),
        GraphFormat::CsvNodes => csv::write_nodes(report, out),
        GraphFormat::Dot => dot::write(report, out),
        GraphFormat::Mermaid => mermaid::write(report, out),
        GraphFormat::D2 => d2::write(report, out),
        GraphFormat::Drawio => drawio::write(report, out),
        GraphFormat::Svg => svg::write(report, out),
        GraphFormat::Html => super::page::write(&report.clone().into(), out),
        GraphFormat::Graphml => graphml::write(report, out),
        GraphFormat::Gexf => gexf::write(report, out),
        GraphFormat::Cytoscape => cytoscape::write(report, out),
        GraphFormat::Jgf => jgf::write(report, out),
        GraphFormat::Cypher => cypher::write(report, out),
    }
}

/// Whether a format has a place for what is allowed and was never used: rows that are edges with counts and times have
/// none.
pub fn shows_unused(format: GraphFormat) -> bool {
    match format {
        GraphFormat::Table
        | GraphFormat::Wide
        | GraphFormat::Tree
        | GraphFormat::Matrix
        | GraphFormat::Json
        | GraphFormat::Yaml
        | GraphFormat::Dot
        | GraphFormat::Mermaid
        | GraphFormat::D2
        | GraphFormat::Drawio
        | GraphFormat::Svg
        | GraphFormat::Png => true,
        GraphFormat::Csv
        | GraphFormat::Html
        | GraphFormat::CsvNodes
        | GraphFormat::Graphml
        | GraphFormat::Gexf
        | GraphFormat::Cytoscape
        | GraphFormat::Jgf
        | GraphFormat::Cypher => false,
    }
}
