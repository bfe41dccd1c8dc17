//! Cypher (openCypher 9): for Neo4j and Memgraph. Run again, it changes what it made before.

use std::io::{self, Write};

use super::GraphReport;
use super::field::{self, EDGE, NODE, Value};

pub(super) fn write(report: &GraphReport, out: &mut dyn Write) -> io::Result<()> {
    for node in &report.nodes {
        let id = quoted(&node.id.to_string());
        writeln!(out, "MERGE (n:Endpoint {{id: {id}}}) SET n += {};", map(field::all(NODE, node)))?;
    }
    for edge in &report.edges {
        let (from, to) = (quoted(&edge.from.to_string()), quoted(&edge.to.to_string()));
        let key = map(field::all(EDGE, edge).filter(|(name, _)| KEY.contains(name)));
        writeln!(
            out,
            "MATCH (a:Endpoint {{id: {from}}}), (b:Endpoint {{id: {to}}}) MERGE (a)-[r:CONNECTS {key}]->(b) SET r += {};",
            map(field::all(EDGE, edge))
        )?;
    }
    Ok(())
}

/// What tells the edges of one pair apart.
const KEY: [&str; 4] = ["protocol", "port", "icmpType", "icmpCode"];

fn map(values: impl Iterator<Item = (&'static str, Value)>) -> String {
    let entries: Vec<String> = values
        .map(|(name, value)| match value {
            Value::Text(text) => format!("{name}: {}", quoted(&text)),
            other => format!("{name}: {other}"),
        })
        .collect();
    format!("{{{}}}", entries.join(", "))
}

/// A string that no text can leave. Neo4j resolves `\uXXXX` before it looks at strings, so a
/// backslash never stands before a `u`.
fn quoted(text: &str) -> String {
    let clean = crate::output::safe::line(text);
    let mut out = String::with_capacity(clean.len() + 2);
    out.push('\'');
    let mut after_backslash = false;
    for c in clean.chars() {
        match c {
            'u' | 'U' if after_backslash => {
                out.push_str("' + '");
                out.push(c);
            }
            '\'' => out.push_str("\\'"),
            '\\' => out.push_str("\\\\"),
            c => out.push(c),
        }
        after_backslash = c == '\\';
    }
    out.push('\'');
    out
}

#[cfg(test)]
mod tests {
    use super::quoted;

    #[test]
    fn no_text_leaves_its_string() {
        assert_eq!(quoted("a'}) DETACH DELETE n //"), r"'a\'}) DETACH DELETE n //'");
        assert_eq!(quoted(r"a\' + x"), r"'a\\\' + x'");
        assert_eq!(quoted(r"a\u0027b"), r"'a\\' + 'u0027b'");
        assert_eq!(quoted("a\nb\u{1b}"), "'a b'");
    }
}
