//! Flows over gRPC: a server of ours that breaks off, falls silent and refuses, and Cilium's own.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "a test panics where it has nothing to say")]

mod real;
#[path = "../support/mod.rs"]
mod support;

use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::{Value, json};

use support::authority::Authority;
use support::flow_server::{End, Fake};
use support::follow::{as_file, end_of, graph, start, taken, wait_until, without_input};
use support::hubble::{since_then, speech};
use support::program::flowfence;

const CLEAN: i32 = 0;
const USAGE: i32 = 2;
const UNREADABLE: i32 = 3;
const PARTIAL: i32 = 5;

/// An end: workload `app` of namespace `shop`.
fn end(app: &str, identity: u32) -> Value {
    json!({"identity": identity, "namespace": "shop", "pod_name": format!("{app}-0"),
        "labels": [format!("k8s:app={app}"), "k8s:io.kubernetes.pod.namespace=shop"],
        "workloads": [{"name": app, "kind": "StatefulSet"}]})
}

fn event(node: &str, number: u32, second: u32, over: &Value) -> Value {
    let time = format!("2026-01-01T00:{:02}:{:02}.250Z", second / 60, second % 60);
    let mut flow = json!({"time": time, "uuid": format!("{node}-{number}"), "verdict": "FORWARDED",
        "IP": {"source": "10.42.0.5", "destination": "10.42.1.7", "ipVersion": "IPv4"},
        "l4": {"TCP": {"source_port": 40_000 + number, "destination_port": 8080, "flags": {"SYN": true}}},
        "source": end("web", 4711), "destination": end("api", 4712), "Type": "L3_L4", "node_name": node,
        "is_reply": false, "event_type": {"type": 4, "sub_type": 3}, "traffic_direction": "EGRESS"});
    flow.as_object_mut().unwrap().extend(over.as_object().unwrap().clone());
    json!({"flow": flow, "node_name": node, "time": time})
}

/// A connection a second, each opened and answered.
fn talk(node: &str, seconds: std::ops::Range<u32>) -> Vec<Value> {
    let both = |second: u32| {
        let reply = json!({"is_reply": true, "uuid": format!("{node}-{second}-back"),
            "source": end("api", 4712), "destination": end("web", 4711),
            "IP": {"source": "10.42.1.7", "destination": "10.42.0.5", "ipVersion": "IPv4"},
            "l4": {"TCP": {"source_port": 8080, "destination_port": 40_000 + second, "flags": {"SYN": true, "ACK": true}}}});
        [event(node, second, second, &json!({})), event(node, second, second, &reply)]
    };
    seconds.flat_map(both).collect()
}

#[test]
fn flows_of_a_server_and_of_a_file_are_one_graph() {
    let lines = talk("prod/n1", 0..30);
    let dir = tempfile::tempdir().unwrap();
    let file = as_file(dir.path(), &lines);
    let server = Fake::of(&speech(), lines);
    let run = graph(&[&server.source()], &[], "700ms").ends(CLEAN);
    assert!(run.stderr.contains("(fake v1, 2 nodes, 1 more that it cannot hear)"), "{}", run.stderr);
    assert!(run.stderr.contains("sandbox: no capabilities"), "{}", run.stderr);
    let offline = flowfence(["graph", file.to_str().unwrap(), "--cluster", "none", "-o", "json"]).ends(CLEAN);
    assert_eq!(without_input(&run), without_input(&offline));
    let graph = run.json();
    let edge = &graph["edges"][0];
    assert_eq!(
        (edge["from"].as_str(), edge["to"].as_str()),
        (Some("shop/StatefulSet/web"), Some("shop/StatefulSet/api"))
    );
    // Everything that the server still has.
    assert_eq!(*server.asked.lock().unwrap(), ["1970-01-01T00:00:00Z"]);
}

#[test]
fn a_silent_server_ends_with_its_time() {
    for end in [End::Silence, End::Mute] {
        let server = Fake::start(&speech(), move |_, _| (Vec::new(), end));
        let began = Instant::now();
        let run = graph(&[&server.source()], &[], "500ms").ends(CLEAN);
        assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
        assert_eq!(run.json()["edges"], json!([]));
    }
}

