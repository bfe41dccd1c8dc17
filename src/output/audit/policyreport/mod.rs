//! Findings as reports that dashboards of a cluster read: `OpenReports`, or the `PolicyReport` of the policy working group
//! which it came from.
//!
//! One object for what is about the cluster, one for each namespace; more where one would be too large.

mod resource;

use std::collections::BTreeMap;
use std::io::{self, Write};

use flowfence_policy::audit::{Value, detectors};
use serde::Serialize;
use serde_json::json;

use super::{AuditReport, FindingRow, spot};
use crate::manifest;
use crate::output::safe;

/// One of the two APIs.
#[derive(Debug)]
pub(super) struct Api {
    version: &'static str,
    namespaced: &'static str,
    cluster: &'static str,
    /// Whether a report says as a whole who wrote it.
    has_source: bool,
}

/// `openreports.io/v1alpha1`.
pub(super) const OPEN_REPORTS: Api = Api {
    version: "openreports.io/v1alpha1",
    namespaced: "Report",
    cluster: "ClusterReport",
    has_source: true,
};

/// `wgpolicyk8s.io/v1alpha2`.
pub(super) const POLICY_REPORT: Api = Api {
    version: "wgpolicyk8s.io/v1alpha2",
    namespaced: "PolicyReport",
    cluster: "ClusterPolicyReport",
    has_source: false,
};

/// Octets of an object's results as JSON. `kubectl apply` keeps a copy in an annotation, and all annotations together have
/// 256 KiB; etcd takes 1.5 MB.
const MOST: usize = 200_000;

/// Characters of one text.
const MOST_TEXT: usize = 1_000;

#[derive(Serialize)]
struct Outcome {
    source: &'static str,
    policy: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    rule: Option<&'static str>,
    category: &'static str,
    severity: &'static str,
    result: &'static str,
    scored: bool,
    message: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    timestamp: Option<Moment>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    resources: Vec<resource::Reference>,
    properties: BTreeMap<String, String>,
}

#[derive(Serialize)]
struct Moment {
    seconds: i64,
    nanos: i64,
}

/// The objects as YAML documents, that of the cluster first, then by namespace.
pub(super) fn write(report: &AuditReport, api: &Api, out: &mut dyn Write) -> io::Result<()> {
    let mut by_namespace: BTreeMap<Option<&str>, Vec<&FindingRow>> = BTreeMap::from([(None, Vec::new())]);
    for finding in &report.findings {
        let namespace = finding.namespace().filter(|namespace| resource::is_namespace(namespace));
        by_namespace.entry(namespace).or_default().push(finding);
    }
    for (namespace, findings) in by_namespace {
        for (at, part) in parts(&findings).into_iter().enumerate() {
            let mut text = String::from("---\n");
            manifest::write_object(&mut text, &object(api, namespace, at, &part)?)
                .map_err(io::Error::other)?;
            out.write_all(text.as_bytes())?;
        }
    }
    Ok(())
}

/// Results in their order, in as many objects as they need; one without any where there is none.
fn parts(findings: &[&FindingRow]) -> Vec<Vec<Outcome>> {
    let (mut parts, mut size) = (vec![Vec::new()], 0);
    for finding in findings {
        let outcome = outcome(finding);
        let octets = serde_json::to_string(&outcome).map_or(MOST, |text| text.len() + 1);
        if size + octets > MOST && size > 0 {
            parts.push(Vec::new());
            size = 0;
        }
        size += octets;
        if let Some(part) = parts.last_mut() {
            part.push(outcome);
        }
    }
    parts
}

fn object(
    api: &Api,
    namespace: Option<&str>,
    at: usize,
    results: &[Outcome],
) -> io::Result<serde_json::Value> {
    let name = if at == 0 { "flowfence-audit".to_owned() } else { format!("flowfence-audit-{}", at + 1) };
    let count = |result: &str| results.iter().filter(|outcome| outcome.result == result).count();
    let mut metadata = json!({"name": name, "labels": {"app.kubernetes.io/managed-by": "flowfence"}});
    let mut object = json!({
        "apiVersion": api.version,
        "kind": if namespace.is_some() { api.namespaced } else { api.cluster },
        "summary": {"pass": 0, "fail": count("fail"), "warn": count("warn"), "error": 0, "skip": 0},
        "results": serde_json::to_value(results)?,
    });
    if let Some(namespace) = namespace {
        metadata["namespace"] = namespace.into();
        object["scope"] = json!({"apiVersion": "v1", "kind": "Namespace", "name": namespace});
    }
    if api.has_source {
        object["source"] = "flowfence".into();
    }
    object["metadata"] = metadata;
    Ok(object)
}

