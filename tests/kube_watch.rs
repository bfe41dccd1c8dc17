//! The API server while a capture runs: pods come and go, it is killed, forgets, and no longer knows a token.
//!
//! flowfence reads its capture from a pipe. While that is open it follows the cluster, and once the test has done what
//! it does to the cluster, it writes what was seen.

#![allow(clippy::unwrap_used, reason = "a test panics where it has nothing to say")]
#![cfg(target_os = "linux")]

mod support;

use std::collections::{BTreeMap, VecDeque};
use std::io::{BufRead, BufReader, Write};
use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::process::{Child, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use futures::StreamExt;
use serde_json::{Value, json};
use support::apiserver::{Server, turn, wait_for};
use support::capture::{Frame, pcap};
use support::packet::{self, ACK, FIN, PSH, SYN};
use support::program::{Run, command};

/// flowfence, following the cluster.
struct Following {
    child: Child,
    said: Arc<Mutex<String>>,
    listener: std::thread::JoinHandle<()>,
}

impl Following {
    fn start(kubeconfig: &Path, args: &[&str]) -> Self {
        let mut child = command()
            .args(args)
            .args(["-", "-o", "json"])
            .env("KUBECONFIG", kubeconfig)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let said = Arc::new(Mutex::new(String::new()));
        let (lines, heard) = (BufReader::new(child.stderr.take().unwrap()).lines(), Arc::clone(&said));
        let listener = std::thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                let mut heard = heard.lock().unwrap();
                heard.push_str(&line);
                heard.push('\n');
            }
        });
        let following = Following { child, said, listener };
        wait_for("flowfence follows the cluster", || following.said.lock().unwrap().contains("following"));
        following
    }

    /// Hands over the capture, and waits for the result.
    fn finish(mut self, frames: &[Frame]) -> Run {
        self.child.stdin.take().unwrap().write_all(&pcap(frames)).unwrap();
        let output = self.child.wait_with_output().unwrap();
        self.listener.join().unwrap();
        let stderr = self.said.lock().unwrap().clone();
        Run { code: output.status.code().unwrap(), stdout: String::from_utf8(output.stdout).unwrap(), stderr }
    }
}

fn now() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap()
}

/// A short TCP connection at this moment.
fn connection(at: Duration, from: &str, from_port: u16, to: &str, to_port: u16) -> Vec<Frame> {
    let ends = (socket(from, from_port), socket(to, to_port));
    let (there, back) = (ends, (ends.1, ends.0));
    // By its first numbers one connection is known on both sides of a translation.
    let (x, y) = (u32::from(from_port) * 60_000, u32::from(to_port) * 50_000 + u32::from(from_port));
    let steps = [
        (there, SYN, x, 0),
        (back, SYN | ACK, y, x + 1),
        (there, ACK | PSH, x + 1, y + 1),
        (there, ACK | FIN, x + 2, y + 1),
        (back, ACK | FIN, y + 1, x + 3),
        (there, ACK, x + 3, y + 2),
    ];
    let mut frames = Vec::new();
    for (n, ((from, to), flags, sequence, acknowledged)) in (0..).zip(steps) {
        let payload: &[u8] = if flags & PSH == 0 { b"" } else { b"x" };
        let bytes = packet::tcp(from, to, flags, sequence, acknowledged, payload);
        let at = at + Duration::from_micros(n * 50);
        frames.push(Frame { at: at.as_nanos().try_into().unwrap(), wire_octets: bytes.len(), bytes });
    }
    frames
}

fn socket(ip: &str, port: u16) -> SocketAddr {
    (ip.parse::<IpAddr>().unwrap(), port).into()
}

/// A running pod with an address; in two steps, as a kubelet does it.
fn make_pod(server: &Server, name: &str, ip: &str) {
    server.post("/api/v1/namespaces/w/pods", &pod(name));
    server.request("PATCH", &format!("/api/v1/namespaces/w/pods/{name}/status"), Some(&running(ip)));
}

fn pod(name: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "namespace": "w", "labels": {"app": name}},
        "spec": {"nodeName": "n", "containers": [{"name": "c", "image": "i"}]}})
}

fn running(ip: &str) -> Value {
    json!({"status": {"phase": "Running", "podIP": ip, "podIPs": [{"ip": ip}]}})
}

fn delete_pod(server: &Server, name: &str) {
    server.request("DELETE", &format!("/api/v1/namespaces/w/pods/{name}?gracePeriodSeconds=0"), None);
}

/// Takes all pods of earlier tests away.
fn fresh(server: &Server) {
    if server.try_request("GET", "/api/v1/namespaces/w", None).is_err() {
        server.create(&json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "w"}}));
    }
    server.request("DELETE", "/api/v1/namespaces/w/pods?gracePeriodSeconds=0", None);
}

