//! Findings as GitLab's Code Quality report, the part of Code Climate's format that its merge requests read.

use std::io::{self, Write};

use serde::Serialize;

use super::{AuditReport, FindingRow, spot};
use crate::output::{fingerprint, safe};

#[derive(Serialize)]
struct Issue {
    description: String,
    check_name: &'static str,
    fingerprint: String,
    severity: &'static str,
    location: Location,
}

#[derive(Serialize)]
struct Location {
    path: String,
    lines: Lines,
}

#[derive(Serialize)]
struct Lines {
    begin: usize,
}

/// Characters of a description, of which the widget shows a line.
const MOST: usize = 1_000;

pub(super) fn write(report: &AuditReport, out: &mut dyn Write) -> io::Result<()> {
    let issues: Vec<Issue> = report.findings.iter().map(issue).collect();
    serde_json::to_writer_pretty(&mut *out, &issues)?;
    out.write_all(b"\n")
}

fn issue(finding: &FindingRow) -> Issue {
    let fix = finding.fix.as_ref().map(|fix| format!("; fix: {fix}")).unwrap_or_default();
    let (path, begin) = spot::path(finding);
    Issue {
        description: safe::at_most(&safe::line(&format!("{}{fix}", finding.title)), MOST).into_owned(),
        check_name: finding.rule,
        fingerprint: fingerprint::of(&finding.id),
        severity: match finding.level {
            "error" => "critical",
            "warning" => "major",
            _ => "info",
        },
        location: Location { path, lines: Lines { begin } },
    }
}
