//! What would break: what each set of policies cuts of what was seen.

use std::path::Path;

use flowfence_graph::EdgeKey;
use flowfence_policy::recommend::proof::{Cut, cuts};
use flowfence_policy::semantics::Rulebook;

use super::edge::Seen;
use super::rule::counted;
use crate::output::page::{BreakRow, PageEdgeRow};

/// By set: those of `--policies` where given, today's, the recommended one alone, and beside today's.
pub(super) fn rows(seen: &Seen<'_>, edges: &[PageEdgeRow], what_if: Option<&Path>) -> Vec<BreakRow> {
    let cluster = &seen.observed.cluster;
    let mut rows = Vec::new();
    if let Some(path) = what_if {
        let cut = cut_by(seen, &cluster.rules(None));
        rows.push(row(seen, "policies", &format!("The policies of {}", path.display()), &cut, edges));
    }
    // What `--policies` put aside is in the inventory still.
    let policies = if what_if.is_some() { cluster.inventory.policies() } else { &cluster.policies };
    let today = Rulebook { policies, tiers: &cluster.tiers, plugin: None };
    rows.push(row(seen, "today", "Today's policies", &cut_by(seen, &today), edges));
    if let Some(proved) = seen.advised {
        let (alone, beside) = (&proved.proof.alone.cut, &proved.proof.beside.cut);
        rows.push(row(seen, "recommended", "The recommended set", alone, edges));
        rows.push(row(seen, "beside", "The recommended set with all of today's policies kept", beside, edges));
    }
    rows
}

fn cut_by(seen: &Seen<'_>, rules: &Rulebook<'_>) -> Vec<Cut> {
    cuts(&seen.observed.facts, &seen.observed.cluster.inventory, seen.judgement, rules).1
}

fn row(seen: &Seen<'_>, set: &'static str, what: &str, cut: &[Cut], all: &[PageEdgeRow]) -> BreakRow {
    let edges = seen.places.of_edges(cut.iter().map(|cut| &cut.edge));
    let doubtful = if matches!(set, "recommended" | "beside") { doubtful(seen) } else { Vec::new() };
    let mut text = if edges.is_empty() {
        format!("{what} would cut nothing that was genuinely seen.")
    } else {
        let connections: u64 = edges.iter().filter_map(|at| all.get(*at)).map(|row| row.edge.connections).sum();
        format!(
            "{what} would cut {} that {} genuinely seen, with {}.",
            counted(edges.len(), "edge"),
            if edges.len() == 1 { "was" } else { "were" },
            counted(usize::try_from(connections).unwrap_or(usize::MAX), "connection")
        )
    };
    if !doubtful.is_empty() {
        text.push_str(&format!(
            " {} more may be cut, and nobody can say: answered ICMP, or no one knows who opened it.",
            doubtful.len()
        ));
    }
    BreakRow { set, text, edges, doubtful }
}

/// Edges of which no policy speaks and that isolation may cut.
fn doubtful(seen: &Seen<'_>) -> Vec<usize> {
    let answer = seen.advised.map(|proved| &proved.answer);
    let edges = answer.into_iter().flat_map(|answer| answer.inexpressible.iter().chain(&answer.undirected));
    seen.places.of_edges(edges.collect::<Vec<&EdgeKey>>().into_iter())
}