/// `FROM -> TO` of every edge, with how often they connected; pods without their namespace.
fn edges(graph: &Value) -> BTreeMap<String, u64> {
    let end = |value: &Value| value.as_str().unwrap().replace("w/Pod/", "");
    graph["edges"]
        .as_array()
        .unwrap()
        .iter()
        .map(|edge| {
            (format!("{} -> {}", end(&edge["from"]), end(&edge["to"])), edge["connections"].as_u64().unwrap())
        })
        .collect()
}

fn expected(edges: &[&str]) -> BTreeMap<String, u64> {
    edges.iter().map(|edge| ((*edge).to_owned(), 1)).collect()
}

const PAUSE: Duration = Duration::from_millis(60);

fn pause() {
    std::thread::sleep(PAUSE);
}

#[test]
fn a_pod_that_is_gone_keeps_its_flows_and_its_address_goes_to_the_next() {
    let Some(server) = turn("a_pod_that_is_gone_keeps_its_flows_and_its_address_goes_to_the_next") else {
        return;
    };
    fresh(&server);
    make_pod(&server, "server", "10.1.0.1");
    make_pod(&server, "first", "10.1.0.2");
    let following = Following::start(&server.kubeconfig(), &["graph", "-A"]);
    let mut frames = Vec::new();
    for (n, name) in (0..).zip(["first", "second", "third"]) {
        if name != "first" {
            make_pod(&server, name, "10.1.0.2");
        }
        pause();
        frames.extend(connection(now(), "10.1.0.2", 40_000 + n, "10.1.0.1", 80));
        // As a kubelet does: asked to end, it has its grace, and then it goes.
        server.request("DELETE", &format!("/api/v1/namespaces/w/pods/{name}"), None);
        std::thread::sleep(Duration::from_millis(1100));
        delete_pod(&server, name);
    }
    let graph = following.finish(&frames).ends(0).json();
    assert_eq!(edges(&graph), expected(&["first -> server", "second -> server", "third -> server"]));
}

#[test]
fn an_api_server_that_is_killed_costs_no_name() {
    let Some(server) = turn("an_api_server_that_is_killed_costs_no_name") else { return };
    fresh(&server);
    make_pod(&server, "server", "10.1.0.1");
    make_pod(&server, "before", "10.1.0.2");
    let following = Following::start(&server.kubeconfig(), &["graph", "-A"]);
    let mut frames = connection(now(), "10.1.0.2", 40_000, "10.1.0.1", 80);
    server.kill();
    pause();
    frames.extend(connection(now(), "10.1.0.2", 40_001, "10.1.0.1", 81));
    // What it knew of the past goes with it: watches that go on where they were get 410 Gone.
    server.compact();
    server.up().unwrap();
    make_pod(&server, "after", "10.1.0.3");
    pause();
    frames.extend(connection(now(), "10.1.0.3", 40_002, "10.1.0.1", 82));
    wait_for_status(&server);
    let run = following.finish(&frames).ends(0);
    let graph = run.json();
    assert_eq!(graph["edges"].as_array().unwrap().len(), 3);
    assert!(graph["edges"].as_array().unwrap().iter().all(|edge| edge["to"] == "w/Pod/server"), "{graph}");
    let api = &graph["completeness"]["objects"]["api"];
    assert!(api["interruptions"].as_u64() > Some(0) && api["relists"].as_u64() > Some(0), "{api}");
    assert!(!run.stderr.contains("as of"), "it was back before the end: {}", run.stderr);
}

/// So long that whoever lost the API server has found it again.
fn wait_for_status(_: &Server) {
    std::thread::sleep(Duration::from_secs(5));
}

#[test]
fn labels_are_as_of_the_moment_when_the_api_server_went_away() {
    let Some(server) = turn("labels_are_as_of_the_moment_when_the_api_server_went_away") else { return };
    fresh(&server);
    make_pod(&server, "server", "10.1.0.1");
    make_pod(&server, "client", "10.1.0.2");
    let following = Following::start(&server.kubeconfig(), &["graph", "-A"]);
    let before = now();
    server.kill();
    let after = now() + Duration::from_secs(1);
    std::thread::sleep(Duration::from_secs(1));
    let run = following.finish(&connection(now(), "10.1.0.2", 40_000, "10.1.0.1", 80)).ends(0);
    server.up().unwrap();
    assert_eq!(edges(&run.json()), expected(&["client -> server"]));
    assert!(run.stderr.contains("flowfence: names and labels as of "), "{}", run.stderr);
    let as_of = run.json()["completeness"]["objects"]["api"]["asOf"]
        .as_str()
        .unwrap()
        .parse::<jiff::Timestamp>()
        .unwrap();
    let as_of = Duration::from_millis(as_of.as_millisecond().try_into().unwrap());
    assert!(before <= as_of + Duration::from_millis(1) && as_of <= after, "{before:?} {as_of:?} {after:?}");
}