#[test]
fn connections_that_break_off_lose_nothing_and_double_nothing() {
    // Relay serves two nodes, one of which falls silent.
    let mut lines = talk("prod/n1", 0..40);
    lines.extend(talk("prod/n2", 0..10));
    lines.sort_by_key(|line| line["time"].as_str().unwrap().to_owned());
    let all = lines.len() as u64;
    let ring = lines.clone();
    let server = Fake::start(&speech(), move |number, since| match number {
        0 => (since_then(&ring[..25], since), End::Broken),
        1 => (since_then(&ring[..25], since), End::Done),
        2 => (since_then(&ring[..60], since), End::Broken),
        _ => (since_then(&ring, since), End::Silence),
    });
    let run = graph(&[&server.source()], &[], "4s").ends(CLEAN);
    let (packets, counts) = taken(&run.json());
    assert_eq!((packets, &counts["log-events-lost"]), (all, &Value::Null), "{}", run.stderr);
    let asked = server.asked.lock().unwrap();
    assert_eq!(asked.len(), 4, "{asked:?}");
    assert!(asked[1].starts_with("2026-01-01T00:00:0") && asked[3] > asked[1], "{asked:?}");
    assert!(
        run.stderr.contains("the connection broke off, and is tried again: going away"),
        "{}",
        run.stderr
    );
    assert!(run.stderr.contains("connected again after"), "{}", run.stderr);
}

#[test]
fn a_server_that_comes_back_is_followed_on_and_one_that_does_not_is_told() {
    let lines = talk("prod/n1", 0..20);
    let first = Fake::of(&speech(), lines[..20].to_vec());
    let address = first.address;
    let following = start(&[&first.source()], &["--duration", "6s"]);
    wait_until(|| !first.asked.lock().unwrap().is_empty());
    std::thread::sleep(Duration::from_millis(300));
    drop(first);
    std::thread::sleep(Duration::from_millis(600));
    let ring = lines.clone();
    let second =
        Fake::start_at(&speech(), address, None, move |_, since| (since_then(&ring, since), End::Silence));
    let run = end_of(following).ends(CLEAN);
    assert_eq!(taken(&run.json()).0, lines.len() as u64, "{}", run.stderr);
    drop(second);

    let once = Fake::of(&speech(), lines);
    let following = start(&[&once.source()], &["--duration", "3s"]);
    wait_until(|| !once.asked.lock().unwrap().is_empty());
    std::thread::sleep(Duration::from_millis(300));
    drop(once);
    let run = end_of(following).ends(PARTIAL);
    assert!(run.stderr.contains("no connection for the last"), "{}", run.stderr);
    assert_eq!(taken(&run.json()).0, 40);
}

#[test]
fn a_ring_that_turned_over_lost_events_and_missing_nodes_are_counted() {
    let ring = talk("prod/n1", 0..60);
    let lost = json!({"lost_events": {"source": 3, "num_events_lost": "41"}, "node_name": "prod/n1",
        "time": "2026-01-01T00:00:30Z"});
    let away =
        json!({"node_status": {"state_change": "NODE_UNAVAILABLE", "node_names": ["prod/n8", "prod/n9"]}});
    let server = Fake::start(&speech(), move |number, since| match number {
        0 => ([vec![away.clone()], since_then(&ring[..40], since)].concat(), End::Broken),
        // Nothing that came before is there any more.
        _ => {
            ([vec![away.clone()], since_then(&ring[80..], since), vec![lost.clone()]].concat(), End::Silence)
        }
    });
    let run = graph(&[&server.source()], &[], "2s").ends(CLEAN);
    let (_, counts) = taken(&run.json());
    assert_eq!(
        (&counts["log-events-lost"], &counts["log-nodes-missing"]),
        (&json!(42), &json!(2)),
        "{counts}"
    );
}

#[test]
fn what_interrupts_it_ends_it_with_its_result() {
    let server = Fake::of(&speech(), talk("prod/n1", 0..10));
    let following = start(&[&server.source()], &[]);
    wait_until(|| !server.asked.lock().unwrap().is_empty());
    std::thread::sleep(Duration::from_millis(500));
    kill(Pid::from_raw(following.id().cast_signed()), Signal::SIGINT).unwrap();
    let run = end_of(following).ends(CLEAN);
    assert_eq!(taken(&run.json()).0, 20);
}

