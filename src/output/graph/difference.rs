//! The shape of `graph --against`, and its columns.

use std::io::{self, Write};

use flowfence_graph::difference::{Change, Difference, Sight};
use flowfence_model::{IcmpType, NodeId, Protocol};
use schemars::JsonSchema;
use serde::Serialize;

use super::WindowRow;
use crate::cli::GraphFormat;
use crate::output::completeness::CompletenessReport;
use crate::output::schema::IcmpRow;
use crate::output::{API_VERSION, safe, table};

/// A `GraphDifference` object.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct GraphDifferenceReport {
    /// `flowfence.dev/v1`.
    pub api_version: &'static str,
    /// `GraphDifference`.
    pub kind: &'static str,
    /// When was watched before; null when there was nothing.
    pub before: Option<WindowRow>,
    /// When was watched now.
    pub after: Option<WindowRow>,
    /// Edges that are not as they were, by from, to, protocol and port.
    pub edges: Vec<ChangeRow>,
    /// What was seen and what was left out now.
    pub completeness: CompletenessReport,
}

/// An edge that is not as it was.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct ChangeRow {
    /// `new`, `gone` (not seen any more), `connects` (was only tried before), `fails` (is only tried now), `more` or
    /// `less` (ten times the octets in the same time, one way or the other).
    pub change: &'static str,
    /// Who opened.
    #[schemars(with = "String")]
    pub from: NodeId,
    /// Who was asked.
    #[schemars(with = "String")]
    pub to: NodeId,
    /// Protocol.
    #[schemars(with = "String")]
    pub protocol: Protocol,
    /// Port of the pod; null for ICMP.
    pub port: Option<u16>,
    /// Type and code, for ICMP.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<IcmpRow>")]
    pub icmp: Option<IcmpType>,
    /// What was counted before; null for a new edge.
    pub before: Option<SightRow>,
    /// What was counted now; null for one that is gone.
    pub after: Option<SightRow>,
    /// Ids of findings that name it now.
    pub suspicious: Vec<String>,
}

/// What was counted on an edge.
#[derive(Clone, Copy, Debug, Serialize, JsonSchema)]
pub struct SightRow {
    /// Connections.
    pub connections: u64,
    /// Attempts.
    pub attempts: u64,
    /// Octets there and back.
    pub octets: [u64; 2],
}

impl From<Sight> for SightRow {
    fn from(sight: Sight) -> Self {
        SightRow { connections: sight.connections, attempts: sight.attempts, octets: sight.octets }
    }
}

impl ChangeRow {
    /// From a difference, and the findings that name its edge.
    pub fn new(difference: &Difference, suspicious: Vec<String>) -> Self {
        let edge = &difference.edge;
        ChangeRow {
            change: difference.change.token(),
            from: edge.from.clone(),
            to: edge.to.clone(),
            protocol: edge.protocol,
            port: edge.port,
            icmp: edge.icmp,
            before: difference.before.map(SightRow::from),
            after: difference.after.map(SightRow::from),
            suspicious,
        }
    }
}

impl GraphDifferenceReport {
    /// From its rows.
    pub fn new(
        windows: [Option<WindowRow>; 2],
        edges: Vec<ChangeRow>,
        completeness: CompletenessReport,
    ) -> Self {
        let [before, after] = windows;
        GraphDifferenceReport {
            api_version: API_VERSION,
            kind: "GraphDifference",
            before,
            after,
            edges,
            completeness,
        }
    }
}

/// Writes the difference in one of the formats that have it.
pub fn write_difference(
    report: &GraphDifferenceReport,
    format: GraphFormat,
    out: &mut dyn Write,
) -> io::Result<()> {
    if format != GraphFormat::Json {
        return columns(report, out);
    }
    serde_json::to_writer_pretty(&mut *out, report)?;
    out.write_all(b"\n")
}

fn columns(report: &GraphDifferenceReport, out: &mut dyn Write) -> io::Result<()> {
    let counted = |sight: Option<SightRow>| match sight {
        None => "-".to_owned(),
        Some(SightRow { connections: 0, attempts, .. }) => format!("{attempts} failed"),
        Some(SightRow { connections, octets: [there, back], .. }) => {
            format!("{connections} ({there} octets there, {back} back)")
        }
    };
    let row = |row: &ChangeRow| {
        let port = match (row.port, row.icmp) {
            (Some(port), _) => format!("{port}/{}", row.protocol),
            (None, Some(icmp)) => format!("{} type {} code {}", row.protocol, icmp.kind, icmp.code),
            (None, None) => row.protocol.to_string(),
        };
        let note = if row.suspicious.is_empty() {
            String::new()
        } else {
            format!("see {}", row.suspicious.join(", "))
        };
        let (before, after) = (counted(row.before), counted(row.after));
        vec![row.change.to_owned(), row.from.to_string(), row.to.to_string(), port, before, after, note]
    };
    let rows: Vec<Vec<String>> = report.edges.iter().map(row).collect();
    table::write(out, &["CHANGE", "FROM", "TO", "PORT", "BEFORE", "NOW", "NOTE"], &rows)?;
    let count = |change: Change| report.edges.iter().filter(|row| row.change == change.token()).count();
    let (new, gone) = (count(Change::New), count(Change::Gone));
    writeln!(out, "\n{new} new, {gone} gone, {} changed", report.edges.len() - new - gone)?;
    for (name, window) in [("before", report.before), ("now", report.after)] {
        let span = window.map_or_else(|| "nothing".to_owned(), |w| format!("{} to {}", w.start, w.end));
        writeln!(out, "{name}: {span}")?;
    }
    for line in report.completeness.lines() {
        writeln!(out, "{}", safe::line(&line))?;
    }
    Ok(())
}
