//! Live sources, on cables between network namespaces: what the kernel sent is what is shown, and a capture ends when it
//! should, with whatever rights it has.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "a test panics where it has nothing to say")]

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
fn every_interface_counts_once_and_is_told_apart() {
    let net = net(net_or_skip!()).cable("1", "10.1.2.5", "10.1.2.7");
    let any = net.capture([&["graph", "live:any"][..], &JSON].concat());
    let both = net.capture([&["graph", "live:s0", "live:s1"][..], &JSON].concat());
    talk_tcp(&net, SERVER, 8080, 2);
    talk_udp(&net, "10.1.2.7", 5353, 3);
    std::thread::sleep(SETTLE);
    for running in [any, both] {
        running.signal(Signal::SIGINT);
        let edges = edges(&running.finish().ends(0).json());
        let udp = &edges[&key("10.1.2.5", "10.1.2.7", "UDP", 5353)];
        assert_eq!((tcp_count(&edges, 8080), udp.connections, &udp.packets), (2, 3, &vec![3, 3]));
        assert_eq!(edges.len(), 2);
    }
}

#[test]
fn several_readers_count_what_one_counts() {
    let net = net(net_or_skip!());
    let filter = ["-f", "tcp or udp"];
    let one = net.capture([&["graph", "live:s0"][..], &filter, &JSON].concat());
    let three = net.capture([&["graph", "live:s0", "--readers", "3"][..], &filter, &JSON].concat());
    talk_tcp(&net, SERVER, 8080, 20);
    talk_udp(&net, SERVER, 5353, 20);
    std::thread::sleep(SETTLE);
    let [one, three] = [one, three].map(|running| {
        running.signal(Signal::SIGINT);
        let graph = running.finish().ends(0).json();
        (edges(&graph), graph["completeness"]["packets"].clone(), graph["completeness"]["records"].clone())
    });
    assert_eq!(tcp_count(&one.0, 8080), 20);
    assert_eq!(one, three);
}

#[test]
fn files_and_interfaces_may_stand_side_by_side() {
    let net = net(net_or_skip!());
    let shop = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/shop/node1.pcap");
    let file = support::program::flowfence([&["graph", shop][..], &JSON].concat()).ends(0).json();
    let running = net.capture([&["graph", "live:s0", shop][..], &JSON].concat());
    talk_tcp(&net, SERVER, 8080, 2);
    std::thread::sleep(SETTLE);
    running.signal(Signal::SIGINT);
    let both = edges(&running.finish().ends(0).json());
    let mut expected = edges(&file);
    assert_eq!(both.len(), expected.len() + 1);
    let live = both[&key(CLIENT, SERVER, "TCP", 8080)].clone();
    assert_eq!(live.connections, 2);
    expected.insert(key(CLIENT, SERVER, "TCP", 8080), live);
    assert_eq!(both, expected);
}

#[test]
fn an_interface_that_is_not_there_is_named_beside_those_that_are() {
    let net = net(net_or_skip!());
    let run =
        net.capture(["graph", "live:s0", "live:nope", "--cluster", "none", "--duration", "100ms"]).finish();
    let run = run.ends(PARTIAL);
    assert!(
        run.stderr.contains("live:nope: there is no such interface; there are lo, s0, any"),
        "{}",
        run.stderr
    );
    let mut command = support::program::command();
    command.args(["graph", "live:nope", "--duration", "100ms"]);
    net.start(command).finish().ends(UNREADABLE);
}

#[test]
fn an_interface_that_disappears_ends_alone() {
    let net = net(net_or_skip!()).cable("1", "10.1.2.5", "10.1.2.7");
    let running = net.capture([&["graph", "live:s0", "live:s1"][..], &JSON].concat());
    talk_udp(&net, "10.1.2.7", 5353, 1);
    std::thread::sleep(SETTLE);
    ip(&["-n", &net.server, "link", "del", "s1"]).unwrap();
    talk_tcp(&net, SERVER, 8080, 2);
    std::thread::sleep(SETTLE);
    running.signal(Signal::SIGINT);
    let run = running.finish().ends(PARTIAL);
    assert!(run.stderr.contains("live:s1: the interface disappeared"), "{}", run.stderr);
    let edges = edges(&run.json());
    assert_eq!((tcp_count(&edges, 8080), edges.len()), (2, 2), "what came before counts");
}

