//! Nothing escapes: names, labels, annotations, DNS names, server names and file names from outside stay text in every output
//! of every verb.

#![allow(clippy::unwrap_used, reason = "a test panics where it has nothing to say")]

mod check;
mod injection;
#[path = "../findings_formats/markdown.rs"]
mod markdown;
mod paste;
#[path = "../findings_formats/runner.rs"]
mod runner;
#[path = "../support/mod.rs"]
mod support;
mod world;

use std::collections::BTreeMap;
use std::path::Path;

use check::faults;
use injection::MARK;
use support::program::{Run, flowfence};
use world::World;

/// Texts that one world has, and how many where what is limited in size, such as annotations, must not leave some out.
const MANY: usize = 24;
const FEW: usize = 8;

/// Verb, `-o`, checker.
const OBSERVED: &[(&str, &str, &str)] = &[
    ("graph", "table", "terminal"),
    ("graph", "wide", "terminal"),
    ("graph", "json", "json"),
    ("graph", "yaml", "yaml"),
    ("graph", "csv", "csv"),
    ("graph", "csv-nodes", "csv"),
    ("graph", "dot", "dot"),
    ("graph", "mermaid", "mermaid"),
    ("graph", "d2", "d2"),
    ("graph", "drawio", "xml"),
    ("graph", "svg", "xml"),
    ("graph", "graphml", "xml"),
    ("graph", "gexf", "xml"),
    ("graph", "cytoscape", "json"),
    ("graph", "jgf", "json"),
    ("graph", "cypher", "cypher"),
    ("audit", "table", "terminal"),
    ("audit", "json", "json"),
    ("audit", "sarif", "sarif"),
    ("audit", "junit", "junit"),
    ("audit", "gitlab", "json"),
    ("audit", "github", "github"),
    ("audit", "markdown", "markdown"),
    ("audit", "policyreport", "yaml"),
    ("audit", "policyreport-wgpolicyk8s", "yaml"),
    ("audit", "prometheus", "prometheus"),
    ("audit", "alertmanager", "json"),
    ("recommend", "yaml", "policies"),
    ("recommend", "json", "json"),
    ("recommend", "markdown", "markdown"),
];

/// The same for verbs that need no traffic.
const OBJECTS: &[(&str, &str, &str)] = &[
    ("reach", "table", "terminal"),
    ("reach", "wide", "terminal"),
    ("reach", "json", "json"),
    ("reach", "csv", "csv"),
    ("reach", "dot", "dot"),
    ("audit", "table", "terminal"),
    ("audit", "sarif", "sarif"),
    ("audit", "junit", "junit"),
    ("audit", "github", "github"),
    ("audit", "markdown", "markdown"),
];

/// Outputs that name the files of what they are about.
const FILES: [&str; 8] = [
    "audit -o json",
    "audit -o sarif",
    "audit -o junit",
    "audit -o gitlab",
    "audit -o markdown",
    "audit -o policyreport",
    "audit -o policyreport-wgpolicyk8s",
    "audit -o alertmanager",
];

/// What was found wrong, and how often each output held a text from outside at all.
#[derive(Default)]
struct Found {
    faults: Vec<String>,
    marked: BTreeMap<String, usize>,
}

impl Found {
    /// Looks at an output with its checker, and at all that was said for what a terminal or a CI runner obeys.
    fn look(&mut self, what: &str, format: &str, run: &Run) {
        assert!(matches!(run.code, 0 | 1 | 3 | 5 | 6), "{what} ended with {}: {:.500}", run.code, run.stderr);
        let as_log = match format {
            "terminal" | "markdown" | "prometheus" | "csv" => "log",
            // Annotations are commands, and their checker knows which.
            "github" => "github",
            _ => "data",
        };
        let said =
            [(format, &run.stdout), ("terminal", &run.stderr), ("log", &run.stderr), (as_log, &run.stdout)];
        for (format, text) in said.into_iter().filter(|(_, text)| !text.is_empty()) {
            self.faults
                .extend(faults(format, text).into_iter().map(|fault| format!("{what} ({format}): {fault}")));
        }
        *self.marked.entry(what.to_owned()).or_default() += usize::from(run.stdout.contains(MARK));
    }

    /// No fault, and these outputs held a text from outside in most of the worlds.
    fn none(&self, tested: &[&str], worlds: usize) {
        assert!(self.faults.is_empty(), "{} faults:\n{:.12000}", self.faults.len(), self.faults.join("\n"));
        let idle: Vec<&&str> = tested.iter().filter(|what| self.marked[**what] * 2 < worlds).collect();
        assert!(idle.is_empty(), "never held a text from outside: {idle:?}");
    }
}

fn worlds(together: usize) -> Vec<World> {
    injection::all().chunks(together).map(World::new).collect()
}

