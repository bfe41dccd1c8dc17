//! The traffic of the shop example once more, as logs tell it: the graph must be that of the packets.
//!
//! The logs are written here from the flow records of the captures, in the shape that Zeek and connection
//! tracking give them: one line a connection, as seen at each interface. NetFlow and IPFIX come from real exporters,
//! which read the captures themselves; without them (Debian's softflowd and nfdump) these tests say so and do nothing.

#![allow(clippy::unwrap_used, reason = "a test panics where it has nothing to say")]

mod support;

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::net::IpAddr;

use flowfence_capture::{Limits, Recorder, read_capture};
use flowfence_model::{FlowRecord, Protocol, Recording, Signs, Timestamp};

#[cfg(target_os = "linux")]
use support::exporter::{Hearing, Nfdump, Softflowd};
use support::graph::{self, Key};
use support::program::{Inputs, Scratch};
use support::shop::{self, Connection};

fn recording(capture: &str) -> Recording {
    let octets = std::fs::read(shop::path(capture)).unwrap();
    let mut recorder = Recorder::new(Limits::default());
    read_capture(&octets[..], capture, &mut recorder, &mut |_| {}).unwrap();
    recorder.finish()
}

/// A connection as a log of connections has it: who opened first.
struct Line<'a> {
    record: &'a FlowRecord,
    is_turned: bool,
}

impl Line<'_> {
    fn of(record: &FlowRecord) -> Option<Line<'_>> {
        if !matches!(record.protocol, Protocol::Tcp | Protocol::Udp) {
            return None;
        }
        // Zeek turns a connection whose first packet is a SYN+ACK.
        let is_turned = record.forward.signs.has(Signs::ACCEPT)
            || record.reverse.signs.has(Signs::OPEN) && !record.reverse.signs.has(Signs::ACCEPT);
        Some(Line { record, is_turned })
    }

    fn state(&self) -> &'static str {
        let Line { record, is_turned } = self;
        let (own, other) =
            if *is_turned { (&record.reverse, &record.forward) } else { (&record.forward, &record.reverse) };
        let is_refused = other.signs.has(Signs::RESET) && !other.signs.has(Signs::ACCEPT);
        match record.protocol {
            Protocol::Tcp if own.packets == 0 && other.signs.has(Signs::ACCEPT) => "SHR",
            Protocol::Tcp if !own.signs.has(Signs::OPEN) => "OTH",
            _ if own.signs.has(Signs::UNREACHABLE) => "REJ",
            Protocol::Tcp if is_refused => "REJ",
            _ if other.packets > 0 => "SF",
            _ => "S0",
        }
    }

    /// Zeek's conn.log.
    fn zeek(&self) -> String {
        let Line { record, is_turned } = self;
        let (orig, resp) = if *is_turned { (record.b, record.a) } else { (record.a, record.b) };
        let (own, other) =
            if *is_turned { (record.reverse, record.forward) } else { (record.forward, record.reverse) };
        let fields = [
            seconds(record.first),
            format!("C{:x}", record.first.as_nanos()),
            orig.address.ip().to_string(),
            orig.port.to_string(),
            resp.address.ip().to_string(),
            resp.port.to_string(),
            record.protocol.to_string().to_lowercase(),
            format!("{:.6}", record.last.since(record.first).as_secs_f64()),
            self.state().to_owned(),
            own.packets.to_string(),
            own.octets.to_string(),
            other.packets.to_string(),
            other.octets.to_string(),
        ];
        fields.join("\t")
    }
}

fn seconds(time: Timestamp) -> String {
    let nanos = time.as_nanos();
    format!("{}.{:06}", nanos / 1_000_000_000, nanos % 1_000_000_000 / 1000)
}

const ZEEK: &str = "#separator \\x09\n#set_separator\t,\n#empty_field\t(empty)\n#unset_field\t-\n#path\tconn\n\
#fields\tts\tuid\tid.orig_h\tid.orig_p\tid.resp_h\tid.resp_p\tproto\tduration\tconn_state\torig_pkts\torig_ip_bytes\t\
resp_pkts\tresp_ip_bytes\n\
#types\ttime\tstring\taddr\tport\taddr\tport\tenum\tinterval\tstring\tcount\tcount\tcount\tcount\n";

/// Of these connections the requests pass where the address of the service was rewritten, and the answers where
/// it was restored: no line of a log has both, and nothing but the sequence numbers of packets joins them.
const ONE_WAY: &str = "ops/Deployment/operator -> apiserver 6443/TCP";

/// Edges over TCP and UDP that connected.
fn connected(inputs: &Inputs) -> BTreeSet<Key> {
    let edges = graph::edges(&inputs.graph());
    let is_meant = |key: &Key| key.to_string() != ONE_WAY && !key.to_string().ends_with(" ICMP");
    graph::connected(&edges).into_iter().filter(is_meant).collect()
}

