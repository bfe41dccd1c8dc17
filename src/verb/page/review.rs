//! What to look at first.
//!
//! The order is written here and in `docs/exports.md`: why there are no policies; errors that were found; what a set that
//! somebody asked about cuts; what is withheld; what is cut while today's policies stay; what the set admits beyond what
//! was seen; what was lost; who is left open; who was not seen; whether enough was seen; warnings by rule; what no policy
//! can say; widths that are meant; policies to delete.

use std::collections::BTreeMap;

use super::rule::counted;
use crate::output::audit::FindingRow;
use crate::output::page::{PageReport, ReviewRow};
use crate::output::recommend::RecommendReport;

/// As many of one kind have a row of their own.
const SHOWN: usize = 20;

const ERROR: &str = "error";
const WARNING: &str = "warning";
const NOTE: &str = "note";

/// The rows in their order.
pub(super) fn rows(page: &PageReport, advised: Option<&RecommendReport>) -> Vec<ReviewRow> {
    let mut rows = Rows::default();
    if let Some(why) = &page.refused {
        rows.say(ERROR, why.clone());
    }
    errors(page, &mut rows);
    for set in page.breaks.iter().filter(|set| !set.edges.is_empty() && set.set != "beside") {
        rows.say(if set.set == "today" { WARNING } else { ERROR }, set.text.clone());
    }
    withheld(page, advised, &mut rows);
    if let Some(report) = advised {
        beside(page, report, &mut rows);
        excess(report, &mut rows);
    }
    loss(page, &mut rows);
    if let Some(report) = advised {
        open(report, &mut rows);
        readiness(report, &mut rows);
    }
    warnings(page, &mut rows);
    if let Some(report) = advised {
        remarks(report, &mut rows);
    }
    rows.0
}

#[derive(Default)]
struct Rows(Vec<ReviewRow>);

impl Rows {
    fn say(&mut self, level: &'static str, text: String) {
        self.about(level, text, None, None);
    }

    fn about(&mut self, level: &'static str, text: String, finding: Option<String>, policy: Option<String>) {
        self.0.push(ReviewRow { level, text, finding, policy });
    }

    /// The first few, and how many more.
    fn some<T>(&mut self, level: &'static str, all: &[T], more: &str, mut say: impl FnMut(&mut Self, &T)) {
        all.iter().take(SHOWN).for_each(|one| say(self, one));
        if all.len() > SHOWN {
            self.say(level, format!("{} more {more}", all.len() - SHOWN));
        }
    }
}

/// The first few of each rule: thousands of one must not hide the one of another.
fn errors(page: &PageReport, rows: &mut Rows) {
    const OF_RULE: usize = 5;
    for (rule, found) in by_rule(page, ERROR) {
        for finding in found.iter().take(OF_RULE) {
            rows.about(ERROR, finding.title.clone(), Some(finding.id.clone()), finding.policy.clone());
        }
        if found.len() > OF_RULE {
            rows.say(ERROR, format!("{} more of {rule}", found.len() - OF_RULE));
        }
    }
}

