//! Graphs in which everything is called what hurts most.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use flowfence::output::graph::{AttemptRow, EdgeRow, GraphReport, NodeRow, VerdictRow, WindowRow};
use flowfence_graph::Parts;
use flowfence_model::{IcmpType, NodeId, Orientation, Protocol, Timestamp};

/// Names that would break out of one format or another, if it let them.
const HOSTILE: &[&str] = &[
    "\"]; click n0 \"javascript:alert(1)\"; x[\"",
    "'}) DETACH DELETE n //",
    "\\u0027}) DETACH DELETE n //",
    "</title><script>alert(1)</script>",
    "]]><!--&lt;&#0;<!DOCTYPE x [<!ENTITY a \"b\">]>",
    "=cmd|' /C calc'!A0",
    "\u{ff1d}1+1",
    "${x} |md ` ```",
    "%%{init: {\"securityLevel\": \"loose\"}}%%",
    "#quot;#35; end subgraph",
    "a\u{202e}b\u{1b}[31m\u{0}\u{feff}\u{2028}c\nd\u{fffe}",
    "\\' \\\" \\",
    "name with, comma; semicolon -> x: y {z}",
    "日本語 ünï 🦀",
];

/// A graph of `edges` edges among `nodes` workloads; every kind of node, standing and name is there.
pub fn generated(nodes: usize, edges: usize) -> GraphReport {
    let mut rows: Vec<NodeRow> = (0..nodes).map(node).collect();
    rows.sort_by(|a, b| a.id.cmp(&b.id));
    let ids: Vec<NodeId> = rows.iter().map(|node| node.id.clone()).collect();
    let mut drawn: BTreeMap<(usize, usize, u16), EdgeRow> = BTreeMap::new();
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    while drawn.len() < edges {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let pick = |shift: u32, below: usize| usize::try_from(state >> shift).unwrap() % below;
        let (from, to, port) = (pick(40, nodes), pick(20, nodes), [53, 80, 443, 5432, 0][pick(33, 5)]);
        let made = edge(&ids[from], &ids[to], port, drawn.len());
        drawn.entry((from, to, port)).or_insert(made);
    }
    let time = Timestamp::from_nanos(1_760_000_000_000_000_000);
    GraphReport {
        window: Some(WindowRow { start: time, end: time }),
        nodes: rows,
        edges: drawn.into_values().collect(),
        ..GraphReport::empty()
    }
}

fn node(at: usize) -> NodeRow {
    let hostile = HOSTILE[at % HOSTILE.len()];
    let ip = Ipv4Addr::from(0xc633_6400 + u32::try_from(at).unwrap());
    let (id, name) = match at % 7 {
        0 => (NodeId::External(ip.into()), ip.to_string()),
        1 => (NodeId::Unknown(ip.into()), ip.to_string()),
        2 => (NodeId::Node(format!("{hostile} {at}").into()), format!("{hostile} {at}")),
        _ => {
            let (namespace, name) = (format!("ns{} {hostile}", at % 11), format!("{at} {hostile}"));
            (NodeId::workload(&namespace, "Deployment", &name), name)
        }
    };
    NodeRow {
        kind: id.kind().to_owned(),
        namespace: id.namespace().map(str::to_owned),
        name,
        labels: [("app".to_owned(), hostile.to_owned())].into(),
        fqdns: if at.is_multiple_of(7) {
            vec![hostile.to_owned(), "a.example".to_owned()]
        } else {
            Vec::new()
        },
        id,
    }
}

fn edge(from: &NodeId, to: &NodeId, port: u16, at: usize) -> EdgeRow {
    let icmp = port == 0;
    let count = u64::try_from(at).unwrap();
    let time = Timestamp::from_nanos(1_760_000_000_000_000_000 + i64::try_from(at).unwrap() * 1_000_000_000);
    let said = [Some("allowed"), Some("denied"), Some("unspecified"), None][at % 4];
    EdgeRow {
        from: from.clone(),
        to: to.clone(),
        protocol: if icmp { Protocol::Icmp } else { Protocol::Tcp },
        port: (!icmp).then_some(port),
        icmp: icmp.then_some(IcmpType { kind: 8, code: 0 }),
        services: [HOSTILE[at % HOSTILE.len()].to_owned()].into(),
        behind: [Ipv4Addr::new(203, 0, 113, 7).into()].into(),
        connections: if at.is_multiple_of(5) { 0 } else { count },
        attempts: AttemptRow { unanswered: 1, refused: count % 3 },
        packets: [count, 2],
        octets: [count * 1000, 1 << 40],
        first: time,
        last: time,
        parts: Parts::NONE,
        established: at.is_multiple_of(2),
        orientation: Orientation::Seen,
        probe: at.is_multiple_of(9),
        verdict: VerdictRow { egress: said, ingress: Some("allowed") },
        suspicious: vec![format!("port-scan-{}", HOSTILE[at % HOSTILE.len()])],
    }
}