#[track_caller]
fn same(expected: &BTreeSet<Key>, found: &BTreeSet<Key>) {
    let list = |one: &BTreeSet<Key>, other: &BTreeSet<Key>| {
        one.difference(other).map(Key::to_string).collect::<Vec<_>>().join("\n  ")
    };
    let (missing, more) = (list(expected, found), list(found, expected));
    assert!(expected == found, "missing:\n  {missing}\nmore:\n  {more}");
    assert!(!expected.is_empty());
}

#[test]
fn zeek_logs_of_the_shop_give_the_graph_of_its_packets() {
    let packets = shop::inputs();
    let scratch = Scratch::new();
    let captures = shop::CAPTURES.map(|capture| {
        let recording = recording(capture);
        let mut log = ZEEK.to_owned();
        for line in recording.records.iter().filter_map(Line::of) {
            writeln!(log, "{}", line.zeek()).unwrap();
        }
        scratch.file(&format!("{}.log", capture.rsplit('/').next().unwrap()), log)
    });
    let logs = Inputs { captures: captures.to_vec(), ..packets.clone() };
    same(&connected(&packets), &connected(&logs));
}

/// `conntrack -E -o timestamp`: the beginning of a connection, and its end.
fn conntrack(connection: &Connection) -> String {
    let (number, state) = match connection.protocol.as_str() {
        "tcp" => (6, if connection.connected { "ESTABLISHED " } else { "SYN_SENT " }),
        "udp" => (17, ""),
        other => panic!("{other} is not written"),
    };
    let tuple = |(source, sport): (IpAddr, u16), (to, dport): (IpAddr, u16)| {
        format!("src={source} dst={to} sport={sport} dport={dport}")
    };
    let there = tuple(connection.client, connection.asked);
    let back = tuple(connection.server, connection.as_server_sees.unwrap_or(connection.client));
    let head = format!("{} {number}", connection.protocol);
    let mut lines =
        format!("[{:.6}]\t    [NEW] {head} 120 SYN_SENT {there} [UNREPLIED] {back}\n", connection.began);
    if connection.protocol == "udp" {
        lines = lines.replace("SYN_SENT ", "");
    }
    if connection.connected {
        let (at, mark) = (connection.end, "[ASSURED]");
        writeln!(lines, "[{at:.6}]\t [UPDATE] {head} 300 {state}{there} {back} {mark}").unwrap();
    }
    lines
}

#[test]
fn connection_tracking_of_the_shop_gives_the_graph_of_its_packets() {
    let packets = shop::inputs();
    let scratch = Scratch::new();
    let truth = shop::Truth::load();
    let log: String = truth.visible().filter(|c| c.protocol != "icmp").map(|c| conntrack(&c)).collect();
    let logs = Inputs { captures: vec![scratch.file("conntrack.log", log)], ..packets.clone() };
    same(&connected(&packets), &connected(&logs));
}

/// Who is outside comes to `web` through a node port, and the node puts its own address in the place of the client's.
/// Packets of the two halves are one by their sequence numbers, which no record of an exporter has. So the client is also
/// seen for itself, and of answers that went to the node's port nobody can tell who opened: they become no rule, nor do
/// those to which no question was seen count as connected.
#[cfg(target_os = "linux")]
const HALVES: [&str; 2] = [
    "external/172.30.0.254/32 -> shop/Deployment/web 8080/TCP",
    "shop/Deployment/web -> node/node2 1540/TCP",
];

/// Asserts that what exporters tell gives the edges of the packets, ICMP among them.
#[cfg(target_os = "linux")]
fn tells_the_shop(export: impl FnOnce(std::net::SocketAddr)) {
    let hearing = Hearing::of_shop("ipfix://");
    export(hearing.at);
    let graph = hearing.end().ends(0).json();
    assert_eq!(graph["completeness"]["loss"], 0.0, "{}", graph["completeness"]);
    let edges = graph::edges(&graph);
    let (halves, found): (BTreeSet<Key>, BTreeSet<Key>) =
        graph::connected(&edges).into_iter().partition(|key| HALVES.contains(&key.to_string().as_str()));
    same(&graph::connected(&graph::edges(&shop::inputs().graph())), &found);
    assert_eq!(halves.iter().map(Key::to_string).collect::<Vec<_>>(), HALVES);
    for key in halves.iter().filter(|key| key.to.starts_with("node/")) {
        assert_eq!(edges[key].orientation, "unknown", "{key}");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn ipfix_and_netflow_of_softflowd_give_the_graph_of_the_packets() {
    let Some(softflowd) = Softflowd::find() else { return };
    for version in ["10", "9", "5"] {
        tells_the_shop(|at| softflowd.export(at, &["-v", version]));
    }
}

#[cfg(target_os = "linux")]
#[test]
fn netflow_of_nfdump_gives_the_graph_of_the_packets() {
    let Some(nfdump) = Nfdump::find() else { return };
    for version in ["9", "5"] {
        tells_the_shop(|at| nfdump.export(at, version));
    }
}
