//! Flow exporters: what softflowd tells of the shop's traffic gives the graph that its packets give, and sockets behave
//! as live sources do. Without softflowd (Debian's package of that name) the first says so and does nothing.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "a test panics where it has nothing to say")]

mod support;

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Read};
use std::net::{SocketAddr, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;

use support::graph::{Edges, Key, edges};
use support::program::{Run, Scratch, command, flowfence};
use support::shop;

const USAGE: i32 = 2;
const UNREADABLE: i32 = 3;

/// flowfence while it hears exporters.
struct Hearing {
    child: Child,
    stderr: BufReader<std::process::ChildStderr>,
    at: SocketAddr,
}

impl Hearing {
    /// Begins at a free port of `scheme`; ends by itself after a minute, whatever happens.
    fn begin(scheme: &str, more: &[&str]) -> Self {
        let mut command = command();
        command.arg("graph").arg(format!("{scheme}127.0.0.1:0")).args(more).args([
            "--duration",
            "60s",
            "-o",
            "json",
        ]);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut stderr = BufReader::new(child.stderr.take().unwrap());
        let mut line = String::new();
        stderr.read_line(&mut line).unwrap();
        let at = line.split(['(', ')']).nth(1).unwrap_or_else(|| panic!("{line}")).parse().unwrap();
        Hearing { child, stderr, at }
    }

    /// Ends it as Ctrl-C does.
    fn end(mut self) -> Run {
        kill(Pid::from_raw(i32::try_from(self.child.id()).unwrap()), Signal::SIGINT).unwrap();
        let mut run = Run { code: 0, stdout: String::new(), stderr: String::new() };
        self.child.stdout.take().unwrap().read_to_string(&mut run.stdout).unwrap();
        self.stderr.read_to_string(&mut run.stderr).unwrap();
        run.code = self.child.wait().unwrap().code().unwrap();
        run
    }
}

fn clusters() -> Vec<String> {
    let clusters = shop::inputs().clusters;
    clusters.iter().flat_map(|path| ["--cluster".to_owned(), path.display().to_string()]).collect()
}

fn softflowd() -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&path).chain([PathBuf::from("/usr/sbin")]);
    found.map(|dir| dir.join("softflowd")).find(|program| program.is_file())
}

/// One exporter a node, which reads what the node's tap had captured.
fn export(softflowd: &Path, to: SocketAddr, more: &[&str]) {
    let scratch = Scratch::new();
    for capture in shop::inputs().captures {
        let pid = scratch.file("pid", b"");
        let status = Command::new(softflowd)
            .args(["-d", "-c", "none", "-p"])
            .arg(pid)
            .arg("-r")
            .arg(capture)
            .args(["-n", &to.to_string()])
            .args(more)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()
            .unwrap();
        assert!(status.success(), "softflowd {more:?}: {status}");
    }
}

/// Asserts that exporters gave what packets gave, but for what they cannot tell.
fn same(heard: &Edges, seen: &Edges, what: &[&str]) {
    let behind: BTreeSet<&str> = seen.values().flat_map(|edge| &edge.behind).map(String::as_str).collect();
    // Of both directions in one record softflowd writes the ICMP type of either, so that nobody can tell
    // who asked.
    let is_known = |key: &Key| key.protocol != "ICMP" || !what.contains(&"-b");
    for (key, edge) in seen.iter().filter(|(key, _)| is_known(key)) {
        let Some(told) = heard.get(key) else { panic!("{what:?}: {key} is missing") };
        assert_eq!(told.established, edge.established, "{what:?}: {key}");
        assert!(edge.connections == 0 || told.connections > 0, "{what:?}: {key}: {told:?}");
        // Packets show who sent first. Records of both directions begin at one time, and who serves is
        // concluded when three client ports were seen.
        assert!(told.orientation != "unknown" || edge.connections < 3, "{what:?}: {key}: {told:?}");
    }
    for (key, told) in heard.iter().filter(|(key, _)| is_known(key) && !seen.contains_key(key)) {
        // Packets show which two halves of a masqueraded connection are one, by their sequence
        // numbers. A record has none: the client is seen for itself, and it is an address outside.
        let client = key.from.strip_prefix("external/").and_then(|id| id.split('/').next());
        let is_behind = client.is_some_and(|client| behind.contains(client));
        // The answer of the other half goes to a port that is no ephemeral one, which no rule follows.
        assert!(is_behind || told.orientation == "unknown", "{what:?}: {key} is more: {told:?}");
    }
}

