//! Every format of findings, read by what it is for: nothing is lost, whatever things are called.

#![allow(clippy::unwrap_used, reason = "a test panics where it has nothing to say")]

mod generated;
mod markdown;
mod metrics;
mod objects;
mod runner;
#[path = "../support/mod.rs"]
mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use clap::ValueEnum;
use flowfence::cli::FindingsFormat;
use flowfence::output::audit::{AuditReport, write};
use flowfence::output::safe;
use flowfence_graph::crew::Alone;
use generated::generated;
use serde_json::Value;
use support::shop;

/// What `-o` calls a format.
fn name(format: FindingsFormat) -> String {
    format.to_possible_value().unwrap().get_name().to_owned()
}

/// The report in a format, which is the same twice.
fn written(report: &AuditReport, format: FindingsFormat) -> String {
    let [once, again] = [(), ()].map(|()| {
        let mut octets = Vec::new();
        write(report, format, Some("https://ci.example.com/1"), &Alone, &mut octets).unwrap();
        String::from_utf8(octets).unwrap()
    });
    assert!(once == again, "the same report gives the same octets");
    once
}

/// The libraries that read, or `None` and a word on why there are none.
fn readers(test: &str) -> Option<PathBuf> {
    let ended = Command::new(shop::path("tests/findings_formats/readers/build")).output().unwrap();
    if ended.status.success() {
        return Some(PathBuf::from(String::from_utf8(ended.stdout).unwrap().trim()));
    }
    skipped(test, String::from_utf8_lossy(&ended.stderr).lines().last().unwrap_or_default());
    None
}

/// Past the capture of a passing test's output.
fn skipped(test: &str, why: &str) {
    let _ = writeln!(std::io::stderr(), "SKIPPED findings_formats {test}: {why}");
}

/// What `read.py` makes of a text.
fn read(readers: &Path, format: &str, text: &str, more: &[&Path]) -> Result<Value, String> {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), text).unwrap();
    let mut python = Command::new(readers.join("python/bin/python"));
    python.arg("-B").arg(shop::path("tests/findings_formats/readers/read.py")).arg(format).arg(file.path());
    let ended = python.args(more).output().unwrap();
    if !ended.status.success() {
        return Err(String::from_utf8_lossy(&ended.stderr).into_owned());
    }
    Ok(serde_json::from_slice(&ended.stdout).unwrap())
}

/// XML holds no control characters, and two of Unicode's code points that are none.
fn in_xml(text: &str) -> String {
    safe::line(text).replace(['\u{fffe}', '\u{ffff}'], "")
}

/// No double brackets, in which readers look for files to attach and for properties.
fn bare(text: &str) -> String {
    let bare = text.replace("[[", "[ [").replace("]]", "] ]");
    if bare.ends_with(']') { bare + " " } else { bare }
}

/// The properties of a test, as those read them who look for them in what it said.
fn properties(said: &Value) -> BTreeMap<&str, &str> {
    let said = said.as_str().unwrap_or_default();
    assert!(!said.contains("[[ATTACHMENT"), "{said}");
    let held = said.split("[[PROPERTY|").skip(1).map(|rest| rest.split_once("]]").unwrap().0);
    held.map(|pair| pair.split_once('=').unwrap()).collect()
}

#[test]
fn every_format_keeps_the_exit_code() {
    // What --quarantine prints is no format of findings.
    let is_shown =
        |format: &&FindingsFormat| format.to_possible_value().is_some_and(|value| !value.is_hide_set());
    for format in FindingsFormat::value_variants().iter().filter(is_shown) {
        let format = name(*format);
        shop::inputs().run("audit", &["-o", &format]).ends(1);
        let run = shop::inputs().run("audit", &["-o", &format, "--fail-on", "never"]).ends(0);
        assert!(run.stdout.contains("port-scan"), "{format}");
    }
}

