//! Findings as SARIF.

use std::io::{self, Write};

use flowfence_policy::audit::detectors;
use serde_json::{Map, Value};

use super::{AuditReport, FindingRow};
use crate::output::sarif::{self, Entry, Rule};

/// The rules of the log: every detector.
pub(super) fn rules() -> Vec<Rule> {
    let rule = |detector: &flowfence_policy::audit::Detector| Rule {
        id: detector.id,
        level: detector.level.token(),
        title: detector.title,
        meaning: detector.meaning,
        doubt: detector.doubt,
        fix: detector.fix,
    };
    detectors().map(rule).collect()
}

pub(super) fn write(report: &AuditReport, out: &mut dyn Write) -> io::Result<()> {
    let entries: Vec<Entry> = report.findings.iter().map(entry).collect();
    sarif::write("audit", &rules(), &entries, out)
}

fn entry(finding: &FindingRow) -> Entry {
    let ends = [&finding.from, &finding.to].into_iter().flatten().map(ToString::to_string);
    Entry {
        rule: finding.rule,
        level: finding.level,
        text: finding.title.clone(),
        fix: finding.fix.clone(),
        fingerprint: finding.id.clone(),
        place: finding.file.clone().zip(finding.line),
        rank: finding.rank.as_ref().map(|rank| rank.total),
        properties: properties(finding),
        objects: finding.policy.iter().cloned().chain(ends).collect(),
    }
}

/// The parts of the rank, and the owner, for whoever reads the log by a program.
fn properties(finding: &FindingRow) -> Map<String, Value> {
    let mut properties = Map::new();
    if let Some(rank) = finding.rank.as_ref().and_then(|rank| serde_json::to_value(rank).ok()) {
        properties.insert("rank".to_owned(), rank);
    }
    if let Some(owner) = finding.owner.as_ref().and_then(|owner| serde_json::to_value(owner).ok()) {
        properties.insert("owner".to_owned(), owner);
    }
    properties
}