#[test]
fn an_interface_that_comes_up_again_is_read_again() {
    let net = net(net_or_skip!());
    let running = net.capture([&["graph", "live:s0"][..], &JSON].concat());
    talk_tcp(&net, SERVER, 8080, 1);
    ip(&["-n", &net.server, "link", "set", "s0", "down"]).unwrap();
    // Every half second somebody looks.
    std::thread::sleep(Duration::from_secs(1));
    ip(&["-n", &net.server, "link", "set", "s0", "up"]).unwrap();
    std::thread::sleep(SETTLE);
    talk_tcp(&net, SERVER, 8081, 1);
    std::thread::sleep(SETTLE);
    running.signal(Signal::SIGINT);
    let run = running.finish().ends(PARTIAL);
    assert!(run.stderr.contains("live:s0: the interface went down"), "{}", run.stderr);
    let edges = edges(&run.json());
    assert_eq!((tcp_count(&edges, 8080), tcp_count(&edges, 8081)), (1, 1));
}

/// The least ring, and a reader that is stopped while the kernel goes on.
#[test]
fn what_the_ring_had_no_room_for_is_reported_as_lost() {
    let net = net(net_or_skip!());
    let sent = 60_000_u64;
    let args = ["graph", "live:s0", "-f", "udp dst port 9999", "--ring-size", "1", "--snaplen", "128"];
    let running = net.capture([&args[..], &JSON].concat());
    let seen_by_kernel = |net: &Net| {
        let shown = ip(&["-n", &net.server, "-s", "-j", "link", "show", "s0"]).unwrap();
        let shown: serde_json::Value = serde_json::from_str(&shown).unwrap();
        shown[0]["stats64"]["rx"]["packets"].as_u64().unwrap()
    };
    let before = seen_by_kernel(&net);
    running.signal(Signal::SIGSTOP);
    in_namespace(&net.client, || {
        let socket = UdpSocket::bind("0.0.0.0:0").unwrap();
        socket.connect((SERVER, 9999)).unwrap();
        // Nobody listens there: what the refusals say is no failure to send.
        let delivered = (0..sent).filter(|_| {
            loop {
                match socket.send(&[0; 64]) {
                    Ok(_) => break true,
                    Err(error) if error.kind() == std::io::ErrorKind::ConnectionRefused => {}
                    Err(error) => panic!("{error}"),
                }
            }
        });
        assert_eq!(delivered.count() as u64, sent);
    });
    running.signal(Signal::SIGCONT);
    std::thread::sleep(SETTLE);
    let arrived = seen_by_kernel(&net) - before;
    running.signal(Signal::SIGINT);
    let graph = running.finish().ends(PARTIAL).json();
    let completeness = &graph["completeness"];
    let (read, lost) =
        (completeness["packets"].as_u64().unwrap(), completeness["counts"]["kernel-drops"].as_u64().unwrap());
    let off_by = (read + lost).abs_diff(sent) as f64 / sent as f64;
    assert!(off_by <= 0.01, "{read} read and {lost} lost of {sent} sent ({arrived} arrived)");
    assert!(lost > sent / 2, "a ring of a MiB holds little: {lost}");
    let share = completeness["loss"].as_f64().unwrap();
    assert!((share - lost as f64 / sent as f64).abs() < 0.01, "{share}");
}

/// What /proc tells of a process and each of its threads.
fn told_of(pid: nix::unistd::Pid, what: &str) -> Vec<(String, String)> {
    let tasks = std::fs::read_dir(format!("/proc/{pid}/task")).unwrap();
    let tell = |task: std::path::PathBuf| {
        let name = std::fs::read_to_string(task.join("comm")).unwrap().trim().to_owned();
        let status = std::fs::read_to_string(task.join("status")).unwrap();
        let value = status
            .lines()
            .find_map(|line| line.strip_prefix(what))
            .unwrap()
            .trim_start_matches(':')
            .trim()
            .to_owned();
        (name, value)
    };
    tasks.map(|task| tell(task.unwrap().path())).collect()
}

