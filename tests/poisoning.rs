//! Who can put packets on the wire tries to make rules: nothing of it becomes one, and what is genuine keeps its own.
//!
//! Each way is mixed into the same ordinary traffic, and the policies are byte for byte those of the ordinary traffic alone.
//! What has the shape of a connection by the evidence of both ends is one; `docs/detection.md` says which lies those are.

#![allow(clippy::unwrap_used, reason = "a test panics where it has nothing to say")]

mod support;

use std::net::{Ipv4Addr, SocketAddr};

use serde_json::{Value, json};

use support::cluster::{Cluster, PodExt, Wire, at, namespace, pod};
use support::packet::{self, ACK, PSH, RST, SYN};
use support::program::{Inputs, Scratch, flowfence};

const WEB: &str = "10.1.1.5";
const API: &str = "10.1.1.7";
const DB: &str = "10.1.2.8";
const BOT: &str = "10.1.2.9";

fn cluster() -> Cluster {
    Cluster::new(2)
        .dns()
        .deployment("web", 8080, &[WEB, "10.1.2.5"])
        .deployment("api", 8080, &[API])
        .deployment("db", 5432, &[DB])
        .deployment("bot", 8080, &[BOT])
}

fn end(address: &str, port: u16) -> SocketAddr {
    at(&format!("{address}:{port}"))
}

/// Five genuine edges, early and late.
fn ordinary() -> Wire {
    let mut wire = Wire::new();
    for (n, seconds) in (0..).zip([0, 200, 400, 590]) {
        wire.from(seconds);
        wire.connect(end(WEB, 40_000 + n), end(API, 8080));
        wire.connect(end("10.1.2.5", 40_000 + n), end(API, 8080));
        wire.connect(end(API, 41_000 + n), end(DB, 5432));
        wire.connect(end(BOT, 42_000 + n), end(API, 8080));
        wire.ask(end(API, 43_000 + n), end("10.1.1.53", 53));
        wire.connect(end(API, 44_000 + n), end("203.0.113.10", 443));
    }
    wire
}

/// What a capture and a cluster are recommended.
fn recommended(inputs: &Inputs) -> Value {
    let answer = inputs.run("recommend", &["-o", "json", "--include-blind"]).ends(0).json();
    let proof = &answer["proof"]["alone"];
    assert_eq!((&proof["cut"], &proof["observed"]), (&json!([]), &proof["admitted"]), "genuine recall");
    answer
}

