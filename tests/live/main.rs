//! Live sources, on cables between network namespaces: what the kernel sent is what is shown, and a capture ends when it
//! should, with whatever rights it has.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "a test panics where it has nothing to say")]

mod interfaces;
mod rights;
#[path = "../support/mod.rs"]
mod support;

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;

use support::graph::{Edges, Key, edges};
use support::netns::{Net, in_namespace, ip};

const USAGE: i32 = 2;
const UNREADABLE: i32 = 3;
const PARTIAL: i32 = 5;

const CLIENT: &str = "10.1.1.5";
const SERVER: &str = "10.1.1.7";

/// A block of the ring that is not full comes after 50 ms; twice that, and something for a busy machine.
const SETTLE: Duration = Duration::from_millis(200);

fn net(net: Net) -> Net {
    net.cable("0", CLIENT, SERVER)
}

/// Connects to `port` so many times, says something and hears it back.
fn talk_tcp(net: &Net, server: &str, port: u16, times: usize) {
    let at: SocketAddr = format!("{server}:{port}").parse().unwrap();
    let listener = in_namespace(&net.server, || TcpListener::bind(at).unwrap());
    std::thread::scope(|scope| {
        scope.spawn(move || {
            for stream in listener.incoming().take(times) {
                let mut stream = stream.unwrap();
                let mut heard = [0; 100];
                stream.read_exact(&mut heard).unwrap();
                stream.write_all(&heard).unwrap();
            }
        });
        in_namespace(&net.client, || {
            for _ in 0..times {
                let mut stream = TcpStream::connect(at).unwrap();
                stream.write_all(&[7; 100]).unwrap();
                let mut heard = Vec::new();
                stream.read_to_end(&mut heard).unwrap();
                assert_eq!(heard.len(), 100);
            }
        });
    });
}

/// Sends datagrams of 32 octets from so many ports, each answered.
fn talk_udp(net: &Net, server: &str, port: u16, clients: usize) {
    let at: SocketAddr = format!("{server}:{port}").parse().unwrap();
    let service = in_namespace(&net.server, || UdpSocket::bind(at).unwrap());
    in_namespace(&net.client, || {
        for _ in 0..clients {
            let client = UdpSocket::bind("0.0.0.0:0").unwrap();
            client.connect(at).unwrap();
            client.send(&[1; 32]).unwrap();
            let mut heard = [0; 64];
            let (octets, from) = service.recv_from(&mut heard).unwrap();
            service.send_to(&heard[..octets], from).unwrap();
            client.recv(&mut heard).unwrap();
        }
    });
}

fn external(ip: &str) -> String {
    format!("external/{ip}/32")
}

fn key(client: &str, server: &str, protocol: &str, port: u16) -> Key {
    Key::new(&external(client), &external(server), protocol, u64::from(port))
}

fn tcp_count(edges: &Edges, port: u16) -> u64 {
    edges.get(&key(CLIENT, SERVER, "TCP", port)).map_or(0, |edge| edge.connections)
}

const JSON: [&str; 4] = ["--cluster", "none", "-o", "json"];

#[test]
fn what_was_sent_is_what_is_shown() {
    let net = net(net_or_skip!());
    let running = net.capture([&["graph", "live:s0"][..], &JSON].concat());
    talk_tcp(&net, SERVER, 8080, 3);
    talk_udp(&net, SERVER, 5353, 2);
    std::thread::sleep(SETTLE);
    running.signal(Signal::SIGINT);
    let graph = running.finish().ends(0).json();
    let edges = edges(&graph);
    let tcp = &edges[&key(CLIENT, SERVER, "TCP", 8080)];
    assert_eq!((tcp.connections, tcp.attempts(), tcp.orientation.as_str()), (3, 0, "seen"));
    let udp = &edges[&key(CLIENT, SERVER, "UDP", 5353)];
    assert_eq!((udp.connections, &udp.packets, &udp.octets), (2, &vec![2, 2], &vec![120, 120]));
    assert_eq!(edges.len(), 2);
    assert_eq!(graph["completeness"]["loss"], 0.0);
    assert_eq!(graph["completeness"]["files"][0]["name"], "live:s0");
}

#[test]
fn an_idle_interface_stops_on_time() {
    let net = net(net_or_skip!());
    let began = Instant::now();
    net.capture(["graph", "live:s0", "--cluster", "none", "--duration", "700ms"]).finish().ends(0);
    let took = began.elapsed();
    assert!((700..1400).contains(&took.as_millis()), "{took:?}, starting the program included");
    for signal in [Signal::SIGINT, Signal::SIGTERM] {
        let running = net.capture(["graph", "live:s0", "--cluster", "none"]);
        std::thread::sleep(SETTLE);
        let began = Instant::now();
        running.signal(signal);
        running.finish().ends(0);
        assert!(began.elapsed() < Duration::from_millis(300), "{signal}: {:?}", began.elapsed());
    }
}

#[test]
fn the_second_interrupt_ends_at_once() {
    let net = net(net_or_skip!());
    let mut running = net.capture(["graph", "live:s0", "--cluster", "none"]);
    running.signal(Signal::SIGINT);
    // The readers wait 100 ms for the last block of the ring.
    std::thread::sleep(Duration::from_millis(40));
    running.signal(Signal::SIGINT);
    assert_eq!(running.finish().code, 130);
    running = net.capture(["graph", "live:s0", "--cluster", "none"]);
    running.signal(Signal::SIGTERM);
    running.finish().ends(0);
}

