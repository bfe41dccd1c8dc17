//! Flow exporters: what softflowd tells of the shop's traffic gives the graph that its packets give, over a socket and
//! in a capture, and sockets behave as live sources do.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "a test panics where it has nothing to say")]

mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::net::{SocketAddr, UdpSocket};
use std::time::Duration;

use flowfence_capture::{Limits, Recorder};
use flowfence_model::{Protocol, Timestamp};
use nix::sys::signal::Signal;
use serde_json::{Value, json};

use support::capture::{Frame, pcap};
use support::exporter::{Hearing, Nfcapd, Softflowd, collect};
use support::flow_server::Fake;
use support::follow::wait_until;
use support::graph::{Edges, Key, edges};
use support::hubble::speech;
use support::netns::in_namespace;
use support::packet;
use support::program::{Inputs, Scratch, flowfence};
use support::shop;

const USAGE: i32 = 2;
const UNREADABLE: i32 = 3;
const LOSSY: i32 = 5;

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
    let Some(softflowd) = Softflowd::find() else { return };
    let seen = edges(&shop::inputs().run("graph", &["-o", "json"]).json());
    for version in
        [&["-v", "5"][..], &["-v", "9"], &["-v", "10"], &["-v", "10", "-b"], &["-v", "10", "-A", "nano"]]
    {
        let hearing = Hearing::of_shop("netflow://");
        softflowd.export(hearing.at, version);
        let graph = hearing.end().ends(0).json();
        same(&edges(&graph), &seen, version);
        assert_eq!(graph["completeness"]["loss"], 0.0, "{version:?}: {}", graph["completeness"]);
        let start = graph["window"]["start"].as_str().unwrap();
        assert!(start.starts_with("2026-11-24T17:49:5"), "{version:?}: {start}");
    }
}

#[test]
fn exports_in_a_capture_tell_what_a_listener_hears() {
    let Some(softflowd) = Softflowd::find() else { return };
    let datagrams = collect(|at| softflowd.export(at, &["-v", "10"]));
    let frames: Vec<Frame> = (0..)
        .zip(&datagrams)
        .map(|(n, (from, datagram))| {
            let from = SocketAddr::from(([192, 0, 2, 1], from.port()));
            let bytes = packet::udp(from, ([192, 0, 2, 9], 9000).into(), datagram);
            Frame { at: 1_795_543_900_000_000_000 + n * 1_000_000, wire_octets: bytes.len(), bytes }
        })
        .collect();
    // A tap of two interfaces sees each of them pass twice.
    let twice: Vec<Frame> = frames.iter().flat_map(|frame| [frame.clone(), frame.clone()]).collect();
    let scratch = Scratch::new();
    let run = |frames: &[Frame], more: &[&str]| {
        let captures = vec![scratch.file("exports.pcap", pcap(frames))];
        Inputs { captures, ..shop::inputs() }.run("graph", &[&["-o", "json"], more].concat())
    };
    let asking = ["--netflow=9000"];
    let told = run(&frames, &asking).ends(0).json();
    let (again, told) = (run(&twice, &asking).ends(0).json(), edges(&told));
    assert_eq!(again["completeness"]["counts"]["exports-repeated"], frames.len());
    assert_eq!(again["completeness"]["loss"], 0.0);
    // The packets themselves are traffic, and all that is there where nobody asks for more.
    let exports = edges(&run(&frames, &[]).ends(0).json());
    assert_eq!(exports.len(), 1, "{exports:?}");
    let without_exports =
        |edges: Edges| -> Edges { edges.into_iter().filter(|(key, _)| !exports.contains_key(key)).collect() };
    let told = without_exports(told);
    assert_eq!(without_exports(edges(&again)), told);
    same(&told, &edges(&shop::inputs().graph()), &asking);
    // Without some of them it is known how much is missing.
    let gap = [&frames[..frames.len() / 4], &frames[frames.len() / 3..]].concat();
    let gap = run(&gap, &asking).ends(LOSSY).json();
    assert!(gap["completeness"]["counts"]["exports-lost"].as_u64() > Some(100), "{}", gap["completeness"]);
}

/// What is no conversation between hosts, and what nfdump counts in another way.
const HOSTS: &str = "(proto tcp or proto udp) and not net 224.0.0.0/3 and not dst net ff00::/8";

#[test]
fn packets_and_octets_are_those_that_nfdump_reads() {
    let (Some(softflowd), Some(nfcapd)) = (Softflowd::find(), Nfcapd::find()) else { return };
    for version in ["5", "9", "10"] {
        let datagrams = collect(|at| softflowd.export(at, &["-v", version]));
        let mut recorder = Recorder::new(Limits::default());
        let input = recorder.begin_input("exports");
        for (from, datagram) in &datagrams {
            recorder.export(input, *from, Timestamp::from_secs(1_795_543_900, 0), datagram);
        }
        let logged = recorder.finish().logged;
        let mut told = BTreeMap::<u8, (u64, u64)>::new();
        for c in logged.conversations.iter().filter(|c| c.protocol.has_ports()) {
            let sum = told.entry(if c.protocol == Protocol::Tcp { 6 } else { 17 }).or_default();
            sum.0 += c.counts.packets.iter().sum::<u64>();
            sum.1 += c.counts.octets.iter().sum::<u64>();
        }
        let datagrams: Vec<Vec<u8>> = datagrams.into_iter().map(|(_, datagram)| datagram).collect();
        let mut read = BTreeMap::<u8, (u64, u64)>::new();
        for (protocol, packets, octets) in nfcapd.read(&datagrams, HOSTS) {
            let sum = read.entry(protocol).or_default();
            (sum.0, sum.1) = (sum.0 + packets, sum.1 + octets);
        }
        assert_eq!(told, read, "{version}");
        assert_eq!(told.len(), 2, "{version}");
    }
}

