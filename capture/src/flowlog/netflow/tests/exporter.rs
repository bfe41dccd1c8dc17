//! Exporters that know Kubernetes, and exporters that mean harm.

use flowfence_model::logged::LoggedVerdict;

use super::*;
use crate::flowlog::netflow::{Exports, MAX_OCTETS};
use crate::flowlog::{Fold, Sink};

const NAMES: [Field; 13] = [
    (ANTREA, 100, 65535),
    (ANTREA, 101, 65535),
    (ANTREA, 104, 65535),
    (ANTREA, 143, 65535),
    (ANTREA, 102, 65535),
    (ANTREA, 103, 65535),
    (ANTREA, 105, 65535),
    (ANTREA, 144, 65535),
    (ANTREA, 109, 65535),
    (ANTREA, 106, 4),
    (ANTREA, 110, 65535),
    (ANTREA, 111, 65535),
    (ANTREA, 139, 1),
];

fn antrea(port: u16, service: &str, policy: &str, action: u8) -> Vec<u8> {
    [
        plain(([10, 42, 0, 1], port), ([10, 42, 1, 2], 8080), 6, 0, 6),
        [&[0; 7][..], &[5]].concat(),
        ["shop", "web-1", "node1", r#"{"app":"web"}"#, "shop", "cart-1", "node2", "", service]
            .map(text)
            .concat(),
        if service.is_empty() { vec![0; 4] } else { vec![10, 43, 0, 9] },
        text(policy),
        text(if policy.is_empty() { "" } else { "shop" }),
        vec![action],
    ]
    .concat()
}

#[test]
fn antrea_names_pods_services_and_the_policy_that_refused() {
    let of = [&PLAIN[..], &[(REVERSE, 2, 8)], &NAMES].concat();
    let records = [antrea(40_001, "shop/cart:http", "", 0), antrea(40_002, "", "cart-only", 2)];
    let recording = listen(&[ipfix(0, 0, &[template(256, &of), data(256, &records)])]);
    let logged = &recording.logged;
    let [allowed, denied] = &logged.conversations[..] else { panic!("{:?}", logged.conversations) };
    assert!(line(allowed, &recording).contains(r#"pod: Some("web-1")"#), "{}", line(allowed, &recording));
    assert!(line(allowed, &recording).contains(r#"labels: {"app": "web"}"#));
    assert!(line(allowed, &recording).ends_with(":8080 TCP Seen [6, 5] answered"));
    assert_eq!(logged.name(allowed.service), Some("shop/cart"));
    assert_eq!(allowed.service_address, Some(flowfence_model::Address::v4([10, 43, 0, 9])));
    assert_eq!((denied.verdict, logged.name(denied.policy)), (LoggedVerdict::Denied, Some("shop/cart-only")));
    // What an agent tells is all that its node's pods did.
    let whole: Vec<(&str, bool)> = logged.observers.iter().map(|o| (o.name.as_str(), o.is_whole)).collect();
    assert_eq!(whole, [("node1", true), ("node2", true)]);
}

#[test]
fn a_flow_that_comes_in_and_goes_out_is_told_by_two_observers() {
    let of = [&PLAIN[..], &[(0, 61, 1)]].concat();
    let record = |direction| [web(40_001, 5), vec![direction]].concat();
    let recording = listen(&[ipfix(0, 0, &[template(256, &of), data(256, &[record(0), record(1)])])]);
    let names: Vec<&str> = recording.logged.observers.iter().map(|o| o.name.as_str()).collect();
    assert_eq!((names, recording.logged.conversations.len()), (vec!["192.0.2.1 in", "192.0.2.1 out"], 2));
}

#[test]
fn what_waits_in_vain_is_bounded_whoever_sends_it() {
    let mut exports = Exports::default();
    let (mut fold, mut tally) = (Fold::default(), crate::cause::Tally::default());
    let (mut dns, mut records, mut taps) = <(crate::dns::Dns, Vec<_>, crate::tap::Taps)>::default();
    let mut to = Sink {
        fold: &mut fold,
        tally: &mut tally,
        dns: &mut dns,
        records: &mut records,
        taps: &mut taps,
        input: 0,
        time: Timestamp::default(),
    };
    let datagram = |number| ipfix(0, number, &[set(256, &vec![0; 60_000])]);
    for i in 0..6_000_u32 {
        let [a, b, c, d] = (0x0a00_0000 + i).to_be_bytes();
        let from = SocketAddr::from(([a, b, c, d], 1));
        exports.datagram(from, Timestamp::default(), &datagram(0), 8, &mut to);
        assert!(exports.octets <= MAX_OCTETS && exports.domains.len() <= 4096);
    }
    // One alone may not take it all.
    let from = SocketAddr::from(([192, 0, 2, 1], 1));
    for number in 0..100 {
        exports.datagram(from, Timestamp::default(), &datagram(number), 8, &mut to);
    }
    let weights: usize = exports.domains.values().map(super::super::domain::Domain::weight).sum();
    assert_eq!(exports.octets, weights);
    assert!(exports.domains.values().all(|domain| domain.weight() < 2 << 20));
    exports.finish(&mut to);
    assert_eq!(tally.counts().get("exports-untemplated"), 6_100);
}

#[test]
fn a_thousand_templates_are_kept_and_no_more() {
    let all: Vec<Vec<u8>> = (256..3000).map(|id| template_record(id, &[(0, 4, 1)])).collect();
    let messages: Vec<Vec<u8>> = all.chunks(100).map(|some| ipfix(0, 0, &[set(2, &some.concat())])).collect();
    let recording = listen(&messages);
    assert_eq!(recording.counts.iter().count(), 0);
}

#[test]
fn a_datagram_that_is_seen_at_two_interfaces_counts_once() {
    let message = |number| ipfix(0, number, &[template(256, &PLAIN), data(256, &[web(40_001, 5)])]);
    let recording = listen(&[message(0), message(0), message(1), message(1), message(2)]);
    assert_eq!(lines(&recording), ["10.42.0.1 -> 10.42.1.2:8080 TCP Unknown [15, 0] answered"]);
    assert_eq!((count(&recording, "exports-repeated"), count(&recording, "exports-lost")), (2, 0));
}

/// A capture of raw IP with one UDP packet a datagram.
fn pcap(from: [u8; 4], to: [u8; 4], datagrams: &[(u16, Vec<u8>)]) -> Vec<u8> {
    let mut file =
        vec![0xd4, 0xc3, 0xb2, 0xa1, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 255, 255, 0, 0, 101, 0, 0, 0];
    for (port, datagram) in datagrams {
        let udp = u16::try_from(datagram.len() + 8).unwrap();
        let mut packet = vec![0x45, 0];
        packet.extend((udp + 20).to_be_bytes());
        packet.extend([0, 0, 0, 0, 64, 17, 0, 0]);
        packet.extend([from, to].concat());
        packet.extend([40_000, *port, udp, 0].map(u16::to_be_bytes).concat());
        packet.extend(datagram);
        let length = u32::try_from(packet.len()).unwrap().to_le_bytes();
        file.extend([SENT.to_le_bytes(), [0; 4], length, length].concat());
        file.extend(packet);
    }
    file
}

fn read(file: &[u8], mut recorder: Recorder) -> Recording {
    crate::read_capture(file, "exports.pcap", &mut recorder, &mut |_| {}).unwrap();
    recorder.finish()
}

fn asking() -> Recorder {
    Recorder::new(Limits::default()).with_exports(&crate::EXPORT_PORTS)
}

#[test]
fn exports_in_a_capture_are_read_when_asked_for_and_are_traffic_anyway() {
    let message = ipfix(0, 0, &[template(256, &PLAIN), data(256, &[web(40_001, 5)])]);
    let file = pcap([192, 0, 2, 1], [192, 0, 2, 9], &[(4739, message.clone()), (9000, message)]);
    let plain = read(&file, Recorder::new(Limits::default()));
    assert_eq!((plain.records.len(), lines(&plain).len()), (2, 0));
    // What goes to a collector's port by habit is said to be unread.
    assert_eq!(count(&plain, "exports-unread"), 1);
    let elsewhere = read(&file, Recorder::new(Limits::default()).with_exports(&[9000]));
    assert_eq!((lines(&elsewhere).len(), count(&elsewhere, "exports-unread")), (1, 1));
    let asked = read(&file, asking());
    assert_eq!((&asked.records, count(&asked, "exports-unread")), (&plain.records, 0));
    assert_eq!(lines(&asked), ["10.42.0.1 -> 10.42.1.2:8080 TCP Unknown [5, 0] answered"]);
    assert_eq!((asked.packets, asked.files[0].packets), (2, 2));
    assert_eq!(asked.logged.observers[0].name, "192.0.2.1");
}

#[test]
fn an_exporter_on_the_host_of_its_collector_or_one_that_sends_to_a_group_is_heard() {
    let message = ipfix(0, 0, &[template(256, &PLAIN), data(256, &[web(40_001, 5)])]);
    for (from, to, cause) in [
        ([127, 0, 0, 1], [127, 0, 0, 1], "loopback-address"),
        ([192, 0, 2, 1], [239, 1, 1, 1], "non-unicast"),
    ] {
        let file = pcap(from, to, &[(2055, message.clone()), (53, message.clone())]);
        let recording = read(&file, asking());
        assert_eq!(lines(&recording), ["10.42.0.1 -> 10.42.1.2:8080 TCP Unknown [5, 0] answered"]);
        assert_eq!((recording.records.len(), count(&recording, cause)), (0, 2));
    }
}
