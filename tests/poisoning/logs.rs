//! Lies that flow logs tell, because they write down what passed: records of answers that nobody asked for, of false
//! sources, in the wrong direction, let out here and stopped there, and under the names of others.
//!
//! The cluster's objects say who holds an address. Who can write the log itself can write any conversation.

use serde_json::{Value, json};

use crate::support::program::{Inputs, Scratch};
use crate::{API, BOT, DB, WEB, cluster};

/// Who asks whom: client, its port, server, its port.
type Edge = (&'static str, u16, &'static str, u16);

const SISTER: &str = "10.1.2.5";
const OUTSIDE: &str = "203.0.113.10";

/// Five genuine edges, four connections each.
fn ordinary() -> Vec<Edge> {
    let edges: [Edge; 5] = [
        (WEB, 40_000, API, 8080),
        (SISTER, 40_000, API, 8080),
        (API, 41_000, DB, 5432),
        (BOT, 42_000, API, 8080),
        (API, 44_000, OUTSIDE, 443),
    ];
    let again = |(from, port, to, service): Edge| (0..4_u16).map(move |n| (from, port + n, to, service));
    edges.into_iter().flat_map(again).collect()
}

/// A record of AWS VPC: who wrote it, and an edge in the direction of its packets.
fn vpc(by: &str, (from, source, to, destination): Edge, action: &str) -> String {
    let begin = crate::support::cluster::NOON + i64::from(source % 4) * 60;
    let end = begin + 9;
    let by = by.replace('.', "-");
    format!("2 123456789012 eni-{by} {from} {to} {source} {destination} 6 5 400 {begin} {end} {action} OK")
}

fn back((from, source, to, destination): Edge) -> Edge {
    (to, destination, from, source)
}

/// Both directions, as both ends write them.
fn vpc_of(edge: Edge) -> Vec<String> {
    let ends = [edge.0, edge.2].into_iter().filter(|end| *end != OUTSIDE);
    ends.flat_map(|end| [vpc(end, edge, "ACCEPT"), vpc(end, back(edge), "ACCEPT")]).collect()
}

/// Who Hubble says that an address is.
fn named(address: &str) -> Value {
    let name = match address {
        WEB | SISTER => "web",
        API => "api",
        DB => "db",
        BOT => "bot",
        _ => return json!({"identity": 2, "labels": ["reserved:world"]}),
    };
    json!({"identity": 1_000, "namespace": "app", "labels": [format!("k8s:app={name}")],
        "pod_name": format!("{name}-5d4f8c7b9-00000"), "workloads": [{"kind": "Deployment", "name": name}]})
}

/// A packet as Hubble tells it; `flags` of its TCP header.
fn hubble((from, source, to, destination): Edge, verdict: &str, is_reply: bool, flags: &[&str]) -> Value {
    let flags: Value =
        flags.iter().map(|flag| ((*flag).to_owned(), json!(true))).collect::<serde_json::Map<_, _>>().into();
    json!({"flow": {"time": crate::support::cluster::time(i64::from(source.max(destination) % 4) * 60),
        "verdict": verdict, "is_reply": is_reply, "Type": "L3_L4", "node_name": "n1",
        "IP": {"source": from, "destination": to}, "source": named(from), "destination": named(to),
        "l4": {"TCP": {"source_port": source, "destination_port": destination, "flags": flags}}}, "node_name": "n1"})
}

fn hubble_of(edge: Edge) -> Vec<String> {
    let asked = hubble(edge, "FORWARDED", false, &["SYN"]);
    [asked, hubble(back(edge), "FORWARDED", true, &["SYN", "ACK"])].map(|line| line.to_string()).to_vec()
}

/// A connection as Zeek tells it.
fn zeek((from, source, to, destination): Edge, state: &str, packets: [u64; 2]) -> String {
    json!({"ts": crate::support::cluster::NOON + i64::from(source % 4) * 60, "uid": format!("C{source}"), "id.orig_h": from,
        "id.orig_p": source, "id.resp_h": to, "id.resp_p": destination, "proto": "tcp", "duration": 0.9,
        "conn_state": state, "orig_pkts": packets[0], "orig_ip_bytes": packets[0] * 60, "resp_pkts": packets[1],
        "resp_ip_bytes": packets[1] * 60})
    .to_string()
}

fn zeek_of(edge: Edge) -> Vec<String> {
    vec![zeek(edge, "SF", [6, 5])]
}

/// A format: its name, how it tells what is genuine, and lies in it.
type Format = (&'static str, fn(Edge) -> Vec<String>, Vec<(&'static str, Vec<String>)>);

/// Four of the bot at the database, with other ports of its own.
fn attempts(from: &'static str, to: &'static str, port: u16) -> impl Iterator<Item = Edge> {
    (0..4).map(move |n| (from, 47_000 + n, to, port))
}

