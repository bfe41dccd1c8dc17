//! Lines in any order, and lines that come twice, change nothing of who asked whom for what.

mod logs;

use flowfence_model::{Protocol, Recording};
use logs::{octets, read, who};
use proptest::prelude::*;
use proptest::sample::Index;

/// Samples whose lines stand for themselves, with the number of lines of their head.
const SAMPLES: [(&str, usize); 11] = [
    ("hubble/exporter.jsonl", 0),
    ("hubble/observe-bare.jsonl", 0),
    ("gke-policy/node.jsonl", 0),
    ("gcp-vpc/cloud-logging.jsonl", 0),
    ("netobserv/flows.jsonl", 0),
    ("calico/flows.jsonl", 0),
    ("envoy-access/access.jsonl", 0),
    ("otel-network/flows.jsonl", 0),
    ("aws-vpc/default.log", 0),
    ("aws-vpc/version5.log", 1),
    ("aws-vpc/version11.log", 1),
];

/// The lines again, at the places that `order` says, and some of them twice.
fn mixed(sample: &[u8], head: usize, order: &[Index], twice: &[Index]) -> Vec<u8> {
    let lines: Vec<&[u8]> = sample.split_inclusive(|octet| *octet == b'\n').collect();
    let (head, body) = lines.split_at(head);
    let mut body = body.to_vec();
    body.extend(twice.iter().map(|i| body[i.index(body.len())]).collect::<Vec<_>>());
    for (i, other) in order.iter().enumerate().take(body.len()) {
        let other = other.index(body.len());
        body.swap(i, other);
    }
    [head.concat(), body.concat()].concat()
}

/// Records of connections, without what they count.
fn connections(recording: &Recording) -> Vec<(String, String, Protocol)> {
    let ends = recording.records.iter().map(|r| (r.a.to_string(), r.b.to_string(), r.protocol));
    let mut all: Vec<_> = ends.collect();
    all.sort();
    all.dedup();
    all
}

/// Lines of a VPC log of random packets between few ends.
fn vpc() -> impl Strategy<Value = Vec<String>> {
    let port = prop_oneof![Just(53_u16), Just(8080), 30_000_u16..36_000];
    let flags = prop_oneof![Just("-"), Just("0"), Just("2"), Just("18"), Just("4"), Just("3")];
    let line =
        (0_u8..3, 0_u8..3, port.clone(), port, flags, any::<bool>()).prop_map(|(a, b, p, q, flags, tcp)| {
            let number = if tcp { 6 } else { 17 };
            format!(
                "eni-{} 10.42.1.{a} 10.42.2.{b} {p} {q} {number} 1 60 1795514400 1795514460 {flags}\n",
                a % 2
            )
        });
    proptest::collection::vec(line, 1..40)
}

const HEADER: &str =
    "interface-id srcaddr dstaddr srcport dstport protocol packets bytes start end tcp-flags\n";

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn samples_in_any_order_and_doubled_tell_the_same(
        which in 0..SAMPLES.len(),
        order in proptest::collection::vec(any::<Index>(), 64),
        twice in proptest::collection::vec(any::<Index>(), 0..16),
    ) {
        let (file, head) = SAMPLES[which];
        let sample = octets(file);
        prop_assert_eq!(who(&read(&mixed(&sample, head, &order, &twice))), who(&read(&sample)), "{}", file);
    }

    #[test]
    fn any_lines_in_any_order_and_doubled_tell_the_same(
        lines in vpc(),
        order in proptest::collection::vec(any::<Index>(), 64),
        twice in proptest::collection::vec(any::<Index>(), 0..16),
    ) {
        let sample = HEADER.to_owned() + &lines.concat();
        let again = mixed(sample.as_bytes(), 1, &order, &twice);
        prop_assert_eq!(who(&read(&again)), who(&read(sample.as_bytes())));
    }

    #[test]
    fn events_of_connections_in_any_order_tell_the_same(
        order in proptest::collection::vec(any::<Index>(), 64),
        twice in proptest::collection::vec(any::<Index>(), 0..8),
        which in 0..2_usize,
    ) {
        let file = ["conntrack/events.txt", "suricata-eve/eve.json"][which];
        let sample = octets(file);
        let again = read(&mixed(&sample, 0, &order, &twice));
        prop_assert_eq!(connections(&again), connections(&read(&sample)), "{}", file);
    }
}
