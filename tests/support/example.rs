//! Examples of the documentation: read from a page, run as written, compared with what came of it.
//!
//! A block that is fenced as `console` is a session. Lines after `$ ` are commands, continued after a backslash; what
//! follows is what they print, standard error included. A line `…` stands for one or more lines that are not shown.

use std::ffi::OsString;
use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;

/// One command and what the page shows of its output.
#[derive(Clone, Debug)]
pub struct Step {
    pub command: String,
    pub shown: Vec<String>,
}

/// A line that stands for lines which are not shown.
pub const GAP: &str = "…";

/// The sessions of a page, in order.
pub fn sessions(page: &str) -> Vec<Vec<Step>> {
    let blocks = page.split("```console\n").skip(1);
    blocks.map(|rest| steps(rest.split("```").next().unwrap())).collect()
}

fn steps(block: &str) -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::new();
    let mut is_open = false;
    for line in block.lines() {
        if let Some(command) = line.strip_prefix("$ ") {
            steps.push(Step { command: command.to_owned(), shown: Vec::new() });
        } else if is_open {
            let step = steps.last_mut().unwrap();
            write!(step.command, "\n{line}").unwrap();
        } else {
            let step = steps.last_mut().unwrap_or_else(|| panic!("output before a command: {line}"));
            step.shown.push(line.trim_end().to_owned());
            continue;
        }
        is_open = line.ends_with('\\');
    }
    steps
}

/// Runs all commands by one shell in `directory`, where `examples` is the project's and `flowfence` the program under
/// test, and tells what each printed.
pub fn run(commands: &[&str], directory: &Path) -> Vec<Vec<String>> {
    const MARK: &str = "\u{1e}";
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples");
    std::os::unix::fs::symlink(examples, directory.join("examples")).unwrap();
    let mut script = String::new();
    for command in commands {
        // The next command may ask for the status of this one.
        writeln!(script, "{command}\nstatus=$?\necho '{MARK}'\n(exit $status)").unwrap();
    }
    let program = Path::new(env!("CARGO_BIN_EXE_flowfence")).parent().unwrap().to_owned();
    let mut path: OsString = program.into();
    path.push(":");
    path.push(std::env::var_os("PATH").unwrap_or_default());
    let script = format!("exec 2>&1\n{script}");
    let output = Command::new("sh")
        .args(["-c", &script])
        .current_dir(directory)
        .env("PATH", path)
        .env("KUBECONFIG", "/dev/null")
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).expect("output is UTF-8");
    let parts: Vec<Vec<String>> = text
        .split(&format!("{MARK}\n"))
        .map(|part| part.lines().map(|line| line.trim_end().to_owned()).collect())
        .collect();
    assert_eq!(parts.len(), commands.len() + 1, "every command ended: {text}");
    parts[..commands.len()].to_vec()
}

/// What is wrong with what is shown; nothing when it is what was printed, but for its gaps.
pub fn difference(shown: &[String], real: &[String]) -> Option<String> {
    let parts: Vec<&[String]> = shown.split(|line| line.trim() == GAP).collect();
    let (first, others) = parts.split_first().expect("a split has a part");
    let Some(mut rest) = real.strip_prefix(*first) else { return Some(not_there(first, real)) };
    for (at, part) in others.iter().enumerate() {
        // A gap hides a line at least; what follows the last one ends the output.
        let last = rest.len().checked_sub(part.len()).filter(|last| *last > 0);
        let from = if at + 1 == others.len() { last } else { Some(1) };
        let place = last
            .zip(from)
            .and_then(|(last, from)| (from..=last).find(|place| rest[*place..].starts_with(part)));
        let Some(place) = place else { return Some(not_there(part, rest)) };
        rest = &rest[place + part.len()..];
    }
    (!rest.is_empty()).then(|| format!("printed, and neither shown nor left out: {rest:#?}"))
}

fn not_there(part: &[String], rest: &[String]) -> String {
    format!("shown:\n{}\nbut there is:\n{}", part.join("\n"), rest.join("\n"))
}

/// A line as columns without their widths.
pub fn words(line: &str) -> String {
    line.split_whitespace().collect::<Vec<_>>().join(" ")
}
