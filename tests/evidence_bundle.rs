//! `--evidence-bundle` of `audit` and `recommend`: one archive, the same octets each time, whose sums are true.

#![allow(clippy::unwrap_used, reason = "a test panics where it has nothing to say")]

mod support;

use std::path::{Path, PathBuf};

use serde_json::Value;
use support::bundle::members;
use support::program::{Inputs, Scratch};
use support::shop;

fn bundle(scratch: &Scratch, name: &str) -> PathBuf {
    of("audit", scratch, name, &["--fail-on", "never"])
}

fn of(verb: &str, scratch: &Scratch, name: &str, more: &[&str]) -> PathBuf {
    let path = scratch.path().join(name);
    let more = [&["--evidence-bundle", path.to_str().unwrap()], more].concat();
    shop::inputs().run(verb, &more).ends(0);
    path
}

fn json(content: &[u8]) -> Value {
    serde_json::from_slice(content).unwrap()
}

#[test]
fn the_same_inputs_give_the_same_octets_wherever_it_is_written() {
    let scratch = Scratch::new();
    for (verb, more) in [("audit", &["--fail-on", "never"][..]), ("recommend", &[])] {
        let [one, two] = ["one.tar.gz", "other name.tar.gz"]
            .map(|name| std::fs::read(of(verb, &scratch, name, more)).unwrap());
        assert!(one == two, "{verb}");
    }
}

#[test]
fn every_sum_is_that_of_the_member_and_of_the_input() {
    let scratch = Scratch::new();
    let members = members(&bundle(&scratch, "b.tar.gz"));
    let sums = String::from_utf8(members["SHA256SUMS"].clone()).unwrap();
    let listed: Vec<(&str, &str)> = sums.lines().filter_map(|line| line.split_once("  ")).collect();
    assert_eq!(listed.len(), members.len() - 1);
    for (sum, name) in &listed {
        assert_eq!(*sum, flowfence::output::bundle::sha256(&members[*name]), "{name}");
    }
    let manifest: Value = serde_json::from_slice(&members["manifest.json"]).unwrap();
    let inputs = manifest["inputs"].as_array().unwrap();
    assert!(inputs.len() > 20, "{inputs:?}");
    for input in inputs {
        let content = std::fs::read(shop::path(input["name"].as_str().unwrap())).unwrap();
        assert_eq!(input["sha256"], flowfence::output::bundle::sha256(&content).as_str(), "{input}");
        assert_eq!(input["octets"], content.len());
    }
    assert_eq!(manifest["recommendation"], serde_json::json!({"made": true, "proofHolds": true}));
    for name in ["README.txt", "findings.json", "graph.json", "verdicts.json", "recommendation.json"] {
        assert!(members.contains_key(name), "{name}");
    }
    assert!(members.keys().any(|name| name == "policies/data/cache-from-shop.yaml"), "{:?}", members.keys());
    assert!(!manifest["commandLine"].to_string().contains("b.tar.gz"), "{manifest}");
}

#[test]
fn sha256sum_agrees() {
    let scratch = Scratch::new();
    let archive = bundle(&scratch, "c.tar.gz");
    let run = |program: &str, args: &[&str], dir: &Path| {
        std::process::Command::new(program).args(args).current_dir(dir).output()
    };
    let (Ok(tar), Ok(_)) = (
        run("tar", &["xzf", archive.to_str().unwrap()], scratch.path()),
        run("sha256sum", &["--version"], scratch.path()),
    ) else {
        eprintln!("skipped: tar or sha256sum is not there");
        return;
    };
    assert!(tar.status.success());
    let checked =
        run("sha256sum", &["-c", "--strict", "SHA256SUMS"], &scratch.path().join("evidence")).unwrap();
    assert!(checked.status.success(), "{}", String::from_utf8_lossy(&checked.stderr));
}