#[test]
fn a_filter_admits_what_it_says_and_a_wrong_one_is_explained() {
    let net = net(net_or_skip!());
    let running = net.capture([&["graph", "live:s0", "-f", "tcp port 8080"][..], &JSON].concat());
    talk_tcp(&net, SERVER, 8080, 2);
    talk_tcp(&net, SERVER, 8081, 2);
    std::thread::sleep(SETTLE);
    running.signal(Signal::SIGINT);
    let edges = edges(&running.finish().ends(0).json());
    assert_eq!((tcp_count(&edges, 8080), edges.len()), (2, 1));

    let mut command = support::program::command();
    command.args(["graph", "live:s0", "--filter", "tcp porrt 8080"]);
    let run = net.start(command).finish().ends(USAGE);
    assert!(
        run.stderr.contains("--filter \"tcp porrt 8080\": ") && run.stderr.contains("syntax error"),
        "{}",
        run.stderr
    );
}

#[test]
fn a_capture_ends_once_enough_was_seen() {
    let net = net(net_or_skip!());
    let scratch = support::program::Scratch::new();
    let cluster = support::cluster::Cluster::new(1).deployment("client", 1, &[CLIENT]).deployment(
        "server",
        8080,
        &[SERVER],
    );
    let objects = cluster.inputs(&scratch, &[]).clusters.remove(0);
    let args =
        ["graph", "live:s0", "--cluster", objects.to_str().unwrap(), "--until-ready=1s", "--duration", "60s"];
    let began = Instant::now();
    let running = net.capture(args);
    let is_over = std::sync::atomic::AtomicBool::new(false);
    let run = std::thread::scope(|scope| {
        scope.spawn(|| {
            while !is_over.load(std::sync::atomic::Ordering::Relaxed) {
                talk_tcp(&net, SERVER, 8080, 1);
                std::thread::sleep(Duration::from_millis(50));
            }
        });
        let run = running.finish();
        is_over.store(true, std::sync::atomic::Ordering::Relaxed);
        run.ends(0)
    });
    let took = began.elapsed();
    assert!(took >= Duration::from_secs(3), "three times what was asked: {took:?}");
    assert!(took < Duration::from_secs(40), "it was ready long before: {took:?}");
    assert!(run.stderr.contains("every workload that can be seen here is ready"), "{}", run.stderr);

    let mut command = support::program::command();
    command.args(["graph", "live:s0", "--cluster", "none", "--until-ready"]);
    let run = net.start(command).finish().ends(USAGE);
    assert!(run.stderr.contains("--until-ready needs objects"), "{}", run.stderr);
}

/// The node rewrites the service's address behind the tap, which so never shows the backend.
#[test]
fn connection_tracking_tells_which_backend_a_service_chose() {
    let net = net(net_or_skip!());
    let rules = "table ip nat { chain pre { type nat hook prerouting priority -100; \
                 ip daddr 10.96.0.5 tcp dport 80 dnat to 10.1.1.7:8080; } }";
    let nft = std::process::Command::new("ip").args(["netns", "exec", &net.server, "nft", rules]).output();
    if !nft.as_ref().is_ok_and(|output| output.status.success()) {
        return eprintln!("skipped: no address can be rewritten: {nft:?}");
    }
    ip(&["-n", &net.client, "route", "add", "10.96.0.0/16", "via", SERVER]).unwrap();
    let scratch = support::program::Scratch::new();
    let cluster = support::cluster::Cluster::new(1)
        .deployment("client", 1, &[CLIENT])
        .deployment("old", 8080, &["10.1.1.8"])
        .deployment("new", 8080, &[SERVER])
        .service("api", "10.96.0.5", "TCP", (80, 8080), &["10.1.1.8", SERVER]);
    let objects = cluster.inputs(&scratch, &[]).clusters.remove(0);
    let args = ["graph", "live:s0", "-f", "tcp", "-o", "json", "--cluster", objects.to_str().unwrap()];
    let running = net.capture(args);
    let listener = in_namespace(&net.server, || TcpListener::bind((SERVER, 8080)).unwrap());
    in_namespace(&net.client, || {
        for _ in 0..3 {
            let mut stream = TcpStream::connect("10.96.0.5:80").unwrap();
            stream.write_all(b"hello").unwrap();
        }
    });
    drop(listener);
    std::thread::sleep(SETTLE);
    running.signal(Signal::SIGINT);
    let run = running.finish().ends(0);
    assert!(run.stderr.contains("services: told by conntrack"), "{}", run.stderr);
    let edges = edges(&run.json());
    let edge = &edges[&Key::new("app/Deployment/client", "app/Deployment/new", "TCP", 8080)];
    assert_eq!((edge.connections, edge.services.contains("app/api")), (3, true));
    assert_eq!(edges.len(), 1, "{edges:?}");
}

#[test]
fn options_of_live_sources_need_one() {
    let run =
        support::program::flowfence(["graph", "examples/shop/node1.pcap", "--duration", "1s"]).ends(USAGE);
    assert!(run.stderr.contains("--duration is for live sources"), "{}", run.stderr);
}
