//! Input that is damaged, empty or something else: what is good of it counts, the rest is counted, and the message says
//! what happened and where.

#![allow(clippy::unwrap_used, reason = "a test panics where it has nothing to say")]

#[path = "../support/mod.rs"]
mod support;
mod usage;

use std::path::PathBuf;

use serde_json::Value;

use support::capture;
use support::cluster::{Cluster, Wire, at};
use support::graph::edges;
use support::program::{Inputs, Run, Scratch, flowfence, flowfence_with};
use support::shop;

const USAGE: i32 = 2;
const UNREADABLE: i32 = 3;
const PARTIAL: i32 = 5;

/// Three connections between two pods.
fn small() -> (Cluster, Wire) {
    let cluster =
        Cluster::new(1).deployment("client", 1, &["10.1.1.5"]).deployment("server", 8080, &["10.1.1.7"]);
    let mut wire = Wire::new();
    for n in 0..3 {
        wire.from(n).connect(at(&format!("10.1.1.5:{}", 40_000 + n)), at("10.1.1.7:8080"));
    }
    (cluster, wire)
}

fn graph_of(scratch: &Scratch, capture: impl AsRef<[u8]>, more: &[&str]) -> Run {
    let (cluster, wire) = small();
    let mut inputs = cluster.inputs(scratch, &[&wire]);
    inputs.captures = vec![scratch.file("input.pcap", capture)];
    inputs.run("graph", &[&["-o", "json"], more].concat())
}

fn connections(graph: &Value) -> u64 {
    edges(graph).values().map(|edge| edge.connections).sum()
}

fn says(run: &Run, words: &[&str]) {
    for word in words {
        assert!(run.stderr.contains(word), "{word:?} in: {}", run.stderr);
    }
    assert!(!run.stderr.contains("panicked"), "{}", run.stderr);
    assert!(!run.stderr.contains("error: error"), "{}", run.stderr);
}

#[test]
fn of_a_truncated_capture_the_good_records_count() {
    let scratch = Scratch::new();
    let whole = small().1.pcap();
    let run = graph_of(&scratch, &whole[..whole.len() - 20], &[]);
    let graph = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!(connections(&graph), 3, "only the last record of the last connection is missing");
    assert_eq!(graph["completeness"]["packets"], 23);
    assert!(graph["completeness"].to_string().contains("truncated"), "{:#}", graph["completeness"]);
    // One record of 24 is more than one in a hundred.
    assert_eq!(run.code, PARTIAL, "{}", run.stderr);
    graph_of(&scratch, &whole[..whole.len() - 20], &["--allow-loss", "0.1"]).ends(0);
}

#[test]
fn of_a_truncated_gzip_the_good_records_count() {
    let scratch = Scratch::new();
    let packed = capture::gzip(&shop_capture());
    let run = graph_of(&scratch, &packed[..packed.len() / 2], &["--allow-loss", "1"]).ends(0);
    let packets = run.json()["completeness"]["packets"].as_u64().unwrap();
    assert!((1_000..7_400).contains(&packets), "{packets}");
}

fn shop_capture() -> Vec<u8> {
    std::fs::read(shop::path(shop::CAPTURES[0])).unwrap()
}

#[test]
fn damage_in_the_middle_costs_the_damaged_records_only() {
    let scratch = Scratch::new();
    let mut whole = shop_capture();
    let middle = whole.len() / 2;
    whole[middle..middle + 300].fill(0xff);
    let path = scratch.file("damaged.pcap", whole);
    let mut inputs = shop::inputs();
    inputs.captures[0] = path;
    let run = inputs.run("graph", &["-o", "json"]).ends(0);
    let packets = run.json()["completeness"]["packets"].as_u64().unwrap();
    assert!(packets > 14_949 - 20, "{packets} of 14,949");
    assert!(run.json()["completeness"].to_string().contains("damaged"), "{:#}", run.json()["completeness"]);
}

#[test]
fn one_broken_object_costs_only_itself_and_is_named_with_file_line_and_reason() {
    let scratch = Scratch::new();
    let (cluster, wire) = small();
    let mut inputs = cluster.inputs(&scratch, &[&wire]);
    let broken = "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: fine, namespace: app}\nspec: {podSelector: {}}\n---\napiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: wrong, namespace: app}\nspec:\n  podSelector: {}\n  ingress:\n  - from:\n    - ipBlock: {cidr: 10.0.0.0/99}\n";
    inputs.clusters.push(scratch.file("policies.yaml", broken));
    let run = inputs.run("audit", &["-o", "json", "--fail-on", "never"]);
    says(&run, &["policies.yaml:13", "app/wrong", "10.0.0.0/99"]);
    let findings = run.json()["findings"].to_string();
    assert!(findings.contains("app/fine"), "the other policy counts: {findings}");
    assert!(
        run.json()["completeness"].to_string().contains("wrong"),
        "and the report says what was left out"
    );
}