#[test]
fn it_ends_once_enough_was_seen() {
    let dir = tempfile::tempdir().unwrap();
    let pod = |app: &str, address: &str| {
        json!({"apiVersion": "v1", "kind": "Pod", "spec": {"nodeName": "n1", "containers": [{"name": "c", "image": "x"}]},
            "metadata": {"name": format!("{app}-0"), "namespace": "shop", "labels": {"app": app},
                "creationTimestamp": "2025-12-31T00:00:00Z", "ownerReferences":
                [{"apiVersion": "apps/v1", "kind": "StatefulSet", "name": app, "uid": app, "controller": true}]},
            "status": {"phase": "Running", "podIP": address, "startTime": "2025-12-31T00:00:00Z"}})
    };
    let objects = json!({"apiVersion": "v1", "kind": "List", "items":
        [{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop"}},
         pod("web", "10.42.0.5"), pod("api", "10.42.1.7")]});
    let cluster = dir.path().join("objects.json");
    std::fs::write(&cluster, objects.to_string()).unwrap();
    let server = Fake::of(&speech(), talk("prod/n1", 0..120));
    let began = Instant::now();
    let cluster = cluster.display().to_string();
    let options = ["--until-ready=500ms", "--duration", "30s", "--cluster", &cluster];
    let run = flowfence(["graph", &server.source()].into_iter().chain(options)).ends(CLEAN);
    assert!(run.stderr.contains("every workload that can be seen here is ready"), "{}", run.stderr);
    assert!(began.elapsed() < Duration::from_secs(15), "{:?}", began.elapsed());
}

#[test]
fn several_servers_files_and_sockets_go_together() {
    let dir = tempfile::tempdir().unwrap();
    let file = as_file(dir.path(), &talk("prod/n1", 0..5));
    let socket = dir.path().join("hubble.sock");
    let (one, other) = (
        Fake::of(&speech(), talk("prod/n2", 5..10)),
        Fake::start_on_socket(&speech(), &socket, talk("prod/n3", 10..15)),
    );
    let by_socket = format!("hubble://{}", socket.display());
    let run = graph(&[&one.source(), &by_socket, file.to_str().unwrap()], &[], "700ms").ends(CLEAN);
    let graph = run.json();
    assert_eq!(graph["completeness"]["files"].as_array().unwrap().len(), 3);
    assert_eq!(graph["window"]["end"], json!("2026-01-01T00:00:14.250000Z"), "{graph:#}");
    drop(other);
}

#[test]
fn a_server_is_followed_beside_an_interface() {
    let server = Fake::of(&speech(), talk("prod/n1", 0..10));
    let run = graph(&[&server.source(), "live:lo"], &[], "800ms");
    if run.code == UNREADABLE && run.stderr.contains("CAP_NET_RAW") {
        eprintln!("skipped: packets may not be captured here");
        return;
    }
    let graph = run.ends(CLEAN).json();
    assert_eq!(graph["edges"][0]["to"], json!("shop/StatefulSet/api"), "{graph:#}");
    let files = graph["completeness"]["files"].as_array().unwrap();
    let names: Vec<&str> = files.iter().filter_map(|file| file["name"].as_str()).collect();
    assert_eq!(names, [&server.source(), "live:lo"]);
}

#[test]
fn one_server_that_is_not_there_does_not_keep_others_from_it() {
    let server = Fake::of(&speech(), talk("prod/n1", 0..5));
    let run = graph(&[&server.source(), "hubble://127.0.0.1:1"], &[], "500ms").ends(PARTIAL);
    assert!(run.stderr.contains("left out: hubble://127.0.0.1:1: nobody listens there"), "{}", run.stderr);
    assert_eq!(taken(&run.json()).0, 10);
    let alone = graph(&["hubble://127.0.0.1:1"], &[], "500ms").ends(UNREADABLE);
    assert!(alone.stderr.contains("port-forward"), "{}", alone.stderr);
}

#[test]
fn a_server_of_something_else_is_told_from_one_that_is_away() {
    let other = Fake::start(&speech(), |_, _| (Vec::new(), End::NoService));
    let run = graph(&[&other.source()], &[], "3s").ends(PARTIAL);
    assert!(run.stderr.contains("there is no Hubble at this address"), "{}", run.stderr);

    let web = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = web.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in web.incoming() {
            use std::io::{Read, Write};
            let mut stream = stream.unwrap();
            let _ = stream.read(&mut [0; 512]);
            let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n");
        }
    });
    let run = graph(&[&format!("hubble://{address}")], &[], "3s").ends(UNREADABLE);
    assert!(run.stderr.contains("does not speak gRPC without TLS"), "{}", run.stderr);
}