/// A way to lie, and the packets that it takes.
type Lie = (&'static str, fn(&mut Wire));

const LIES: &[Lie] = &[
    ("openings under the address of another, who resets what he did not ask for", |wire| {
        for n in 0..6 {
            let (client, server) = (end(WEB, 50_000 + n), end(DB, 5432));
            wire.frame(packet::tcp(client, server, SYN, 100, 0, b""));
            wire.frame(packet::tcp(server, client, SYN | ACK, 900, 101, b""));
            wire.frame(packet::tcp(client, server, RST, 101, 0, b""));
        }
    }),
    ("an opening under a false address that goes on without having heard the answer", |wire| {
        let (client, server) = (end(WEB, 50_100), end(DB, 5432));
        wire.frame(packet::tcp(client, server, SYN, 100, 0, b""));
        wire.frame(packet::tcp(client, server, ACK, 101, 1, b""));
        wire.frame(packet::tcp(client, server, PSH | ACK, 101, 1, b"drop table"));
    }),
    ("opening and acceptance by one liar, and no third step", |wire| {
        let (client, server) = (end(BOT, 50_200), end(DB, 5432));
        wire.frame(packet::tcp(client, server, SYN, 100, 0, b""));
        wire.frame(packet::tcp(server, client, SYN | ACK, 900, 101, b""));
    }),
    ("acceptances that nobody asked for", |wire| {
        for n in 0..4 {
            wire.frame(packet::tcp(end(DB, 5432), end(WEB, 50_300 + n), SYN | ACK, 900, 101, b""));
        }
    }),
    ("segments of a connection that never was, one way", |wire| {
        let (client, server) = (end(BOT, 50_400), end(DB, 5432));
        for n in 0..5 {
            wire.frame(packet::tcp(client, server, PSH | ACK, 101 + n, 901, b"x"));
        }
        wire.frame(packet::tcp(server, client, RST, 901, 0, b""));
    }),
    ("resets in the middle of what is genuine, from both sides", |wire| {
        wire.frame(packet::tcp(end(WEB, 40_001), end(API, 8080), RST, 9, 0, b""));
        wire.frame(packet::tcp(end(API, 8080), end(WEB, 40_001), RST, 9, 0, b""));
        wire.frame(packet::tcp(end(DB, 5432), end(API, 41_001), RST | ACK, 9, 9, b""));
    }),
    ("errors that say that genuine peers are unreachable", |wire| {
        let cause = packet::tcp(end(API, 41_002), end(DB, 5432), SYN, 100, 0, b"");
        wire.frame(packet::port_unreachable(Ipv4Addr::new(192, 168, 0, 2), &cause));
        let cause = packet::udp(end(API, 43_002), end("10.1.1.53", 53), b"question");
        wire.frame(packet::port_unreachable(Ipv4Addr::new(192, 168, 0, 1), &cause));
    }),
    ("a scan below the threshold, all of whose doors are closed", |wire| {
        for n in 0..8_u16 {
            wire.refused(end(BOT, 51_000 + n), end(DB, 6_000 + n));
        }
    }),
    ("a half-open scan below the threshold, of doors that are open", |wire| {
        for (n, (to, port)) in (0..).zip([(DB, 5432), (WEB, 8080), ("10.1.2.5", 8080)]) {
            let (client, server) = (end(BOT, 51_100 + n), end(to, port));
            wire.frame(packet::tcp(client, server, SYN, 100, 0, b""));
            wire.frame(packet::tcp(server, client, SYN | ACK, 900, 101, b""));
            wire.frame(packet::tcp(client, server, RST, 101, 0, b""));
        }
    }),
    ("knocks at addresses where nobody is", |wire| {
        for n in 0..6 {
            wire.unanswered(end(WEB, 51_200 + n), end(&format!("10.1.1.{}", 200 + n), 5432));
            wire.unanswered(end(WEB, 51_300 + n), end(&format!("203.0.113.{}", 200 + n), 443));
        }
    }),
    ("datagrams to addresses outside that nobody answers", |wire| {
        for n in 0..6 {
            wire.tell(end(BOT, 51_400 + n), end("203.0.113.66", 8_125));
        }
    }),
    ("answers to what nobody asked", |wire| {
        let mut answer = vec![0, 7, 0x81, 0x80, 0, 1, 0, 1, 0, 0, 0, 0, 2, b'd', b'b', 0, 0, 1, 0, 1];
        answer.extend([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 30, 0, 4, 203, 0, 113, 66]);
        for n in 0..3 {
            wire.frame(packet::udp(end("10.1.1.53", 53), end(WEB, 51_500 + n), &answer));
            wire.frame(packet::udp(end("203.0.113.66", 53), end(API, 51_500 + n), &answer));
        }
    }),
];

#[test]
fn no_lie_on_the_wire_becomes_a_rule_and_what_is_genuine_keeps_its_own() {
    let scratch = Scratch::new();
    let expected = recommended(&cluster().inputs(&scratch, &[&ordinary()]));
    assert!(expected["policies"].as_array().unwrap().len() >= 4);
    for (lie, tell) in LIES {
        // Before, amid and after the traffic that it would pass for.
        for seconds in [1, 300, 580] {
            let mut wire = ordinary();
            wire.from(seconds);
            tell(&mut wire);
            let scratch = Scratch::new();
            let answer = recommended(&cluster().inputs(&scratch, &[&wire]));
            assert_eq!(answer["policies"], expected["policies"], "{lie}, at {seconds}");
            assert_eq!(answer["proof"]["alone"]["observed"], expected["proof"]["alone"]["observed"], "{lie}");
        }
    }
}

#[test]
fn all_lies_at_once_change_nothing_either() {
    let scratch = Scratch::new();
    let expected = recommended(&cluster().inputs(&scratch, &[&ordinary()]));
    let mut wire = ordinary();
    // What one does as a whole is a scan, and a suspect's later edges are withheld: none of these is later.
    wire.from(595);
    for (_, tell) in LIES {
        tell(&mut wire);
    }
    let answer = recommended(&cluster().inputs(&scratch, &[&wire]));
    assert_eq!(answer["policies"], expected["policies"]);
}

/// Whether the policies of `inputs` admit connections between pods, `NAMESPACE/NAME`.
fn admitted(inputs: &Inputs, scratch: &Scratch, probes: &[(&str, &str, u16)]) -> Vec<bool> {
    let yaml = inputs.run("recommend", &["-o", "yaml", "--include-blind"]).ends(0).stdout;
    let policies = scratch.file("policies.yaml", yaml);
    let probes: Vec<Value> = probes
        .iter()
        .map(|(from, to, port)| json!({"from": from, "to": to, "protocol": "TCP", "port": port}))
        .collect();
    let probes = scratch.file("probes.json", Value::from(probes).to_string());
    let cluster = inputs.clusters.last().unwrap();
    let args = ["reach", "--cluster", cluster.to_str().unwrap(), "--policies", policies.to_str().unwrap()];
    let more = ["--probes", probes.to_str().unwrap(), "-o", "json"];
    let answer = flowfence(args.into_iter().chain(more)).ends(0).json();
    let results = answer["results"].as_array().unwrap().iter();
    results.map(|result| result["allowed"].as_bool().unwrap()).collect()
}

const HASH: &str = "5d4f8c7b9";

#[test]
fn a_namespace_that_is_labelled_alike_and_a_pod_that_is_labelled_alike_in_it_get_nothing() {
    let mut twin = pod("twin", &["10.1.1.77"], 8080).labelled(&[("app", "api"), ("pod-template-hash", HASH)]);
    twin["metadata"]["namespace"] = "app-copy".into();
    let mut copy = namespace("app-copy");
    copy["metadata"]["labels"]["team"] = "app".into();
    let mut cluster = cluster().with(twin).with(copy);
    for object in &mut cluster.objects {
        if object["kind"] == "Namespace" {
            object["metadata"]["labels"]["team"] = "app".into();
        }
    }
    let scratch = Scratch::new();
    let inputs = cluster.inputs(&scratch, &[&ordinary()]);
    let api = format!("app/api-{HASH}-00000");
    let db = format!("app/db-{HASH}-00000");
    let probes =
        [(api.as_str(), db.as_str(), 5432), ("app-copy/twin", &db, 5432), ("app-copy/twin", &api, 8080)];
    assert_eq!(admitted(&inputs, &scratch, &probes), [true, false, false]);
}

#[test]
fn a_pod_that_takes_the_labels_of_another_in_mid_run_gives_its_own_traffic_to_nobody() {
    // Bot asks the database as itself, in vain; then it is seen with the labels of the API.
    let scratch = Scratch::new();
    let mut wire = ordinary();
    wire.from(100);
    for n in 0..4 {
        wire.refused(end(BOT, 52_000 + n), end(DB, 5432));
    }
    let before = cluster();
    let mut after = cluster();
    for object in &mut after.objects {
        if object["kind"] == "Pod" && object["status"]["podIP"] == BOT {
            object["metadata"]["labels"]["app"] = "api".into();
        }
    }
    let mut inputs = before.inputs(&scratch, &[&wire]);
    let later = after.inputs(&Scratch::new(), &[]);
    assert!(later.captures.is_empty());
    inputs.clusters.push(scratch.file("later.json", support::rewrite::list(&after.objects)));
    let answer = recommended(&inputs);
    // The rules of the database name the API; that another carries its labels now is counted, and not hidden.
    let excess = answer["proof"]["alone"]["excess"].to_string();
    assert!(excess.contains("app/Deployment/bot"), "{excess}");
}

#[test]
fn a_bare_pod_with_the_labels_of_another_is_counted_as_excess() {
    let scratch = Scratch::new();
    let twin = pod("twin", &["10.1.1.78"], 8080).labelled(&[("app", "api"), ("pod-template-hash", HASH)]);
    let mut wire = ordinary();
    wire.refused(end("10.1.1.78", 53_000), end(DB, 5432));
    let answer = recommended(&cluster().with(twin).inputs(&scratch, &[&wire]));
    let excess = answer["proof"]["alone"]["excess"].to_string();
    assert!(excess.contains("app/Pod/twin"), "{excess}");
}

#[test]
fn an_address_that_changes_hands_carries_nothing_over() {
    let scratch = Scratch::new();
    let set = format!("web-{HASH}");
    let gone = pod("web-gone", &["10.1.1.99"], 8080).owned_by("ReplicaSet", &set).between(-60, Some(200));
    let gone = gone.labelled(&[("app", "web"), ("pod-template-hash", HASH)]);
    let heir = pod("heir", &["10.1.1.99"], 8080).labelled(&[("app", "heir")]).between(300, None);
    let mut wire = ordinary();
    wire.from(100).connect(end("10.1.1.99", 54_000), end(API, 8080));
    wire.from(400).refused(end("10.1.1.99", 54_001), end(API, 9_999));
    let inputs = cluster().with(gone).with(heir).inputs(&scratch, &[&wire]);
    let (api, web) = (format!("app/api-{HASH}-00000"), format!("app/web-{HASH}-00000"));
    let probes = [(web.as_str(), api.as_str(), 8080), ("app/heir", &api, 8080), ("app/heir", &api, 9_999)];
    assert_eq!(admitted(&inputs, &scratch, &probes), [true, false, false]);
}
