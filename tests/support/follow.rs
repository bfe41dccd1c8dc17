//! Runs that follow servers of flows.

use std::path::Path;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::program::{Run, command, flowfence};

const CLEAN: i32 = 0;

/// `graph` over sources, for so long.
pub fn graph(sources: &[&str], options: &[&str], time: &str) -> Run {
    let mut args = vec!["graph"];
    args.extend(sources);
    args.extend(["--duration", time, "--cluster", "none", "-o", "json", "--allow-loss", "1"]);
    args.extend(options);
    flowfence(args)
}

/// Messages that an input gave, and what was counted.
pub fn taken(graph: &Value) -> (u64, Value) {
    let files = graph["completeness"]["files"].as_array().unwrap();
    (files[0]["packets"].as_u64().unwrap(), graph["completeness"]["counts"].clone())
}

/// The graph as text, without what tells a file from a stream.
pub fn without_input(run: &Run) -> String {
    let mut graph = run.json();
    for file in graph["completeness"]["files"].as_array_mut().unwrap() {
        file["name"] = json!("input");
        file["octets"] = json!(0);
    }
    serde_json::to_string_pretty(&graph).unwrap()
}

/// Flows as the lines of a file.
pub fn as_file(dir: &Path, lines: &[Value]) -> std::path::PathBuf {
    let path = dir.join("flows.json");
    let text: Vec<String> = lines.iter().map(Value::to_string).collect();
    std::fs::write(&path, text.join("\n")).unwrap();
    path
}

/// `graph` over a file.
pub fn graph_of_file(file: &Path) -> Run {
    flowfence(["graph", file.to_str().unwrap(), "--cluster", "none", "-o", "json", "--allow-loss", "1"])
        .ends(CLEAN)
}

/// Begins to follow.
pub fn start(sources: &[&str], options: &[&str]) -> Child {
    let mut command = command();
    command
        .arg("graph")
        .args(sources)
        .args(["--cluster", "none", "-o", "json", "--allow-loss", "1"])
        .args(options);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command.spawn().unwrap()
}

/// What a run gave that was begun.
pub fn end_of(child: Child) -> Run {
    let output = child.wait_with_output().unwrap();
    let text = |octets: Vec<u8>| String::from_utf8(octets).unwrap();
    Run { code: output.status.code().unwrap(), stdout: text(output.stdout), stderr: text(output.stderr) }
}

/// Waits until it is so, 20 s at most.
pub fn wait_until(is_so: impl Fn() -> bool) {
    let until = Instant::now() + Duration::from_secs(20);
    while !is_so() {
        assert!(Instant::now() < until, "not within 20 s");
        std::thread::sleep(Duration::from_millis(20));
    }
}
