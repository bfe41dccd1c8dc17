//! Decisions from files and the command line: what they do, and what is wrong with bad ones.

#![allow(clippy::unwrap_used, reason = "a test panics where it has nothing to say")]

mod support;

use std::collections::BTreeSet;

use serde_json::Value;

use support::program::{Run, Scratch};
use support::shop;

const MINER: &str = "shop/Deployment/blog -> external/198.51.100.66/32 3333/TCP";
const MIRROR: &str = "data/Deployment/backup -> external/198.51.100.20/32 443/TCP";

fn recommend(more: &[&str]) -> Run {
    let mut args = vec!["-o", "json"];
    args.extend(more);
    shop::inputs().run("recommend", &args)
}

fn edge(row: &Value) -> String {
    let text = |field: &str| row[field].as_str().unwrap().to_owned();
    format!("{} -> {} {}/{}", text("from"), text("to"), row["port"], text("protocol"))
}

/// Edges that rules were written for, and edges that are withheld with the finding.
fn outcome(recommendation: &Value) -> (BTreeSet<String>, BTreeSet<(String, String)>) {
    let rows = |name: &str| recommendation[name].as_array().unwrap().clone();
    let edges =
        rows("evidence").iter().flat_map(|row| row["edges"].as_array().unwrap().clone()).collect::<Vec<_>>();
    let withheld = rows("withheld");
    let withheld =
        withheld.iter().map(|row| (edge(&row["edge"]), row["finding"].as_str().unwrap().to_owned()));
    (edges.iter().map(edge).collect(), withheld.collect())
}

#[test]
fn the_example_lets_the_miner_out_and_keeps_backups_in() {
    let path = shop::path("examples/shop/decisions.yaml");
    let recommendation = recommend(&["--decisions", path.to_str().unwrap()]).ends(0).json();
    let (edges, withheld) = outcome(&recommendation);
    assert!(edges.contains(MINER) && !edges.contains(MIRROR));
    assert!(withheld.contains(&(MIRROR.to_owned(), format!("denied:{MIRROR}"))));
    assert!(withheld.iter().all(|(edge, _)| edge != MINER));
    assert_eq!(withheld.len(), 7, "the rest of the scan is withheld: {withheld:?}");
    let states: Vec<(&str, &str)> = recommendation["decisions"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| (row["decision"].as_str().unwrap(), row["state"].as_str().unwrap()))
        .collect();
    assert_eq!(
        states,
        [("accept", "applied"), ("deny", "applied"), ("accept", "unused"), ("accept", "expired")]
    );
}

#[test]
fn what_the_page_shows_is_what_the_program_says() {
    let page = std::fs::read_to_string(shop::path("docs/decisions.md")).unwrap();
    let example = std::fs::read_to_string(shop::path("examples/shop/decisions.yaml")).unwrap();
    let body = example.split_once('\n').unwrap().1;
    assert!(page.contains(body), "the page shows the file of the example");
    let scratch = Scratch::new();
    let out = scratch.path().to_str().unwrap();
    let inputs = shop::inputs();
    let mut real = String::new();
    for (verb, more) in [("recommend", vec!["--out", out]), ("audit", vec![])] {
        let mut args = vec!["--decisions", "examples/shop/decisions.yaml"];
        args.extend(more);
        let run = inputs.run(verb, &args);
        real += &run.stdout;
        real += &run.stderr;
    }
    let words = |line: &str| line.split_whitespace().collect::<Vec<_>>().join(" ");
    let real: BTreeSet<String> = real.lines().map(words).collect();
    let blocks = page.split("```console\n").skip(1).map(|block| block.split("```").next().unwrap());
    let shown = blocks.flat_map(str::lines).filter(|line| !line.starts_with("$ ") && *line != "…");
    let shown: Vec<String> = shown.map(words).collect();
    assert!(shown.len() > 6, "the example was found");
    let wrong: Vec<&String> = shown.iter().filter(|line| !real.contains(*line)).collect();
    assert_eq!(wrong, Vec::<&String>::new());
}

#[test]
fn flags_decide_as_files_do_for_every_verb_that_judges() {
    let (edges, withheld) = outcome(&recommend(&["--accept", MINER, "--deny", MIRROR]).ends(0).json());
    assert!(edges.contains(MINER) && !edges.contains(MIRROR));
    assert!(withheld.contains(&(MIRROR.to_owned(), format!("denied:{MIRROR}"))));
    let inputs = shop::inputs();
    let audit = inputs.run("audit", &["--deny", MIRROR, "--fail-on", "never"]).ends(0);
    assert!(audit.stdout.contains("the command line denied it"), "{}", audit.stdout);
    let graph = inputs.run("graph", &["--deny", MIRROR, "-o", "json"]).ends(0).json();
    let row = graph["edges"].as_array().unwrap().iter().find(|row| edge(row) == MIRROR).unwrap().clone();
    assert_eq!(row["suspicious"], serde_json::json!([format!("denied:{MIRROR}")]));
    let kept = |more: &[&str]| {
        let mut args = vec!["--policies", "examples/shop/snapshot/networkpolicies.yaml", "-o", "json"];
        args.extend(more);
        inputs.run("check", &args).json()["kept"].as_u64().unwrap()
    };
    assert_eq!(kept(&["--deny", MIRROR]) + 1, kept(&[]));
}

