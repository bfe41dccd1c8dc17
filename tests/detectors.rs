//! Detectors on packets: what an intruder does is found in the capture, and what looks a little like it is not.

#![allow(clippy::unwrap_used, reason = "a test panics where it has nothing to say")]

mod support;

use std::collections::BTreeSet;
use std::net::SocketAddr;

use support::cluster::{Cluster, Wire, at};
use support::packet;
use support::program::{Inputs, Scratch};

const MAIN: u16 = 8080;

fn cluster() -> Cluster {
    Cluster::new(2).dns().deployment("web", MAIN, &["10.1.1.5", "10.1.2.5", "10.1.2.6"]).deployment(
        "api",
        MAIN,
        &["10.1.1.7"],
    )
}

/// The ids of what some detectors find.
fn found(inputs: &Inputs, rules: &[&str]) -> BTreeSet<String> {
    let report = inputs.run("audit", &["-o", "json", "--fail-on", "never"]).ends(0).json();
    let findings = report["findings"].as_array().unwrap().iter();
    let wanted = findings.filter(|finding| rules.contains(&finding["rule"].as_str().unwrap()));
    wanted.map(|finding| finding["id"].as_str().unwrap().to_owned()).collect()
}

fn ids<const N: usize>(ids: [&str; N]) -> BTreeSet<String> {
    ids.map(str::to_owned).into()
}

/// A question for the text records of a name (RFC 1035 §4).
fn question(name: &str) -> Vec<u8> {
    let mut message = vec![0, 7, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0];
    for label in name.split('.') {
        message.push(u8::try_from(label.len()).unwrap());
        message.extend(label.bytes());
    }
    message.extend([0, 0, 16, 0, 1]);
    message
}

/// Asks for names, each answered with an error.
fn ask(wire: &mut Wire, client: &str, names: impl Iterator<Item = String>) {
    for (n, name) in (40_000..).zip(names) {
        let (client, server): (SocketAddr, SocketAddr) = (at(&format!("{client}:{n}")), at("10.1.1.53:53"));
        let mut message = question(&name);
        wire.frame(packet::udp(client, server, &message));
        (message[2], message[3]) = (0x81, 0x83);
        wire.frame(packet::udp(server, client, &message));
    }
}

/// Forty digits that are another each time.
fn digits(n: u64) -> String {
    let part = |salt: u64| format!("{:016x}", (n + salt + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15));
    [part(0), part(1_000), part(2_000)].concat()[..40].to_owned()
}

#[test]
fn data_in_questions_is_a_tunnel_and_what_resolvers_search_is_not() {
    let scratch = Scratch::new();
    let mut wire = Wire::new();
    ask(&mut wire, "10.1.1.7", (0..60).map(|n| format!("{}.t.exfil.example", digits(n))));
    let searched = |n| format!("s{}.some-very-long-namespace-of-a-team.svc.cluster.local", digits(n));
    ask(&mut wire, "10.1.1.5", (0..60).map(searched));
    ask(&mut wire, "10.1.2.5", (0..60).map(|n| format!("www{n}.shop.example")));
    // Seen at two taps, each question counts once.
    let inputs = cluster().inputs(&scratch, &[&wire, &wire]);
    assert_eq!(found(&inputs, &["dns-tunnel"]), ids(["dns-tunnel:app/Deployment/api:exfil.example"]));
}

#[test]
fn metadata_kubelet_and_an_open_door_are_found_and_a_collector_is_not() {
    let scratch = Scratch::new();
    let mut wire = Wire::new();
    wire.connect(at("10.1.1.7:40001"), at("169.254.169.254:80"));
    wire.connect(at("10.1.1.7:40002"), at("192.168.0.2:10250"));
    wire.connect(at("10.1.1.7:40003"), at("10.1.1.5:4444"));
    wire.connect(at("10.1.1.7:40004"), at("203.0.113.9:23"));
    for (n, node) in [(40_005, "192.168.0.1"), (40_006, "192.168.0.2")] {
        wire.connect(at(&format!("10.1.2.5:{n}")), at(&format!("{node}:10250")));
    }
    wire.connect(at("10.1.1.5:40007"), at(&format!("10.1.1.7:{MAIN}")));
    let inputs = cluster().inputs(&scratch, &[&wire]);
    let rules = ["metadata-access", "control-plane-access", "undeclared-port", "clear-text"];
    let expected = ids([
        "metadata-access:app/Deployment/api->external/169.254.169.254/32:80/TCP",
        "control-plane-access:app/Deployment/api->node/n2:10250/TCP",
        "undeclared-port:app/Deployment/web:TCP",
        "clear-text:app/Deployment/api->external/203.0.113.9/32:23/TCP",
    ]);
    assert_eq!(found(&inputs, &rules), expected);
}

/// A connection that sends so many segments of 1,000 octets.
fn send(wire: &mut Wire, client: &str, server: &str, sequence: u32, segments: u32) {
    let (client, server) = (at(client), at(server));
    wire.frame(packet::tcp(client, server, packet::SYN, sequence, 0, b""));
    wire.frame(packet::tcp(server, client, packet::SYN | packet::ACK, !sequence, sequence + 1, b""));
    wire.frame(packet::tcp(client, server, packet::ACK, sequence + 1, !sequence + 1, b""));
    for n in 0..segments {
        let sequence = sequence + 1 + n * 1_000;
        wire.frame(packet::tcp(
            client,
            server,
            packet::PSH | packet::ACK,
            sequence,
            !sequence,
            &[b'x'; 1_000],
        ));
    }
}

#[test]
fn one_upload_that_is_unlike_the_others_is_found_and_even_ones_are_not() {
    let scratch = Scratch::new();
    let mut wire = Wire::new();
    for n in 0..10_u16 {
        wire.from(i64::from(n) * 5);
        let segments = if n == 7 { 1_500 } else { 2 };
        let sequence = 7_919 * (u32::from(n) + 1);
        send(&mut wire, &format!("10.1.1.7:{}", 41_000 + n), "203.0.113.10:443", sequence, segments);
        send(&mut wire, &format!("10.1.1.5:{}", 42_000 + n), "203.0.113.20:443", sequence * 31, 200);
    }
    let inputs = cluster().inputs(&scratch, &[&wire]);
    let expected = ids(["exfiltration:app/Deployment/api->external/203.0.113.10/32:443/TCP"]);
    assert_eq!(found(&inputs, &["exfiltration"]), expected);
}

#[test]
fn one_replica_that_goes_elsewhere_is_found_and_alike_ones_are_not() {
    let scratch = Scratch::new();
    let mut wire = Wire::new();
    for n in 0..48_u16 {
        wire.from(i64::from(n) * 10);
        for pod in ["10.1.1.5", "10.1.2.5", "10.1.2.6"] {
            wire.connect(at(&format!("{pod}:{}", 41_000 + n)), at(&format!("10.1.1.7:{MAIN}")));
        }
        if n > 20 {
            wire.connect(at(&format!("10.1.2.6:{}", 42_000 + n)), at("203.0.113.66:443"));
        }
    }
    let inputs = cluster().inputs(&scratch, &[&wire, &wire]);
    let expected = ids(["odd-replica:app/Deployment/web->external/203.0.113.0/24:443/TCP"]);
    assert_eq!(found(&inputs, &["odd-replica"]), expected);
}
