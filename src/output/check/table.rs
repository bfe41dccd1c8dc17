//! The replay for people.

use std::io::{self, Write};

use super::ReplayReport;
use crate::output::recommend::EdgeRow;
use crate::output::{safe, table};

pub(super) fn write(report: &ReplayReport, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "{} edges would have been cut, {} kept", report.cut.len(), report.kept)?;
    if !report.cut.is_empty() {
        let rows: Vec<Vec<String>> = report
            .cut
            .iter()
            .map(|cut| {
                let [from, to, port] = columns(&cut.edge);
                vec![
                    from,
                    to,
                    port,
                    cut.connections.to_string(),
                    cut.direction.to_owned(),
                    cut.example.clone(),
                ]
            })
            .collect();
        table::write(out, &["CUT FROM", "TO", "PORT", "CONNECTIONS", "DENIED BY", "EXAMPLE"], &rows)?;
    }
    if !report.newly_admitted.is_empty() {
        writeln!(out)?;
        let rows: Vec<Vec<String>> =
            report.newly_admitted.iter().map(|edge| columns(edge).to_vec()).collect();
        table::write(out, &["NEWLY ADMITTED FROM", "TO", "PORT"], &rows)?;
    }
    if !report.unspecified.is_empty() {
        writeln!(out)?;
        let rows: Vec<Vec<String>> = report
            .unspecified
            .iter()
            .map(|row| {
                let [from, to, port] = columns(&row.edge);
                vec![from, to, port, row.reasons.join(", ")]
            })
            .collect();
        table::write(out, &["PLUGINS MAY DIFFER FROM", "TO", "PORT", "WHY"], &rows)?;
    }
    writeln!(out)?;
    for line in report.completeness.lines() {
        writeln!(out, "{}", safe::line(&line))?;
    }
    Ok(())
}

fn columns(edge: &EdgeRow) -> [String; 3] {
    [edge.from.to_string(), edge.to.to_string(), edge.port_text()]
}