#[test]
fn a_ci_server_reads_each_finding_as_a_test() {
    let Some(readers) = readers("junit") else { return };
    let schema = shop::path("tests/data/junit/junit.xsd");
    let report = generated(3_000);
    let text = written(&report, FindingsFormat::Junit);
    let read = |text: &str| read(&readers, "junit", text, &[&schema]);
    let junit = read(&text).unwrap();
    let mut seen = 0;
    for detector in report.detectors() {
        let tests = junit["suites"][detector.id].as_array().unwrap();
        let findings: Vec<_> = report.findings.iter().filter(|f| f.rule == detector.id).collect();
        assert_eq!(tests.len(), findings.len().max(1));
        for (test, finding) in tests.iter().zip(findings) {
            assert_eq!(test[0], in_xml(&finding.id));
            let result = &test[2][0];
            let account = if finding.level == "note" {
                assert!(result.is_null() && test[3].as_str().unwrap().starts_with("note: "), "{test}");
                &test[3]
            } else {
                assert_eq!((&result[0], &result[1]), (&"Failure".into(), &finding.level.into()));
                // A reader of attributes takes runs of blanks as they are.
                assert_eq!(result[2], in_xml(&bare(&finding.title)));
                &result[3]
            };
            let [rank, owner] = [
                finding.rank_total().map(|rank| rank.to_string()),
                finding.owner_name().map(|name| bare(&in_xml(&name))),
            ];
            let properties = properties(&test[3]);
            let told = ["rank", "owner"].map(|name| properties.get(name).map(|value| (*value).to_owned()));
            assert_eq!(
                (told, properties.len()),
                ([rank.clone(), owner.clone()], rank.iter().chain(&owner).count())
            );
            let lines: Vec<&str> = account.as_str().unwrap().lines().collect();
            let told = lines.iter().find_map(|line| line.strip_prefix("rank: ")?.split_once(" = "));
            assert_eq!(told.map(|(rank, _)| rank.to_owned()), rank);
            seen += 1;
        }
    }
    assert_eq!(seen, 3_000);
    assert_eq!(junit["failures"], report.findings.iter().filter(|f| f.level != "note").count());
    let wrong = text.replacen("failures=", "broken=", 1);
    assert!(read(&wrong).is_err(), "the schema refuses what is no result of tests");
}

#[test]
fn gitlab_takes_each_finding_once() {
    let schema = std::fs::read_to_string(shop::path("tests/data/gitlab/code-quality.schema.json")).unwrap();
    let validator = jsonschema::validator_for(&serde_json::from_str(&schema).unwrap()).unwrap();
    let report = generated(3_000);
    let mut issues: Value = serde_json::from_str(&written(&report, FindingsFormat::Gitlab)).unwrap();
    let faults: Vec<String> = validator.iter_errors(&issues).map(|error| error.to_string()).collect();
    assert_eq!(faults, [""; 0]);
    let issues_of = issues.as_array().unwrap();
    let fingerprints: BTreeSet<&str> =
        issues_of.iter().map(|issue| issue["fingerprint"].as_str().unwrap()).collect();
    assert_eq!((issues_of.len(), fingerprints.len()), (3_000, 3_000));
    for (issue, finding) in issues_of.iter().zip(&report.findings) {
        let path = issue["location"]["path"].as_str().unwrap();
        assert!(finding.file.is_some() || path.starts_with("cluster"), "{path}");
        assert!(!path.split('/').any(|part| part == "..") || finding.file.is_some(), "{path}");
        let description = issue["description"].as_str().unwrap();
        let said = [
            finding.rank_total().map(|rank| format!("; rank {rank}")),
            finding.owner_name().map(|owner| format!("; owner: {}", safe::at_most(&owner, 100))),
        ];
        let said = said.into_iter().flatten().collect::<String>();
        assert!(description.contains(&safe::line(&said)), "{description} {said}");
    }
    issues[0]["location"]["lines"]["begin"] = 0.into();
    assert!(!validator.is_valid(&issues), "the schema refuses a line 0");
}

