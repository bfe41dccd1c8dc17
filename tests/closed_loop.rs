//! The closed loop in a real cluster: flowfence watches a running application, its policies are applied through the API,
//! somebody else's code enforces them, and everybody is tried against everything.
//!
//! The cluster is the laboratory of `tests/lab`, which its README describes; it needs root, network namespaces, Go and
//! some packages. Where these lack, the tests say so and pass.

#![allow(clippy::unwrap_used, reason = "a test panics where it has nothing to say")]

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde_json::Value;

/// There is one lab on a machine.
static LAB: Mutex<()> = Mutex::new(());

fn lab() -> Command {
    let mut command = Command::new(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/lab/lab"));
    command.stdin(Stdio::null());
    command
}

/// Says it on the terminal, also where the output of a test is kept back until it fails.
fn say(text: &str) {
    writeln!(std::io::stderr(), "{text}").unwrap();
}

/// The lab for one test, or `None` and a word on why there is none.
fn lab_for(test: &str) -> Option<MutexGuard<'static, ()>> {
    let why = match lab().arg("can").output() {
        Ok(answer) if answer.status.success() => {
            return Some(LAB.lock().unwrap_or_else(PoisonError::into_inner));
        }
        Ok(answer) => String::from_utf8_lossy(&answer.stdout).trim().to_owned(),
        Err(error) => format!("it needs Python 3 ({error})"),
    };
    say(&format!("SKIPPED closed_loop {test}: the lab cannot run here: {why}"));
    None
}

/// Runs a variant of the loop; its figures.
fn figures_of(variant: &str) -> Option<Value> {
    let _lab = lab_for(variant)?;
    let out = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("closed-loop").join(variant);
    let _ = std::fs::remove_dir_all(&out);
    let ended = lab()
        .args(["loop", variant, "--flowfence", env!("CARGO_BIN_EXE_flowfence"), "--owner"])
        .arg(std::process::id().to_string())
        .arg("--out")
        .arg(&out)
        .status()
        .unwrap();
    let text = std::fs::read_to_string(out.join("figures.json")).unwrap_or_default();
    assert!(ended.success(), "see {} and the lines above\n{text}", out.display());
    Some(serde_json::from_str(&text).unwrap())
}

/// Every promise, in figures.
fn prove(variant: &str) {
    let Some(figures) = figures_of(variant) else { return };
    let number = |key: &str| figures[key].as_u64().unwrap_or_else(|| panic!("no {key} in {figures}"));
    assert_eq!(figures["wrong"], Value::Array(Vec::new()));
    assert!(number("pairs_probed") > 5_000, "everybody was tried against everything: {figures}");
    assert!(number("genuine") >= 30, "the truth was read: {figures}");
    assert_eq!(number("genuine_open") + number("genuine_not_probed"), number("genuine"), "{figures}");
    assert_eq!(number("excess"), 0, "{figures}");
    assert!(number("rounds") >= 10, "the applications ran on: {figures}");
    assert!(number("requests") > 1_000, "{figures}");
    assert_eq!(number("requests_failed"), 0, "{figures}");
}

#[test]
fn an_application_runs_on_behind_its_policies_and_nothing_else_does() {
    prove("bridge");
}

#[test]
fn the_same_over_both_ip_families() {
    prove("dual");
}

#[test]
fn the_same_over_vxlan_and_point_to_point_links() {
    prove("vxlan");
}

#[test]
fn the_judge_of_the_lab_keeps_to_the_words_of_the_project() {
    let here = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/lab");
    match Command::new("python3")
        .args(["-B", "-m", "unittest", "-q", "test_judge"])
        .current_dir(here)
        .output()
    {
        Ok(ended) => assert!(ended.status.success(), "{}", String::from_utf8_lossy(&ended.stderr)),
        Err(error) => say(&format!("SKIPPED closed_loop judge: it needs Python 3 ({error})")),
    }
}
