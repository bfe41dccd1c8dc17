//! Who talks to whom as a tree: namespace, who opens, who is asked with the ports.

use std::collections::BTreeMap;
use std::io::{self, Write};

use super::link::{Link, Standing, links};
use super::{GraphReport, NodeRow};
use crate::output::screen::{Screen, wrap};

/// The lines of a tree.
struct Strokes {
    branch: &'static str,
    last: &'static str,
    pass: &'static str,
    arrow: &'static str,
}

const UNICODE: Strokes = Strokes { branch: "├─ ", last: "└─ ", pass: "│  ", arrow: "→" };
const ASCII: Strokes = Strokes { branch: "|- ", last: "`- ", pass: "|  ", arrow: "->" };
const GAP: &str = "   ";

pub(super) fn write(report: &GraphReport, screen: Screen, out: &mut dyn Write) -> io::Result<()> {
    let strokes = if screen.ascii { ASCII } else { UNICODE };
    let links = links(report);
    let mut by_source: BTreeMap<(Option<&str>, usize), Vec<&Link>> = BTreeMap::new();
    for link in &links {
        let namespace = report.nodes.get(link.from).and_then(|node| node.namespace.as_deref());
        by_source.entry((namespace, link.from)).or_default().push(link);
    }
    if links.is_empty() {
        return writeln!(out, "nobody talks to anybody");
    }
    let mut sources = by_source.iter().peekable();
    let mut before: Option<&(Option<&str>, usize)> = None;
    while let Some((key, links)) = sources.next() {
        let (namespace, from) = key;
        if before.is_none_or(|(before, _)| before != namespace) {
            if before.is_some() {
                writeln!(out)?;
            }
            writeln!(out, "{}", screen.text(namespace.unwrap_or("(no namespace)")))?;
            before = Some(key);
        }
        let is_last = sources.peek().is_none_or(|((next, _), _)| next != namespace);
        let name = report.nodes.get(*from).map(|node| name(node, *namespace)).unwrap_or_default();
        let stroke = if is_last { strokes.last } else { strokes.branch };
        let hang = if is_last { GAP } else { strokes.pass };
        entry(&screen.text(&name), stroke, hang, screen, out)?;
        for (at, link) in links.iter().enumerate() {
            let is_last = at + 1 == links.len();
            let (own, under) = if is_last { (strokes.last, GAP) } else { (strokes.branch, strokes.pass) };
            let text = target(report, link, *namespace, strokes.arrow);
            entry(&screen.text(&text), &format!("{hang}{own}"), &format!("{hang}{under}"), screen, out)?;
        }
    }
    Ok(())
}

/// An entry of the tree in as many lines as it takes.
fn entry(text: &str, first: &str, rest: &str, screen: Screen, out: &mut dyn Write) -> io::Result<()> {
    // Continued lines stand one step further in.
    let room = screen.width.saturating_sub(first.chars().count() + 2);
    for (at, line) in wrap(text, room).iter().enumerate() {
        let lead = if at == 0 { first.to_owned() } else { format!("{rest}  ") };
        writeln!(out, "{}", format!("{lead}{line}").trim_end())?;
    }
    Ok(())
}

fn target(report: &GraphReport, link: &Link, home: Option<&str>, arrow: &str) -> String {
    let to = report.nodes.get(link.to).map(|node| name(node, home)).unwrap_or_default();
    let count = |n: u64, one: &str| format!("{n} {one}{}", if n == 1 { "" } else { "s" });
    let counted = match link.standing {
        Standing::Unused => String::new(),
        Standing::Attempted => format!(", {}", count(link.counts.1, "attempt")),
        _ => format!(", {}", count(link.counts.0, "connection")),
    };
    format!("{arrow} {to}  {}{counted}", link.label)
}

/// A node within its namespace without it, elsewhere by its id; addresses with what DNS called them.
fn name(node: &NodeRow, home: Option<&str>) -> String {
    let id = match (&node.namespace, home) {
        (Some(namespace), Some(home)) if namespace == home && node.id.is_workload() => {
            format!("{}/{}", node.kind, node.name)
        }
        _ => node.id.to_string(),
    };
    if node.fqdns.is_empty() { id } else { format!("{id} ({})", node.fqdns.join(", ")) }
}

#[cfg(test)]
mod tests {
    use super::super::super::screen::width;
    use super::*;
    use crate::view::testing::{edge, graph};

    fn drawn(screen: Screen) -> String {
        let mut denied = edge("shop/Deployment/web -> data/StatefulSet/db 5432/TCP", 2);
        denied.verdict.ingress = Some("denied");
        let edges = vec![
            edge("shop/Deployment/web -> shop/Deployment/api 9090/TCP", 1),
            denied,
            edge("shop/Deployment/api -> external/203.0.113.9/32 443/TCP", 0),
            edge("node/n1 -> shop/Deployment/web 8080/TCP", 3),
        ];
        let mut out = Vec::new();
        write(&graph(Vec::new(), edges), screen, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_tree_is_folded_by_namespace_and_by_who_opens() {
        insta::assert_snapshot!(drawn(Screen::default()), @"
        (no namespace)
        └─ node/n1
           └─ → shop/Deployment/web  8080/TCP, 3 connections

        shop
        ├─ Deployment/api
        │  └─ → external/203.0.113.9/32  443/TCP (never connected), 1 attempt
        └─ Deployment/web
           ├─ → data/StatefulSet/db  5432/TCP (denied), 2 connections
           └─ → Deployment/api  9090/TCP, 1 connection
        ");
    }

    #[test]
    fn a_narrow_screen_and_ascii_are_kept_to() {
        let text = drawn(Screen { width: 40, ascii: true });
        assert!(text.is_ascii() && text.lines().all(|line| width(line) <= 40), "{text}");
        assert!(text.contains("`- Deployment/web") && text.contains("|  `- ->"), "{text}");
    }
}