fn outcome(finding: &FindingRow) -> Outcome {
    let (severity, result) = match finding.level {
        "error" => ("high", "fail"),
        "warning" => ("medium", "warn"),
        _ => ("low", "warn"),
    };
    let detector = detectors().find(|detector| detector.id == finding.rule);
    Outcome {
        source: "flowfence",
        policy: finding.rule,
        rule: detector.map(|detector| detector.title),
        category: "Network",
        severity,
        result,
        // What is not scored is told and does not count as a failure.
        scored: result == "fail",
        message: shown(&finding.title),
        timestamp: timestamp(finding),
        resources: resource::of(finding),
        properties: properties(finding),
    }
}

fn timestamp(finding: &FindingRow) -> Option<Moment> {
    let Some(Value::Time(time)) = finding.evidence.get("last") else { return None };
    let nanos = time.as_nanos();
    Some(Moment { seconds: nanos.div_euclid(1_000_000_000), nanos: nanos.rem_euclid(1_000_000_000) })
}

fn properties(finding: &FindingRow) -> BTreeMap<String, String> {
    let mut texts = BTreeMap::from([("id".to_owned(), finding.id.clone())]);
    let mut add = |name: &str, text: Option<String>| texts.extend(text.map(|text| (name.to_owned(), text)));
    add("from", finding.from.as_ref().map(ToString::to_string));
    add("to", finding.to.as_ref().map(ToString::to_string));
    add("protocol", finding.protocol.map(|protocol| protocol.to_string()));
    add("port", finding.port.map(|port| port.to_string()));
    add("field", finding.field.clone());
    add("file", spot::file(finding).map(|(file, line)| format!("{file}:{line}")));
    if let Some(rank) = &finding.rank {
        add("rank", Some(rank.total.to_string()));
        add("rank.formula", Some(rank.formula.clone()));
        add("rank.reasons", Some(rank.reasons()).filter(|reasons| !reasons.is_empty()));
    }
    add("owner", finding.owner_name());
    add("owner.from", finding.owner.as_ref().map(|owner| owner.from.clone()));
    add("fix", finding.fix.clone());
    for (name, value) in &finding.evidence {
        add(&format!("evidence.{name}"), Some(value.to_string()));
    }
    for text in texts.values_mut() {
        *text = shown(text);
    }
    texts
}

fn shown(text: &str) -> String {
    safe::at_most(&safe::line(text), MOST_TEXT).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::output::audit::report::{finding, ranked, written};

    #[test]
    fn a_result_tells_rank_and_owner() {
        let properties = properties(&ranked("port-scan", "error", 1, "web\nteam"));
        assert_eq!((properties["rank"].as_str(), properties["owner"].as_str()), ("30", "web team"));
        assert_eq!(properties["owner.from"], "label team of namespace shop");
        assert!(properties["rank.reasons"].contains("the API server"), "{properties:?}");
    }

    #[test]
    fn a_large_report_is_several_none_too_large_and_nothing_is_lost() {
        let all: Vec<FindingRow> = (0..3_000)
            .map(|at| {
                let mut finding = finding("port-scan", "error", at);
                finding.title = "\"é\\".repeat(400);
                finding.evidence.insert("targets".into(), Value::Text("\u{1f980}".repeat(9_000)));
                finding
            })
            .collect();
        let parts = parts(&all.iter().collect::<Vec<_>>());
        assert!(parts.len() > 10);
        assert_eq!(parts.iter().map(Vec::len).sum::<usize>(), 3_000);
        for (at, part) in parts.iter().enumerate() {
            let object = object(&OPEN_REPORTS, Some("shop"), at, part).unwrap();
            assert!(object.to_string().len() < 256 * 1_024);
        }
    }

    #[test]
    fn an_audit_that_found_nothing_says_so_in_the_clusters_report() {
        let text = written(|report, out| write(report, &POLICY_REPORT, out), Vec::new());
        assert!(
            text.starts_with("---\napiVersion: wgpolicyk8s.io/v1alpha2\nkind: ClusterPolicyReport\n"),
            "{text}"
        );
        assert!(text.contains("results: []"));
    }
}
