//! Findings as SARIF.

use std::io::{self, Write};

use flowfence_policy::audit::detectors;
use serde_json::{Map, Value};

use super::{AuditReport, FindingRow};
use crate::output::safe;
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
        text: text(finding),
        fix: finding.fix.clone(),
        fingerprint: finding.id.clone(),
        place: finding.file.clone().zip(finding.line),
        rank: finding.rank.as_ref().map(|rank| rank.total),
        properties: properties(finding),
        objects: finding.policy.iter().cloned().chain(ends).collect(),
    }
}

/// What viewers show: they look into no property bag.
fn text(finding: &FindingRow) -> String {
    let owner = finding.owner_name().map(|owner| format!("\nOwner: {owner}"));
    format!("{}{}", safe::line(&finding.title), owner.unwrap_or_default())
}

/// The parts of the rank, and the owner, for whoever reads the log by a program.
fn properties(finding: &FindingRow) -> Map<String, Value> {
    let mut properties = Map::new();
    if let Some(rank) = finding.rank.as_ref().and_then(|rank| serde_json::to_value(rank).ok()) {
        properties.insert("rank".to_owned(), shown(rank));
    }
    if let Some(owner) = finding.owner.as_ref().and_then(|owner| serde_json::to_value(owner).ok()) {
        properties.insert("owner".to_owned(), shown(owner));
    }
    properties
}

/// Texts from outside on one line each: viewers list what is in the bag.
fn shown(value: Value) -> Value {
    match value {
        Value::String(text) => safe::line(&text).into(),
        Value::Array(entries) => entries.into_iter().map(shown).collect(),
        Value::Object(members) => members.into_iter().map(|(name, member)| (name, shown(member))).collect(),
        other => other,
    }
}
