//! What the pages of `docs/` show is what the program prints: every session is run as it is written.

#![allow(clippy::unwrap_used, reason = "a test panics where it has nothing to say")]

mod support;

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