fn vpc_lies() -> Vec<(&'static str, Vec<String>)> {
    let each = |tell: &dyn Fn(Edge) -> Vec<String>, from, to, port| {
        attempts(from, to, port).flat_map(tell).collect()
    };
    vec![
        (
            "answers of the database to what the bot never asked",
            each(&|edge| [DB, BOT].map(|end| vpc(end, back(edge), "ACCEPT")).to_vec(), BOT, DB, 5432),
        ),
        (
            "answers from outside to what nobody asked",
            each(&|edge| vec![vpc(WEB, back(edge), "ACCEPT")], WEB, "203.0.113.66", 443),
        ),
        ("a false source that hears no answer", each(&|edge| vec![vpc(DB, edge, "ACCEPT")], WEB, DB, 5432)),
        (
            "let out by one end and stopped by the other",
            each(&|edge| vec![vpc(BOT, edge, "ACCEPT"), vpc(DB, edge, "REJECT")], BOT, DB, 5432),
        ),
        (
            "answers of the API, told as if it had asked",
            each(&|edge| vec![vpc(API, back(edge), "ACCEPT")], WEB, API, 8080),
        ),
        ("a door that nobody opens", each(&|edge| vec![vpc(BOT, edge, "ACCEPT")], BOT, API, 9_999)),
        ("a door that refuses", each(&|edge| vpc_refused(edge).to_vec(), BOT, DB, 5432)),
    ]
}

/// An opening and a reset, by their sizes alone.
fn vpc_refused(edge: Edge) -> [String; 2] {
    let of = |edge, octets| vpc(BOT, edge, "ACCEPT").replace(" 6 5 400 ", &format!(" 6 1 {octets} "));
    [of(edge, 60), of(back(edge), 40)]
}

/// A flow as Azure tells it, which is over: packets and octets there and back.
fn azure((from, source, to, destination): Edge, sizes: &str) -> String {
    let at = 1_000 * (crate::support::cluster::NOON + i64::from(source % 4) * 60);
    let tuple =
        |state: &str, sizes: &str| format!("{at},{from},{to},{source},{destination},6,O,{state},NX,{sizes}");
    json!({"time": crate::support::cluster::time(0), "flowLogVersion": 4, "macAddress": "AABBCCDDEE01",
        "category": "FlowLogFlowEvent", "flowRecords": {"flows": [{"aclID": "a", "flowGroups": [{"rule": "r",
        "flowTuples": [tuple("B", "0,0,0,0"), tuple("E", sizes)]}]}]}})
    .to_string()
}

fn azure_of(edge: Edge) -> Vec<String> {
    vec![azure(edge, "6,700,5,900")]
}

fn azure_lies() -> Vec<(&'static str, Vec<String>)> {
    let of = |sizes: &'static str| attempts(BOT, DB, 5432).map(|edge| azure(edge, sizes)).collect();
    vec![("a door that nobody opens", of("3,222,0,0")), ("a door that refuses", of("1,74,1,54"))]
}

/// What one end sent, as the agent of netobserv tells it.
fn netobserv((from, source, to, destination): Edge, flags: u64, packets: u64) -> String {
    let begin = 1_000 * (crate::support::cluster::NOON + i64::from(source.max(destination) % 4) * 60);
    json!({"SrcAddr": from, "SrcPort": source, "DstAddr": to, "DstPort": destination, "Proto": 6, "Flags": flags,
        "Packets": packets, "Bytes": 60 * packets, "TimeFlowStartMs": begin, "TimeFlowEndMs": begin + 900,
        "AgentIP": "192.0.2.11"})
    .to_string()
}

/// The agent's bits: SYN, ACK, and those of packets that have an ACK beside SYN, FIN or RST.
const BITS: [u64; 5] = [0x02, 0x10, 0x100, 0x200, 0x400];

fn netobserv_of(edge: Edge) -> Vec<String> {
    let [syn, ack, syn_ack, fin_ack, _] = BITS;
    vec![netobserv(edge, syn | ack | fin_ack, 5), netobserv(back(edge), syn_ack | ack | fin_ack, 4)]
}

fn netobserv_lies() -> Vec<(&'static str, Vec<String>)> {
    let [syn, ack, syn_ack, _, rst_ack] = BITS;
    let each = |tell: &dyn Fn(Edge) -> Vec<String>, from, to, port| {
        attempts(from, to, port).flat_map(tell).collect()
    };
    vec![
        ("a door that nobody opens", each(&|edge| vec![netobserv(edge, syn, 3)], BOT, DB, 5432)),
        (
            "a door that refuses",
            each(&|edge| vec![netobserv(edge, syn, 2), netobserv(back(edge), rst_ack, 2)], BOT, DB, 5432),
        ),
        (
            "answers of the database to what the bot never asked",
            each(&|edge| vec![netobserv(back(edge), syn_ack | ack, 3)], BOT, DB, 5432),
        ),
    ]
}

