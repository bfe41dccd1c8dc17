//! NetFlow v9 and v5.

use std::time::Duration;

use super::*;

fn v9_template(id: u16, of: &[Field]) -> Vec<u8> {
    set(0, &template_record(id, of))
}

/// Uptime at the beginning and at the end, behind a plain record.
const TIMED: [Field; 2] = [(0, 22, 4), (0, 21, 4)];

fn timed(record: &[u8], first: u32, last: u32) -> Vec<u8> {
    [record, &first.to_be_bytes(), &last.to_be_bytes()].concat()
}

#[test]
fn times_count_from_the_uptime_in_the_header() {
    let of = [&PLAIN[..], &TIMED].concat();
    let records = [timed(&web(40_001, 1), 90_000, 99_500)];
    let message = v9(7, 1, 100_000, &[v9_template(256, &of), data(256, &records)]);
    let recording = listen(&[message]);
    let sent = Timestamp::from_secs(i64::from(SENT), 0);
    let counts = &recording.logged.conversations[0].counts;
    assert_eq!(counts.first, sent.minus(Duration::from_secs(10)));
    assert_eq!(counts.last, sent.minus(Duration::from_millis(500)));
}

#[test]
fn a_set_that_waited_keeps_the_time_of_its_own_message() {
    let of = [&PLAIN[..], &TIMED].concat();
    let early = v9(7, 1, 100_000, &[data(256, &[timed(&web(40_001, 1), 100_000, 100_000)])]);
    let mut late = v9(7, 2, 160_000, &[v9_template(256, &of)]);
    late[8..12].copy_from_slice(&(SENT + 60).to_be_bytes());
    let recording = listen(&[early, late]);
    let first = recording.logged.conversations[0].counts.first;
    assert_eq!(first, Timestamp::from_secs(i64::from(SENT), 0));
}

#[test]
fn who_began_anew_has_new_templates() {
    let sets = |with: bool| {
        let template = if with { v9_template(256, &PLAIN) } else { Vec::new() };
        [template, data(256, &[web(40_001, 1)])]
    };
    let restarted = listen(&[v9(7, 50, 900_000, &sets(true)), v9(7, 0, 1_000, &sets(false))]);
    assert_eq!((lines(&restarted).len(), count(&restarted, "exports-untemplated")), (1, 1));
    // Overtaking is no restart.
    let late = listen(&[v9(7, 51, 900_000, &sets(true)), v9(7, 50, 899_000, &sets(false))]);
    assert_eq!((count(&late, "exports-untemplated"), count(&late, "exports-lost")), (0, 0));
}

#[test]
fn options_tell_the_sampling_and_counts_become_estimates() {
    // Scope: system; options: sampling interval and algorithm.
    let template = set(1, &[1, 1, 0, 4, 0, 8, 0, 1, 0, 4, 0, 34, 0, 4, 0, 35, 0, 1, 0, 0]);
    let about = set(257, &[192, 0, 2, 1, 0, 0, 0, 50, 1]);
    let message = v9(0, 1, 1, &[template, about, v9_template(256, &PLAIN), data(256, &[web(40_001, 3)])]);
    let recording = listen(&[message]);
    assert_eq!(lines(&recording), ["10.42.0.1 -> 10.42.1.2:8080 TCP Unknown [150, 0] answered"]);
    assert_eq!((count(&recording, "flows-sampled"), count(&recording, "malformed-export")), (1, 0));
    assert!(recording.logged.observers.iter().all(|observer| !observer.is_whole));
}

#[test]
fn ipfix_tells_the_sampling_by_packets_and_gaps_and_by_selector() {
    let about = [(0, 302, 2), (0, 305, 4), (0, 306, 4)];
    let told = |selector: u16, packets: u32, space: u32| {
        [&selector.to_be_bytes()[..], &packets.to_be_bytes(), &space.to_be_bytes()].concat()
    };
    let of = [&PLAIN[..], &[(0, 302, 2)]].concat();
    let record = |selector: u16, port| [web(port, 1), selector.to_be_bytes().to_vec()].concat();
    let sets = [
        options(257, &about, 1),
        data(257, &[told(1, 1, 99), told(2, 10, 90)]),
        template(256, &of),
        data(256, &[record(1, 40_001)]),
        data(256, &[record(2, 40_002)]),
    ];
    let recording = listen(&[ipfix(0, 0, &sets)]);
    assert_eq!(lines(&recording), ["10.42.0.1 -> 10.42.1.2:8080 TCP Unknown [110, 0] answered"]);
}

fn v5(sequence: u32, sampling: u16, records: &[[u8; 48]]) -> Vec<u8> {
    let count = u16::try_from(records.len()).unwrap();
    let mut datagram = [5_u16.to_be_bytes(), count.to_be_bytes()].concat();
    for word in [100_000, SENT, 250_000_000, sequence] {
        datagram.extend(u32::to_be_bytes(word));
    }
    datagram.extend([0, 0]);
    datagram.extend(sampling.to_be_bytes());
    datagram.extend(records.concat());
    datagram
}

fn v5_record(client_port: u16, flags: u8) -> [u8; 48] {
    let mut record = [0; 48];
    record[..8].copy_from_slice(&[10, 42, 0, 1, 10, 42, 1, 2]);
    record[19] = 6;
    record[22..24].copy_from_slice(&500_u16.to_be_bytes());
    record[24..28].copy_from_slice(&99_000_u32.to_be_bytes());
    record[28..32].copy_from_slice(&100_000_u32.to_be_bytes());
    record[32..34].copy_from_slice(&client_port.to_be_bytes());
    record[34..36].copy_from_slice(&8080_u16.to_be_bytes());
    (record[37], record[38]) = (flags, 6);
    record
}

#[test]
fn version_5_is_read_with_its_sampling_and_its_gaps() {
    let first = v5(10, 0x4014, &[v5_record(40_001, 0x1b), v5_record(40_002, 0x02)]);
    let second = v5(15, 0, &[v5_record(40_003, 0x1b)]);
    let recording = listen(&[first, second]);
    assert_eq!(
        lines(&recording),
        [
            "10.42.0.1 -> 10.42.1.2:8080 TCP Inferred [126, 0] answered",
            "10.42.0.1 -> 10.42.1.2:8080 TCP Seen [120, 0]",
        ]
    );
    assert_eq!((count(&recording, "exports-lost"), count(&recording, "flows-sampled")), (3, 2));
    let last = recording.logged.conversations[0].counts.last;
    assert_eq!(last, Timestamp::from_secs(i64::from(SENT), 250_000_000));
    let mut cut = v5(0, 0, &[v5_record(40_001, 2)]);
    cut.pop();
    assert_eq!(count(&listen(&[cut]), "malformed-export"), 1);
}