#[test]
fn the_runner_of_github_takes_every_line_for_one_annotation() {
    let report = generated(60);
    let text = written(&report, FindingsFormat::Github);
    let mut by_name = BTreeMap::<String, usize>::new();
    let mut ranks = BTreeMap::<String, Vec<u32>>::new();
    for line in text.lines() {
        let command = runner::command(line).unwrap_or_else(|| panic!("no command: {line}"));
        *by_name.entry(command.name.clone()).or_default() += 1;
        assert!(["error", "warning", "notice"].contains(&command.name.as_str()), "{command:?}");
        let level = if command.name == "notice" { "note" } else { &command.name };
        assert!(command.properties.keys().all(|key| ["file", "line", "title"].contains(&key.as_str())));
        if command.properties["title"] == "flowfence" {
            continue;
        }
        let of_it = |finding: &&flowfence::output::audit::FindingRow| {
            let fix = finding.fix.as_ref().map(|fix| format!("\nfix: {}", safe::line(fix)));
            let owner = finding.owner_name().map(|owner| format!("\nowner: {owner}"));
            let rank = finding.rank_total().map(|rank| format!(", rank {rank}")).unwrap_or_default();
            let said = owner.into_iter().chain(fix).collect::<String>();
            finding.level == level
                && format!("{}{rank}", finding.rule) == command.properties["title"]
                && format!("{}{said}", safe::line(&finding.title)) == command.data
        };
        let finding = report.findings.iter().find(of_it).unwrap_or_else(|| panic!("{command:?}"));
        ranks.entry(command.name.clone()).or_default().push(finding.rank_total().unwrap_or(0));
        let file = finding.file.as_ref().map(|file| safe::line(file).trim_start_matches("./").to_owned());
        assert_eq!(command.properties.get("file"), file.as_ref());
        assert_eq!(command.properties.get("line").map(|line| line.parse().unwrap()), finding.line);
    }
    assert!(by_name.values().all(|count| *count == 10) && by_name.len() == 3, "{by_name:?}");
    // What GitHub drops ranks lowest.
    for (name, shown) in ranks {
        let level = if name == "notice" { "note" } else { &name };
        let of_level = report.findings.iter().filter(|finding| finding.level == level);
        let mut all: Vec<u32> = of_level.map(|finding| finding.rank_total().unwrap_or(0)).collect();
        all.sort_by_key(|rank| std::cmp::Reverse(*rank));
        assert_eq!(shown, all[..shown.len()]);
    }
}

#[test]
fn a_comment_holds_a_row_a_finding_and_no_markup_from_outside() {
    for count in [60, 3_000] {
        let report = generated(count);
        let text = written(&report, FindingsFormat::Markdown);
        assert!(text.chars().count() <= 65_536);
        let page = markdown::Page::read(&text);
        assert_eq!(page.foreign, [""; 0], "links, images and HTML that are not ours");
        assert_eq!(page.tables.len(), 2);
        assert_eq!(page.tables[0][1], ["20", "20", "20"].map(|n| if count == 60 { n } else { "1000" }));
        let rows = &page.tables[1][1..];
        for (row, finding) in rows.iter().zip(&report.findings) {
            assert_eq!((row.len(), row[0].as_str(), row[2].as_str()), (6, finding.level, finding.rule));
            assert_eq!(row[1], finding.rank_total().map(|rank| rank.to_string()).unwrap_or_default());
            assert_eq!(row[4].is_empty(), finding.owner_name().is_none(), "{row:?}");
        }
        if count == 60 {
            assert_eq!(rows.len(), 60);
        } else {
            assert!(
                text.contains(&format!("{} findings of the lowest levels are not shown", 3_000 - rows.len()))
            );
        }
    }
    let pasted = "| a |\n| --- |\n| <b onclick=x()> [x](javascript:y()) https://a.example |\n";
    assert_eq!(markdown::Page::read(pasted).foreign.len(), 3, "what is pasted is found");
}
