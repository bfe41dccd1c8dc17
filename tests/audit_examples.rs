//! The examples of the detectors that look at policies alone are run as they stand in the page.
//! Those that need traffic are run in `policy/src/audit/example.rs`.

#![allow(clippy::unwrap_used, reason = "a test panics where it has nothing to say")]

mod support;

use flowfence_policy::audit::lint;

use support::program::{Scratch, flowfence};

/// The ids that a detector finds in the small cluster of the lints under these policies.
fn found(rule: &str, lines: &[&str]) -> Vec<String> {
    let object = |line: &&str| match line.split_once(": ") {
        Some((name, spec)) if !line.starts_with('{') => format!(
            "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {{name: {name}, namespace: shop}}\nspec: \
             {spec}\n"
        ),
        _ => format!("{line}\n"),
    };
    let scratch = Scratch::new();
    let objects: Vec<String> = lines.iter().map(object).collect();
    let path = scratch.file("objects.yaml", objects.join("---\n"));
    let path = path.to_str().unwrap();
    let cluster = "tests/data/lint/cluster.yaml";
    let args = ["audit", "--cluster", cluster, "--cluster", path, "--fail-on", "never", "-o", "json"];
    let report = flowfence(args).ends(0).json();
    let findings = report["findings"].as_array().unwrap().iter();
    findings.filter(|f| f["rule"] == rule).map(|f| f["id"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn every_example_of_policies_is_as_it_says() {
    let mut wrong = Vec::new();
    for detector in lint::DETECTORS {
        let ids = [found(detector.id, detector.found), found(detector.id, detector.not_found)];
        if ids[0].len() != 1 || !ids[1].is_empty() {
            wrong.push((detector.id, ids));
        }
    }
    assert!(wrong.is_empty(), "not one finding, or not none: {wrong:#?}");
}
