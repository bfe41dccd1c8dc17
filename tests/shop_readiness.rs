//! Whether enough was seen of the shop, and what the page about it says.

#![allow(clippy::unwrap_used, reason = "a test panics where it has nothing to say")]

mod support;

use std::collections::BTreeMap;

use flowfence_policy::readiness::{Cause, Verdict};
use serde_json::Value;

use support::program::{Inputs, Scratch};
use support::shop;

fn readiness(inputs: &Inputs) -> Value {
    inputs.run("recommend", &["-o", "json"]).ends(0).json()["readiness"].clone()
}

fn verdicts(readiness: &Value) -> BTreeMap<String, String> {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let rows = readiness["workloads"].as_array().unwrap().iter();
    rows.map(|row| (text(&row["id"]), text(&row["verdict"]))).collect()
}

#[test]
fn what_the_shop_does_all_the_time_was_seen_and_blog_is_not_judged_by_its_attack() {
    let readiness = readiness(&shop::inputs());
    let verdicts = verdicts(&readiness);
    assert_eq!(verdicts.len(), 14, "{verdicts:?}");
    for (id, verdict) in &verdicts {
        let expected = if id == "shop/Deployment/blog" { "keep watching" } else { "ready" };
        assert_eq!(verdict, expected, "{id}");
    }
    assert_eq!(readiness["all"]["verdict"], "keep watching");
    let report = readiness["workloads"].as_array().unwrap().iter().find(|row| row["unit"] == "run").unwrap();
    assert_eq!((&report["id"], &report["samples"]), (&"shop/CronJob/report".into(), &2.into()));
    let schedule = &readiness["schedules"][0];
    assert_eq!((&schedule["schedule"], &schedule["covered"]), (&"* * * * *".into(), &true.into()));
    assert_eq!(schedule["next"], "2026-11-24T17:52:00.000000Z");
}

#[test]
fn one_node_is_not_the_cluster() {
    let whole = shop::inputs();
    let half = Inputs { captures: vec![shop::path(shop::CAPTURES[0])], ..whole };
    let readiness = readiness(&half);
    assert_eq!(readiness["all"]["verdict"], "blind");
    let verdicts = verdicts(&readiness);
    assert_eq!(verdicts["data/StatefulSet/cache"], "blind", "it runs on the other node");
    assert_eq!(verdicts["data/Deployment/postgres"], "ready", "it runs on this one");
}

#[test]
fn the_order_of_captures_changes_nothing_and_the_summary_says_the_same() {
    let inputs = shop::inputs();
    let mut turned = inputs.clone();
    turned.captures.reverse();
    assert_eq!(readiness(&inputs), readiness(&turned));
    let scratch = Scratch::new();
    let said = inputs.run("recommend", &["--out", scratch.path().to_str().unwrap()]).ends(0).stderr;
    let page = std::fs::read_to_string(shop::path("docs/readiness.md")).unwrap();
    let shown =
        page.lines().skip_while(|line| !line.starts_with("readiness: ")).take_while(|line| *line != "```");
    for line in shown {
        assert!(said.contains(line), "the page shows {line:?}, the program says\n{said}");
    }
}

#[test]
fn a_cron_job_that_did_not_run_is_told_with_its_next_run() {
    let scratch = Scratch::new();
    let nightly = scratch.file(
        "nightly.yaml",
        "apiVersion: batch/v1\nkind: CronJob\nmetadata: {name: nightly, namespace: shop}\nspec:\n  schedule: 30 2 * * *\n  timeZone: Europe/Berlin\n  jobTemplate: {spec: {template: {metadata: {labels: {app: nightly}}, spec: {}}}}\n",
    );
    let mut inputs = shop::inputs();
    inputs.clusters.push(nightly);
    let readiness = readiness(&inputs);
    let rows = readiness["workloads"].as_array().unwrap();
    let row = rows.iter().find(|row| row["id"] == "shop/CronJob/nightly").unwrap();
    assert_eq!(
        (&row["verdict"], &row["reasons"][0]["reason"]),
        (&"keep watching".into(), &"schedule-uncovered".into())
    );
    let said = row["reasons"][0]["why"].as_str().unwrap();
    assert!(said.ends_with("runs next at 2026-11-25T01:30:00Z"), "{said}");
}

#[test]
fn every_reason_and_verdict_is_on_the_page() {
    let page = std::fs::read_to_string(shop::path("docs/readiness.md")).unwrap();
    for cause in Cause::ALL {
        let row = format!("| `{}` | `{}`", cause.token(), cause.verdict().token());
        assert!(page.contains(&row), "{row}");
    }
    for verdict in Verdict::ALL {
        assert!(page.contains(&format!("| `{verdict}` |")), "{verdict}");
    }
}