#[test]
fn sampling_is_said_and_lowers_what_is_known() {
    let Some(softflowd) = Softflowd::find() else { return };
    let hearing = Hearing::of_shop("ipfix://");
    softflowd.export(hearing.at, &["-v", "10", "-s", "10"]);
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
fn exporters_are_heard_beside_an_interface() {
    let net = net_or_skip!().cable("0", "10.1.1.5", "10.1.1.7");
    let running = net.capture(["graph", "live:s0", "netflow://10.1.1.7", "--cluster", "none", "-o", "json"]);
    in_namespace(&net.client, || {
        let exporter = UdpSocket::bind("10.1.1.5:0").unwrap();
        for sequence in [7, 9] {
            exporter.send_to(&v5(sequence), "10.1.1.7:2055").unwrap();
        }
    });
    // A block of the ring that is not full comes after 50 ms.
    std::thread::sleep(Duration::from_millis(200));
    running.signal(Signal::SIGINT);
    let run = running.finish();
    let graph = run.json();
    let keys: Vec<String> = edges(&graph).keys().map(Key::to_string).collect();
    assert_eq!(
        keys,
        [
            "external/10.1.1.5/32 -> external/10.1.1.7/32 2055/UDP",
            "external/192.0.2.1/32 -> external/192.0.2.2/32 80/TCP"
        ]
    );
    assert_eq!(graph["completeness"]["counts"]["exports-lost"], 1, "{}", graph["completeness"]);
    let files = graph["completeness"]["files"].as_array().unwrap();
    let names: Vec<&str> = files.iter().filter_map(|file| file["name"].as_str()).collect();
    assert_eq!(names, ["live:s0", "netflow://10.1.1.7"]);
    assert_eq!(run.code, LOSSY, "{}", run.stderr);
    assert!(run.stderr.contains("2 datagrams of flow exporters"), "{}", run.stderr);
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
    let scratch = Scratch::new();
    let out = scratch.path().join("flows").display().to_string();
    let run = flowfence(["capture", "ipfix://127.0.0.1:0", "--duration", "1s", "--out", &out]).ends(USAGE);
    assert!(run.stderr.contains("flow files hold flows of packets"), "{}", run.stderr);
    let run = flowfence(["graph", "ipfix://127.0.0.1:0", "--netflow", "--cluster", "none"]).ends(USAGE);
    assert!(run.stderr.contains("--netflow is for captures"), "{}", run.stderr);
}

/// NetFlow v5: one flow of TCP from the web's pod to 192.0.2.80.
fn version_5() -> Vec<u8> {
    let mut datagram = Vec::new();
    let words =
        |datagram: &mut Vec<u8>, words: &[u16]| words.iter().for_each(|n| datagram.extend(n.to_be_bytes()));
    let longs =
        |datagram: &mut Vec<u8>, longs: &[u32]| longs.iter().for_each(|n| datagram.extend(n.to_be_bytes()));
    words(&mut datagram, &[5, 1]);
    longs(&mut datagram, &[10_000, 1_767_225_600, 0, 0]);
    longs(&mut datagram, &[0]);
    datagram.extend([10, 42, 0, 5, 192, 0, 2, 80, 0, 0, 0, 0]);
    words(&mut datagram, &[1, 2]);
    longs(&mut datagram, &[5, 500, 9_000, 10_000]);
    words(&mut datagram, &[40_000, 443]);
    datagram.extend([0, 2, 6, 0]);
    words(&mut datagram, &[0, 0]);
    datagram.extend([0; 4]);
    datagram
}

#[test]
fn a_server_is_followed_while_exporters_are_heard() {
    let end = |app: &str| json!({"identity": 1000, "namespace": "shop", "pod_name": format!("{app}-0")});
    let time = "2026-01-01T00:00:00.250Z";
    let flow = json!({"time": time, "uuid": "a", "verdict": "FORWARDED", "is_reply": false, "node_name": "n1",
        "IP": {"source": "10.42.0.5", "destination": "10.42.1.7"}, "source": end("web"), "destination": end("api"),
        "l4": {"TCP": {"source_port": 40_001, "destination_port": 8080, "flags": {"SYN": true}}}, "Type": "L3_L4"});
    let server = Fake::of(&speech(), vec![json!({"flow": flow, "node_name": "n1", "time": time})]);
    let hearing = Hearing::begin("netflow://", &[&server.source(), "--cluster", "none"]);
    wait_until(|| !server.asked.lock().unwrap().is_empty());
    let exporter = UdpSocket::bind("127.0.0.1:0").unwrap();
    for _ in 0..3 {
        exporter.send_to(&version_5(), hearing.at).unwrap();
    }
    std::thread::sleep(Duration::from_millis(300));
    let run = hearing.end().ends(0);
    let told = edges(&run.json());
    let told: Vec<String> = told.keys().map(ToString::to_string).collect();
    assert_eq!(told.len(), 2, "{told:?} {}", run.stderr);
    assert!(told[0].contains("web-0") && told.iter().any(|key| key.contains("8080")), "{told:?}");
    assert!(told.iter().any(|key| key.contains("192.0.2.80") && key.contains("443")), "{told:?}");
    let files = run.json()["completeness"]["files"].as_array().unwrap().len();
    assert_eq!(files, 2);
    let captures =
        flowfence(["graph", "ipfix://127.0.0.1:0", "hubble://127.0.0.1:1", "none.pcap", "--netflow"]);
    assert!(captures.code != 0);
}
