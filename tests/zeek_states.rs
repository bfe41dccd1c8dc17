//! Every `conn_state` of Zeek's conn.log, and what it comes to.
//!
//! Zeek's documentation (`base/protocols/conn/main.zeek`) has thirteen. Where only one half of a connection was seen,
//! it counts on a wire that shows halves, as the packets would.

#![allow(clippy::unwrap_used, reason = "a test panics where it has nothing to say")]

mod support;

use serde_json::Value;

use support::program::flowfence;

/// A line: state, client port, and packets there and back.
fn line(state: &str, port: u16, packets: [u64; 2]) -> String {
    let [there, back] = packets;
    format!(
        r#"{{"ts":1795514400.25,"uid":"C{port}","id.orig_h":"10.42.1.10","id.orig_p":{port},"id.resp_h":"10.42.2.20","id.resp_p":8080,"proto":"tcp","duration":0.9,"conn_state":"{state}","orig_pkts":{there},"orig_ip_bytes":{},"resp_pkts":{back},"resp_ip_bytes":{}}}"#,
        60 * there,
        60 * back
    )
}

/// Connections, unanswered and refused attempts of the edges to the server's port, and how they are known to be
/// directed.
fn outcome(lines: &[String]) -> (u64, u64, u64, String) {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("conn.log");
    std::fs::write(&file, lines.join("\n")).unwrap();
    let graph =
        flowfence(["graph", file.to_str().unwrap(), "--cluster", "none", "-o", "json"]).ends(0).json();
    let edges = graph["edges"].as_array().unwrap();
    let count =
        |pointer: &str| edges.iter().map(|edge| edge.pointer(pointer).unwrap().as_u64().unwrap()).sum();
    let orientation = edges.first().map(|edge: &Value| edge["orientation"].as_str().unwrap().to_owned());
    (
        count("/connections"),
        count("/attempts/unanswered"),
        count("/attempts/refused"),
        orientation.unwrap_or_default(),
    )
}

/// State, packets, and (connections, unanswered, refused): by itself, and beside connections that show both halves of
/// the wire.
type Case = (&'static str, [u64; 2], (u64, u64, u64), (u64, u64, u64));

const CASES: [Case; 13] = [
    ("S0", [3, 0], (0, 1, 0), (0, 1, 0)),
    ("S1", [4, 4], (1, 0, 0), (1, 0, 0)),
    ("SF", [6, 5], (1, 0, 0), (1, 0, 0)),
    ("REJ", [1, 1], (0, 0, 1), (0, 0, 1)),
    ("S2", [6, 5], (1, 0, 0), (1, 0, 0)),
    ("S3", [6, 5], (1, 0, 0), (1, 0, 0)),
    ("RSTO", [6, 5], (1, 0, 0), (1, 0, 0)),
    ("RSTR", [6, 5], (1, 0, 0), (1, 0, 0)),
    ("RSTOS0", [2, 0], (0, 1, 0), (0, 1, 0)),
    // The server accepted. Where its client's packets pass here too, nobody had asked it to.
    ("RSTRH", [0, 2], (1, 0, 0), (0, 0, 1)),
    ("SHR", [0, 2], (1, 0, 0), (0, 1, 0)),
    // The client opened and closed, which it does when it was accepted, or when it scans.
    ("SH", [2, 0], (1, 0, 0), (0, 1, 0)),
    ("OTH", [6, 5], (1, 0, 0), (1, 0, 0)),
];

#[test]
fn every_state_is_an_answer_a_refusal_or_silence() {
    // They show both halves, and that the server serves.
    let others: Vec<String> = (0..3).map(|i| line("SF", 50_000 + i, [6, 5])).collect();
    for (state, packets, alone, beside) in CASES {
        let (connections, unanswered, refused, _) = outcome(&[line(state, 40_001, packets)]);
        assert_eq!((connections, unanswered, refused), alone, "{state} alone");
        let lines: Vec<String> = others.iter().cloned().chain([line(state, 40_001, packets)]).collect();
        let (connections, unanswered, refused, _) = outcome(&lines);
        assert_eq!((connections - 3, unanswered, refused), beside, "{state} beside others");
    }
}

/// As packets would: opened, accepted, and nothing behind it.
#[test]
fn an_answer_that_the_client_did_not_confirm_is_an_attempt() {
    let with = |state: &str, packets: [u64; 2], history: &str| {
        let line = line(state, 40_001, packets);
        let (connections, unanswered, refused, _) =
            outcome(&[line.replace("\"duration\"", &format!("\"history\":\"{history}\",\"duration\""))]);
        (connections, unanswered, refused)
    };
    for (state, packets, history, expected) in [
        ("S1", [1, 1], "Sh", (0, 1, 0)),
        ("RSTO", [2, 1], "ShR", (0, 1, 0)),
        ("RSTR", [2, 2], "ShAr", (0, 0, 1)),
        ("S1", [2, 1], "ShA", (1, 0, 0)),
        ("RSTO", [4, 3], "ShADaR", (1, 0, 0)),
        ("SF", [6, 5], "ShADadFf", (1, 0, 0)),
    ] {
        assert_eq!(with(state, packets, history), expected, "{state} {history}");
    }
}

#[test]
fn who_opened_is_known_but_for_what_was_picked_up_in_the_middle() {
    for (state, packets, ..) in CASES {
        let (.., orientation) = outcome(&[line(state, 40_001, packets)]);
        let is_seen = orientation == "seen";
        assert_eq!(is_seen, state != "OTH", "{state}: {orientation}");
    }
}

#[test]
fn a_state_that_does_not_exist_yet_is_told_by_what_came_back() {
    assert_eq!(outcome(&[line("S9", 40_001, [6, 5])]).0, 1);
    assert_eq!(outcome(&[line("S9", 40_001, [6, 0])]).1, 1);
}
