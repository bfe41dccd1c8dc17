//! What the README shows is what the program says.

#![allow(clippy::unwrap_used, reason = "a test panics where it has nothing to say")]

mod support;

use std::collections::BTreeSet;

use support::example;
use support::program::{Scratch, flowfence};
use support::shop;

#[test]
fn every_line_of_the_example_is_in_the_real_output() {
    let readme = std::fs::read_to_string(shop::path("README.md")).unwrap();
    // Its commands are abridged, and so is each table, without a mark: they are run in full here.
    let session =
        example::sessions(&readme).into_iter().find(|steps| steps[0].command.starts_with("flowfence graph"));
    let scratch = Scratch::new();
    let out = scratch.path().join("policies");
    let inputs = shop::inputs();
    let mut real = String::new();
    for (verb, more) in
        [("graph", vec![]), ("audit", vec![]), ("recommend", vec!["--out", out.to_str().unwrap()])]
    {
        let run = inputs.run(verb, &more);
        real += &run.stdout;
        real += &run.stderr;
    }
    real += &std::fs::read_to_string(out.join("data/cache.yaml")).unwrap();
    let real: BTreeSet<String> = real.lines().map(example::words).collect();
    let shown = session.unwrap().into_iter().flat_map(|step| step.shown);
    let shown: Vec<String> = shown.map(|line| example::words(&line)).collect();
    assert!(shown.len() > 30, "the example was found");
    let wrong: Vec<&String> = shown.iter().filter(|line| !line.is_empty() && !real.contains(*line)).collect();
    assert_eq!(wrong, Vec::<&String>::new());
}

#[test]
fn every_verb_and_exit_code_is_in_the_readme() {
    let readme = std::fs::read_to_string(shop::path("README.md")).unwrap();
    let help = flowfence(["--help"]).ends(0).stdout;
    let verbs =
        help.lines().skip_while(|line| *line != "Commands:").skip(1).take_while(|line| !line.is_empty());
    let missing: Vec<&str> = verbs
        .filter_map(|line| line.split_whitespace().next())
        .filter(|verb| *verb != "help" && !readme.contains(&format!("`{verb}")))
        .collect();
    assert_eq!(missing, [""; 0]);
    for code in 0..=6 {
        assert!(readme.contains(&format!("\n| {code} | ")), "{code}");
    }
}
