//! `audit --evidence-bundle`: one archive, the same octets each time, whose sums are true.

#![allow(clippy::unwrap_used, reason = "a test panics where it has nothing to say")]

mod support;

use std::collections::BTreeMap;
use std::io::Read;
use std::path::Path;

use serde_json::Value;
use support::program::Scratch;
use support::shop;

fn members(archive: &Path) -> BTreeMap<String, Vec<u8>> {
    let file = std::fs::File::open(archive).unwrap();
    let mut archive = tar::Archive::new(flate2::read::GzDecoder::new(file));
    let read = archive.entries().unwrap().map(|entry| {
        let mut entry = entry.unwrap();
        assert_eq!((entry.header().mtime().unwrap(), entry.header().mode().unwrap()), (0, 0o644));
        let name = entry.path().unwrap().display().to_string();
        let mut content = Vec::new();
        entry.read_to_end(&mut content).unwrap();
        (name.strip_prefix("evidence/").unwrap().to_owned(), content)
    });
    read.collect()
}

fn bundle(scratch: &Scratch, name: &str) -> std::path::PathBuf {
    let path = scratch.path().join(name);
    let more = ["--evidence-bundle", path.to_str().unwrap(), "--fail-on", "never"];
    shop::inputs().run("audit", &more).ends(0);
    path
}

#[test]
fn the_same_inputs_give_the_same_octets_wherever_it_is_written() {
    let scratch = Scratch::new();
    let [one, two] =
        ["one.tar.gz", "other name.tar.gz"].map(|name| std::fs::read(bundle(&scratch, name)).unwrap());
    assert!(one == two);
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
