//! What would break: what each set of policies cuts of what was seen.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::Path;

use flowfence_policy::recommend::proof::{Cut, cuts};
use flowfence_policy::semantics::Rulebook;

use super::edge::Seen;
use super::rule::counted;
use crate::output::page::{BreakRow, PageEdgeRow};
use crate::output::safe;

/// By set: those of `--policies` where given, today's, the recommended one alone, and beside today's.
pub(super) fn rows(seen: &Seen<'_>, edges: &[PageEdgeRow], what_if: Option<&Path>) -> Vec<BreakRow> {
    let cluster = &seen.observed.cluster;
    let of = |cut: &[Cut]| -> BTreeSet<usize> {
        seen.places.of_edges(cut.iter().map(|cut| &cut.edge)).into_iter().collect()
    };
    let cut_by =
        |rules: &Rulebook<'_>| of(&cuts(&seen.observed.facts, &cluster.inventory, seen.judgement, rules).1);
    let mut rows = Vec::new();
    let mut put = |set, what: &str, cut: BTreeSet<usize>, doubtful: Vec<usize>| {
        rows.push(BreakRow {
            set,
            text: text(what, &cut, &doubtful, edges),
            edges: cut.into_iter().collect(),
            doubtful,
        });
    };
    if let Some(path) = what_if {
        let what = format!("The policies of {} would cut", safe::line(&path.display().to_string()));
        put("policies", &what, cut_by(&cluster.rules(None)), Vec::new());
        // What these put aside is in the inventory still.
        let today = Rulebook { policies: cluster.inventory.policies(), tiers: &cluster.tiers, plugin: None };
        put("today", "Today's policies deny", cut_by(&today), Vec::new());
    } else {
        // Also what was seen though a policy denies it, and is no rule: nobody knows how it came through.
        let denied = edges.iter().enumerate().filter(|(_, row)| row.standing == "denied").map(|(at, _)| at);
        let cut = cut_by(&cluster.rules(None)).into_iter().chain(denied).collect();
        put("today", "Today's policies deny", cut, Vec::new());
    }
    if let Some(proved) = seen.advised {
        let silent = proved.answer.inexpressible.iter().chain(&proved.answer.undirected);
        let doubtful = seen.places.of_edges(silent);
        let (alone, beside) = (of(&proved.proof.alone.cut), of(&proved.proof.beside.cut));
        put("recommended", "The recommended policies by themselves cut", alone, doubtful.clone());
        put("beside", "The recommended policies beside all of today's cut", beside, doubtful);
    }
    rows
}

fn text(what: &str, cut: &BTreeSet<usize>, doubtful: &[usize], all: &[PageEdgeRow]) -> String {
    let connections: u64 = cut.iter().filter_map(|at| all.get(*at)).map(|row| row.edge.connections).sum();
    let mut text = if cut.is_empty() {
        format!("{what} nothing that was seen.")
    } else {
        let seen = counted(usize::try_from(connections).unwrap_or(usize::MAX), "connection");
        format!("{what} {} with {seen}.", counted(cut.len(), "edge"))
    };
    if !doubtful.is_empty() {
        // Writing to a String cannot fail.
        let _ = write!(
            text,
            " {} may be cut, and nobody can say: ICMP, of which policies do not speak, or no one knows who opened it.",
            counted(doubtful.len(), "more edge")
        );
    }
    text
}
