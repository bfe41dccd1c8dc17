//! Arrows between the crates point downward, and what a floor may not know it does not name.

#![allow(clippy::unwrap_used, reason = "a test panics where it has nothing to say")]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// A crate of ours: its folder, and the crates that it may know.
struct Floor {
    folder: &'static str,
    may_know: &'static [&'static str],
    /// No I/O, no clock, nothing spawned: a replayed capture behaves as a live one.
    is_pure: bool,
}

const FLOORS: [Floor; 5] = [
    Floor { folder: "model", may_know: &[], is_pure: true },
    Floor { folder: "capture", may_know: &["model"], is_pure: false },
    Floor { folder: "graph", may_know: &["model"], is_pure: true },
    Floor { folder: "policy", may_know: &["graph", "model"], is_pure: true },
    Floor { folder: ".", may_know: &["model", "capture", "graph", "policy"], is_pure: false },
];

/// What a pure floor does not name.
const IMPURE: [&str; 15] = [
    "std::fs",
    "std::io",
    "std::process",
    "std::thread",
    "std::env",
    "TcpStream",
    "TcpListener",
    "UdpSocket",
    "SystemTime",
    "Instant::now",
    "tokio",
    "rayon",
    "println!",
    "print!",
    "async fn",
];

/// What stops at the roof, and the folder of it that alone may name it.
const ROOF_ONLY: [(&str, &str); 6] = [
    ("serde_yaml", "src/manifest"),
    ("saphyr", "src/manifest"),
    ("granit_parser", "src/manifest"),
    ("tonic", "src/source/server"),
    ("clap", "src"),
    ("anyhow", "src"),
];

#[test]
fn no_manifest_names_a_crate_above_its_floor() {
    let mut wrong = Vec::new();
    for floor in &FLOORS {
        let manifest = std::fs::read_to_string(root().join(floor.folder).join("Cargo.toml")).unwrap();
        wrong.extend(climbs_in_manifest(floor, &manifest));
    }
    assert_eq!(wrong, [""; 0]);
}

#[test]
fn no_source_names_what_its_floor_may_not_know() {
    let mut wrong = Vec::new();
    let mut read = 0;
    for floor in &FLOORS {
        for file in sources(&root().join(floor.folder).join("src")) {
            let name = file.strip_prefix(root()).unwrap_or(&file).display().to_string();
            let name = name.trim_start_matches("./");
            wrong.extend(faults_in_source(floor, name, &std::fs::read_to_string(&file).unwrap()));
            read += 1;
        }
    }
    assert!(read > 50, "the sources were found: {read}");
    assert_eq!(wrong, [""; 0]);
}

#[test]
fn every_crate_takes_the_lints_of_the_workspace() {
    for floor in &FLOORS {
        let manifest = std::fs::read_to_string(root().join(floor.folder).join("Cargo.toml")).unwrap();
        assert!(
            manifest.contains("[lints]\nworkspace = true"),
            "{}: unsafe code is forbidden there",
            floor.folder
        );
    }
}

#[test]
fn the_check_fails_when_an_arrow_climbs() {
    let [model, capture, graph, _, roof] = &FLOORS;
    let manifest =
        "[package]\nname = \"x\"\n[dependencies]\nflowfence-policy.workspace = true\nipnet = \"2\"\n";
    assert_eq!(climbs_in_manifest(graph, manifest).len(), 1);
    assert_eq!(climbs_in_manifest(roof, manifest).len(), 0);
    let table = "[dependencies.flowfence-graph]\npath = \"../graph\"\n";
    assert_eq!(climbs_in_manifest(capture, table).len(), 1);
    let tests_too = "[dev-dependencies]\nflowfence-capture = { path = \"../capture\" }\n";
    assert_eq!(climbs_in_manifest(model, tests_too).len(), 1);

    let fault = |floor: &Floor, text: &str| faults_in_source(floor, "x/src/x.rs", text).len();
    assert_eq!(fault(capture, "use flowfence_graph::Facts;\n"), 1);
    assert_eq!(fault(capture, "fn f(x: &flowfence_policy::PolicySet) {}\n"), 1);
    assert_eq!(fault(capture, "// flowfence_graph::Facts is made of these\n"), 0);
    assert_eq!(fault(capture, "use flowfence_model::Port;\nuse std::io::Read;\n"), 0);
    assert_eq!(fault(graph, "let now = std::time::SystemTime::now();\n"), 1);
    assert_eq!(fault(graph, "    println!(\"{x}\");\n"), 1);
    assert_eq!(fault(graph, "use std::net::IpAddr;\n"), 0, "an address is no socket");
    assert_eq!(faults_in_source(roof, "src/output/table.rs", "serde_yaml::to_string(x)\n").len(), 1);
    assert_eq!(faults_in_source(roof, "src/manifest/yaml.rs", "serde_yaml::to_string(x)\n").len(), 0);
    assert_eq!(faults_in_source(capture, "capture/src/lib.rs", "use anyhow::Result;\n").len(), 1);
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn climbs_in_manifest(floor: &Floor, manifest: &str) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut in_dependencies = false;
    for line in manifest.lines().map(str::trim) {
        let name = if let Some(section) = line.strip_prefix('[') {
            let section = section.trim_end_matches(']');
            in_dependencies = section.ends_with("dependencies") && section != "workspace.dependencies";
            section.rsplit_once("dependencies.").map_or("", |(_, name)| name)
        } else if in_dependencies {
            line.split(['=', '.', ' ']).next().unwrap_or_default()
        } else {
            ""
        };
        if let Some(other) = name.strip_prefix("flowfence-")
            && !floor.may_know.contains(&other)
        {
            wrong.push(format!("{}/Cargo.toml names {name}", floor.folder));
        }
    }
    wrong
}

fn faults_in_source(floor: &Floor, file: &str, text: &str) -> Vec<String> {
    let mut wrong = Vec::new();
    for (n, line) in code(text) {
        let mut fault = |what: &str| wrong.push(format!("{file}:{n} names {what}"));
        for other in line.split("flowfence_").skip(1) {
            let name: String = other.chars().take_while(char::is_ascii_alphanumeric).collect();
            let is_crate = FLOORS.iter().any(|floor| floor.folder == name);
            if is_crate && name != floor.folder && !floor.may_know.contains(&name.as_str()) {
                fault(&format!("flowfence_{name}"));
            }
        }
        if floor.is_pure {
            IMPURE.into_iter().filter(|word| names(line, word)).for_each(&mut fault);
        }
        for (word, home) in ROOF_ONLY {
            if names(line, &format!("{word}::")) && !file.starts_with(home) {
                fault(word);
            }
        }
    }
    wrong
}

/// Whether the word stands in the line, not as the end of a longer one.
fn names(line: &str, word: &str) -> bool {
    line.match_indices(word).any(|(at, _)| {
        !line[..at].chars().next_back().is_some_and(|before| before.is_alphanumeric() || before == '_')
    })
}

/// Lines that are no comments, with their numbers.
fn code(text: &str) -> impl Iterator<Item = (usize, &str)> {
    (1..).zip(text.lines()).filter(|(_, line)| !line.trim_start().starts_with("//"))
}

fn sources(folder: &Path) -> BTreeSet<PathBuf> {
    let mut found = BTreeSet::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(sources(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.insert(path);
        }
    }
    found
}