#[test]
fn the_day_comes_from_the_data_of_a_reproducible_run() {
    let scratch = Scratch::new();
    let text = format!(
        "apiVersion: flowfence.dev/v1\nkind: Decisions\ndecisions:\n- {{deny: '{MIRROR}', by: ann, reason: no, until: 2026-06-30}}\n"
    );
    let text = text.replace("reason: no", "reason: not now");
    let path = scratch.file("decisions.yaml", text);
    let denied = |seconds: &str| {
        let inputs = shop::inputs();
        let run = support::program::command()
            .arg("recommend")
            .args(&inputs.captures)
            .args(inputs.clusters.iter().flat_map(|path| ["--cluster".as_ref(), path.as_os_str()]))
            .args(["-o", "json", "--decisions"])
            .arg(&path)
            .env("SOURCE_DATE_EPOCH", seconds)
            .output()
            .unwrap();
        (run.status.code(), String::from_utf8(run.stdout).unwrap().contains("denied:"))
    };
    // 2026-06-30 23:59:59 and a second later.
    assert_eq!(denied("1782863999"), (Some(0), true));
    assert_eq!(denied("1782864000"), (Some(0), false));
    assert_eq!(denied("soon"), (Some(2), false));
}

#[test]
fn every_mistake_of_a_file_is_named_with_its_line_and_a_hint() {
    let head = "apiVersion: flowfence.dev/v1\nkind: Decisions\ndecisions:\n";
    let edge = "a/Pod/b -> apiserver 1/TCP";
    let cases: &[(String, &str)] = &[
        (String::new(), ":1: holds no decisions"),
        ("kind: Decisions\n".to_owned(), ":1: apiVersion: missing; a decisions file begins with"),
        (
            "apiVersion: flowfence.dev/v2\n".to_owned(),
            ":1: apiVersion: \"flowfence.dev/v2\" is not \"flowfence.dev/v1\"",
        ),
        (
            "apiVersion: flowfence.dev/v1\nkind: Decision\n".to_owned(),
            ":2: kind: \"Decision\" is not \"Decisions\"",
        ),
        ("apiVersion: flowfence.dev/v1\nkind: Decisions\n".to_owned(), "decisions: missing; give a list"),
        (format!("{head}  a: 1\n"), "decisions: expected a list"),
        (format!("{head}- just text\n"), ":4: decisions[0]: expected a mapping"),
        (format!("{head}- by: ann\n  reason: why\n"), ":4: decisions[0]: says neither accept nor deny"),
        (
            format!("{head}- accept: {edge}\n  deny: {edge}\n"),
            ":5: decisions[0].deny: says accept and deny at once",
        ),
        (format!("{head}- accept: {edge}\n  by: ann\n"), ":4: decisions[0].reason: missing; say why"),
        (
            format!("{head}- accept: {edge}\n  by: ' '\n  reason: x\n"),
            ":5: decisions[0].by: missing; say who decided",
        ),
        (
            format!("{head}- accept: {edge}\n  by: ann\n  reason: x\n  untill: 2027-01-31\n"),
            ":7: decisions[0].untill: unknown field; expected one of accept, deny, by, reason, until",
        ),
        (
            format!("{head}- accept: {edge}\n  by: ann\n  reason: x\n  until: 2027-02-30\n"),
            ":7: decisions[0].until: \"2027-02-30\" is no day; expected one like 2027-01-31",
        ),
        (
            format!("{head}- accept: {edge}\n  by: ann\n  reason: x\n  until: 2027-01-31T00:00:00\n"),
            "is no day",
        ),
        (
            format!("{head}- accept: a/b -> apiserver 1/TCP\n  by: ann\n  reason: x\n"),
            ":4: decisions[0].accept: \"a/b -> apiserver 1/TCP\" is no edge",
        ),
        (format!("{head}- deny: port-scan:a/Pod/b\n  by: ann\n  reason: x\n"), "is no edge; deny one"),
        (
            format!("{head}- accept: web\n  by: ann\n  reason: x\n"),
            "is neither an edge nor the id of a finding",
        ),
        (format!("{head}- accept: [\n"), ":"),
    ];
    let scratch = Scratch::new();
    for (text, expected) in cases {
        let path = scratch.file("decisions.yaml", text);
        let run = recommend(&["--decisions", path.to_str().unwrap()]).ends(3);
        assert!(run.stderr.contains(&format!("{}", path.display())), "{text}\n{}", run.stderr);
        assert!(run.stderr.contains(expected), "{text}\n{expected}\n{}", run.stderr);
        assert_eq!(run.stdout, "");
    }
    let two = scratch.file("two.yaml", format!("{head}- by: ann\n- deny: x\n  by: ann\n  reason: y\n"));
    let said = recommend(&["--decisions", two.to_str().unwrap()]).ends(3).stderr;
    assert!(said.contains("decisions[0]") && said.contains("decisions[1]"), "all mistakes at once: {said}");
}

#[test]
fn yes_and_no_to_one_edge_is_refused_with_both_places() {
    let scratch = Scratch::new();
    let text = format!(
        "apiVersion: flowfence.dev/v1\nkind: Decisions\ndecisions:\n- {{deny: '{MIRROR}', by: ann, reason: agreed}}\n"
    );
    let path = scratch.file("decisions.yaml", text);
    let said = recommend(&["--decisions", path.to_str().unwrap(), "--accept", MIRROR]).ends(2).stderr;
    assert!(said.contains("decisions.yaml:4") && said.contains("on the command line"), "{said}");
    assert!(recommend(&["--deny", "shop/web"]).ends(2).stderr.contains("--deny"));
    assert!(recommend(&["--accept", "a -> b"]).ends(2).stderr.contains("--accept"));
    assert!(recommend(&["--decisions", "no/such/file"]).ends(3).stderr.contains("no/such/file"));
}
