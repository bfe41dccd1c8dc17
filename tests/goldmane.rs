//! Flows of Calico's Goldmane over gRPC: a server of ours that breaks off, falls silent and refuses.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "a test panics where it has nothing to say")]

mod support;

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::{Value, json};

use support::authority::Authority;
use support::flow_server::{End, Fake};
use support::follow::{as_file, end_of, graph, graph_of_file, start, taken, wait_until, without_input};
use support::goldmane::{since_then, speech};
use support::program::flowfence;

const CLEAN: i32 = 0;
const USAGE: i32 = 2;
const UNREADABLE: i32 = 3;
const PARTIAL: i32 = 5;

/// The beginning of the first bucket, a quarter of an hour ago: a server has an hour.
fn beginning() -> i64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    (i64::try_from(now).unwrap() - 900) / 15 * 15
}

/// A flow of a bucket, with what is put over its key.
fn flow(start: i64, over: &Value) -> Value {
    let mut key = json!({"source_name": "web-6f7c9d5b44-*", "source_namespace": "shop", "source_type": "WorkloadEndpoint",
        "dest_name": "api-7c8f9d6b5c-*", "dest_namespace": "shop", "dest_type": "WorkloadEndpoint", "dest_port": "8080",
        "proto": "tcp", "reporter": "Src", "action": "Allow", "policies": {
            "enforced_policies": [{"kind": "Profile", "name": "kns.shop", "action": "Allow"}]}});
    key.as_object_mut().unwrap().extend(over.as_object().unwrap().clone());
    json!({"id": "7", "flow": {"Key": key, "start_time": start.to_string(), "end_time": (start + 15).to_string(),
        "source_labels": ["app=web"], "dest_labels": ["app=api"], "packets_in": "6", "packets_out": "5",
        "bytes_in": "3000", "bytes_out": "500", "num_connections_started": "2"}})
}

/// Flows of so many buckets: what both ends report, name resolution, what a policy stopped, what lies outside, and what
/// is not known yet.
fn buckets(from: i64, n: i64) -> Vec<Value> {
    let denied = json!({"dest_port": "5432", "action": "Deny", "reporter": "Dst", "policies": {"enforced_policies": [{
        "kind": "CalicoNetworkPolicy", "namespace": "shop", "name": "fence", "tier": "default", "action": "Deny"}]}});
    let over = [
        json!({}),
        json!({"reporter": "Dst"}),
        json!({"dest_name": "coredns-*", "dest_namespace": "kube-system", "dest_port": "53", "proto": "udp"}),
        denied,
        json!({"dest_name": "pub", "dest_namespace": "", "dest_type": "Network", "dest_port": "443"}),
        json!({"action": "LaterAction"}),
        json!({"source_type": "LaterEndpoint", "dest_port": "9090", "later_field": "x"}),
    ];
    (0..n).flat_map(|bucket| over.clone().map(|over| flow(from + bucket * 15, &over))).collect()
}

#[test]
fn flows_of_a_server_and_of_a_file_are_one_graph() {
    let lines = buckets(beginning(), 8);
    let dir = tempfile::tempdir().unwrap();
    let file = as_file(dir.path(), &lines);
    let server = Fake::of(&speech(), lines);
    let run = graph(&[&server.source()], &[], "700ms").ends(CLEAN);
    assert!(run.stderr.contains("(1234 flows of the last minute)"), "{}", run.stderr);
    assert!(run.stderr.contains("sandbox: no capabilities"), "{}", run.stderr);
    assert_eq!(without_input(&run), without_input(&graph_of_file(&file)));
    let graph = run.json();
    // Both ends report 6 in and 5 out: the larger of each direction.
    let edge = &graph["edges"].as_array().unwrap().iter().find(|edge| edge["port"] == 8080).unwrap().clone();
    assert_eq!(
        (edge["from"].as_str(), edge["to"].as_str(), &edge["connections"], &edge["packets"]),
        (Some("shop/Deployment/web"), Some("shop/Deployment/api"), &json!(16), &json!([48, 48]))
    );
    let counts = &graph["completeness"]["counts"];
    assert_eq!(
        (&counts["log-lines-other"], &counts["log-address-unknown"]),
        (&json!(8), &json!(1)),
        "{counts}"
    );
    // Everything that the server still has.
    assert_eq!(*server.asked.lock().unwrap(), ["-3570"]);
}

