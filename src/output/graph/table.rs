//! The graph as columns for people.

use std::io::{self, Write};

use super::{EdgeRow, GraphReport, UnusedRow, link};
use crate::output::{safe, table};

const HEAD: [&str; 7] = ["FROM", "TO", "PORT", "CONNECTIONS", "FAILED", "VERDICT", "NOTE"];
/// What `wide` adds, before the note.
const WIDE: [&str; 5] = ["PACKETS", "OCTETS", "FIRST", "LAST", "ANSWERED"];

pub(super) fn write(report: &GraphReport, wide: bool, out: &mut dyn Write) -> io::Result<()> {
    let (seen, tried): (Vec<&EdgeRow>, Vec<&EdgeRow>) = report
        .edges
        .iter()
        .filter(|e| e.connections + e.attempts.total() > 0)
        .partition(|e| e.connections > 0);
    let mut head = HEAD.to_vec();
    let mut rows: Vec<Vec<String>> = seen.iter().map(|edge| row(edge, report)).collect();
    if wide {
        let note = HEAD.len() - 1;
        head.splice(note..note, WIDE);
        for (row, edge) in rows.iter_mut().zip(&seen) {
            row.splice(note..note, more(edge));
        }
    }
    table::write(out, &head, &rows)?;
    if !tried.is_empty() {
        writeln!(out, "\nNever connected:")?;
        let rows: Vec<Vec<String>> = summaries(&tried);
        table::write(out, &["FROM", "TO", "PORTS", "UNANSWERED", "REFUSED"], &rows)?;
    }
    if report.unused_left_out.is_some() {
        writeln!(out, "\nAllowed and never used:")?;
        let row = |row: &UnusedRow| vec![row.from.to_string(), row.to.to_string(), link::some_of(&row.ports)];
        table::write(out, &["FROM", "TO", "PORTS"], &report.unused.iter().map(row).collect::<Vec<_>>())?;
        if let Some(more @ 1..) = report.unused_left_out {
            writeln!(out, "and {more} pairs more")?;
        }
    }
    writeln!(out)?;
    for line in report.completeness.lines() {
        writeln!(out, "{}", safe::line(&line))?;
    }
    Ok(())
}

fn row(edge: &EdgeRow, report: &GraphReport) -> Vec<String> {
    vec![
        edge.from.to_string(),
        name(&edge.to, report),
        link::port(edge),
        edge.connections.to_string(),
        edge.attempts.total().to_string(),
        verdict(edge),
        notes(edge).join("; "),
    ]
}

fn more(edge: &EdgeRow) -> [String; 5] {
    let both = |counts: [u64; 2]| format!("{}/{}", counts[0], counts[1]);
    [
        both(edge.packets),
        both(edge.octets),
        edge.first.to_string(),
        edge.last.to_string(),
        edge.established.to_string(),
    ]
}

/// An outside address with the names that DNS gave it.
fn name(id: &flowfence_model::NodeId, report: &GraphReport) -> String {
    let found = report.nodes.binary_search_by(|node| node.id.cmp(id)).ok().and_then(|i| report.nodes.get(i));
    match found {
        Some(node) if !node.fqdns.is_empty() => format!("{id} ({})", node.fqdns.join(", ")),
        _ => id.to_string(),
    }
}

fn verdict(edge: &EdgeRow) -> String {
    let denied: Vec<&str> = [("egress", edge.verdict.egress), ("ingress", edge.verdict.ingress)]
        .into_iter()
        .filter(|(_, verdict)| *verdict == Some("denied"))
        .map(|(direction, _)| direction)
        .collect();
    if !denied.is_empty() {
        return format!("denied ({})", denied.join(", "));
    }
    let unspecified = [edge.verdict.egress, edge.verdict.ingress].contains(&Some("unspecified"));
    if unspecified { "unspecified".to_owned() } else { "allowed".to_owned() }
}

fn notes(edge: &EdgeRow) -> Vec<String> {
    let mut notes = Vec::new();
    if edge.probe {
        notes.push("kubelet probe".to_owned());
    }
    if !edge.services.is_empty() {
        notes.push(format!("through {}", join(&edge.services)));
    }
    if !edge.behind.is_empty() {
        notes.push(format!("for {}", join(&edge.behind)));
    }
    if !edge.established {
        notes.push("one way".to_owned());
    }
    match edge.orientation {
        flowfence_model::Orientation::Seen => {}
        flowfence_model::Orientation::Inferred => notes.push("direction inferred".to_owned()),
        flowfence_model::Orientation::Unknown => notes.push("direction unknown".to_owned()),
    }
    if !edge.suspicious.is_empty() {
        notes.push(format!("see {}", findings(edge).join(", ")));
    }
    notes
}

/// The ids of findings; of those about this very edge the rule, for the rest stands in the row.
fn findings(edge: &EdgeRow) -> Vec<String> {
    let subject = format!(":{}->{}:{}", edge.from, edge.to, link::port(edge));
    edge.suspicious.iter().map(|id| id.strip_suffix(&subject).unwrap_or(id).to_owned()).collect()
}

fn join<T: ToString>(items: impl IntoIterator<Item = T>) -> String {
    items.into_iter().map(|item| item.to_string()).collect::<Vec<_>>().join(", ")
}

/// Attempts of one pair on one line: a scan has thousands.
fn summaries(edges: &[&EdgeRow]) -> Vec<Vec<String>> {
    edges
        .chunk_by(|x, y| x.from == y.from && x.to == y.to)
        .filter_map(|run| {
            let first = run.first()?;
            let ports: Vec<String> = run.iter().map(|edge| link::port(edge)).collect();
            let shown = link::some_of(&ports);
            let unanswered: u64 = run.iter().map(|e| e.attempts.unanswered).sum();
            let refused: u64 = run.iter().map(|e| e.attempts.refused).sum();
            Some(vec![
                first.from.to_string(),
                first.to.to_string(),
                shown,
                unanswered.to_string(),
                refused.to_string(),
            ])
        })
        .collect()
}