#[test]
fn nothing_escapes_from_a_capture_and_its_cluster() {
    let mut found = Found::default();
    let worlds = worlds(MANY);
    for world in &worlds {
        for (verb, format, checker) in OBSERVED {
            let run = world.observed(verb, &["-o", format]);
            found.look(&format!("{verb} -o {format}"), checker, &run);
        }
    }
    // Objects whose names and labels the API would refuse are refused here too; where they were read from is told.
    found.none(&FILES, worlds.len());
}

#[test]
fn an_owner_is_told_in_every_output_of_audit_and_escapes_from_none() {
    let mut found = Found::default();
    let worlds: Vec<World> = injection::all().chunks(FEW).map(World::of_owners).collect();
    let audits: Vec<_> = OBSERVED.iter().filter(|(verb, ..)| *verb == "audit").collect();
    for world in &worlds {
        for (_, format, checker) in &audits {
            let run = world.observed("audit", &["-o", format]);
            found.look(&format!("audit -o {format}"), checker, &run);
        }
    }
    let told: Vec<String> = audits.iter().map(|(_, format, _)| format!("audit -o {format}")).collect();
    found.none(&told.iter().map(String::as_str).collect::<Vec<_>>(), worlds.len());
}

#[test]
fn nothing_escapes_from_logs_that_name_everything_themselves() {
    let mut found = Found::default();
    let worlds = worlds(MANY);
    for world in &worlds {
        for (verb, format, checker) in OBSERVED {
            found.look(&format!("{verb} -o {format}"), checker, &world.logged(verb, &["-o", format]));
        }
    }
    let graphs: Vec<String> =
        OBSERVED.iter().filter(|row| row.0 == "graph").map(|row| format!("graph -o {}", row.1)).collect();
    found.none(&graphs.iter().map(String::as_str).collect::<Vec<_>>(), worlds.len());
}

#[test]
fn nothing_escapes_from_objects_alone() {
    let mut found = Found::default();
    let worlds = worlds(FEW);
    for world in &worlds {
        for (verb, format, checker) in OBJECTS {
            found.look(&format!("{verb} -o {format}"), checker, &world.objects(verb, &["-o", format]));
        }
        let policies = world.policies.to_str().unwrap();
        for (format, checker) in [("table", "terminal"), ("json", "json"), ("sarif", "sarif")] {
            let run = world.observed("check", &["--policies", policies, "-o", format]);
            found.look(&format!("check -o {format}"), checker, &run);
        }
        for (format, checker) in [("text", "terminal"), ("json", "json")] {
            let ends = ["10.1.1.60", "10.1.1.61", "8080", "-o", format];
            found.look(&format!("explain -o {format}"), checker, &explained(world, &ends));
        }
    }
    found.none(
        &[
            "audit -o sarif",
            "audit -o junit",
            "audit -o github",
            "audit -o markdown",
            "reach -o json",
            "check -o json",
        ],
        worlds.len(),
    );
}

/// `explain` with the objects of a world.
fn explained(world: &World, ends: &[&str]) -> Run {
    let cluster = world.scratch.path().join("cluster.json");
    let policies = world.policies.clone();
    let mut args = vec!["explain".to_owned()];
    args.extend(ends.iter().map(|end| (*end).to_owned()));
    for path in [cluster, policies] {
        args.extend(["--cluster".to_owned(), path.to_str().unwrap().to_owned()]);
    }
    flowfence(args)
}

#[test]
fn what_a_person_mistypes_is_said_without_being_obeyed() {
    let world = World::new(&injection::all()[..1]);
    for (kind, text) in
        injection::all().iter().filter(|(_, text)| !text.contains('\0') && !text.starts_with('-'))
    {
        let run = explained(&world, &["--", text, "10.1.1.60", "8080"]);
        let said = [run.stdout, run.stderr].concat();
        for format in ["terminal", "log"] {
            assert_eq!(faults(format, &said), [""; 0], "{kind}");
        }
    }
}

#[test]
fn no_file_is_written_but_below_its_directory_and_by_a_plain_name() {
    for world in worlds(MANY) {
        let out = world.scratch.path().join("out");
        let place = out.to_str().unwrap();
        for run in
            [world.observed("recommend", &["--out", place]), world.logged("recommend", &["--out", place])]
        {
            assert!(matches!(run.code, 0 | 1 | 3 | 5), "{}: {}", run.code, run.stderr);
        }
        let names: Vec<String> = std::fs::read_dir(world.scratch.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        assert!(
            names.iter().all(|name| ["captures", "cluster.json", "flows.jsonl", "out", "policies"]
                .contains(&name.as_str())),
            "{names:?}"
        );
        if out.exists() {
            plain_names(&out);
        }
        assert!(!Path::new("/tmp").join(MARK).exists());
    }
}

fn plain_names(directory: &Path) {
    for entry in std::fs::read_dir(directory).unwrap() {
        let entry = entry.unwrap();
        let name = entry.file_name().into_string().unwrap();
        let is_plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "-._".contains(c);
        assert!(name.chars().all(is_plain) && !name.starts_with(['.', '-']), "{name:?}");
        if entry.file_type().unwrap().is_dir() {
            plain_names(&entry.path());
        }
    }
}
