//! Graphviz.

use std::collections::BTreeSet;
use std::io::{self, Write};

use super::report::{line, with_family};
use super::{DifferenceReport, EndRow, ReachReport};
use crate::output::graph::dot::quoted;

pub(super) fn write(report: &ReachReport<'_>, out: &mut dyn Write) -> io::Result<()> {
    let used = report.connections.iter().flat_map(|row| [row.from, row.to]).collect();
    begin(&report.nodes, &used, out)?;
    for row in &report.connections {
        edge(row.from, row.to, &with_family(&line(row.allowed), row.family), "", out)?;
    }
    writeln!(out, "}}")
}

/// Added edges are green, removed ones red and dashed, changed ones blue: told apart by their
/// labels too.
pub(super) fn write_difference(report: &DifferenceReport<'_>, out: &mut dyn Write) -> io::Result<()> {
    let whole = report.added.iter().chain(&report.removed).flat_map(|row| [row.from, row.to]);
    let used = whole.chain(report.changed.iter().flat_map(|row| [row.from, row.to])).collect();
    begin(&report.nodes, &used, out)?;
    let added = report.added.iter().map(|row| (row, "+", ", color=darkgreen"));
    let removed = report.removed.iter().map(|row| (row, "-", ", color=red, style=dashed"));
    for (row, sign, style) in added.chain(removed) {
        let text = with_family(&format!("{sign} {}", line(row.allowed)), row.family);
        edge(row.from, row.to, &text, style, out)?;
    }
    for row in &report.changed {
        let text = with_family(&format!("{} -> {}", line(row.before), line(row.after)), row.family);
        edge(row.from, row.to, &text, ", color=blue", out)?;
    }
    writeln!(out, "}}")
}

fn begin(nodes: &[EndRow], used: &BTreeSet<&str>, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "digraph reach {{")?;
    writeln!(out, "  rankdir=LR;")?;
    writeln!(out, "  node [shape=box, fontname=\"sans-serif\"];")?;
    writeln!(out, "  edge [fontname=\"sans-serif\", fontsize=10];")?;
    for node in nodes.iter().filter(|node| used.contains(node.id.as_str())) {
        let style = match node.kind.as_str() {
            "External" => " [shape=ellipse]",
            "Node" | "APIServer" => " [shape=component]",
            _ => "",
        };
        writeln!(out, "  {}{style};", quoted(&node.id))?;
    }
    Ok(())
}

fn edge(from: &str, to: &str, text: &str, style: &str, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "  {} -> {} [label={}{style}];", quoted(from), quoted(to), quoted(text))
}