/// The findings of a level by rule, in the order in which the first of each is listed.
fn by_rule<'p>(page: &'p PageReport, level: &str) -> Vec<(&'static str, Vec<&'p FindingRow>)> {
    let mut rules: Vec<(&'static str, Vec<&FindingRow>)> = Vec::new();
    for finding in page.findings.iter().map(|row| &row.finding).filter(|finding| finding.level == level) {
        match rules.iter_mut().find(|(rule, _)| *rule == finding.rule) {
            Some((_, found)) => found.push(finding),
            None => rules.push((finding.rule, vec![finding])),
        }
    }
    rules
}

/// By finding: a scan withholds hundreds of edges.
fn withheld(page: &PageReport, advised: Option<&RecommendReport>, rows: &mut Rows) {
    let mut by_finding: BTreeMap<(&str, &str, bool), usize> = BTreeMap::new();
    for row in advised.into_iter().flat_map(|report| &report.withheld) {
        *by_finding.entry((&row.finding, &row.why, row.denied)).or_default() += 1;
    }
    let all: Vec<_> = by_finding.into_iter().collect();
    rows.some(WARNING, &all, "reasons withhold edges", |rows, ((finding, why, denied), count)| {
        let until = if *denied { "" } else { " until somebody accepts them" };
        let text = format!("{} withheld{until}, and no rule: {why}", counted(*count, "edge"));
        let known = page.findings.iter().any(|row| row.finding.id == **finding);
        rows.about(WARNING, text, known.then(|| (*finding).to_owned()), None);
    });
}

fn beside(page: &PageReport, report: &RecommendReport, rows: &mut Rows) {
    let cut = page.breaks.iter().find(|set| set.set == "beside" && !set.edges.is_empty());
    if let Some(cut) = cut {
        let text = format!("{} Delete what the set supersedes when it is applied.", cut.text);
        rows.about(WARNING, text, None, report.supersedes.first().cloned());
    }
}

fn excess(report: &RecommendReport, rows: &mut Rows) {
    let all = &report.proof.alone.excess;
    rows.some(WARNING, all, "pairs are admitted beyond what was seen", |rows, row| {
        let text = format!(
            "The set admits {} -> {} {}/{}, which was not seen: {}",
            row.from, row.to, row.ports, row.protocol, row.why
        );
        rows.say(WARNING, text);
    });
}

fn loss(page: &PageReport, rows: &mut Rows) {
    let seen = &page.completeness;
    if seen.loss > 0.0 {
        rows.say(WARNING, format!("{:.2} % of the packets and flows were lost", seen.loss * 100.0));
    }
    // The first line says how much there was.
    for line in seen.lines().into_iter().skip(1) {
        rows.say(NOTE, line);
    }
}

fn open(report: &RecommendReport, rows: &mut Rows) {
    let mut by_why: BTreeMap<&str, std::collections::BTreeSet<String>> = BTreeMap::new();
    for row in &report.unfenced {
        by_why.entry(&row.why).or_default().insert(row.id.to_string());
    }
    for (why, ids) in by_why {
        let level = if why == "system" { NOTE } else { WARNING };
        rows.say(
            level,
            format!("{} left open ({why}): {}", counted(ids.len(), "workload"), listed(ids.iter())),
        );
    }
    if !report.unobserved.is_empty() {
        let ids: Vec<String> = report.unobserved.iter().map(ToString::to_string).collect();
        let text = format!(
            "{} had no traffic and stays open: {}",
            counted(ids.len(), "workload"),
            listed(ids.iter())
        );
        rows.say(WARNING, text);
    }
}

fn readiness(report: &RecommendReport, rows: &mut Rows) {
    let all = &report.readiness.all;
    let low = all.workloads.keep_watching + all.workloads.blind;
    if low > 0 {
        let of = low + all.workloads.ready;
        let text = format!(
            "Not enough was seen of {low} of {of} workloads: {} should be watched longer, {} no tap sees wholly",
            all.workloads.keep_watching, all.workloads.blind
        );
        rows.say(if low * 2 > of { WARNING } else { NOTE }, text);
    }
}

/// Warnings of one rule together, with the first of them.
fn warnings(page: &PageReport, rows: &mut Rows) {
    for (rule, found) in by_rule(page, WARNING) {
        let Some(first) = found.first() else { continue };
        let more = if found.len() > 1 {
            format!(" (and {} more of {rule})", found.len() - 1)
        } else {
            String::new()
        };
        let text = format!("{}{more}", first.title);
        rows.about(WARNING, text, Some(first.id.clone()), first.policy.clone());
    }
}

fn remarks(report: &RecommendReport, rows: &mut Rows) {
    let icmp = report.proof.inexpressible.len();
    if icmp > 0 {
        rows.say(
            NOTE,
            format!(
                "{} of answered ICMP: NetworkPolicy has no rule for it, and isolation may cut it",
                counted(icmp, "edge")
            ),
        );
    }
    let undirected = report.undirected.len();
    if undirected > 0 {
        rows.say(
            NOTE,
            format!(
                "{} of which nobody knows who opened it: no rule admits them",
                counted(undirected, "edge")
            ),
        );
    }
    let mut widths: BTreeMap<&str, (usize, &str)> = BTreeMap::new();
    for row in &report.proof.declared {
        widths.entry(row.kind).or_insert((0, row.why)).0 += 1;
    }
    for (kind, (count, why)) in widths {
        rows.say(NOTE, format!("{} on purpose ({kind}): {why}", counted(count, "width")));
    }
    for name in &report.supersedes {
        let text = format!("{name} is superseded: delete it to let the set stand alone");
        rows.about(NOTE, text, None, Some(name.clone()));
    }
}

/// The first few names, and how many more.
fn listed<'n>(names: impl ExactSizeIterator<Item = &'n String>) -> String {
    const NAMED: usize = 5;
    let more = names.len().saturating_sub(NAMED);
    let first: Vec<&str> = names.take(NAMED).map(String::as_str).collect();
    if more > 0 { format!("{} and {more} more", first.join(", ")) } else { first.join(", ") }
}