#[test]
fn a_silent_server_ends_with_its_time_and_one_that_ends_it_is_asked_again() {
    for end in [End::Silence, End::Mute] {
        let server = Fake::start(&speech(), move |_, _| (Vec::new(), end));
        let began = Instant::now();
        let run = graph(&[&server.source()], &[], "500ms").ends(CLEAN);
        assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
        assert_eq!(run.json()["edges"], json!([]));
    }
    let server = Fake::start(&speech(), move |_, _| (Vec::new(), End::Done));
    let run = graph(&[&server.source()], &[], "1s").ends(PARTIAL);
    assert!(run.stderr.contains("tried again: the server ended it"), "{}", run.stderr);
    assert!(server.asked.lock().unwrap().len() > 1);
}

#[test]
fn connections_that_break_off_lose_nothing_and_double_nothing() {
    let from = beginning();
    let lines = buckets(from, 30);
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
    assert_eq!(
        *asked,
        [
            "-3570".to_owned(),
            (from + 45 - 60).to_string(),
            (from + 45 - 60).to_string(),
            (from + 120 - 60).to_string()
        ]
    );
    assert!(run.stderr.contains("tried again: going away"), "{}", run.stderr);
    let dir = tempfile::tempdir().unwrap();
    assert_eq!(without_input(&run), without_input(&graph_of_file(&as_file(dir.path(), &lines))));
}

#[test]
fn a_server_that_restarted_without_its_history_counts_as_loss() {
    let lines = buckets(beginning(), 40);
    let server = Fake::start(&speech(), move |number, since| match number {
        0 => (since_then(&lines[..70], since), End::Broken),
        _ => (since_then(&lines[140..], since), End::Silence),
    });
    let run = graph(&[&server.source()], &[], "1500ms").ends(CLEAN);
    assert_eq!(taken(&run.json()).1["log-events-lost"], json!(1), "{}", run.stderr);
}

#[test]
fn a_server_that_comes_back_is_followed_on_and_one_that_does_not_is_told() {
    let lines = buckets(beginning(), 10);
    let all = lines.len() as u64;
    let first = Fake::of(&speech(), lines[..30].to_vec());
    let address = first.address;
    let following = start(&[&first.source()], &["--duration", "6s"]);
    wait_until(|| !first.asked.lock().unwrap().is_empty());
    std::thread::sleep(Duration::from_millis(300));
    drop(first);
    std::thread::sleep(Duration::from_millis(600));
    let ring = lines.clone();
    let script = move |_, since: &str| (since_then(&ring, since), End::Silence);
    let second = Fake::start_at(&speech(), address, None, script);
    let run = end_of(following).ends(CLEAN);
    assert_eq!(taken(&run.json()).0, all, "{}", run.stderr);
    drop(second);

    let once = Fake::of(&speech(), lines);
    let following = start(&[&once.source()], &["--duration", "3s"]);
    wait_until(|| !once.asked.lock().unwrap().is_empty());
    std::thread::sleep(Duration::from_millis(300));
    drop(once);
    let run = end_of(following).ends(PARTIAL);
    assert!(run.stderr.contains("no connection for the last"), "{}", run.stderr);
    assert_eq!(taken(&run.json()).0, all);
}

#[test]
fn what_interrupts_it_ends_it_with_its_result() {
    let server = Fake::of(&speech(), buckets(beginning(), 2));
    let following = start(&[&server.source()], &[]);
    wait_until(|| !server.asked.lock().unwrap().is_empty());
    std::thread::sleep(Duration::from_millis(500));
    kill(Pid::from_raw(following.id().cast_signed()), Signal::SIGINT).unwrap();
    let run = end_of(following).ends(CLEAN);
    assert_eq!(taken(&run.json()).0, 14);
}

#[test]
fn policies_come_from_goldmane_alone() {
    let server = Fake::of(&speech(), buckets(beginning(), 8));
    let options = ["--duration", "700ms", "--cluster", "none", "-o", "yaml", "--allow-loss", "1"];
    let run = flowfence(["recommend", &server.source()].into_iter().chain(options)).ends(CLEAN);
    assert!(run.stdout.contains("name: flowfence-api"), "{}{}", run.stdout, run.stderr);
    // What was denied is no rule.
    assert!(run.stdout.contains("port: 8080") && !run.stdout.contains("port: 5432"), "{}", run.stdout);
}