#[test]
fn every_thread_gives_up_its_rights() {
    let net = net(net_or_skip!());
    let running = net.capture(["graph", "live:s0", "--cluster", "none"]);
    std::thread::sleep(SETTLE);
    let all = |what: &str| told_of(running.pid(), what);
    for set in ["CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"] {
        assert!(all(set).iter().all(|(_, value)| value == "0000000000000000"), "{set}: {:?}", all(set));
    }
    assert!(all("NoNewPrivs").iter().all(|(_, value)| value == "1"));
    assert!(all("Seccomp").iter().all(|(_, value)| value == "2"));
    let filters = all("Seccomp_filters");
    assert!(filters.len() >= 3, "main, signals, reader: {filters:?}");
    let reader = filters.iter().find(|(name, _)| name == "reader").unwrap();
    assert_eq!(reader.1, "2", "a reader has a filter of its own beside that of the process");
    running.signal(Signal::SIGINT);
    let run = running.finish().ends(0);
    assert!(
        run.stderr.contains("sandbox: no capabilities, no new privileges, system calls filtered"),
        "{}",
        run.stderr
    );

    let open = net.capture(["graph", "live:s0", "--cluster", "none", "--no-sandbox"]);
    assert!(told_of(open.pid(), "Seccomp").iter().all(|(_, value)| value == "0"));
    open.signal(Signal::SIGINT);
    assert!(open.finish().ends(0).stderr.contains("sandbox: off"));
}

/// A copy of the program that anybody may run, with the capability or without.
fn copy(
    scratch: &support::program::Scratch,
    name: &str,
    capability: Option<&str>,
) -> Result<std::path::PathBuf, String> {
    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(scratch.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
    let path = scratch.path().join(name);
    std::fs::copy(env!("CARGO_BIN_EXE_flowfence"), &path).unwrap();
    if let Some(capability) = capability {
        let set = std::process::Command::new("setcap").arg(capability).arg(&path).output();
        let set = set.map_err(|error| format!("setcap: {error}"))?;
        if !set.status.success() {
            return Err(String::from_utf8_lossy(&set.stderr).into_owned());
        }
    }
    Ok(path)
}

fn as_nobody(program: &std::path::Path, args: &[&str]) -> std::process::Command {
    use std::os::unix::process::CommandExt;
    let mut command = std::process::Command::new(program);
    command.args(args).uid(65_534).gid(65_534).current_dir("/");
    command
}

#[test]
fn nobody_captures_with_a_file_capability_and_without_it_is_told_how() {
    let net = net(net_or_skip!());
    let scratch = support::program::Scratch::new();
    let plain = copy(&scratch, "plain", None).unwrap();
    let args = ["graph", "live:s0", "--cluster", "none", "-o", "json"];
    let run = net.start(as_nobody(&plain, &args)).finish().ends(UNREADABLE);
    for word in ["CAP_NET_RAW", "setcap cap_net_raw+ep", "securityContext.capabilities.add: [NET_RAW]"] {
        assert!(run.stderr.contains(word), "{word}: {}", run.stderr);
    }
    for (name, capability) in [("effective", "cap_net_raw+ep"), ("permitted", "cap_net_raw+p")] {
        let able = match copy(&scratch, name, Some(capability)) {
            Ok(path) => path,
            Err(why) => return eprintln!("skipped: no file capability can be given: {why}"),
        };
        let mut running = net.start(as_nobody(&able, &args));
        running.wait_until_said("capturing from");
        talk_tcp(&net, SERVER, 8080, 2);
        std::thread::sleep(SETTLE);
        assert!(told_of(running.pid(), "CapPrm").iter().all(|(_, value)| value == "0000000000000000"));
        assert!(told_of(running.pid(), "Uid").iter().all(|(_, value)| value.starts_with("65534")));
        running.signal(Signal::SIGINT);
        assert_eq!(tcp_count(&edges(&running.finish().ends(0).json()), 8080), 2);
    }
}

#[test]
fn a_confined_capture_still_reads_objects_and_writes_policies() {
    let net = net(net_or_skip!());
    let scratch = support::program::Scratch::new();
    let cluster = support::cluster::Cluster::new(1).deployment("client", 1, &[CLIENT]).deployment(
        "server",
        8080,
        &[SERVER],
    );
    let objects = cluster.inputs(&scratch, &[]).clusters.remove(0);
    let (objects, out) = (objects.to_str().unwrap().to_owned(), scratch.path().join("new/policies"));
    let args = ["recommend", "live:s0", "--cluster", &objects, "--out", out.to_str().unwrap()];
    let running = net.capture(args);
    talk_tcp(&net, SERVER, 8080, 3);
    std::thread::sleep(SETTLE);
    running.signal(Signal::SIGINT);
    let run = running.finish().ends(0);
    assert!(run.stderr.contains("the proof holds"), "{}", run.stderr);
    assert!(out.join("app/server.yaml").exists());
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