#[test]
fn a_bundle_of_recommend_has_the_policies_of_today_and_the_ones_that_were_shown_with_their_proof() {
    for more in [&[][..], &["--flavour", "cilium"], &["--mode", "add"], &["--mode", "tighten"]] {
        let scratch = Scratch::new();
        let path = scratch.path().join("b.tar.gz");
        let run = |words: &[&str]| shop::inputs().run("recommend", &[more, words].concat()).ends(0).stdout;
        let shown = run(&["--evidence-bundle", path.to_str().unwrap()]);
        let members = members(&path);
        let recommended: Vec<String> = members
            .iter()
            .filter(|(name, _)| name.starts_with("recommended/"))
            .map(|(_, content)| format!("---\n{}", String::from_utf8(content.clone()).unwrap()))
            .collect();
        assert!(!recommended.is_empty() && recommended.iter().all(|text| shown.contains(text)), "{more:?}");
        assert_eq!(recommended.iter().map(String::len).sum::<usize>(), shown.len(), "{more:?}");
        assert_eq!(
            json(&members["recommendation.json"]),
            serde_json::from_str::<Value>(&run(&["-o", "json"])).unwrap()
        );
        assert!(members.contains_key("policies/data/cache-from-shop.yaml"), "{:?}", members.keys());
        let manifest = json(&members["manifest.json"]);
        assert_eq!(manifest["recommendation"], serde_json::json!({"made": true, "proofHolds": true}));
        assert!(
            manifest["window"]["start"].is_string() && manifest["completeness"]["packets"].as_u64() > Some(0)
        );
        assert!(manifest["inputs"].as_array().unwrap().len() > 20);
        assert!(json(&members["verdicts.json"]).as_array().unwrap().len() > 10);
    }
}

#[test]
fn the_findings_and_the_graph_of_both_verbs_are_the_same() {
    let scratch = Scratch::new();
    let [audit, recommend] =
        [bundle(&scratch, "a.tar.gz"), of("recommend", &scratch, "r.tar.gz", &[])].map(|path| members(&path));
    for name in ["findings.json", "graph.json", "verdicts.json", "recommendation.json", "README.txt"] {
        assert!(audit[name] == recommend[name], "{name}");
    }
}

#[test]
fn where_nothing_is_recommended_the_bundle_says_why_and_the_run_ends_as_without() {
    let scratch = Scratch::new();
    let cut = scratch.file("cut.pcap", b"\xd4\xc3\xb2\xa1");
    let path = scratch.path().join("b.tar.gz");
    let captures = shop::CAPTURES.map(shop::path).into_iter().chain([cut]).collect();
    let inputs = Inputs { captures, clusters: shop::MOMENTS.map(shop::path).to_vec() };
    for verb in ["audit", "recommend"] {
        inputs.run(verb, &["--evidence-bundle", path.to_str().unwrap()]).ends(if verb == "audit" {
            1
        } else {
            5
        });
        let members = members(&path);
        let manifest = json(&members["manifest.json"]);
        assert_eq!(manifest["recommendation"]["made"], false);
        assert!(manifest["recommendation"]["why"].as_str().unwrap().contains("partial data"), "{manifest}");
        assert!(!members.keys().any(|name| name.starts_with("recommend")), "{:?}", members.keys());
        assert!(members.contains_key("graph.json") && members.contains_key("findings.json"));
    }
}

#[test]
fn inputs_are_hashed_before_anything_is_written_among_them() {
    let scratch = Scratch::new();
    let capture = scratch.file("in/node1.pcap", std::fs::read(shop::path(shop::CAPTURES[0])).unwrap());
    let inputs = Inputs {
        captures: vec![capture.parent().unwrap().to_owned()],
        clusters: shop::MOMENTS.map(shop::path).to_vec(),
    };
    let path = scratch.path().join("b.tar.gz");
    let out = capture.parent().unwrap().join("out");
    let more = ["--evidence-bundle", path.to_str().unwrap(), "--out", out.to_str().unwrap()];
    inputs.run("recommend", &more).ends(0);
    let manifest = json(&members(&path)["manifest.json"]);
    let sources: Vec<&Value> =
        manifest["inputs"].as_array().unwrap().iter().filter(|input| input["role"] == "source").collect();
    assert!(out.exists() && sources.len() == 1, "{sources:?}");
    let contradicted = ["--evidence-bundle", "x.tar.gz", "--mode", "tighten", "--in-place"];
    shop::inputs().run("recommend", &contradicted).ends(2);
}