const NAME: [&str; 2] = ["--tls-server-name", "goldmane.calico-system.svc"];

#[test]
fn tls_and_mutual_tls_are_spoken_and_what_is_wrong_with_them_is_told() {
    let (ours, theirs) = (Authority::new(NAME[1]), Authority::new(NAME[1]));
    let with_tls = |is_mutual| {
        let lines = buckets(beginning(), 1);
        let script = move |_, since: &str| (since_then(&lines, since), End::Silence);
        Fake::start_at(&speech(), "127.0.0.1:0".parse().unwrap(), Some(ours.tls(is_mutual)), script)
    };
    let (plain, tls, mutual) =
        (Fake::of(&speech(), buckets(beginning(), 1)), with_tls(false), with_tls(true));
    let (ca, cert, key) = (ours.file("ca"), ours.file("cert"), ours.file("key"));
    let (their_ca, their_cert, their_key) = (theirs.file("ca"), theirs.file("cert"), theirs.file("key"));
    let trusts = ["--tls-ca", &ca, NAME[0], NAME[1]];
    let shows = [&trusts[..], &["--tls-cert", &cert, "--tls-key", &key]].concat();
    let shows_another = [&trusts[..], &["--tls-cert", &their_cert, "--tls-key", &their_key]].concat();
    for (server, options) in [(&tls, &trusts[..]), (&mutual, &shows)] {
        for scheme in ["goldmane", "goldmanes"] {
            let run = graph(&[&format!("{scheme}://{}", server.address)], options, "500ms").ends(CLEAN);
            assert_eq!(taken(&run.json()).0, 7, "{options:?}");
        }
    }
    let refused: [(&Fake, &[&str], &str); 6] = [
        (&tls, &[], "goldmanes://"),
        (&plain, &["--tls"], "say goldmane:// without --tls"),
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

#[test]
fn a_server_of_something_else_is_told_from_one_that_is_away() {
    let other = Fake::start(&speech(), |_, _| (Vec::new(), End::NoService));
    let run = graph(&[&other.source()], &[], "3s").ends(PARTIAL);
    assert!(run.stderr.contains("there is no Goldmane at this address"), "{}", run.stderr);
    let hubble = Fake::of(&support::hubble::speech(), Vec::new());
    let run = graph(&[&format!("goldmane://{}", hubble.address)], &[], "3s").ends(PARTIAL);
    assert!(run.stderr.contains("service goldmane.Flows"), "{}", run.stderr);
    let nobody = graph(&["goldmane://127.0.0.1:1"], &[], "500ms").ends(UNREADABLE);
    assert!(nobody.stderr.contains("service/goldmane 7443"), "{}", nobody.stderr);
    let run = graph(&["goldmane:///run/goldmane.sock"], &[], "500ms").ends(USAGE);
    assert!(run.stderr.contains("expected goldmane://HOST:PORT"), "{}", run.stderr);
}

#[test]
fn it_is_followed_beside_hubble() {
    let lines = vec![
        json!({"flow": {"time": "2026-01-01T00:00:00Z", "uuid": "1", "verdict": "FORWARDED", "is_reply": false,
        "IP": {"source": "10.42.0.5", "destination": "10.42.1.7"}, "Type": "L3_L4",
        "source": {"namespace": "shop", "pod_name": "job-0"}, "destination": {"namespace": "shop", "pod_name": "db-0"},
        "l4": {"TCP": {"source_port": 40_000, "destination_port": 5432, "flags": {"SYN": true}}}}, "node_name": "n1",
        "time": "2026-01-01T00:00:00Z"}),
    ];
    let hubble = Fake::of(&support::hubble::speech(), lines);
    let goldmane = Fake::of(&speech(), buckets(beginning(), 1));
    let run = graph(&[&hubble.source(), &goldmane.source()], &[], "700ms").ends(CLEAN);
    let graph = run.json();
    assert_eq!(graph["completeness"]["files"].as_array().unwrap().len(), 2);
    let has = |port: u64| graph["edges"].as_array().unwrap().iter().any(|edge| edge["port"] == port);
    assert!(has(5432) && has(8080), "{graph:#}");
}