#[test]
fn softflowd_tells_the_graph_that_packets_tell() {
    let Some(softflowd) = softflowd() else {
        eprintln!("skipped: there is no softflowd");
        return;
    };
    let seen = edges(&shop::inputs().run("graph", &["-o", "json"]).json());
    let clusters = clusters();
    let clusters: Vec<&str> = clusters.iter().map(String::as_str).collect();
    for version in
        [&["-v", "5"][..], &["-v", "9"], &["-v", "10"], &["-v", "10", "-b"], &["-v", "10", "-A", "nano"]]
    {
        let hearing = Hearing::begin("netflow://", &clusters);
        export(&softflowd, hearing.at, version);
        let graph = hearing.end().ends(0).json();
        same(&edges(&graph), &seen, version);
        assert_eq!(graph["completeness"]["loss"], 0.0, "{version:?}: {}", graph["completeness"]);
        let start = graph["window"]["start"].as_str().unwrap();
        assert!(start.starts_with("2026-11-24T17:49:5"), "{version:?}: {start}");
    }
}

#[test]
fn sampling_is_said_and_lowers_what_is_known() {
    let Some(softflowd) = softflowd() else {
        eprintln!("skipped: there is no softflowd");
        return;
    };
    let clusters = clusters();
    let clusters: Vec<&str> = clusters.iter().map(String::as_str).collect();
    let hearing = Hearing::begin("ipfix://", &clusters);
    export(&softflowd, hearing.at, &["-v", "10", "-s", "10"]);
    let graph = hearing.end().ends(0).json();
    assert!(graph["completeness"]["counts"]["flows-sampled"].as_u64() > Some(0), "{}", graph["completeness"]);
    // No tap saw all traffic of any pod.
    assert_eq!(graph["completeness"]["podsUnseen"], graph["completeness"]["pods"]);
}

fn v5(sequence: u32) -> Vec<u8> {
    let mut datagram = vec![0, 5, 0, 1];
    for word in [1000, 1_795_543_370, 0, sequence, 0] {
        datagram.extend(u32::to_be_bytes(word));
    }
    let mut record = [0; 48];
    record[..8].copy_from_slice(&[192, 0, 2, 1, 192, 0, 2, 2]);
    (record[19], record[26], record[27], record[30], record[31]) = (1, 3, 232, 3, 232);
    (record[32], record[35], record[37], record[38]) = (0x9c, 80, 2, 6);
    datagram.extend(record);
    datagram
}

fn one_edge(graph: &Value) -> String {
    let edges = edges(graph);
    let [key] = edges.keys().collect::<Vec<_>>()[..] else { panic!("{edges:?}") };
    key.to_string()
}

#[test]
fn what_had_arrived_when_it_ends_counts_and_gaps_are_loss() {
    let hearing = Hearing::begin("netflow://", &["--cluster", "none"]);
    let exporter = UdpSocket::bind("127.0.0.1:0").unwrap();
    for sequence in [7, 8, 10] {
        exporter.send_to(&v5(sequence), hearing.at).unwrap();
    }
    let run = hearing.end();
    let graph = run.json();
    assert_eq!(one_edge(&graph), "external/192.0.2.1/32 -> external/192.0.2.2/32 80/TCP");
    assert_eq!(graph["completeness"]["counts"]["exports-lost"], 1);
    assert_eq!(graph["completeness"]["loss"], 0.25, "{}", graph["completeness"]);
    assert!(run.stderr.contains("3 datagrams of flow exporters"), "{}", run.stderr);
}

#[test]
fn the_duration_ends_it_and_files_are_read_beside() {
    let capture = shop::inputs().captures.remove(0).display().to_string();
    let alone = flowfence(["graph", &capture, "--cluster", "none", "-o", "json"]).ends(0).json();
    let args =
        ["graph", &capture, "ipfix://127.0.0.1:0", "--duration", "200ms", "--cluster", "none", "-o", "json"];
    let beside = flowfence(args).ends(0).json();
    assert_eq!(edges(&beside), edges(&alone));
}

#[test]
fn a_socket_that_cannot_be_bound_and_options_of_interfaces_are_refused() {
    let taken = UdpSocket::bind("127.0.0.1:0").unwrap();
    let source = format!("sflow://{}", taken.local_addr().unwrap());
    let run = flowfence(["graph", &source, "--cluster", "none"]).ends(UNREADABLE);
    assert!(run.stderr.contains(&source) && run.stderr.contains("in use"), "{}", run.stderr);
    let run = flowfence(["graph", "ipfix://:4739", "--cluster", "none"]).ends(USAGE);
    assert!(run.stderr.contains("0.0.0.0"), "{}", run.stderr);
    let run = flowfence(["graph", "ipfix://127.0.0.1:0", "--filter", "tcp", "--cluster", "none"]).ends(USAGE);
    assert!(run.stderr.contains("--filter"), "{}", run.stderr);
    let run = flowfence(["capture", "ipfix://127.0.0.1:0", "--duration", "1s", "-w", "/dev/null"]);
    assert_eq!(run.code, USAGE, "{}", run.stderr);
}