#[test]
fn an_expired_token_is_read_anew_where_it_was() {
    let Some(server) = turn("an_expired_token_is_read_anew_where_it_was") else { return };
    fresh(&server);
    make_pod(&server, "server", "10.1.0.1");
    let rules = json!([{"apiGroups": ["*"], "resources": ["*"], "verbs": ["get", "list", "watch"]}]);
    server.user_with(&rules);
    server.post("/apis/rbac.authorization.k8s.io/v1/clusterrolebindings", &json!({
        "metadata": {"generateName": "token-"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "user0"},
        "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "Group", "name": "system:authenticated"}]}));
    let restart = |tokens: &[&str]| {
        server.kill();
        server.set_tokens(tokens);
        server.up().unwrap();
    };
    restart(&["old,reader"]);
    let token = server.file("token", "old");
    let kubeconfig = server.kubeconfig_of("by-token", &json!({"tokenFile": token}), "default");
    let following = Following::start(&kubeconfig, &["graph", "-A"]);
    restart(&["new,reader"]);
    std::thread::sleep(Duration::from_secs(3));
    server.file("token", "new");
    make_pod(&server, "client", "10.1.0.2");
    pause();
    let frames = connection(now(), "10.1.0.2", 40_000, "10.1.0.1", 80);
    wait_for_status(&server);
    let run = following.finish(&frames).ends(0);
    assert_eq!(edges(&run.json()), expected(&["client -> server"]), "{}", run.stderr);
    assert!(!run.stderr.contains("as of"), "{}", run.stderr);
}

#[test]
fn a_thousand_pods_on_a_hundred_addresses_are_never_taken_for_each_other() {
    const PODS: usize = 1000;
    const ALIVE: usize = 50;
    const ADDRESSES: usize = 110;
    let Some(server) = turn("a_thousand_pods_on_a_hundred_addresses_are_never_taken_for_each_other") else {
        return;
    };
    fresh(&server);
    make_pod(&server, "server", "10.1.9.9");
    let following = Following::start(&server.kubeconfig(), &["graph", "-A"]);
    let free = Mutex::new((0..ADDRESSES).map(|n| format!("10.1.1.{}", n + 1)).collect::<VecDeque<String>>());
    let frames = Mutex::new(Vec::new());
    let live_one = |n: usize| {
        let (server, free, frames) = (&server, &free, &frames);
        async move {
            let name = format!("p{n}");
            let path = format!("/api/v1/namespaces/w/pods/{name}");
            let send = |method: &'static str, path: String, body: Option<Value>| async move {
                server
                    .asked(method, &path, body.as_ref())
                    .await
                    .unwrap_or_else(|error| panic!("{path}: {error}"))
            };
            // Some take the address that was given back last: what is reused at once is mistaken most easily.
            let is_hasty = n.is_multiple_of(4);
            let ip = {
                let mut free = free.lock().unwrap();
                if is_hasty { free.pop_back() } else { free.pop_front() }.unwrap()
            };
            send("POST", "/api/v1/namespaces/w/pods".to_owned(), Some(pod(&name))).await;
            send("PATCH", format!("{path}/status"), Some(running(&ip))).await;
            let port = 20_000 + u16::try_from(n).unwrap();
            frames.lock().unwrap().extend(connection(now(), &ip, port, "10.1.9.9", port));
            tokio::time::sleep(Duration::from_millis(800 + u64::try_from(n % 7).unwrap() * 100)).await;
            frames.lock().unwrap().extend(connection(now(), &ip, port + 10_000, "10.1.9.9", port));
            send("DELETE", format!("{path}?gracePeriodSeconds=0"), None).await;
            free.lock().unwrap().push_back(ip);
        }
    };
    server
        .block_on(futures::stream::iter(0..PODS).map(live_one).buffer_unordered(ALIVE).collect::<Vec<()>>());
    let mut frames = frames.into_inner().unwrap();
    frames.sort_by_key(|frame| frame.at);
    let graph = following.finish(&frames).ends(0).json();
    let (mut wrong, mut named, mut unknown) = (Vec::new(), 0, 0);
    for edge in graph["edges"].as_array().unwrap() {
        let port = usize::try_from(edge["port"].as_u64().unwrap()).unwrap();
        let (from, connections) = (edge["from"].as_str().unwrap(), edge["connections"].as_u64().unwrap());
        if from == format!("w/Pod/p{}", port - 20_000) && edge["to"] == "w/Pod/server" {
            named += connections;
        } else if from.starts_with("unknown/") && edge["to"] == "w/Pod/server" {
            unknown += connections;
        } else {
            wrong.push(format!("{edge}"));
        }
    }
    println!("{named} connections named, {unknown} left unknown because two pods may have had the address");
    assert!(wrong.is_empty(), "{} wrong: {:.2000}", wrong.len(), wrong.join("\n"));
    assert_eq!(named + unknown, 2 * u64::try_from(PODS).unwrap());
    assert!(unknown <= named / 3, "{named} named, {unknown} unknown");
}