#[test]
fn options_that_do_not_belong_there_are_mistakes() {
    let usage = |args: &[&str], said: &str| {
        let run = flowfence(args).ends(USAGE);
        assert!(run.stderr.contains(said), "{args:?}: {}", run.stderr);
    };
    usage(&["graph", "flows.json", "--tls"], "--tls is for servers of flows");
    usage(&["graph", "hubble://127.0.0.1:1", "--snaplen", "96"], "--snaplen is for live sources");
    usage(&["graph", "hubble://127.0.0.1:1/path"], "not a host and port");
    usage(&["graph", "hubbles://127.0.0.1:1", "--tls-cert", "x.pem"], "--tls-key");
    usage(&["capture", "hubble://127.0.0.1:1", "--out", "/tmp/none"], "capture writes what packets tell");
    let run = flowfence(["graph", "hubbles://127.0.0.1:1", "--tls-ca", "README.md"]).ends(UNREADABLE);
    assert!(run.stderr.contains("no `-----BEGIN CERTIFICATE-----` in it"), "{}", run.stderr);
}

const NAME: [&str; 2] = ["--tls-server-name", "relay.hubble-relay.cilium.io"];

fn with_tls(authority: &Authority, is_mutual: bool) -> Fake {
    let lines = talk("prod/n1", 0..5);
    let script = move |_, since: &str| (since_then(&lines, since), End::Silence);
    Fake::start_at(&speech(), "127.0.0.1:0".parse().unwrap(), Some(authority.tls(is_mutual)), script)
}

#[test]
fn tls_and_mutual_tls_are_spoken_and_what_is_wrong_with_them_is_told() {
    let (ours, theirs) = (Authority::new(NAME[1]), Authority::new(NAME[1]));
    let (plain, tls, mutual) =
        (Fake::of(&speech(), talk("prod/n1", 0..5)), with_tls(&ours, false), with_tls(&ours, true));
    let (ca, cert, key) = (ours.file("ca"), ours.file("cert"), ours.file("key"));
    let (their_ca, their_cert, their_key) = (theirs.file("ca"), theirs.file("cert"), theirs.file("key"));
    let trusts = ["--tls-ca", &ca, NAME[0], NAME[1]];
    let shows = [&trusts[..], &["--tls-cert", &cert, "--tls-key", &key]].concat();
    let shows_another = [&trusts[..], &["--tls-cert", &their_cert, "--tls-key", &their_key]].concat();
    for (server, options) in [(&tls, &trusts[..]), (&tls, &shows), (&mutual, &shows)] {
        let run = graph(&[&server.source()], options, "500ms").ends(CLEAN);
        assert_eq!(taken(&run.json()).0, 10, "{options:?}");
    }
    let refused: [(&Fake, &[&str], &str); 7] = [
        (&tls, &[], "hubbles://"),
        (&plain, &["--tls"], "say hubble:// without --tls"),
        (&tls, &["--tls", NAME[0], NAME[1]], "give the CA's with --tls-ca FILE"),
        (&tls, &["--tls-ca", &their_ca, NAME[0], NAME[1]], "--tls-ca"),
        (&tls, &["--tls-ca", &ca], "--tls-server-name NAME"),
        (&mutual, &trusts, "--tls-cert FILE and --tls-key FILE"),
        (&mutual, &shows_another, "--tls-cert"),
    ];
    for (server, options, said) in refused {
        let run = graph(&[&server.source()], options, "500ms").ends(UNREADABLE);
        assert!(run.stderr.contains(said), "{options:?}: {}", run.stderr);
    }
}
