//! `capture`: flow files say what the packets said, rotated, doubled, mixed or cut off by a crash.

#![allow(clippy::unwrap_used, reason = "a test panics where it has nothing to say")]

mod support;

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::time::Duration;

use serde_json::Value;
use support::program::{command, flowfence};

const OBJECTS: [&str; 4] = ["--cluster", "examples/shop/before", "--cluster", "examples/shop/snapshot"];
const NODES: [&str; 2] = ["examples/shop/node1.pcap", "examples/shop/node2.pcap"];

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// What a verb says of some sources, but for how many inputs there were.
fn said(verb: &[&str], sources: &[&str]) -> String {
    let run = flowfence(verb.iter().chain(sources).chain(&OBJECTS)).ends(0);
    run.stdout
}

/// Both nodes captured, each by its own run.
fn captured(dir: &Path, more: &[&str]) {
    for (node, pcap) in ["node1", "node2"].iter().zip(NODES) {
        let args = ["capture", pcap, "--node", node, "--out", text(dir)];
        flowfence(args.iter().chain(more)).ends(0);
    }
}

fn files(dir: &Path) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> =
        std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

#[test]
fn flow_files_say_what_the_captures_said_byte_for_byte() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(dir.path()).unwrap();
    captured(dir.path(), &[]);
    let sizes: u64 = files(dir.path()).iter().map(|file| file.metadata().unwrap().len()).sum();
    let raw: u64 = NODES.iter().map(|file| std::fs::metadata(support::shop::path(file)).unwrap().len()).sum();
    assert!(sizes * 10 < raw, "{sizes} octets of {raw}");
    for verb in [&["graph"][..], &["recommend", "-o", "yaml"], &["audit", "--fail-on", "never"]] {
        assert_eq!(said(verb, &[text(dir.path())]), said(verb, &NODES), "{verb:?}");
    }
}

#[test]
fn rotated_files_count_once_in_any_order_and_doubled() {
    let dir = tempfile::tempdir().unwrap();
    captured(dir.path(), &["--rotate-size", "4K", "--flush-every", "1ms"]);
    let files = files(dir.path());
    assert!(files.len() > 4, "{files:?}");
    let doubled = tempfile::tempdir().unwrap();
    for (i, file) in files.iter().enumerate() {
        // The same file under two names; the order of names is another one.
        std::fs::copy(file, doubled.path().join(format!("{:03}.flow", 999 - i))).unwrap();
        std::fs::copy(file, doubled.path().join(format!("{i:03}-again.flow"))).unwrap();
    }
    let graph = said(&["graph"], &NODES);
    assert_eq!(said(&["graph"], &[text(dir.path())]), graph);
    assert_eq!(said(&["graph"], &[text(doubled.path())]), graph);
}

#[test]
fn nothing_is_written_over_and_a_flow_file_goes_on_as_it_is() {
    let dir = tempfile::tempdir().unwrap();
    let (first, second) = (dir.path().join("a.flow"), dir.path().join("b.flow"));
    flowfence(["capture", NODES[0], "--out", text(&first)]).ends(0);
    let again = flowfence(["capture", NODES[0], "--out", text(&first)]).ends(3);
    assert!(again.stderr.contains("not written over"), "{}", again.stderr);
    flowfence(["capture", text(&first), "--out", text(&second)]).ends(0);
    assert_eq!(said(&["graph"], &[text(&second)]), said(&["graph"], &[text(&first)]));
}

/// The file header, and each packet with its header.
fn packets() -> (Vec<u8>, Vec<Vec<u8>>) {
    let file = std::fs::read(support::shop::path(NODES[0])).unwrap();
    let (header, mut rest) = file.split_at(24);
    let mut packets = Vec::new();
    while let Some(length) = rest.get(8..12) {
        let length = 16 + u32::from_le_bytes(length.try_into().unwrap()) as usize;
        let (packet, more) = rest.split_at(length);
        packets.push(packet.to_vec());
        rest = more;
    }
    (header.to_vec(), packets)
}

fn start(out: &Path) -> Child {
    command()
        .args(["capture", "-", "--flush-every", "5ms", "--out", text(out)])
        .stdin(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

fn edges(source: &Path) -> (u64, Value) {
    let run = flowfence(["graph", text(source), "--cluster", "none", "-o", "json"]);
    assert!(run.code == 0 || run.code == 5, "{}", run.stderr);
    let graph = run.json();
    (graph["completeness"]["packets"].as_u64().unwrap(), graph["edges"].clone())
}

/// A hundred times: whenever the program is killed, the file opens, and says exactly what the first
/// packets of the capture say, up to a block that was written whole.
#[test]
fn a_capture_that_is_killed_leaves_all_but_its_last_block() {
    let (header, packets) = packets();
    let dir = tempfile::tempdir().unwrap();
    let mut useful = 0;
    for round in 0..100_u64 {
        let out = dir.path().join(format!("{round}.flow"));
        let mut child = start(&out);
        let mut stdin = child.stdin.take().unwrap();
        stdin.write_all(&header).unwrap();
        // Some other moment each time.
        let until = 400 + usize::try_from(round * 37 % 1500).unwrap();
        for (n, packet) in packets.iter().cycle().take(until).enumerate() {
            stdin.write_all(packet).unwrap();
            if n % 100 == 0 {
                std::thread::sleep(Duration::from_millis(3));
            }
        }
        child.kill().unwrap();
        child.wait().unwrap();
        drop(stdin);
        if !out.exists() || out.metadata().unwrap().len() == 0 {
            continue;
        }
        let (count, edges_of_file) = edges(&out);
        assert!(count <= until as u64, "round {round}: {count} of {until}");
        if count == 0 {
            continue;
        }
        useful += 1;
        let cut = dir.path().join("cut.pcap");
        let begin = usize::try_from(count).unwrap();
        let mut octets = header.clone();
        packets.iter().take(begin).for_each(|packet| octets.extend(packet));
        std::fs::write(&cut, octets).unwrap();
        assert_eq!(edges(&cut), (count, edges_of_file), "round {round}");
        std::fs::remove_file(&out).unwrap();
    }
    assert!(useful >= 80, "{useful} of 100 were killed after a block was written");
}
