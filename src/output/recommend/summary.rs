//! The proof and what was left open, for people.

use std::collections::BTreeMap;
use std::io::{self, Write};

use flowfence_policy::decision::Fate;

use super::row::{DynamicPortsRow, EdgeRow, OutcomeRow, UnfencedRow};
use super::{RecommendReport, TighteningRow, decision, readiness};
use crate::output::safe;

/// Rows of one list that are shown; the JSON output has them all.
const SHOWN: usize = 12;

/// Writes what a reviewer should read before applying.
pub fn write(report: &RecommendReport, out: &mut dyn Write) -> io::Result<()> {
    let alone = &report.proof.alone;
    let holds = report.tightening.as_ref().map_or(alone.cut.is_empty(), TighteningRow::holds);
    let verdict = if holds { "holds" } else { "FAILS" };
    writeln!(out, "{} policies; the proof {verdict}", report.policies.len())?;
    writeln!(out, "  alone:  {}", outcome(alone))?;
    writeln!(out, "  beside today's policies:  {}", outcome(&report.proof.beside))?;
    if let Some(tightening) = &report.tightening {
        tightening.write(out)?;
    }
    list(out, "cut", alone.cut.iter().map(|cut| format!("{} ({} denies)", cut.example, cut.direction)))?;
    let excess =
        alone.excess.iter().map(|e| format!("{} -> {} {}/{}: {}", e.from, e.to, e.ports, e.protocol, e.why));
    list(out, "admitted beyond what was seen", excess)?;
    if !report.proof.beside.cut.is_empty() && alone.cut.is_empty() {
        let cuts =
            report.proof.beside.cut.iter().map(|cut| format!("{} ({} denies)", cut.example, cut.direction));
        list(out, "cut while today's policies stay", cuts)?;
    }
    list(out, "supersedes (delete these to let the set stand alone)", report.supersedes.iter().cloned())?;
    namespaces(report, out)?;
    let withheld = |denied: bool| report.withheld.iter().filter(move |row| row.denied == denied);
    list(
        out,
        "withheld (never a rule until accepted)",
        withheld(false).map(|row| format!("{}: {}; --accept {}", row.edge, row.why, row.finding)),
    )?;
    let denied = withheld(true).map(|row| format!("{}: {}", row.edge, row.why));
    list(out, "denied (never a rule)", denied)?;
    list(out, "accepted (a rule, whatever was found)", decision::accepted(&report.decisions))?;
    list(out, "decisions that ended and no longer hold", decision::lines(&report.decisions, Fate::Ended))?;
    list(out, "decisions about nothing that was seen", decision::lines(&report.decisions, Fate::Unused))?;
    list(out, "left open", unfenced(&report.unfenced))?;
    list(out, "no traffic seen, not isolated", report.unobserved.iter().map(ToString::to_string))?;
    let icmp = report.proof.inexpressible.iter().map(EdgeRow::to_string);
    list(out, "NetworkPolicy cannot say ICMP; isolation may cut", icmp)?;
    let undirected = report.undirected.iter();
    let undirected = undirected.map(|edge| format!("{} - {} {}", edge.from, edge.to, edge.port_text()));
    list(out, "nobody knows who opened these, so no rule admits them; isolation may cut", undirected)?;
    let unanswered = report.unanswered.iter().map(EdgeRow::to_string);
    let title = format!(
        "{} of these edges rest only on logs that never show an answer ({}): a slow scan would look the same",
        report.unanswered.len(),
        report.completeness.silent_logs.join(", ")
    );
    list(out, &title, unanswered)?;
    let dynamic = report.dynamic_ports.iter().map(|row| {
        let DynamicPortsRow { server, protocol, range, seen } = row;
        format!("{server}: {seen} ports of {range}/{protocol}; --port-range {server}:{range}/{protocol} admits all")
    });
    list(out, "opened as needed, so the next port may be another", dynamic)?;
    list(out, "wide on purpose", declared(report))?;
    list(out, &format!("as {}", report.flavour), notes(report))?;
    readiness::write(&report.readiness, out)?;
    for line in report.completeness.lines() {
        writeln!(out, "{}", safe::line(&line))?;
    }
    Ok(())
}

