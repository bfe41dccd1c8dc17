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

/// Characters of a description, of which the widget shows a line, and of the title and the owner in it.
const MOST: usize = 1_000;
const MOST_TITLE: usize = 600;
const MOST_OWNER: usize = 100;

pub(super) fn write(report: &AuditReport, out: &mut dyn Write) -> io::Result<()> {
    let issues: Vec<Issue> = report.findings.iter().map(issue).collect();
    serde_json::to_writer_pretty(&mut *out, &issues)?;
    out.write_all(b"\n")
}

fn issue(finding: &FindingRow) -> Issue {
    let (path, begin) = spot::path(finding);
    Issue {
        description: safe::at_most(&safe::line(&description(finding)), MOST).into_owned(),
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

/// The sentence, the rank, the owner, and last what may be cut off.
fn description(finding: &FindingRow) -> String {
    let mut text = safe::at_most(&finding.title, MOST_TITLE).into_owned();
    let rank = finding.rank_total().map(|rank| format!("rank {rank}"));
    let owner = finding.owner_name().map(|owner| format!("owner: {}", safe::at_most(&owner, MOST_OWNER)));
    let fix = finding.fix.as_ref().map(|fix| format!("fix: {fix}"));
    for part in [rank, owner, fix].into_iter().flatten() {
        text.push_str("; ");
        text.push_str(&part);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::output::audit::report::{ranked, written};

    #[test]
    fn rank_and_owner_are_told_whatever_is_too_long() {
        let mut found = ranked("port-scan", "error", 1, "web\u{202e} team");
        let told = |found: FindingRow| {
            let issues: serde_json::Value = serde_json::from_str(&written(write, vec![found])).unwrap();
            issues[0]["description"].as_str().unwrap().to_owned()
        };
        assert_eq!(told(found.clone()), "title 1 <&; rank 30; owner: web team; fix: fix it");
        (found.title, found.fix) = ("é".repeat(5_000), Some("x".repeat(5_000)));
        let text = told(found);
        assert!(
            text.chars().count() == MOST && text.contains("…; rank 30; owner: web team; fix: x"),
            "{text}"
        );
    }
}
