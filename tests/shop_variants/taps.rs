//! What taps show differently: tunnels, hops, half a wire, no openings.

use std::net::Ipv4Addr;

use super::*;
use support::packet;

const NODE1: Ipv4Addr = Ipv4Addr::new(172, 30, 0, 11);
const NODE2: Ipv4Addr = Ipv4Addr::new(172, 30, 0, 12);

fn in_vxlan(frame: &Frame, port: u16) -> Frame {
    let bytes = packet::vxlan(NODE1, NODE2, port, &frame.bytes);
    let wire_octets = frame.wire_octets + bytes.len() - frame.bytes.len();
    Frame { bytes, wire_octets, at: frame.at }
}

fn cooked(frame: &Frame, interface: u32) -> Frame {
    let bytes = packet::cooked(interface, &frame.bytes);
    let wire_octets = frame.wire_octets + bytes.len() - frame.bytes.len();
    Frame { bytes, wire_octets, at: frame.at }
}

#[test]
fn what_travels_in_vxlan_is_seen_and_the_tunnel_is_no_connection() {
    let expected = edges_of(&shop::inputs());
    for port in [4789, 8472] {
        let scratch = Scratch::new();
        let wrapped = shop::frames().map(|frames| {
            capture::pcap(&frames.iter().map(|frame| in_vxlan(frame, port)).collect::<Vec<_>>())
        });
        assert_same(&counted(edges_of(&with_captures(&scratch, &wrapped))), &counted(expected.clone()));
    }
}

#[test]
fn the_same_packet_at_four_hops_counts_once() {
    // `-i any` on each node: the pod's interface, the bridge, and the tunnel's inside and outside.
    let hops = |frames: &Vec<Frame>| -> Vec<Frame> {
        let at_each = |frame: &Frame| {
            let mut hops =
                vec![cooked(frame, 7), cooked(frame, 3), cooked(frame, 5), cooked(&in_vxlan(frame, 8472), 2)];
            for (n, hop) in (0..).zip(&mut hops) {
                hop.at += n * 4_000;
            }
            hops
        };
        let mut all: Vec<Frame> = frames.iter().flat_map(at_each).collect();
        all.sort_by_key(|frame| frame.at);
        all
    };
    let scratch = Scratch::new();
    let inputs = with_captures(&scratch, &shop::frames().map(|frames| capture::pcap_cooked(&hops(&frames))));
    assert_same(&counted(edges_of(&inputs)), &counted(edges_of(&shop::inputs())));
}

fn without(unwanted: impl Fn(usize, &Frame) -> bool) -> [Vec<Frame>; 2] {
    let [mut node1, mut node2] = shop::frames();
    node1.retain(|frame| !unwanted(0, frame));
    node2.retain(|frame| !unwanted(1, frame));
    [node1, node2]
}

/// Ends that the objects declare as listening: ports of containers, of services, of probes.
fn is_declared(key: &Key) -> bool {
    let workload = key.to.as_str();
    let declared: BTreeSet<(String, u64)> = shop::objects()
        .concat()
        .iter()
        .filter(|o| o["kind"] == "Pod")
        .flat_map(|pod| {
            let labels = pod["metadata"]["labels"].as_object().cloned().unwrap_or_default();
            let app = labels
                .get("app")
                .or(labels.get("k8s-app"))
                .and_then(Value::as_str)
                .unwrap_or_default()
                .to_owned();
            let containers = pod["spec"]["containers"].as_array().unwrap().clone();
            containers
                .into_iter()
                .flat_map(|c| c["ports"].as_array().cloned().unwrap_or_default())
                .filter_map(move |port| Some((app.clone(), port["containerPort"].as_u64()?)))
                .collect::<Vec<_>>()
        })
        .collect();
    let name = workload.rsplit('/').next().unwrap();
    let app = if name == "coredns" { "kube-dns" } else { name };
    key.port.is_some_and(|port| declared.contains(&(app.to_owned(), port)))
}

#[test]
fn without_syns_every_connection_to_a_declared_port_stays_and_none_is_turned_around() {
    let syn = |_: usize, frame: &Frame| {
        packet::read(&frame.bytes)
            .and_then(|heads| heads.tcp_flags)
            .is_some_and(|flags| flags & packet::SYN != 0)
    };
    let scratch = Scratch::new();
    let graph = edges_of(&with_captures(&scratch, &without(syn).map(|frames| capture::pcap(&frames))));
    let found = graph::connected(&graph);
    let expected = graph::connected(&edges_of(&shop::inputs()));
    let lost: Vec<String> =
        expected.difference(&found).filter(|key| is_declared(key)).map(Key::to_string).collect();
    assert_eq!(lost, [""; 0], "declared, and seen with both sides");
    assert!(expected.iter().filter(|key| is_declared(key)).count() > 20, "declared ports were found");
    let sure = found.iter().filter(|key| graph[*key].orientation != "unknown");
    let wrong: Vec<String> = sure.filter(|key| !expected.contains(key)).map(Key::to_string).collect();
    assert_eq!(wrong, [""; 0], "turned around, or made up");
}

#[test]
fn half_a_wire_on_one_node_keeps_the_edges_and_makes_up_none() {
    // The tap on node1 does not see what its pods send.
    let sent_by_pods_of_node1 = |tap: usize, frame: &Frame| {
        tap == 0
            && packet::read(&frame.bytes)
                .map(|heads| heads.source.to_string())
                .is_some_and(|source| source.starts_with("10.244.1.") && source != "10.244.1.1")
    };
    let left = without(sent_by_pods_of_node1);
    let scratch = Scratch::new();
    let graph = edges_of(&with_captures(&scratch, &left.each_ref().map(|frames| capture::pcap(frames))));
    let found = graph::connected(&graph);
    let whole = graph::connected(&edges_of(&shop::inputs()));
    let wrong: Vec<String> = found.difference(&whole).map(Key::to_string).collect();
    assert_eq!(wrong, [""; 0], "turned around, or made up");
    // A probe is a bare connect: without the answer nothing tells it from an attempt.
    let expected = Truth::as_seen_in(&left.concat()).edges();
    let expected =
        expected.iter().filter(|(_, edge)| edge.connections > 0 && !edge.probe).map(|(key, _)| key);
    let lost: Vec<String> = expected.filter(|key| !found.contains(key)).map(Key::to_string).collect();
    assert_eq!(lost, [""; 0]);
}
