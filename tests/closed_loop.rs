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
    let _ = writeln!(std::io::stderr(), "{text}");
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

/// Runs `lab VERB WHAT`, from nothing to nothing; where it left what it found.
fn run(verb: &str, what: &str) -> Option<PathBuf> {
    let _lab = lab_for(&format!("{verb} {what}"))?;
    let out = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(verb);
    let left = out.join(what);
    let _ = std::fs::remove_dir_all(&left);
    let ended = lab()
        .args([verb, what, "--flowfence", env!("CARGO_BIN_EXE_flowfence"), "--owner"])
        .arg(std::process::id().to_string())
        .arg("--out")
        .arg(&out)
        .status()
        .unwrap();
    assert!(ended.success(), "see the lines above, and {}", left.display());
    Some(left)
}

/// What a run printed, as numbers.
struct Figures(Value);

impl Figures {
    fn of(left: &Path) -> Self {
        let text = std::fs::read_to_string(left.join("figures.json")).unwrap();
        Figures(serde_json::from_str(&text).unwrap())
    }

    fn number(&self, key: &str) -> u64 {
        self.0[key].as_u64().unwrap_or_else(|| panic!("no {key} in {}", self.0))
    }

    /// What holds of any cluster.
    fn hold(&self) {
        assert_eq!(self.0["wrong"], Value::Array(Vec::new()));
        let tried = self.number("genuine_open") + self.number("genuine_not_probed");
        assert_eq!(tried, self.number("genuine"), "every genuine pair is open: {}", self.0);
        assert_eq!(self.number("excess"), 0, "{}", self.0);
        assert!(self.number("rounds") >= 10, "the applications ran on: {}", self.0);
        assert_eq!(self.number("requests_failed"), 0, "{}", self.0);
    }
}

/// Every promise, in figures.
fn prove(variant: &str) {
    let Some(left) = run("loop", variant) else { return };
    let figures = Figures::of(&left);
    figures.hold();
    assert!(figures.number("pairs_probed") > 5_000, "everybody was tried against everything: {}", figures.0);
    assert!(figures.number("genuine") >= 30, "the truth was read: {}", figures.0);
    assert!(figures.number("requests") > 1_000, "{}", figures.0);
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
fn the_promises_hold_in_a_random_cluster() {
    let seed = std::env::var("LAB_SEED").unwrap_or_else(|_| "6".to_owned());
    let Some(left) = run("random", &seed) else { return };
    let figures = Figures::of(&left);
    figures.hold();
    assert!(figures.number("edges") > 5, "the graph was held against the kernels' truth: {}", figures.0);
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