fn hubble_lies() -> Vec<(&'static str, Vec<String>)> {
    let line = |edge, verdict, flags: &[&str]| hubble(edge, verdict, false, flags).to_string();
    let bot = || attempts(BOT, DB, 5432);
    let stopped = |edge| {
        let mut there = hubble(edge, "DROPPED", false, &["SYN"]);
        there["flow"]["drop_reason_desc"] = "POLICY_DENIED".into();
        there["node_name"] = "n2".into();
        there["flow"]["node_name"] = "n2".into();
        [line(edge, "FORWARDED", &["SYN"]), there.to_string()]
    };
    let refused = |edge| {
        [
            line(edge, "FORWARDED", &["SYN"]),
            hubble(back(edge), "FORWARDED", true, &["RST", "ACK"]).to_string(),
        ]
    };
    let under_a_name = |edge| {
        let mut flow = hubble(edge, "FORWARDED", false, &["SYN"]);
        flow["flow"]["source"] = named(API);
        flow.to_string()
    };
    vec![
        ("let out by one node and stopped by the other", bot().flat_map(stopped).collect()),
        (
            "knocks at six ports, let through and never answered",
            (0..6).map(|n| line((BOT, 48_003, DB, 6_000 + n), "FORWARDED", &["SYN"])).collect(),
        ),
        ("knocks that are refused", bot().flat_map(refused).collect()),
        (
            "a false source that hears no answer",
            attempts(WEB, DB, 5432).map(|edge| line(edge, "FORWARDED", &["SYN"])).collect(),
        ),
        (
            "segments from a port that others serve, to nobody who asked",
            bot().map(|edge| line(back(edge), "FORWARDED", &["ACK"])).collect(),
        ),
        (
            "knocks under the name and the labels of the API, from the bot's address",
            bot().map(under_a_name).collect(),
        ),
        ("what a policy on trial would deny", bot().map(|edge| line(edge, "AUDIT", &["SYN"])).collect()),
    ]
}

fn zeek_lies() -> Vec<(&'static str, Vec<String>)> {
    let of = |state: &'static str, packets| {
        attempts(BOT, DB, 5432).map(|edge| zeek(edge, state, packets)).collect()
    };
    vec![
        ("openings that nobody answers", of("S0", [3, 0])),
        ("refusals", of("REJ", [1, 1])),
        ("an opening and an end, and nothing that came back", of("SH", [2, 0])),
        ("an opening and a reset of the one who opened", of("RSTOS0", [2, 0])),
        ("segments one way, of what never began", of("OTH", [3, 0])),
        ("an answer that the one who opened does not confirm", zeek_half_open("S1", "Sh")),
        ("an answer that the one who opened resets", zeek_half_open("RSTO", "ShR")),
    ]
}

/// With what Zeek writes of each end.
fn zeek_half_open(state: &str, history: &str) -> Vec<String> {
    let history = format!(r#""history":"{history}","id.orig_h""#);
    let line = |edge| zeek(edge, state, [2, 1]).replace(r#""id.orig_h""#, &history);
    attempts(BOT, DB, 5432).map(line).collect()
}

fn formats() -> [Format; 5] {
    [
        ("aws-vpc", vpc_of, vpc_lies()),
        ("azure", azure_of, azure_lies()),
        ("hubble", hubble_of, hubble_lies()),
        ("netobserv", netobserv_of, netobserv_lies()),
        ("zeek", zeek_of, zeek_lies()),
    ]
}

/// What these lines are recommended.
fn recommended(lines: &[String]) -> Value {
    let scratch = Scratch::new();
    let captures = vec![scratch.file("flows.log", lines.join("\n"))];
    let inputs = Inputs { captures, ..cluster().inputs(&scratch, &[]) };
    crate::recommended(&inputs)
}

#[test]
fn no_lie_in_a_flow_log_becomes_a_rule_and_what_is_genuine_keeps_its_own() {
    for (format, tell, lies) in formats() {
        let genuine: Vec<String> = ordinary().into_iter().flat_map(tell).collect();
        let expected = recommended(&genuine);
        assert!(expected["policies"].as_array().unwrap().len() >= 4, "{format}");
        for (lie, told) in lies {
            // Behind and before what it would pass for.
            for lines in [[genuine.clone(), told.clone()].concat(), [told.clone(), genuine.clone()].concat()]
            {
                let answer = recommended(&lines);
                assert_eq!(answer["policies"], expected["policies"], "{format}: {lie}");
            }
        }
    }
}
