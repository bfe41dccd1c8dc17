//! Inputs that were read apart and joined are what one recorder makes of them one after another.

#![allow(clippy::unwrap_used, reason = "a test panics where it has nothing to say")]

mod logs;

use flowfence_capture::{Limits, Recorder, read_capture};
use flowfence_model::{Recording, Timestamp};
use logs::octets;

/// Logs of conversations and of connections, with names, verdicts and lines that cannot be read, and packets.
fn inputs() -> Vec<(String, Vec<u8>)> {
    let logs = [
        "hubble/exporter.jsonl",
        "netobserv/flows.jsonl",
        "zeek/conn.log",
        "conntrack/events.txt",
        "aws-vpc/version5.log",
        "goldmane/goldmane.jsonl",
        "ig-trace/trace_dns.json",
        "parquet/vpc-duckdb.parquet",
        "hubble/exporter.jsonl",
        "azure/PT1H.json",
    ];
    let mut all: Vec<(String, Vec<u8>)> =
        logs.iter().map(|name| ((*name).to_owned(), octets(name))).collect();
    for node in ["node1", "node2"] {
        let path = format!("{}/../examples/shop/{node}.pcap", env!("CARGO_MANIFEST_DIR"));
        all.insert(3, (node.to_owned(), std::fs::read(path).unwrap()));
    }
    all.push(("bad".to_owned(), b"srcaddr dstaddr srcport dstport protocol\nx y 1 2 6\n".to_vec()));
    all
}

fn read(into: &mut Recorder, (name, octets): &(String, Vec<u8>)) {
    into.set_time_of_input(Timestamp::from_secs(1_795_516_200, 0));
    read_capture(octets.as_slice(), name, into, &mut |_| {}).unwrap();
}

fn one_after_another(limits: &Limits) -> Recording {
    let mut recorder = Recorder::new(limits.clone());
    for input in inputs() {
        read(&mut recorder, &input);
    }
    recorder.finish()
}

/// How many had to be read again.
fn joined(limits: &Limits, share: usize) -> (Recording, usize) {
    let mut recorder = Recorder::new(limits.clone());
    let mut again = 0;
    for input in inputs() {
        let mut apart = recorder.apart(share);
        read(&mut apart, &input);
        if !recorder.join(apart) {
            again += 1;
            read(&mut recorder, &input);
        }
    }
    (recorder.finish(), again)
}

/// To the last number.
fn same(joined: &Recording, other: &Recording) {
    let (joined, other) = (format!("{joined:#?}"), format!("{other:#?}"));
    let first = joined.lines().zip(other.lines()).enumerate().find(|(_, (joined, other))| joined != other);
    assert_eq!(first, None);
    assert_eq!(joined.len(), other.len());
}

#[test]
fn joined_inputs_are_those_of_one_recorder() {
    let limits = Limits::default();
    let (recording, again) = joined(&limits, 4);
    assert_eq!(again, 0);
    same(&recording, &one_after_another(&limits));
}

#[test]
fn what_reaches_a_bound_is_not_joined_and_the_bound_cuts_the_same() {
    for (max_flows, share) in [(2_000, 4), (300, 2), (40, 1), (40, 16)] {
        let limits = Limits { max_flows, ..Limits::default() };
        let (recording, again) = joined(&limits, share);
        assert!(again > 0, "{max_flows} {share}");
        same(&recording, &one_after_another(&limits));
    }
}
