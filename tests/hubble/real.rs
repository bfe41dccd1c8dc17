//! Cilium's own server, which `tests/hubble/build` makes.

use std::time::Duration;

use serde_json::{Value, json};

use super::support::authority::Authority;
use super::support::follow::{as_file, end_of, graph, graph_of_file, start, taken, without_input};
use super::support::hubble::Real;
use super::{CLEAN, NAME, event, talk};

/// What a cluster has: connections, a name server, what policies stopped and what lies outside.
fn cluster() -> Vec<Value> {
    let mut lines = talk("prod/n1", 0..20);
    let dns = json!({"l4": {"UDP": {"source_port": 50_000, "destination_port": 53}},
        "destination": {"identity": 5, "namespace": "kube-system", "pod_name": "coredns-0", "labels": ["k8s:k8s-app=kube-dns"]}});
    let denied = json!({"verdict": "DROPPED", "drop_reason": 133, "drop_reason_desc": "POLICY_DENIED",
        "l4": {"TCP": {"source_port": 50_001, "destination_port": 5432, "flags": {"SYN": true}}},
        "ingress_denied_by": [{"name": "fence", "namespace": "shop"}]});
    let outside = json!({"IP": {"source": "10.42.0.5", "destination": "203.0.113.9", "ipVersion": "IPv4"},
        "destination": {"identity": 2, "labels": ["reserved:world"]}, "destination_names": ["pay.example.org"],
        "l4": {"TCP": {"source_port": 50_002, "destination_port": 443, "flags": {"SYN": true}}}});
    let ping = json!({"l4": {"ICMPv4": {"type": 8}}});
    let audit = json!({"verdict": "AUDIT", "l4": {"TCP": {"source_port": 50_003, "destination_port": 6379, "flags": {"SYN": true}}}});
    let over = [
        dns,
        denied,
        outside,
        ping,
        audit,
        json!({"Type": "L7"}),
        json!({"verdict": "TRANSLATED", "Type": "SOCK"}),
    ];
    lines.extend((20..).zip(over).map(|(number, over)| event("prod/n1", number, number, &over)));
    lines.push(json!({"lost_events": {"source": "PERF_EVENT_RING_BUFFER", "num_events_lost": "3"},
        "time": "2026-01-01T00:00:40Z"}));
    lines
}

#[test]
fn ciliums_own_server_and_its_file_are_one_graph() {
    let Some(program) = real() else { return };
    let dir = tempfile::tempdir().unwrap();
    let file = as_file(dir.path(), &cluster());
    let server = Real::start(&program, &[], &file);
    let source = format!("hubble://{}", server.address);
    let run = graph(&[&source], &[], "1s").ends(CLEAN);
    let offline = graph_of_file(&file);
    assert_eq!(without_input(&run), without_input(&offline));
    assert_eq!(run.json()["completeness"]["counts"]["log-events-lost"], json!(3));
    let said = ["shop/StatefulSet/web", "kube-system/", "203.0.113.9", "pay.example.org"];
    assert!(said.iter().all(|said| run.stdout.contains(said)), "{}", run.stdout);
}

#[test]
fn ciliums_own_server_is_followed_over_its_restart_and_speaks_mutual_tls() {
    let Some(program) = real() else { return };
    let authority = Authority::new(NAME[1]);
    let files = ["server", "server-key", "ca", "cert", "key"].map(|name| authority.file(name));
    let [cert, key, ca, client, client_key] = files.each_ref().map(String::as_str);
    let dir = tempfile::tempdir().unwrap();
    let lines = talk("prod/n1", 0..30);
    let file = as_file(dir.path(), &lines[..40]);
    let mut server = Real::start(&program, &["-cert", cert, "-key", key, "-client-ca", ca], &file);
    let at = server.address.to_string();
    let options =
        ["--duration", "6s", "--tls-ca", ca, "--tls-cert", client, "--tls-key", client_key, NAME[0], NAME[1]];
    let following = start(&[&format!("hubbles://{at}")], &options);
    std::thread::sleep(Duration::from_secs(1));
    lines[40..50].iter().for_each(|line| server.observe(line));
    std::thread::sleep(Duration::from_millis(500));
    drop(server);
    // What the new one still has of before, and what came meanwhile.
    let file = as_file(dir.path(), &lines[10..55]);
    let mut server =
        Real::start(&program, &["-listen", &at, "-cert", cert, "-key", key, "-client-ca", ca], &file);
    std::thread::sleep(Duration::from_millis(1500));
    lines[55..].iter().for_each(|line| server.observe(line));
    let run = end_of(following).ends(CLEAN);
    assert_eq!(taken(&run.json()), (60, json!({})), "{}", run.stderr);
    let whole = graph_of_file(&as_file(dir.path(), &lines));
    assert_eq!(without_input(&run), without_input(&whole));
}

/// Cilium's server, or nothing and a word on why.
fn real() -> Option<std::path::PathBuf> {
    Real::program().map_err(|why| eprintln!("skipped: {why}")).ok()
}
