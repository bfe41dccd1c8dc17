//! Findings for people: one line each with what to do below it, then how many of each level.

use std::io::{self, Write};

use super::AuditReport;
use crate::output::{safe, table};

pub(super) fn write(report: &AuditReport, out: &mut dyn Write) -> io::Result<()> {
    let rows: Vec<Vec<String>> = report
        .findings
        .iter()
        .map(|finding| {
            let rank = finding.rank.as_ref().map(|rank| rank.total.to_string()).unwrap_or_default();
            vec![finding.level.to_owned(), rank, finding.rule.to_owned(), finding.title.clone()]
        })
        .collect();
    let mut text = Vec::new();
    table::write(&mut text, &["LEVEL", "RANK", "RULE", "FINDING"], &rows)?;
    let text = String::from_utf8_lossy(&text);
    let mut lines = text.lines();
    writeln!(out, "{}", lines.next().unwrap_or_default())?;
    for (at, line) in lines.enumerate() {
        writeln!(out, "{line}")?;
        // The same thing is to be done about all of a row of findings: it is said once, below them.
        let fix = |at: usize| report.findings.get(at).and_then(|finding| finding.fix.as_deref());
        if let Some(fix) = fix(at).filter(|mine| fix(at + 1) != Some(mine)) {
            writeln!(out, "         fix: {}", safe::line(fix))?;
        }
        let owner = |at: usize| {
            report.findings.get(at).and_then(|finding| finding.owner.as_ref()).map(|owner| &owner.name)
        };
        if let Some(owner) = owner(at).filter(|mine| owner(at + 1) != Some(mine)) {
            writeln!(out, "         owner: {}", safe::line(owner))?;
        }
    }
    let count = |level: &str| report.findings.iter().filter(|finding| finding.level == level).count();
    let (errors, warnings, notes) = (count("error"), count("warning"), count("note"));
    writeln!(out, "\n{errors} errors, {warnings} warnings, {notes} notes (-o json has ids and evidence)")?;
    for line in report.completeness.lines() {
        writeln!(out, "{}", safe::line(&line))?;
    }
    Ok(())
}