/// Policies for whole namespaces that were not safe.
fn namespaces(report: &RecommendReport, out: &mut dyn Write) -> io::Result<()> {
    let rows = |why: &'static str, is_written: bool| {
        let rows = report.namespaced.iter().filter(move |row| row.why == why && row.written == is_written);
        rows.flat_map(|row| {
            row.others.iter().map(move |id| format!("{} of {}: {id}", row.policy, row.namespace))
        })
    };
    let cut_off = "CUT OFF by a policy for their whole namespace, and nobody knows what they need";
    list(out, cut_off, rows("open", true))?;
    list(out, "no policy for the whole namespace, for it would cut off", rows("open", false))?;
    let suspects = "no policy for the whole namespace, for it would admit suspects";
    list(out, suspects, rows("suspect", false))
}

fn outcome(row: &OutcomeRow) -> String {
    format!(
        "{} of {} observed edges admitted, {} in excess; reachable ports {} -> {}",
        row.admitted,
        row.observed,
        row.excess.len(),
        row.reachable_before,
        row.reachable_after
    )
}

pub(super) fn list(out: &mut dyn Write, title: &str, rows: impl Iterator<Item = String>) -> io::Result<()> {
    let rows: Vec<String> = rows.collect();
    if rows.is_empty() {
        return Ok(());
    }
    writeln!(out, "{title}:")?;
    for row in rows.iter().take(SHOWN) {
        writeln!(out, "  {}", safe::line(row))?;
    }
    if rows.len() > SHOWN {
        writeln!(out, "  and {} more (-o json has them all)", rows.len() - SHOWN)?;
    }
    Ok(())
}

/// Both directions of a workload with one reason on one line.
fn unfenced(rows: &[UnfencedRow]) -> impl Iterator<Item = String> {
    let mut merged: BTreeMap<(String, String), Vec<&str>> = BTreeMap::new();
    for row in rows {
        merged.entry((row.id.to_string(), row.why.clone())).or_default().push(row.direction);
    }
    merged.into_iter().map(|((id, why), directions)| format!("{id} ({}): {why}", directions.join(", ")))
}

/// One line a sentence and direction: what a flavour cannot say it cannot say of many policies.
fn notes(report: &RecommendReport) -> impl Iterator<Item = String> {
    let mut merged: BTreeMap<(&str, &str), Vec<&str>> = BTreeMap::new();
    for row in &report.flavour_notes {
        merged.entry((row.direction, &row.note)).or_default().push(&row.policy);
    }
    merged.into_iter().map(|((direction, note), policies)| match policies.as_slice() {
        [a, b, c, rest @ ..] if !rest.is_empty() => {
            format!("{direction} {note}: {a}, {b}, {c} and {} more", rest.len())
        }
        all => format!("{direction} {note}: {}", all.join(", ")),
    })
}

/// One line a kind and subject: single external addresses would hide the rest.
fn declared(report: &RecommendReport) -> impl Iterator<Item = String> {
    let mut merged: BTreeMap<(&str, String), usize> = BTreeMap::new();
    for row in &report.proof.declared {
        let rule = format!("{} {} {}/{}", row.subject, row.direction, row.port, row.protocol);
        *merged.entry((row.why, rule)).or_default() += 1;
    }
    let mut by_kind: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for ((why, rule), _) in merged {
        by_kind.entry(why).or_default().push(rule);
    }
    by_kind.into_iter().map(|(why, rules)| match rules.as_slice() {
        [a, b, c, rest @ ..] if !rest.is_empty() => format!("{why}: {a}, {b}, {c} and {} more", rest.len()),
        all => format!("{why}: {}", all.join(", ")),
    })
}
