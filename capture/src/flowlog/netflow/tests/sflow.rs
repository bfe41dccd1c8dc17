//! sFlow v5.

use super::*;

fn words(all: &[u32]) -> Vec<u8> {
    all.iter().flat_map(|word| word.to_be_bytes()).collect()
}

/// A structure with its kind and length, filled up to whole words.
fn tagged(kind: u32, body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(body.len()).unwrap();
    let padding = vec![0; body.len().next_multiple_of(4) - body.len()];
    [words(&[kind, length]), body.to_vec(), padding].concat()
}

/// An Ethernet frame with a TCP segment.
fn frame(from: ([u8; 4], u16), to: ([u8; 4], u16), flags: u8) -> Vec<u8> {
    let mut frame = vec![2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0];
    frame.extend([0x45, 0, 0, 40, 0, 0, 0, 0, 64, 6, 0, 0]);
    frame.extend([from.0, to.0].concat());
    frame.extend([from.1.to_be_bytes(), to.1.to_be_bytes()].concat());
    frame.extend([0, 0, 0, 1, 0, 0, 0, 1, 0x50, flags, 4, 0, 0, 0, 0, 0]);
    frame
}

fn header(frame: &[u8], length: u32) -> Vec<u8> {
    let padding = vec![0; frame.len().next_multiple_of(4) - frame.len()];
    let captured = u32::try_from(frame.len()).unwrap();
    tagged(1, &[words(&[1, length, 4, captured]), frame.to_vec(), padding].concat())
}

fn sample(rate: u32, records: &[Vec<u8>]) -> Vec<u8> {
    let count = u32::try_from(records.len()).unwrap();
    tagged(1, &[words(&[1, 3, rate, 1000, 0, 1, 2, count]), records.concat()].concat())
}

fn datagram(sequence: u32, samples: &[Vec<u8>]) -> Vec<u8> {
    let count = u32::try_from(samples.len()).unwrap();
    let head = words(&[5, 1, u32::from_be_bytes([192, 0, 2, 9]), 0, sequence, 1000, count]);
    [head, samples.concat()].concat()
}

const CLIENT: ([u8; 4], u16) = ([10, 42, 0, 1], 40_001);
const SERVER: ([u8; 4], u16) = ([10, 42, 1, 2], 8080);

#[test]
fn sampled_packets_tell_who_opened_by_their_own_flags() {
    let samples = [
        sample(100, &[header(&frame(CLIENT, SERVER, 0x02), 64)]),
        sample(100, &[header(&frame(SERVER, CLIENT, 0x12), 64)]),
        sample(100, &[header(&frame(SERVER, CLIENT, 0x18), 64)]),
    ];
    let recording = listen(&[datagram(1, &samples)]);
    assert_eq!(
        lines(&recording),
        [
            "10.42.0.1 -> 10.42.1.2:8080 TCP Inferred [0, 100]",
            "10.42.0.1 -> 10.42.1.2:8080 TCP Seen [100, 100] answered",
        ]
    );
    assert_eq!(
        (count(&recording, "flows-sampled"), recording.logged.observers[0].name.as_str()),
        (3, "192.0.2.9")
    );
}

#[test]
fn expanded_samples_and_ends_read_by_the_agent_are_read_and_counters_passed_over() {
    let ends = words(&[
        60,
        17,
        u32::from_be_bytes([10, 42, 0, 1]),
        u32::from_be_bytes([10, 42, 1, 3]),
        41_000,
        53,
        0,
        0,
    ]);
    let expanded = [words(&[1, 0, 3, 10, 1000, 0, 0, 1, 0, 2, 1]), tagged(3, &ends)].concat();
    let counters = tagged(2, &words(&[1, 3, 0]));
    let vendor = tagged(4413 << 12 | 1, &[1, 2, 3]);
    let recording = listen(&[datagram(1, &[counters, tagged(3, &expanded), vendor])]);
    assert_eq!(lines(&recording), ["10.42.0.1 -> 10.42.1.3:53 UDP Unknown [10, 0]"]);
    assert_eq!(count(&recording, "malformed-export"), 0);
}

#[test]
fn lengths_that_lie_cost_their_sample_or_what_is_behind_it() {
    let good = sample(1, &[header(&frame(CLIENT, SERVER, 0x02), 64)]);
    let mut long = good.clone();
    long[4..8].copy_from_slice(&(100_u32 << 20).to_be_bytes());
    let mut many = good.clone();
    many[36..40].copy_from_slice(&u32::MAX.to_be_bytes());
    for bad in [long, many] {
        let recording = listen(&[datagram(1, &[good.clone(), bad, good.clone()])]);
        assert!(!lines(&recording).is_empty());
        assert_eq!(count(&recording, "malformed-export"), 1);
    }
    assert_eq!(count(&listen(&[vec![0, 0, 0, 5, 0, 0, 0, 9]]), "malformed-export"), 1);
}

#[test]
fn datagrams_that_did_not_come_are_lost_samples() {
    let one = |sequence| datagram(sequence, &vec![sample(1, &[header(&frame(CLIENT, SERVER, 0x02), 64)]); 4]);
    assert_eq!(count(&listen(&[one(1), one(2), one(5)]), "exports-lost"), 8);
}
