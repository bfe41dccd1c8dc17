//! SARIF: valid by the schema of the standard, stable, and as the page shows it.
//!
//! `UPDATE=1 cargo test --test sarif` writes the sample of the page anew.

#![allow(clippy::unwrap_used, reason = "a test panics where it has nothing to say")]

mod support;

use serde_json::Value;

use support::program::{Run, Scratch, flowfence};
use support::shop;

/// The schema of the standard. One of its patterns, for language tags that are not written here,
/// has a stray bracket, which a strict reader of regular expressions refuses.
fn validator() -> jsonschema::Validator {
    let schema = std::fs::read_to_string(shop::path("tests/data/sarif/sarif-2.1.0.schema.json")).unwrap();
    let (stray, meant) = ("^[a-zA-Z]{2}-[a-zA-Z]{2}]?$", "^[a-zA-Z]{2}-[a-zA-Z]{2}$");
    assert!(schema.contains(stray), "mended upstream");
    jsonschema::validator_for(&serde_json::from_str(&schema.replace(stray, meant)).unwrap()).unwrap()
}

/// The log, after the schema had its say.
fn valid(run: &Run) -> Value {
    let validator = validator();
    let log = run.json();
    let errors: Vec<String> =
        validator.iter_errors(&log).map(|error| format!("{}: {error}", error.instance_path())).collect();
    assert_eq!(errors, [""; 0]);
    log
}

fn sample() -> Run {
    let policies = "tests/data/lint/policies.yaml";
    flowfence(["audit", "--cluster", "tests/data/lint/cluster.yaml", "--policies", policies, "-o", "sarif"])
        .ends(0)
}

#[test]
fn the_schema_refuses_what_is_no_log() {
    let validator = validator();
    let mut log = sample().json();
    assert!(validator.is_valid(&log));
    log["runs"][0]["results"][0]["level"] = "fatal".into();
    assert!(!validator.is_valid(&log));
}

#[test]
fn findings_of_traffic_and_policies_are_a_valid_log() {
    let log = valid(&shop::inputs().run("audit", &["-o", "sarif", "--fail-on", "never"]).ends(0));
    let run = &log["runs"][0];
    let rules = run["tool"]["driver"]["rules"].as_array().unwrap();
    let results = run["results"].as_array().unwrap();
    assert!(results.len() > 10);
    for result in results {
        let rule = &rules[usize::try_from(result["ruleIndex"].as_u64().unwrap()).unwrap()];
        assert_eq!(rule["id"], result["ruleId"]);
        assert!(result["partialFingerprints"]["flowfence/v1"].as_str().unwrap().contains(':'), "{result}");
    }
    let stale = results.iter().find(|result| result["ruleId"] == "policy-selects-nothing").unwrap();
    let place = &stale["locations"][0]["physicalLocation"];
    let uri = place["artifactLocation"]["uri"].as_str().unwrap();
    assert!(uri.ends_with("networkpolicies.yaml"), "{uri}");
    let file = std::fs::read_to_string(uri.strip_prefix("file://").unwrap_or(uri)).unwrap();
    let line = usize::try_from(place["region"]["startLine"].as_u64().unwrap()).unwrap();
    let around: String = file.lines().skip(line.saturating_sub(2)).take(3).collect();
    assert!(around.contains("podSelector") || around.contains("shopping-cart"), "{line}: {around}");
}

#[test]
fn a_finding_about_a_workload_points_at_the_workload() {
    let log = valid(&shop::inputs().run("audit", &["-o", "sarif", "--fail-on", "never"]).ends(0));
    let results = log["runs"][0]["results"].as_array().unwrap();
    let scan = results.iter().find(|result| result["ruleId"] == "port-scan").unwrap();
    let location = &scan["locations"][0];
    assert_eq!(location["logicalLocations"][0]["fullyQualifiedName"], "shop/Deployment/blog");
    let uri = location["physicalLocation"]["artifactLocation"]["uri"].as_str().unwrap();
    assert!(uri.ends_with("deployments.yaml"), "{uri}");
}

#[test]
fn a_check_that_cuts_is_a_valid_log_and_ends_with_1() {
    let scratch = Scratch::new();
    let deny = "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata:\n  name: deny\n  namespace: data\n\
                spec:\n  podSelector: {}\n  policyTypes: [Ingress]\n";
    let path = scratch.file("deny.yaml", deny);
    let run = shop::inputs().run("check", &["--policies", path.to_str().unwrap(), "-o", "sarif"]).ends(1);
    let log = valid(&run);
    let results = log["runs"][0]["results"].as_array().unwrap();
    let cut: Vec<&Value> = results.iter().filter(|result| result["ruleId"] == "would-be-cut").collect();
    assert!(!cut.is_empty());
    for result in cut {
        assert_eq!(result["level"], "error");
        let place = &result["locations"][0];
        assert!(
            place["physicalLocation"]["artifactLocation"]["uri"].as_str().unwrap().ends_with("deny.yaml")
        );
        assert_eq!(place["logicalLocations"][0]["fullyQualifiedName"], "data/deny");
    }
    for format in ["table", "json"] {
        shop::inputs().run("check", &["--policies", path.to_str().unwrap(), "-o", format]).ends(1);
    }
}

#[test]
fn the_page_shows_a_real_log() {
    let log = valid(&sample());
    let mut shown = log.clone();
    // Every detector is a rule of the log; the page shows those of its results.
    let used: Vec<&Value> =
        log["runs"][0]["results"].as_array().unwrap().iter().map(|r| &r["ruleId"]).collect();
    let rules = shown["runs"][0]["tool"]["driver"]["rules"].as_array_mut().unwrap();
    rules.retain(|rule| used.first() == Some(&&rule["id"]));
    shown["runs"][0]["results"].as_array_mut().unwrap().truncate(1);
    let sample = serde_json::to_string_pretty(&shown).unwrap();
    let path = shop::path("docs/sarif.md");
    let page = std::fs::read_to_string(&path).unwrap();
    let (head, rest) = page.split_once("```json\n").unwrap();
    let (old, tail) = rest.split_once("\n```\n").unwrap();
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(&path, format!("{head}```json\n{sample}\n```\n{tail}")).unwrap();
        return;
    }
    assert_eq!(old, sample, "stale, see the head of this test");
}
