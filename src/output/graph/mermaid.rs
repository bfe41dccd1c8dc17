//! Mermaid flowcharts. Its renderers refuse a diagram of more than 500 edges or 50,000 characters
//! (configuration `maxEdges`, `maxTextSize`); a larger graph becomes several, in Markdown.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::io::{self, Write};

use super::link::{Link, Standing, links, title};
use super::{GraphReport, NodeRow};

/// Edges of one diagram.
const MAX_EDGES: usize = 499;
/// Characters of one diagram.
const MAX_CHARACTERS: usize = 49_000;

/// One diagram when it may be drawn as one; otherwise a Markdown document with a diagram for each
/// namespace of those who open, cut where even that is too much.
pub(super) fn write(report: &GraphReport, out: &mut dyn Write) -> io::Result<()> {
    let links = links(report);
    let whole = diagram(report, &links.iter().collect::<Vec<_>>());
    if links.len() <= MAX_EDGES && whole.len() <= MAX_CHARACTERS {
        return out.write_all(whole.as_bytes());
    }
    for (title, part) in parts(report, &links) {
        writeln!(
            out,
            "## {}\n\n```mermaid\n{}```\n",
            crate::output::markdown::code(&title),
            diagram(report, &part)
        )?;
    }
    Ok(())
}

/// Links by the namespace of who opens, each part small enough.
fn parts<'a>(report: &GraphReport, links: &'a [Link]) -> Vec<(String, Vec<&'a Link>)> {
    let mut by_namespace: BTreeMap<&str, Vec<&Link>> = BTreeMap::new();
    for link in links {
        let namespace = report.nodes.get(link.from).and_then(|node| node.namespace.as_deref());
        by_namespace.entry(namespace.unwrap_or("outside")).or_default().push(link);
    }
    let mut parts = Vec::new();
    for (namespace, links) in by_namespace {
        let cut = cut(report, links);
        let count = cut.len();
        for (at, part) in cut.into_iter().enumerate() {
            let title =
                if count > 1 { format!("{namespace} ({} of {count})", at + 1) } else { namespace.to_owned() };
            parts.push((title, part));
        }
    }
    parts
}

/// In pieces that may each be drawn as one.
fn cut<'a>(report: &GraphReport, links: Vec<&'a Link>) -> Vec<Vec<&'a Link>> {
    let mut pieces = Vec::new();
    let mut piece = Vec::new();
    let mut size = 0;
    for link in links {
        let weight = weight(report, link);
        if piece.len() == MAX_EDGES || size + weight > MAX_CHARACTERS {
            pieces.push(std::mem::take(&mut piece));
            size = 0;
        }
        size += weight;
        piece.push(link);
    }
    pieces.push(piece);
    pieces
}

/// An upper bound of what a link adds to a diagram: itself, both ends, both boxes.
fn weight(report: &GraphReport, link: &Link) -> usize {
    let ends = [link.from, link.to].into_iter().filter_map(|at| report.nodes.get(at));
    let boxes: usize = ends
        .map(|node| text(&title(node)).len() + node.namespace.as_deref().map_or(0, |ns| text(ns).len()) + 90)
        .sum();
    boxes + text(&link.label).len() + 90
}

fn diagram(report: &GraphReport, links: &[&Link]) -> String {
    let mut out = String::from("flowchart LR\n");
    let used: BTreeSet<usize> = links.iter().flat_map(|link| [link.from, link.to]).collect();
    let mut by_namespace: BTreeMap<Option<&str>, Vec<(usize, &NodeRow)>> = BTreeMap::new();
    for at in used {
        if let Some(node) = report.nodes.get(at) {
            by_namespace.entry(node.namespace.as_deref()).or_default().push((at, node));
        }
    }
    for (index, (namespace, nodes)) in by_namespace.into_iter().enumerate() {
        let indent = if namespace.is_some() { "    " } else { "  " };
        if let Some(namespace) = namespace {
            let _ = writeln!(out, "  subgraph g{index}[\"{}\"]", text(namespace));
        }
        for (at, node) in nodes {
            let (left, right) = shape(node);
            let _ = writeln!(out, "{indent}n{at}{left}\"{}\"{right}", text(&title(node)));
        }
        if namespace.is_some() {
            out.push_str("  end\n");
        }
    }
    for (at, link) in links.iter().enumerate() {
        let arrow = match link.standing {
            Standing::Allowed | Standing::Unspecified => "-->",
            Standing::Denied => "==>",
            Standing::Probe | Standing::Attempted | Standing::Unused => "-.->",
        };
        let _ = writeln!(out, "  n{} {arrow}|\"{}\"| n{}", link.from, text(&link.label), link.to);
        if link.standing != Standing::Allowed {
            let _ = writeln!(out, "  linkStyle {at} stroke:{}", link.standing.colour());
        }
    }
    out
}

fn shape(node: &NodeRow) -> (&'static str, &'static str) {
    match node.kind.as_str() {
        "External" => ("([", "])"),
        "Node" | "APIServer" => ("[[", "]]"),
        "Unknown" => ("{{", "}}"),
        _ => ("[", "]"),
    }
}

/// Text inside of quotes: everything but plain characters as an entity code (`#…;`), so that
/// nothing ends the string, begins markup or is read as a directive.
fn text(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in crate::output::safe::line(text).chars() {
        if c.is_alphanumeric() || " ./:-_,()".contains(c) {
            out.push(c);
        } else {
            let _ = write!(out, "#{};", u32::from(c));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::text;

    #[test]
    fn no_text_leaves_its_quotes() {
        assert_eq!(text("a\"]; click x \"javascript:"), "a#34;#93;#59; click x #34;javascript:");
        assert_eq!(text("%%{init}%%"), "#37;#37;#123;init#125;#37;#37;");
        assert_eq!(text("`x`<b>#35;"), "#96;x#96;#60;b#62;#35;35#59;");
    }
}
