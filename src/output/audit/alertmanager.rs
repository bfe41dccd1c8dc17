//! Findings as alerts: the body of a POST to `/api/v2/alerts` of Alertmanager.

use std::collections::BTreeMap;
use std::io::{self, Write};

use flowfence_model::{NodeId, Timestamp};
use flowfence_policy::audit::{Value, detectors};
use serde::Serialize;

use super::{AuditReport, FindingRow, spot};
use crate::output::{fingerprint, safe};

/// Characters of a label's value and of an annotation.
const MOST_LABEL: usize = 256;
const MOST_TEXT: usize = 2_000;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Alert<'a> {
    labels: BTreeMap<&'static str, String>,
    annotations: BTreeMap<&'static str, String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    starts_at: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none", rename = "generatorURL")]
    generator_url: Option<&'a str>,
}

/// The alerts; `url` is where the report can be read.
pub(super) fn write(report: &AuditReport, url: Option<&str>, out: &mut dyn Write) -> io::Result<()> {
    let alerts: Vec<Alert<'_>> = report.findings.iter().map(|finding| alert(finding, url)).collect();
    serde_json::to_writer_pretty(&mut *out, &alerts)?;
    out.write_all(b"\n")
}

fn alert<'a>(finding: &FindingRow, url: Option<&'a str>) -> Alert<'a> {
    let starts_at = match finding.evidence.get("first") {
        Some(Value::Time(time)) => Some(*time),
        _ => None,
    };
    Alert { labels: labels(finding), annotations: annotations(finding), starts_at, generator_url: url }
}

/// Who it is: Alertmanager takes what has the same labels for the same alert, so nothing here changes from run to run.
fn labels(finding: &FindingRow) -> BTreeMap<&'static str, String> {
    let severity = match finding.level {
        "error" => "critical",
        "warning" => "warning",
        _ => "info",
    };
    let mut labels = BTreeMap::from([
        ("alertname", alert_name(finding.rule)),
        ("fingerprint", fingerprint::of(&finding.id)),
        ("finding", finding.id.clone()),
        ("rule", finding.rule.to_owned()),
        ("severity", severity.to_owned()),
        ("source", "flowfence".to_owned()),
    ]);
    labels.extend(finding.namespace().map(|namespace| ("namespace", namespace.to_owned())));
    if let Some(NodeId::Workload { kind, name, .. }) = finding.subject() {
        labels.extend([("workload", name.clone()), ("workload_type", kind.to_lowercase())]);
    }
    labels.extend(finding.policy.clone().map(|policy| ("networkpolicy", policy)));
    labels.retain(|_, value| {
        *value = safe::at_most(&safe::line(value), MOST_LABEL).into_owned();
        !value.is_empty()
    });
    labels
}

/// `port-scan` is `FlowfencePortScan`.
fn alert_name(rule: &str) -> String {
    let capital = |word: &str| {
        let mut chars = word.chars();
        chars.next().map(|first| first.to_ascii_uppercase()).into_iter().chain(chars).collect::<String>()
    };
    std::iter::once("Flowfence".to_owned()).chain(rule.split('-').map(capital)).collect()
}

fn annotations(finding: &FindingRow) -> BTreeMap<&'static str, String> {
    let detector = detectors().find(|detector| detector.id == finding.rule);
    let mut texts = BTreeMap::from([("summary", finding.title.clone())]);
    texts.extend(detector.map(|detector| ("description", detector.meaning.to_owned())));
    texts.extend(detector.map(|detector| ("doubt", detector.doubt.to_owned())));
    texts.extend(finding.fix.clone().map(|fix| ("fix", fix)));
    texts.extend(spot::file(finding).map(|(file, line)| ("file", format!("{file}:{line}"))));
    let evidence = finding.evidence.iter().map(|(name, value)| format!("{name}: {value}"));
    let evidence: Vec<String> = evidence.collect();
    texts.extend((!evidence.is_empty()).then(|| ("evidence", evidence.join("; "))));
    for text in texts.values_mut() {
        *text = safe::at_most(&safe::line(text), MOST_TEXT).into_owned();
    }
    texts
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::output::audit::report::{finding, report};

    #[test]
    fn the_same_finding_is_the_same_alert_whatever_was_counted() {
        let written = |finding: FindingRow| {
            let mut out = Vec::new();
            write(&report(vec![finding]), Some("https://a.example/"), &mut out).unwrap();
            serde_json::from_slice::<serde_json::Value>(&out).unwrap().get(0).unwrap().clone()
        };
        let once = written(finding("port-scan", "error", 1));
        let mut later = finding("port-scan", "error", 1);
        later.title = "more than before".to_owned();
        later.evidence.insert("first".into(), Value::Time(Timestamp::from_secs(1_760_000_000, 0)));
        let later = written(later);
        assert_eq!(once["labels"], later["labels"]);
        assert_eq!(once["labels"]["alertname"], "FlowfencePortScan");
        assert_eq!(once["labels"]["workload"], "w1");
        assert_eq!(
            (&once["startsAt"], &later["startsAt"]),
            (&().into(), &"2025-10-09T08:53:20.000000Z".into())
        );
        assert_eq!(later["generatorURL"], "https://a.example/");
    }
}
