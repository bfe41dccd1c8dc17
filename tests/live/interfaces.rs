//! Several interfaces, and those that come and go.

use super::*;

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
