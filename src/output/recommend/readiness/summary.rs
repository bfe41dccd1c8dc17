//! Readiness for people: one line over all, a row a namespace, and the workloads that are not ready.

use std::io::{self, Write};
use std::time::Duration;

use flowfence_policy::readiness::Verdict;

use super::report::{GroupRow, NamespaceRow, ReadinessRow, VerdictsRow};
use crate::output::{safe, table};

/// Rows of one list that are shown; the JSON output has them all.
const SHOWN: usize = 12;

/// One line over all, a row a namespace, and the workloads that are not ready.
pub fn write(row: &ReadinessRow, out: &mut dyn Write) -> io::Result<()> {
    let VerdictsRow { ready, keep_watching, blind } = row.all.workloads;
    if ready + keep_watching + blind == 0 {
        return Ok(());
    }
    let counts = [(ready, "ready"), (keep_watching, "to be watched on"), (blind, "blind")];
    let counts = counts.iter().filter(|(n, _)| *n > 0).map(|(n, what)| format!("{n} {what}"));
    let counts = counts.collect::<Vec<String>>().join(", ");
    let watched = row.all.view.watched.as_ref().map_or_else(String::new, |watched| {
        let (all, horizon) = (spoken(watched.seconds), spoken(watched.horizon_seconds));
        format!("; watched for {all}, which shows what is used at least every {horizon}")
    });
    writeln!(out, "readiness: {} ({counts}){watched}", row.all.verdict)?;
    let mut text = Vec::new();
    let rows: Vec<Vec<String>> = row.namespaces.iter().take(SHOWN).map(namespace).collect();
    table::write(
        &mut text,
        &["NAMESPACE", "VERDICT", "READY", "EDGES", "COVERED", "MISSING", "LAST NEW"],
        &rows,
    )?;
    for line in String::from_utf8_lossy(&text).lines() {
        writeln!(out, "  {line}")?;
    }
    rest(out, row.namespaces.len())?;
    let waiting = row.workloads.iter().filter(|row| row.verdict != Verdict::Ready.token());
    for row in waiting.clone().take(SHOWN) {
        let Some(first) = row.reasons.first() else { continue };
        let grave = row.reasons.iter().filter(|reason| reason.verdict != Verdict::Ready.token()).count();
        let more = if grave > 1 { format!(" (and {} more)", grave - 1) } else { String::new() };
        writeln!(out, "  {}", safe::line(&format!("{}: {}: {}{more}", row.id, row.verdict, first.why)))?;
    }
    rest(out, waiting.count())
}

fn rest(out: &mut dyn Write, rows: usize) -> io::Result<()> {
    if rows > SHOWN {
        writeln!(out, "  and {} more (-o json has them all)", rows - SHOWN)?;
    }
    Ok(())
}

fn namespace(row: &NamespaceRow) -> Vec<String> {
    let GroupRow { verdict, workloads, view, .. } = &row.group;
    let all = workloads.ready + workloads.keep_watching + workloads.blind;
    let missing =
        view.unseen.map(|unseen| format!("{:.0} ({:.0} to {:.0})", unseen.estimate, unseen.low, unseen.high));
    let last = view.last_new_edge.as_ref().map(|new| format!("after {:.0} %", new.share * 100.0));
    vec![
        row.namespace.clone(),
        (*verdict).to_owned(),
        format!("{} of {all}", workloads.ready),
        view.edges.to_string(),
        view.coverage.map_or_else(String::new, |coverage| format!("{:.1} %", coverage * 100.0)),
        missing.unwrap_or_default(),
        last.unwrap_or_default(),
    ]
}

/// A length of time as people say it, to the second.
fn spoken(seconds: f64) -> String {
    let whole = Duration::try_from_secs_f64(seconds.max(0.0)).unwrap_or(Duration::MAX).as_secs();
    let (days, hours, minutes, seconds) = (whole / 86_400, whole / 3_600 % 24, whole / 60 % 60, whole % 60);
    let units = [(days, "d"), (hours, "h"), (minutes, "min"), (seconds, "s")];
    let said = units.iter().skip_while(|(n, _)| *n == 0).take(2).filter(|(n, _)| *n > 0);
    let said: Vec<String> = said.map(|(n, unit)| format!("{n} {unit}")).collect();
    if said.is_empty() { "0 s".to_owned() } else { said.join(" ") }
}

#[cfg(test)]
mod tests {
    use super::spoken;

    #[test]
    fn lengths_of_time_are_said_in_two_units() {
        let cases =
            [(0.0, "0 s"), (70.2, "1 min 10 s"), (3600.0, "1 h"), (90_061.0, "1 d 1 h"), (-4.0, "0 s")];
        for (seconds, expected) in cases {
            assert_eq!(spoken(seconds), expected);
        }
        assert!(spoken(f64::MAX).ends_with(" h") || spoken(f64::MAX).ends_with(" d"));
    }
}
