//! Who talks to whom as a matrix: a row for who opens, a column for who is asked. Columns are numbers that a legend
//! explains; where they do not fit, there are several blocks.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Write};

use super::link::{Standing, links, title};
use super::{GraphReport, NodeRow};
use crate::output::screen::{Screen, cut, width};

/// The rows' names take no more than this share of a line: one part of three.
const NAMES: usize = 3;

pub(super) fn write(report: &GraphReport, screen: Screen, out: &mut dyn Write) -> io::Result<()> {
    let mut cells: BTreeMap<usize, BTreeMap<usize, Standing>> = BTreeMap::new();
    for link in links(report) {
        let cell = cells.entry(link.from).or_default().entry(link.to).or_insert(link.standing);
        if rank(link.standing) > rank(*cell) {
            *cell = link.standing;
        }
    }
    if cells.is_empty() {
        return writeln!(out, "nobody talks to anybody");
    }
    let asked: Vec<usize> =
        cells.values().flat_map(BTreeMap::keys).copied().collect::<BTreeSet<_>>().into_iter().collect();
    let name = |at: usize| report.nodes.get(at).map(|node| screen.text(&name(node))).unwrap_or_default();
    let names: BTreeMap<usize, String> = cells.keys().map(|from| (*from, name(*from))).collect();
    let room = names.values().map(|name| width(name)).max().unwrap_or(0).min(screen.width / NAMES);
    let digits = asked.len().to_string().len();
    let fit = ((screen.width - room) / (digits + 1)).max(1);
    let blocks: Vec<&[usize]> = asked.chunks(fit).collect();
    let mut number = 0;
    for (at, block) in blocks.iter().enumerate() {
        if blocks.len() > 1 {
            writeln!(
                out,
                "{}columns {} to {}",
                if at > 0 { "\n" } else { "" },
                number + 1,
                number + block.len()
            )?;
        }
        write!(out, "{:room$}", "")?;
        for n in 1..=block.len() {
            write!(out, " {:>digits$}", number + n)?;
        }
        writeln!(out)?;
        for (from, row) in cells.iter().filter(|(_, row)| block.iter().any(|to| row.contains_key(to))) {
            let name = cut(&names[from], room, screen);
            let pad = " ".repeat(room - width(&name));
            let marks = block.iter().map(|to| row.get(to).map_or(" ", |standing| mark(*standing, screen)));
            let line = marks.fold(name + &pad, |line, mark| line + &" ".repeat(digits) + mark);
            writeln!(out, "{}", line.trim_end())?;
        }
        number += block.len();
    }
    writeln!(out)?;
    for (at, to) in asked.iter().enumerate() {
        writeln!(out, "{:>digits$} {}", at + 1, cut(&name(*to), screen.width - digits - 1, screen))?;
    }
    writeln!(out)?;
    let shown: BTreeSet<Standing> = cells.values().flat_map(BTreeMap::values).copied().collect();
    for standing in shown {
        writeln!(out, "{} {}", mark(standing, screen), standing.meaning())?;
    }
    Ok(())
}

/// Of several standings of a pair the one that a person should see first has the cell.
fn rank(standing: Standing) -> u8 {
    match standing {
        Standing::Unused => 0,
        Standing::Probe => 1,
        Standing::Attempted => 2,
        Standing::Allowed => 3,
        Standing::Unspecified => 4,
        Standing::Denied => 5,
    }
}

fn mark(standing: Standing, screen: Screen) -> &'static str {
    let (unicode, ascii) = match standing {
        Standing::Allowed => ("●", "*"),
        Standing::Denied => ("✗", "X"),
        Standing::Unspecified => ("?", "?"),
        Standing::Probe => ("∙", ":"),
        Standing::Attempted => ("○", "o"),
        Standing::Unused => ("-", "-"),
    };
    if screen.ascii { ascii } else { unicode }
}

/// `NAMESPACE/NAME`, or the id of what is in none.
fn name(node: &NodeRow) -> String {
    match &node.namespace {
        Some(namespace) if node.id.is_workload() => format!("{namespace}/{}", node.name),
        _ if node.fqdns.is_empty() => node.id.to_string(),
        _ => title(node),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::view::testing::{edge, graph};

    fn drawn(report: &GraphReport, screen: Screen) -> String {
        let mut out = Vec::new();
        write(report, screen, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_matrix_has_a_legend_for_columns_and_marks() {
        let mut denied = edge("shop/Deployment/web -> data/StatefulSet/db 5432/TCP", 2);
        denied.verdict.ingress = Some("denied");
        let edges = vec![
            edge("shop/Deployment/web -> shop/Deployment/api 9090/TCP", 1),
            edge("shop/Deployment/web -> data/StatefulSet/db 80/TCP", 1),
            denied,
            edge("shop/Deployment/api -> external/203.0.113.9/32 443/TCP", 0),
        ];
        insta::assert_snapshot!(drawn(&graph(Vec::new(), edges), Screen::default()), @"
                 1 2 3
        shop/api     ○
        shop/web ✗ ●

        1 data/db
        2 shop/api
        3 external/203.0.113.9/32

        ● connected, allowed
        ✗ connected, though policies deny it
        ○ tried, never connected
        ");
    }

    #[test]
    fn what_does_not_fit_is_in_several_blocks() {
        let edges = (0..60).map(|n| {
            edge(
                &format!("shop/Deployment/a-rather-long-name-{} -> data/Deployment/w{n:02} 80/TCP", n % 7),
                1,
            )
        });
        let text = drawn(&graph(Vec::new(), edges.collect()), Screen { width: 60, ascii: true });
        assert!(text.lines().all(|line| width(line) <= 60) && text.is_ascii(), "{text}");
        assert!(text.contains("columns 1 to 13") && text.contains("columns 53 to 60"), "{text}");
        let marks = text
            .lines()
            .filter(|line| line.starts_with("shop/"))
            .map(|line| line.matches('*').count())
            .sum::<usize>();
        assert_eq!(marks, 60);
    }
}
