//! Findings for people: one line each, then how many of each level.

use std::io::{self, Write};

use super::AuditReport;
use crate::output::{safe, table};

pub(super) fn write(report: &AuditReport, out: &mut dyn Write) -> io::Result<()> {
    let rows: Vec<Vec<String>> = report
        .findings
        .iter()
        .map(|finding| vec![finding.level.to_owned(), finding.rule.to_owned(), finding.title.clone()])
        .collect();
    table::write(out, &["LEVEL", "RULE", "FINDING"], &rows)?;
    let count = |level: &str| report.findings.iter().filter(|finding| finding.level == level).count();
    let (errors, warnings, notes) = (count("error"), count("warning"), count("note"));
    writeln!(out, "\n{errors} errors, {warnings} warnings, {notes} notes (-o json has ids and evidence)")?;
    for line in report.completeness.lines() {
        writeln!(out, "{}", safe::line(&line))?;
    }
    Ok(())
}
