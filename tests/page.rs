//! The page of `graph -o html` in a real browser: what is checked in is what `web/` builds, and it does what its document says.

#![allow(clippy::unwrap_used, reason = "a test panics where it has nothing to say")]

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

fn at(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// Past the capture of a passing test's output.
fn skipped(test: &str, why: &str) {
    let _ = writeln!(std::io::stderr(), "SKIPPED page {test}: {why}");
}

/// What drives the browser, or `None` and a word on why there is none.
fn packages(test: &str) -> Option<String> {
    let ended = Command::new(at("tests/page/build")).output().unwrap();
    if ended.status.success() {
        return Some(String::from_utf8(ended.stdout).unwrap().trim().to_owned());
    }
    skipped(test, String::from_utf8_lossy(&ended.stderr).lines().last().unwrap_or_default());
    None
}

/// Runs the claims of `tests/page/topics/TOPIC.mjs`, on a page that the program wrote where one is given.
fn holds(topic: &str, written: Option<&Path>) {
    let Some(packages) = packages(topic) else { return };
    let mut command = Command::new("node");
    command.arg(at("tests/page/run.mjs")).arg(packages).arg(topic).args(written);
    let ended = command.output().unwrap();
    let said = String::from_utf8_lossy(&ended.stdout).into_owned();
    assert!(ended.status.success(), "{said}{}", String::from_utf8_lossy(&ended.stderr));
}

#[test]
fn the_assets_are_what_web_build_makes() {
    if Command::new("npm").arg("--version").output().is_err() {
        skipped("the_assets_are_what_web_build_makes", "needs npm");
        return;
    }
    let ended = Command::new(at("web/build")).arg("--check").output().unwrap();
    let said = String::from_utf8_lossy(&ended.stderr).into_owned();
    assert!(ended.status.success(), "{}{said}", String::from_utf8_lossy(&ended.stdout));
}

/// The goal of docs/page.md, without data.
#[test]
fn the_page_without_data_is_smaller_than_a_megabyte_and_a_half() {
    let names = ["page.js", "page.css", "body.html"];
    let octets: u64 =
        names.map(|name| at("src/output/graph/html").join(name).metadata().unwrap().len()).iter().sum();
    assert!(octets > 100_000 && octets <= 1_500_000, "{octets}");
}

#[test]
fn every_package_in_the_page_is_in_its_licence_list() {
    let licences = std::fs::read_to_string(at("src/output/graph/html/LICENSES.txt")).unwrap();
    let wanted = std::fs::read_to_string(at("web/package.json")).unwrap();
    let wanted: serde_json::Value = serde_json::from_str(&wanted).unwrap();
    for (name, version) in wanted["dependencies"].as_object().unwrap() {
        let line = format!("{name} {} (MIT)", version.as_str().unwrap());
        assert!(licences.lines().any(|each| each == line), "{line}");
    }
}

#[test]
fn the_map_does_what_its_document_says() {
    holds("map", None);
}

#[test]
fn exports_are_what_is_seen() {
    holds("exports", None);
}

#[test]
fn the_report_tells_all_and_leads_to_the_map() {
    holds("report", None);
}

#[test]
fn hostile_names_do_nothing() {
    holds("hostile", None);
}

#[test]
fn empty_and_broken_data_are_explained() {
    holds("broken", None);
}

#[test]
fn readers_without_sight_pointer_or_motion_can_use_it() {
    holds("access", None);
}

#[test]
fn the_page_alone_tells_who_scanned_whom_and_which_rule_to_add() {
    holds("story", None);
}

/// The same reader, and a page that the program wrote from packets.
#[test]
fn the_page_of_the_shop_tells_who_scanned_whom_and_which_rule_to_add() {
    let shop = at("examples/shop");
    let mut command = Command::new(env!("CARGO_BIN_EXE_flowfence"));
    command.arg("graph").args(["node1.pcap", "node2.pcap"].map(|name| shop.join(name)));
    command.arg("--cluster").arg(shop.join("before")).arg("--cluster").arg(shop.join("snapshot"));
    let ended = command.args(["-o", "html"]).output().unwrap();
    assert!(ended.status.success(), "{}", String::from_utf8_lossy(&ended.stderr));
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("shop.html");
    std::fs::write(&file, ended.stdout).unwrap();
    holds("story", Some(&file));
    holds("written", Some(&file));
}

#[test]
fn pictures_are_as_they_were() {
    holds("pictures", None);
}
