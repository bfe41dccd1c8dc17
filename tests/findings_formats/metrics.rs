//! What Prometheus and Alertmanager make of findings.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write as _;
use std::process::{Command, Stdio};

use flowfence::cli::FindingsFormat;
use flowfence::output::audit::FindingRow;
use flowfence::output::safe;
use serde_json::Value;

use super::generated::generated;
use super::{read, readers, skipped, written};

#[test]
fn prometheus_scrapes_the_counts() {
    let Some(readers) = readers("prometheus") else { return };
    let report = generated(3_000);
    let text = written(&report, FindingsFormat::Prometheus);
    let held = read(&readers, "prometheus", &text, &[]).unwrap();
    let mut counts: BTreeMap<(&str, &str), f64> =
        report.detectors().map(|detector| ((detector.id, detector.level.token()), 0.0)).collect();
    for finding in &report.findings {
        *counts.entry((finding.rule, finding.level)).or_default() += 1.0;
    }
    let samples = held["samples"].as_array().unwrap();
    let of = |name: &str| -> Vec<&Value> { samples.iter().filter(|sample| sample[0] == name).collect() };
    let found: BTreeMap<(&str, &str), f64> = of("flowfence_findings")
        .into_iter()
        .map(|sample| {
            let label = |name: &str| sample[1][name].as_str().unwrap();
            ((label("rule"), label("level")), sample[2].as_f64().unwrap())
        })
        .collect();
    assert_eq!(found, counts);
    let of_namespaces: f64 =
        of("flowfence_namespace_findings").iter().map(|sample| sample[2].as_f64().unwrap()).sum();
    let placed = report.findings.iter().filter(|finding| finding.namespace().is_some()).count();
    assert!((of_namespaces - placed as f64).abs() < 0.5, "{of_namespaces} of {placed}");
    let sum = |name: &str| of(name).iter().map(|sample| sample[2].as_f64().unwrap()).sum::<f64>();
    assert!((sum("flowfence_owner_findings") - 3_000.0).abs() < 0.5, "each is of one owner or nobody");
    let series: BTreeSet<String> =
        samples.iter().map(|sample| format!("{} {}", sample[0], sample[1])).collect();
    assert_eq!(series.len(), samples.len(), "each series once");
    assert!(
        of("flowfence_owner_findings").len() <= 201 * 3 && of("flowfence_owner_highest_rank").len() <= 201
    );
    let of_nobody = report.findings.iter().filter(|finding| finding.owner_name().is_none()).count();
    let without = |sample: &&&Value| sample[1]["owner"].as_str().unwrap_or_default().is_empty();
    let nobody: f64 =
        of("flowfence_owner_findings").iter().filter(without).map(|s| s[2].as_f64().unwrap()).sum();
    assert!((nobody - of_nobody as f64).abs() < 0.5, "{nobody} of {of_nobody}");
    for detector in report.detectors() {
        let of_it = report.findings.iter().filter(|finding| finding.rule == detector.id);
        let highest = of_it.filter_map(FindingRow::rank_total).max().unwrap_or(0);
        let told = of("flowfence_highest_rank").into_iter().find(|s| s[1]["rule"] == detector.id).unwrap();
        assert!((told[2].as_f64().unwrap() - f64::from(highest)).abs() < 0.5, "{told} {highest}");
    }
    assert!(held["types"].as_object().unwrap().values().all(|kind| kind == "gauge"));
    let pasted = text.replacen("level=\"error\"", "level=\"a\"b\"", 1);
    assert!(read(&readers, "prometheus", &pasted, &[]).is_err(), "what is pasted is refused");
}

#[test]
fn promtool_has_nothing_to_say() {
    let spawned = Command::new("promtool")
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let Ok(mut promtool) = spawned else {
        skipped("promtool", "there is no promtool (package prometheus)");
        return;
    };
    let text = written(&generated(3_000), FindingsFormat::Prometheus);
    promtool.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    let ended = promtool.wait_with_output().unwrap();
    let said = [ended.stdout, ended.stderr].map(|said| String::from_utf8_lossy(&said).into_owned()).concat();
    assert!(ended.status.success() && said.is_empty(), "{said}");
}

#[test]
fn alertmanager_takes_each_finding_for_an_alert_of_its_own() {
    let Some(readers) = readers("alertmanager") else { return };
    let report = generated(3_000);
    let file = tempfile::NamedTempFile::new().unwrap();
    let text = written(&report, FindingsFormat::Alertmanager);
    let alerts = |text: &str| {
        std::fs::write(file.path(), text).unwrap();
        Command::new(readers.join("alerts")).arg(file.path()).output().unwrap()
    };
    let ended = alerts(&text);
    assert!(ended.status.success(), "{}", String::from_utf8_lossy(&ended.stderr));
    let alerts_held: Vec<Value> = serde_json::from_slice(&ended.stdout).unwrap();
    let fingerprints: BTreeSet<&str> =
        alerts_held.iter().map(|alert| alert["fingerprint"].as_str().unwrap()).collect();
    assert_eq!((alerts_held.len(), fingerprints.len()), (3_000, 3_000));
    for (alert, finding) in alerts_held.iter().zip(&report.findings) {
        assert_eq!(alert["labels"]["rule"], finding.rule);
        assert_eq!(alert["annotations"]["summary"], *safe::line(&finding.title));
        assert_eq!(alert["url"], "https://ci.example.com/1");
        let text = |value: &Value| value.as_str().map(str::to_owned);
        assert_eq!(text(&alert["labels"]["owner"]), finding.owner_name());
        assert_eq!(text(&alert["annotations"]["rank"]), finding.rank_total().map(|rank| rank.to_string()));
        assert_eq!(alert["labels"].get("rank"), None, "a rank changes, and its alert would be another");
        assert!(alert["startsAt"].as_str().unwrap().starts_with("2025-10-09T"), "{alert}");
    }
    let wrong = alerts(&text.replacen("\"rule\"", "\"no name\"", 1));
    assert!(!wrong.status.success(), "a label that is none is refused");
}
