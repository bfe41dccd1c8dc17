//! Columns for people.

use std::collections::BTreeMap;
use std::io::{self, Write};

use super::report::{line, with_family};
use super::{ConnectionRow, DifferenceReport, EndRow, ExposureRow, PortsRow, ReachReport};
use crate::output::table;

pub(super) fn write(report: &ReachReport<'_>, is_wide: bool, out: &mut dyn Write) -> io::Result<()> {
    let ends: BTreeMap<&str, &EndRow> = report.nodes.iter().map(|end| (end.id.as_str(), end)).collect();
    let rows: Vec<Vec<String>> = report
        .connections
        .iter()
        .map(|row| {
            let mut cells = vec![row.from.to_owned(), row.to.to_owned(), ports(row)];
            if is_wide {
                let pods = |id| ends.get(id).map_or(0, |end: &&EndRow| end.pods.len()).to_string();
                let both = [row.from, row.to];
                let except = both.iter().filter_map(|id| ends.get(id)).flat_map(|end| end.except.clone());
                cells.extend([pods(row.from), pods(row.to), except.collect::<Vec<_>>().join(",")]);
            }
            cells
        })
        .collect();
    let mut header = vec!["FROM", "TO", "ALLOWED"];
    if is_wide {
        header.extend(["FROM PODS", "TO PODS", "RANGE EXCEPT"]);
    }
    table::write(out, &header, &rows)?;
    if !report.exposure.is_empty() {
        writeln!(out, "\nMay enter, present or not:")?;
        let rows: Vec<Vec<String>> = report.exposure.iter().flat_map(exposure).collect();
        table::write(out, &["TO", "FROM", "ALLOWED"], &rows)?;
    }
    report.objects.write_refused(out)
}

/// A row for each origin that may anything; one that says so when none may.
fn exposure(of: &ExposureRow) -> Vec<Vec<String>> {
    let row = |from: String, rows: &[PortsRow]| vec![of.to.clone(), from, line(rows)];
    let general = [
        ("outside", &of.outside),
        ("any pod of other namespaces", &of.other_namespaces),
        ("any pod of its namespace", &of.own_namespace),
    ];
    let general = general.into_iter().filter(|(_, rows)| !rows.is_empty());
    let mut rows: Vec<Vec<String>> = general.map(|(from, rows)| row(from.to_owned(), rows)).collect();
    rows.extend(of.labelled.iter().map(|labelled| {
        row(format!("pods {} of namespaces {}", labelled.pods, labelled.namespaces), &labelled.allowed)
    }));
    if rows.is_empty() {
        rows.push(row("nobody".to_owned(), &[]));
    }
    rows
}

pub(super) fn write_difference(report: &DifferenceReport<'_>, out: &mut dyn Write) -> io::Result<()> {
    if report.added.is_empty() && report.removed.is_empty() && report.changed.is_empty() {
        writeln!(out, "No difference.")?;
        return report.objects.write_refused(out);
    }
    let whole = |change: &str, row: &ConnectionRow<'_>| {
        vec![change.to_owned(), row.from.to_owned(), row.to.to_owned(), ports(row)]
    };
    let mut rows: Vec<Vec<String>> = report.added.iter().map(|row| whole("added", row)).collect();
    rows.extend(report.removed.iter().map(|row| whole("removed", row)));
    for row in &report.changed {
        let parts = [("+ ", &row.gained), ("- ", &row.lost)];
        let parts = parts.into_iter().filter(|(_, rows)| !rows.is_empty());
        let parts: Vec<String> = parts.map(|(sign, rows)| format!("{sign}{}", line(rows))).collect();
        let text = with_family(&parts.join("  "), row.family);
        rows.push(vec!["changed".to_owned(), row.from.to_owned(), row.to.to_owned(), text]);
    }
    table::write(out, &["CHANGE", "FROM", "TO", "ALLOWED"], &rows)?;
    report.objects.write_refused(out)
}

fn ports(row: &ConnectionRow<'_>) -> String {
    with_family(&line(row.allowed), row.family)
}
