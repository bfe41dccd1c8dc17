//! D2 (d2lang.com): workloads in a container per namespace.

use std::collections::BTreeMap;
use std::io::{self, Write};

use super::link::{Standing, links, title};
use super::{GraphReport, NodeRow};

pub(super) fn write(report: &GraphReport, out: &mut dyn Write) -> io::Result<()> {
    let mut by_namespace: BTreeMap<Option<&str>, Vec<(usize, &NodeRow)>> = BTreeMap::new();
    for (at, node) in report.nodes.iter().enumerate() {
        by_namespace.entry(node.namespace.as_deref()).or_default().push((at, node));
    }
    writeln!(out, "direction: right")?;
    let mut keys = vec![String::new(); report.nodes.len()];
    for (index, (namespace, nodes)) in by_namespace.into_iter().enumerate() {
        let (indent, container) = match namespace {
            Some(namespace) => {
                writeln!(out, "g{index}: {} {{", quoted(namespace))?;
                ("  ", format!("g{index}."))
            }
            None => ("", String::new()),
        };
        for (at, node) in nodes {
            writeln!(out, "{indent}n{at}: {} {{shape: {}}}", quoted(&title(node)), shape(node))?;
            if let Some(key) = keys.get_mut(at) {
                *key = format!("{container}n{at}");
            }
        }
        if namespace.is_some() {
            writeln!(out, "}}")?;
        }
    }
    for link in links(report) {
        let (Some(from), Some(to)) = (keys.get(link.from), keys.get(link.to)) else { continue };
        let style = match link.standing {
            Standing::Allowed | Standing::Unspecified => "",
            Standing::Denied => "; style.stroke-width: 4",
            Standing::Probe | Standing::Attempted | Standing::Unused => "; style.stroke-dash: 4",
        };
        writeln!(
            out,
            "{from} -> {to}: {} {{style.stroke: \"{}\"{style}}}",
            quoted(&link.label),
            link.standing.colour()
        )?;
    }
    Ok(())
}

fn shape(node: &NodeRow) -> &'static str {
    match node.kind.as_str() {
        "External" => "oval",
        "Node" | "APIServer" => "hexagon",
        "Unknown" => "diamond",
        _ => "rectangle",
    }
}

/// A single-quoted string: nothing is substituted in it, and a quote in it is doubled.
fn quoted(text: &str) -> String {
    format!("'{}'", crate::output::safe::line(text).replace('\'', "''"))
}

#[cfg(test)]
mod tests {
    use super::quoted;

    #[test]
    fn no_text_leaves_its_string() {
        assert_eq!(quoted("a'; x: ${y} \\' \"|\n"), r#"'a''; x: ${y} \'' "| '"#);
    }
}
