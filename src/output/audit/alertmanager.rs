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
    if let Some(NodeId::Workload(workload)) = finding.subject() {
        let (name, kind) = (workload.name.to_string(), workload.kind.to_lowercase());
        labels.extend([("workload", name), ("workload_type", kind)]);
    }
    labels.extend(finding.policy.clone().map(|policy| ("networkpolicy", policy)));
    // Routes match labels alone.
    labels.extend(finding.owner_name().map(|owner| ("owner", owner)));
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
    if let Some(rank) = &finding.rank {
        texts.extend([("rank", rank.total.to_string()), ("rank_formula", rank.formula.clone())]);
        texts.insert("rank_reasons", rank.reasons());
    }
    texts.extend(finding.owner.as_ref().map(|owner| ("owner_from", owner.from.clone())));
    let evidence = finding.evidence.iter().map(|(name, value)| format!("{name}: {value}"));
    let evidence: Vec<String> = evidence.collect();
    texts.extend((!evidence.is_empty()).then(|| ("evidence", evidence.join("; "))));
    texts.retain(|_, text| {
        *text = safe::at_most(&safe::line(text), MOST_TEXT).into_owned();
        !text.is_empty()
    });
    texts
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::output::audit::report::{finding, ranked, written};

    fn alert_of(finding: FindingRow) -> serde_json::Value {
        let text = written(|report, out| write(report, Some("https://a.example/"), out), vec![finding]);
        serde_json::from_str::<serde_json::Value>(&text).unwrap().get(0).unwrap().clone()
    }

    #[test]
    fn an_alert_is_routed_by_its_owner_and_another_rank_is_the_same_alert() {
        let alert = alert_of(ranked("port-scan", "error", 1, " team-web\n"));
        assert_eq!(
            (&alert["labels"]["owner"], &alert["annotations"]["rank"]),
            (&"team-web".into(), &"30".into())
        );
        let reasons = "privilege: service account token; blast radius: the API server";
        assert_eq!(alert["annotations"]["rank_reasons"], reasons);
        assert_eq!(alert["annotations"]["owner_from"], "label team of namespace shop");
        let mut higher = ranked("port-scan", "error", 1, "team-web");
        higher.rank.as_mut().unwrap().total = 90;
        assert_eq!(alert["labels"], alert_of(higher)["labels"]);
        let nobody = alert_of(ranked("port-scan", "error", 1, "\u{200b}"));
        assert_eq!(nobody["labels"].get("owner"), None);
    }

    #[test]
    fn the_same_finding_is_the_same_alert_whatever_was_counted() {
        let once = alert_of(finding("port-scan", "error", 1));
        let mut later = finding("port-scan", "error", 1);
        later.title = "more than before".to_owned();
        later.evidence.insert("first".into(), Value::Time(Timestamp::from_secs(1_760_000_000, 0)));
        let later = alert_of(later);
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
