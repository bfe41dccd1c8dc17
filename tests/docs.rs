//! What the pages of `docs/` show is what the program prints: every session is run as it is written.

#![allow(clippy::unwrap_used, reason = "a test panics where it has nothing to say")]

mod support;

use std::collections::BTreeSet;
use std::path::PathBuf;

use flowfence_policy::semantics::{Plugin, Unspecified};
use support::example::{GAP, Step, difference, run, sessions};
use support::program::Scratch;
use support::shop;

/// Pages whose sessions run without a cluster and without rights.
const PAGES: [&str; 3] = ["docs/reach.md", "docs/explain.md", "docs/check.md"];

/// The steps of a page and what each printed. A page's sessions follow each other in one directory.
fn played(page: &str) -> Vec<(Step, Vec<String>)> {
    let text = std::fs::read_to_string(shop::path(page)).unwrap();
    let steps: Vec<Step> = sessions(&text).into_iter().flatten().collect();
    let scratch = Scratch::new();
    let commands: Vec<&str> = steps.iter().map(|step| step.command.as_str()).collect();
    let real = run(&commands, scratch.path());
    steps.into_iter().zip(real).collect()
}

#[test]
fn every_session_of_the_pages_prints_what_they_show() {
    for page in PAGES {
        let steps = played(page);
        assert!(steps.len() > 1, "{page} has examples");
        for (step, real) in &steps {
            let wrong = difference(&step.shown, real);
            assert!(wrong.is_none(), "{page}: $ {}\n{}", step.command, wrong.unwrap());
            let shows_some = step.shown.iter().any(|line| line.trim() != GAP);
            assert!(real.is_empty() || shows_some, "{page}: $ {} shows nothing", step.command);
            // No line of the page may be beyond the reach of this test.
            for at in (0..step.shown.len()).filter(|at| step.shown[*at].trim() != GAP) {
                let mut altered = step.shown.clone();
                altered[at].push('x');
                assert!(difference(&altered, real).is_some(), "{page}: {:?} may be anything", step.shown[at]);
                altered.remove(at);
                let hidden = at > 0 && altered[at - 1].trim() == GAP
                    || altered.get(at).is_some_and(|line| line.trim() == GAP);
                assert!(
                    hidden || difference(&altered, real).is_some(),
                    "{page}: {:?} may be missing",
                    step.shown[at]
                );
            }
        }
    }
}

#[test]
fn a_gap_hides_lines_and_no_mistake() {
    let lines = |text: &str| -> Vec<String> { text.split_whitespace().map(str::to_owned).collect() };
    let real = lines("a b c d e");
    for right in ["a b c d e", "a … e", "… d e", "a b …", "a … c … e", "… c …"] {
        assert_eq!(difference(&lines(right), &real), None, "{right}");
    }
    for wrong in
        ["a b c d", "b c d e", "a … d", "a … f", "… c … b …", "a b … c d e", "a b c d e …", "a c … e", ""]
    {
        assert!(difference(&lines(wrong), &real).is_some(), "{wrong}");
    }
}

/// Every test of the sources, by name.
fn tests() -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    let mut open: Vec<PathBuf> =
        ["src", "model", "capture", "graph", "policy", "tests"].map(shop::path).to_vec();
    while let Some(path) = open.pop() {
        if path.is_dir() {
            open.extend(std::fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = std::fs::read_to_string(&path).unwrap();
            for after in text.split("#[test]").skip(1) {
                let name = after.trim_start().strip_prefix("fn ").and_then(|rest| rest.split('(').next());
                names.extend(name.map(str::to_owned));
            }
        }
    }
    names
}

#[test]
fn every_rule_of_meaning_has_a_test_and_each_test_that_is_named_exists() {
    let page = std::fs::read_to_string(shop::path("docs/policy-semantics.md")).unwrap();
    let table = page.split("## Where each rule is tested").nth(1).unwrap();
    let tests = tests();
    assert!(tests.len() > 300, "the sources were found");
    let mut rules = BTreeSet::new();
    let rows = table.lines().filter(|line| line.starts_with("| ") && line.as_bytes()[2].is_ascii_digit());
    for row in rows {
        let cells: Vec<&str> = row.trim_matches('|').split('|').map(str::trim).collect();
        let [numbers, meaning, named] = cells[..] else { panic!("{row}") };
        for number in numbers.split(", ") {
            assert!(rules.insert(number.parse::<u32>().unwrap()), "rule {number} has two rows");
        }
        assert!(!meaning.is_empty());
        let named: Vec<&str> = named.split('`').skip(1).step_by(2).collect();
        assert!(!named.is_empty(), "no test: {row}");
        let missing: Vec<&&str> = named.iter().filter(|name| !tests.contains(**name)).collect();
        assert!(missing.is_empty(), "no test of this name: {missing:?}");
    }
    assert_eq!(rules, (1..=70).collect());
}

#[test]
fn every_open_question_and_plugin_is_in_its_table() {
    let page = std::fs::read_to_string(shop::path("docs/policy-semantics.md")).unwrap();
    for reason in Unspecified::ALL {
        let row = page
            .lines()
            .find(|line| line.starts_with("| `") && line.contains(&format!("`{}`", reason.token())));
        assert!(row.is_some(), "{reason}");
    }
    let settled = page.split("| plugin | settles |").nth(1).unwrap();
    for plugin in Plugin::ALL {
        let rows = settled.split(&format!("| {} |", plugin.token())).nth(1).unwrap();
        // A plugin's rows end where another name stands in the first column.
        let rows: String = rows
            .lines()
            .enumerate()
            .take_while(|(at, line)| *at == 0 || line.starts_with("| |"))
            .map(|(_, line)| line)
            .collect();
        for choice in plugin.choices() {
            assert!(
                rows.contains(&format!("`{}`", choice.question.token())),
                "{} {}",
                plugin.token(),
                choice.question
            );
            assert!(
                rows.contains(choice.source) || rows.contains("the same"),
                "{} {}",
                plugin.token(),
                choice.source
            );
        }
    }
}
