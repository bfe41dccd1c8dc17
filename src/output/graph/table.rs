//! The graph as columns for people.

use std::io::{self, Write};

use super::{EdgeRow, GraphReport};
use crate::output::{safe, table};

pub(super) fn write(report: &GraphReport, out: &mut dyn Write) -> io::Result<()> {
    let (seen, tried): (Vec<&EdgeRow>, Vec<&EdgeRow>) = report
        .edges
        .iter()
        .filter(|e| e.connections + e.attempts.total() > 0)
        .partition(|e| e.connections > 0);
    let rows: Vec<Vec<String>> = seen.iter().map(|edge| row(edge, report)).collect();
    table::write(out, &["FROM", "TO", "PORT", "CONNECTIONS", "FAILED", "VERDICT", "NOTE"], &rows)?;
    if !tried.is_empty() {
        writeln!(out, "\nNever connected:")?;
        let rows: Vec<Vec<String>> = summaries(&tried);
        table::write(out, &["FROM", "TO", "PORTS", "UNANSWERED", "REFUSED"], &rows)?;
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
        port(edge),
        edge.connections.to_string(),
        edge.attempts.total().to_string(),
        verdict(edge),
        notes(edge).join("; "),
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

fn port(edge: &EdgeRow) -> String {
    match (edge.port, edge.icmp) {
        (Some(port), _) => format!("{port}/{}", edge.protocol),
        (None, Some(icmp)) => format!("{} type {} code {}", edge.protocol, icmp.kind, icmp.code),
        (None, None) => edge.protocol.to_string(),
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
    let subject = format!(":{}->{}:{}", edge.from, edge.to, port(edge));
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
            let ports: Vec<String> = run.iter().map(|edge| port(edge)).collect();
            let shown = match ports.as_slice() {
                [a, b, c, rest @ ..] if !rest.is_empty() => format!("{a}, {b}, {c} and {} more", rest.len()),
                all => all.join(", "),
            };
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