#[test]
fn an_empty_cluster_leaves_addresses_and_says_so() {
    let scratch = Scratch::new();
    let wire = small().1;
    for (name, text) in [("empty.yaml", ""), ("list.json", r#"{"apiVersion":"v1","kind":"List","items":[]}"#)]
    {
        let inputs = Inputs {
            captures: vec![scratch.file("a.pcap", wire.pcap())],
            clusters: vec![scratch.file(name, text)],
        };
        let run = inputs.run("graph", &["-o", "json"]).ends(0);
        says(&run, &["empty"]);
        assert_eq!(connections(&run.json()), 3, "{name}");
    }
}

#[test]
fn without_a_cluster_addresses_stay_addresses() {
    let scratch = Scratch::new();
    let inputs = Inputs {
        captures: vec![scratch.file("a.pcap", small().1.pcap())],
        clusters: vec![PathBuf::from("none")],
    };
    let graph = inputs.graph();
    let keys: Vec<String> = edges(&graph).keys().map(ToString::to_string).collect();
    assert_eq!(keys.len(), 1);
    assert!(
        keys[0].contains("10.1.1.5") && keys[0].contains("10.1.1.7") && keys[0].ends_with("8080/TCP"),
        "{keys:?}"
    );
    // Nobody can be fenced there, and that is no failure.
    let answer = inputs.run("recommend", &["-o", "json"]).ends(0).json();
    assert_eq!(answer["policies"], Value::Array(Vec::new()));
}

#[test]
fn a_capture_without_one_known_address_says_so_and_recommends_nothing() {
    let scratch = Scratch::new();
    let mut wire = Wire::new();
    wire.connect(at("172.31.5.5:40000"), at("172.31.6.6:80"));
    let inputs = small().0.inputs(&scratch, &[&wire]);
    let run = inputs.run("graph", &["-o", "json"]).ends(0);
    says(&run, &["no address"]);
    let answer = inputs.run("recommend", &["-o", "json"]).ends(0).json();
    assert_eq!(answer["policies"], Value::Array(Vec::new()));
    assert_eq!(answer["unobserved"].as_array().unwrap().len(), 2);
}

#[test]
fn a_directory_of_the_wrong_thing_is_named() {
    let scratch = Scratch::new();
    let wire = small().1;
    let captures = scratch.file("taps/a.pcap", wire.pcap());
    let objects = scratch.file("objects/readme.txt", "not an object");
    // Captures where objects belong.
    let run = flowfence([
        "graph".as_ref(),
        captures.as_os_str(),
        "--cluster".as_ref(),
        captures.parent().unwrap().as_os_str(),
    ]);
    says(&run.ends(UNREADABLE), &["taps"]);
    // Objects where captures belong.
    let run = flowfence([
        "graph".as_ref(),
        objects.parent().unwrap().as_os_str(),
        "--cluster".as_ref(),
        "none".as_ref(),
    ]);
    says(&run.ends(UNREADABLE), &["readme.txt"]);
    let run = flowfence(["graph", "examples/shop/snapshot", "--cluster", "examples/shop/snapshot"]);
    says(&run.ends(UNREADABLE), &["pods.yaml"]);
}

#[test]
fn a_missing_file_is_named() {
    let run = flowfence(["graph", "no-such.pcap", "--cluster", "none"]).ends(UNREADABLE);
    says(&run, &["no-such.pcap"]);
    let run = flowfence(["graph", shop::CAPTURES[0], "--cluster", "no-such-dir"]).ends(UNREADABLE);
    says(&run, &["no-such-dir"]);
    let run = flowfence(["graph", "no-such-*.pcap", "--cluster", "none"]).ends(UNREADABLE);
    says(&run, &["no-such-*.pcap"]);
}

#[test]
fn a_file_of_another_format_is_refused_and_the_others_count() {
    let scratch = Scratch::new();
    let text = scratch.file("notes.pcap", "these are my notes\n".repeat(100));
    let run = flowfence(["graph".as_ref(), text.as_os_str(), "--cluster".as_ref(), "none".as_ref()])
        .ends(UNREADABLE);
    says(&run, &["notes.pcap"]);
    let mut inputs = shop::inputs();
    inputs.captures.push(text);
    let run = inputs.run("graph", &["-o", "json"]).ends(PARTIAL);
    says(&run, &["notes.pcap"]);
    assert_eq!(run.json()["edges"], shop::inputs().graph()["edges"]);
}

#[test]
fn an_empty_file_is_unreadable_and_an_empty_capture_is_not() {
    let scratch = Scratch::new();
    let run = graph_of(&scratch, "", &[]).ends(UNREADABLE);
    says(&run, &["input.pcap", "empty"]);
    let graph = graph_of(&scratch, capture::pcap(&[]), &[]).ends(0).json();
    assert_eq!(connections(&graph), 0);
    assert_eq!(graph["completeness"]["packets"], 0);
}

#[test]
fn a_capture_comes_by_stdin_too() {
    let args = [
        "graph",
        "-",
        "--cluster",
        "examples/shop/before",
        "--cluster",
        "examples/shop/snapshot",
        "-o",
        "json",
    ];
    let piped = flowfence_with(args, &shop_capture()).ends(0).json();
    let mut inputs = shop::inputs();
    inputs.captures.pop();
    assert_eq!(piped["edges"], inputs.graph()["edges"]);
    let run = flowfence_with(args, b"").ends(UNREADABLE);
    says(&run, &["-"]);
    flowfence_with(args, &capture::zstd(&shop_capture())).ends(0);
}

#[test]
fn a_reader_that_has_had_enough_is_no_error() {
    use std::io::Read;
    let mut child = support::program::command()
        .args(["graph", shop::CAPTURES[0], shop::CAPTURES[1], "--cluster", shop::MOMENTS[1], "-o", "json"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let mut first = [0; 10];
    child.stdout.take().unwrap().read_exact(&mut first).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(!String::from_utf8_lossy(&output.stderr).contains("panicked"));
    assert_eq!(output.status.code(), Some(0));
}

#[test]
fn nothing_hostile_in_an_object_reaches_the_terminal() {
    let scratch = Scratch::new();
    let (mut cluster, wire) = small();
    cluster.objects.push(serde_json::json!({"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy",
        "metadata": {"name": "x\u{1b}[31mred\u{7}", "namespace": "app"}, "spec": {"podSelector": {"matchLabels": {"a\u{1b}[2J": "b"}}}}));
    let inputs = cluster.inputs(&scratch, &[&wire]);
    for verb in ["graph", "audit", "recommend"] {
        let run = inputs.run(verb, &[]);
        assert!(
            !run.stdout.contains(['\u{1b}', '\u{7}']) && !run.stderr.contains(['\u{1b}', '\u{7}']),
            "{verb}"
        );
    }
}

#[test]
fn a_directory_that_cannot_be_written_is_named() {
    let scratch = Scratch::new();
    let file = scratch.file("in-the-way", "");
    let out = file.join("policies");
    let run = shop::inputs().run("recommend", &["--out", out.to_str().unwrap()]).ends(UNREADABLE);
    says(&run, &["in-the-way"]);
}

#[test]
fn whatever_bytes_come_it_ends_by_itself() {
    let scratch = Scratch::new();
    let whole = capture::pcapng(&small().1.frames);
    let mut seed = 1_u32;
    for round in 0..60 {
        let mut bytes = if round % 2 == 0 { whole.clone() } else { small().1.pcap() };
        for _ in 0..=round % 8 {
            seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let at = seed as usize % bytes.len();
            bytes[at] = seed.to_be_bytes()[1];
        }
        let run = graph_of(&scratch, bytes, &["--allow-loss", "1"]);
        assert!([0, UNREADABLE, PARTIAL].contains(&run.code), "{round}: {}", run.stderr);
        assert!(!run.stderr.contains("panicked"), "{round}: {}", run.stderr);
    }
}

#[test]
fn whoever_closes_standard_error_gets_the_result_all_the_same() {
    let scratch = Scratch::new();
    let out = scratch.path().join("policies");
    let command = format!(
        "{} recommend examples/shop/*.pcap --cluster examples/shop/before --cluster examples/shop/snapshot --out {} 2>&1 | head -n 1",
        env!("CARGO_BIN_EXE_flowfence"),
        out.display()
    );
    let status = std::process::Command::new("sh")
        .args(["-c", &command])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .stdout(std::process::Stdio::null())
        .status()
        .unwrap();
    assert!(status.success());
    // The shell does not wait for the writer once head is gone.
    for _ in 0..100 {
        if out.join("kustomization.yaml").exists() {
            return;
        }
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    panic!("nothing was written");
}
