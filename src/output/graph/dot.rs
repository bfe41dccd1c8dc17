//! The graph for Graphviz, workloads in a box per namespace.

use std::collections::BTreeMap;
use std::io::{self, Write};

use super::{EdgeRow, GraphReport, NodeRow, link};
use crate::output::safe;

pub(super) fn write(report: &GraphReport, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "digraph flowfence {{")?;
    writeln!(out, "  rankdir=LR;")?;
    writeln!(out, "  node [shape=box, fontname=\"sans-serif\"];")?;
    writeln!(out, "  edge [fontname=\"sans-serif\", fontsize=10];")?;
    let mut by_namespace: BTreeMap<Option<&str>, Vec<&NodeRow>> = BTreeMap::new();
    for node in &report.nodes {
        by_namespace.entry(node.namespace.as_deref()).or_default().push(node);
    }
    for (index, (namespace, nodes)) in by_namespace.into_iter().enumerate() {
        match namespace {
            Some(namespace) => {
                writeln!(out, "  subgraph cluster_{index} {{")?;
                writeln!(out, "    label={};", quoted(namespace))?;
                for node in nodes {
                    write_node(node, "    ", out)?;
                }
                writeln!(out, "  }}")?;
            }
            None => {
                for node in nodes {
                    write_node(node, "  ", out)?;
                }
            }
        }
    }
    for edge in report.edges.iter().filter(|e| e.connections + e.attempts.total() > 0) {
        write_edge(edge, out)?;
    }
    for row in &report.unused {
        let (from, to) = (quoted(&row.from.to_string()), quoted(&row.to.to_string()));
        let label = quoted(&format!("{} (unused)", link::some_of(&row.ports)));
        writeln!(out, "  {from} -> {to} [label={label}, style=dashed, color=\"#009e73\"];")?;
    }
    writeln!(out, "}}")
}

fn write_node(node: &NodeRow, indent: &str, out: &mut dyn Write) -> io::Result<()> {
    let mut label = node.name.clone();
    for fqdn in &node.fqdns {
        label.push('\n');
        label.push_str(fqdn);
    }
    let style = match node.kind.as_str() {
        "External" => ", shape=ellipse",
        "Node" | "APIServer" => ", shape=component",
        "Unknown" => ", style=dashed",
        _ => "",
    };
    writeln!(out, "{indent}{} [label={}{style}];", quoted(&node.id.to_string()), quoted(&label))
}

/// Denied edges are red and bold, attempts dotted, probes grey: told apart without colour too.
fn write_edge(edge: &EdgeRow, out: &mut dyn Write) -> io::Result<()> {
    let denied = [edge.verdict.egress, edge.verdict.ingress].contains(&Some("denied"));
    let style = if edge.connections == 0 {
        ", style=dotted"
    } else if denied {
        ", color=red, style=bold"
    } else if edge.probe {
        ", color=gray"
    } else {
        ""
    };
    let (from, to) = (quoted(&edge.from.to_string()), quoted(&edge.to.to_string()));
    writeln!(out, "  {from} -> {to} [label={}{style}];", quoted(&link::port(edge)))
}

/// A double-quoted string of the DOT language: quotes and backslashes escaped, line breaks as
/// `\n`, nothing else that hides or reorders text. No name can end the string.
pub(crate) fn quoted(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for c in safe::lines(text).chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

#[cfg(test)]
mod tests {
    use super::quoted;

    #[test]
    fn no_name_leaves_its_string() {
        assert_eq!(quoted("a\"]; x [\\"), r#""a\"]; x [\\""#);
        assert_eq!(quoted("a\nb\u{1b}\u{202e}c"), r#""a\nbc""#);
    }
}
