//! Connection tracking: the traps of listings and events.

mod logs;

use flowfence_model::{Protocol, Recording, Signs, Timestamp};
use logs::{read_lines, record, sample, told};

const SENT: &str = "src=10.42.1.10 dst=10.96.0.20 sport=40001 dport=80";
const BACK: &str = "src=10.42.2.20 dst=10.42.1.10 sport=8080 dport=40001";

/// How far the only connection of these lines got: opened, answered, reset.
fn state(lines: &[&str]) -> (bool, bool, bool) {
    let recording = read_lines(lines);
    let all = &recording.records;
    assert!(!all.is_empty(), "{}", told(&recording));
    let signs = |r: &flowfence_model::FlowRecord| {
        (
            r.forward.signs.has(Signs::OPEN),
            r.reverse.signs.has(Signs::ACCEPT),
            r.reverse.signs.has(Signs::RESET),
        )
    };
    assert!(all.iter().all(|r| signs(r) == signs(&all[0])), "{}", told(&recording));
    signs(&all[0])
}

fn ends(recording: &Recording) -> Vec<String> {
    let mut all: Vec<String> = recording.records.iter().map(|r| format!("{} {}", r.a, r.b)).collect();
    all.sort();
    all
}

const ESTABLISHED: (bool, bool, bool) = (true, true, false);
const UNANSWERED: (bool, bool, bool) = (true, false, false);
const REFUSED: (bool, bool, bool) = (true, false, true);

#[test]
fn a_translated_connection_is_told_before_and_behind_the_service() {
    let recording = read_lines(&[&format!("tcp 6 100 ESTABLISHED {SENT} {BACK} [ASSURED] mark=0 use=1")]);
    assert_eq!(ends(&recording), ["10.42.1.10:40001 10.42.2.20:8080", "10.42.1.10:40001 10.96.0.20:80"]);
    let marks: Vec<Option<u32>> = recording.records.iter().map(|r| r.forward.isn()).collect();
    assert!(marks[0].is_some() && marks[0] == marks[1], "both are one connection");
}

#[test]
fn a_masqueraded_connection_is_told_on_both_sides_of_the_gateway() {
    let recording = read_lines(&[
        "tcp 6 100 ESTABLISHED src=10.42.1.10 dst=203.0.113.7 sport=40001 dport=443 src=203.0.113.7 dst=192.0.2.11 sport=443 dport=61000 [ASSURED] mark=0 use=1",
    ]);
    assert_eq!(ends(&recording), ["10.42.1.10:40001 203.0.113.7:443", "192.0.2.11:61000 203.0.113.7:443"]);
}

#[test]
fn the_original_direction_is_who_opened() {
    let recording = sample("conntrack/events.txt");
    assert!(
        recording.records.iter().all(|r| r.a.address.to_string() == "10.42.1.10"),
        "{}",
        told(&recording)
    );
}

#[test]
fn states_tell_how_far_it_got() {
    let cases = [
        ("ESTABLISHED", "[ASSURED]", ESTABLISHED),
        ("TIME_WAIT", "[ASSURED]", ESTABLISHED),
        ("CLOSE", "[ASSURED]", ESTABLISHED),
        ("CLOSE_WAIT", "", ESTABLISHED),
        ("SYN_RECV", "", UNANSWERED),
        ("CLOSE", "", REFUSED),
    ];
    for (state_word, mark, expected) in cases {
        let line = format!("tcp 6 100 {state_word} {SENT} {BACK} {mark} mark=0 use=1");
        assert_eq!(state(&[&line]), expected, "{line}");
    }
    assert_eq!(state(&[&format!("tcp 6 100 SYN_SENT {SENT} [UNREPLIED] {BACK} mark=0 use=1")]), UNANSWERED);
    assert_eq!(state(&[&format!("tcp 6 {SENT} {BACK} [OFFLOAD] mark=0 use=3")]), ESTABLISHED);
    assert_eq!(state(&[&format!("tcp 6 {SENT} {BACK} [HW_OFFLOAD] mark=0 use=3")]), ESTABLISHED);
}

#[test]
fn a_reset_in_answer_to_the_opening_is_a_refusal() {
    let new = format!("[1.0] [NEW] tcp 6 120 SYN_SENT {SENT} [UNREPLIED] {BACK} id=7");
    let end = format!(
        "[1.1] [DESTROY] tcp 6 120 CLOSE {SENT} packets=1 bytes=60 [UNREPLIED] {BACK} packets=1 bytes=40 id=7"
    );
    assert_eq!(state(&[&new, &end]), REFUSED);
    assert_eq!(state(&[&end]), REFUSED);
    let silent = end.replace(" CLOSE", "").replace("packets=1 bytes=40", "packets=0 bytes=0");
    assert_eq!(state(&[&new, &silent]), UNANSWERED);
}

#[test]
fn events_of_one_connection_are_one_and_the_last_counts() {
    let recording = sample("conntrack/events.txt");
    let whole: Vec<_> = recording.records.iter().filter(|r| r.a.port == 40_001).collect();
    assert_eq!(whole.len(), 2, "before and behind the service");
    assert!(whole.iter().all(|r| (r.forward.packets, r.reverse.packets) == (6, 5)));
    assert!(whole.iter().all(|r| r.first < r.last));
}

#[test]
fn the_same_ports_again_are_another_connection() {
    let one = |at: u32, id: u32| {
        [
            format!("[{at}.0] [NEW] tcp 6 120 SYN_SENT {SENT} [UNREPLIED] {BACK} id={id}"),
            format!("[{at}.1] [UPDATE] tcp 6 120 ESTABLISHED {SENT} {BACK} [ASSURED] id={id}"),
            format!(
                "[{at}.2] [DESTROY] tcp 6 {SENT} packets=3 bytes=180 {BACK} packets=3 bytes=180 [ASSURED] id={id}"
            ),
        ]
    };
    let lines = [one(10, 1), one(20, 2)].concat();
    let recording = read_lines(&lines.iter().map(String::as_str).collect::<Vec<_>>());
    assert_eq!(recording.records.len(), 4);
}

#[test]
fn a_query_without_answer_has_its_backend_and_no_answer() {
    let line = "udp 17 27 src=10.42.1.10 dst=10.96.0.10 sport=50001 dport=53 packets=1 bytes=53 [UNREPLIED] src=10.42.1.53 dst=10.42.1.10 sport=53 dport=50001 packets=0 bytes=0 mark=0 use=1";
    let recording = read_lines(&[line]);
    assert_eq!(ends(&recording), ["10.42.1.10:50001 10.42.1.53:53", "10.42.1.10:50001 10.96.0.10:53"]);
    assert!(recording.records.iter().all(|r| !r.reverse.is_seen()));
}

#[test]
fn without_accounting_an_answer_is_still_an_answer() {
    let recording = read_lines(&[&format!("udp 17 27 {SENT} {BACK} mark=0 use=1")]);
    assert!(recording.records.iter().all(|r| r.protocol == Protocol::Udp && r.reverse.is_seen()));
}

#[test]
fn a_ping_is_one_connection_with_its_identifier() {
    let line = "icmp 1 29 src=10.42.1.10 dst=10.42.2.20 type=8 code=0 id=77 src=10.42.2.20 dst=10.42.1.10 type=0 code=0 id=77 mark=0 use=1 id=4000";
    let lines: Vec<String> = read_lines(&[line]).records.iter().map(record).collect();
    assert_eq!(lines.len(), 1, "{lines:#?}");
    assert!(lines[0].starts_with("10.42.1.10:77 -> 10.42.2.20 8.0 ICMP"), "{lines:#?}");
}

#[test]
fn how_long_ago_it_began_is_taken_from_the_listing() {
    let line = format!(
        "ipv4 2 tcp 6 119 ESTABLISHED {SENT} {BACK} [ASSURED] mark=0 delta-time=90 [start=Tue Nov 24 18:02:50 2026] use=1"
    );
    let record = &read_lines(&[&line]).records[0];
    let listed = Timestamp::from_secs(1_795_516_200, 0);
    assert_eq!((record.last, record.last.since(record.first).as_secs()), (listed, 90));
}

#[test]
fn zones_and_everything_behind_the_tuples_are_no_part_of_them() {
    let plain = read_lines(&[&format!("tcp 6 119 ESTABLISHED {SENT} {BACK} [ASSURED] mark=0 use=1")]);
    let rich = read_lines(&[&format!(
        "ipv4     2 tcp      6 119 ESTABLISHED {SENT} {BACK} [ASSURED] mark=5 secctx=system_u:object_r:unlabeled_t:s0 zone=3 labels=a,b helper=ftp use=2"
    )]);
    assert_eq!(ends(&plain), ends(&rich));
}

#[test]
fn what_is_no_connection_with_ports_is_counted() {
    let recording = sample("conntrack/list.txt");
    assert_eq!(recording.counts.get("other-ip-protocol"), 2);
    assert_eq!(recording.counts.get("log-lines-other"), 1);
}

#[test]
fn records_come_in_the_same_order_each_time() {
    let order = |recording: &Recording| recording.records.iter().map(record).collect::<Vec<_>>();
    for file in ["conntrack/list.txt", "conntrack/events.txt"] {
        let first = order(&sample(file));
        for _ in 0..8 {
            assert_eq!(order(&sample(file)), first, "{file}");
        }
    }
}

#[test]
fn what_may_have_been_picked_up_in_the_middle_has_no_opener() {
    let tuples = |client: u16, server: u16| {
        format!(
            "src=10.42.2.20 dst=10.42.1.10 sport={client} dport={server} src=10.42.1.10 dst=10.42.2.20 sport={server} dport={client}"
        )
    };
    let untold = (false, false, false);
    let inverted = tuples(443, 40_001);
    let lines = |all: &[String]| state(&all.iter().map(String::as_str).collect::<Vec<_>>());
    assert_eq!(lines(&[format!("tcp 6 100 ESTABLISHED {inverted} [ASSURED] mark=0 use=1")]), untold);
    assert_eq!(lines(&[format!("[1795514400.5] [DESTROY] tcp 6 TIME_WAIT {inverted} [ASSURED]")]), untold);
    let one_sided = tuples(40_001, 443).replacen(
        " src=10.42.1.10 dst=10.42.2.20",
        " [UNREPLIED] src=10.42.1.10 dst=10.42.2.20",
        1,
    );
    assert_eq!(lines(&[format!("tcp 6 300 ESTABLISHED {one_sided} mark=0 use=1")]), untold);
    // Its opening was seen, it was translated, or it was refused: none of it was picked up.
    let opening = format!(
        "[1795514400.1] [NEW] tcp 6 120 SYN_SENT {}",
        inverted.replacen(" src=10.42.1.10", " [UNREPLIED] src=10.42.1.10", 1)
    );
    let end = format!("[1795514400.5] [DESTROY] tcp 6 {inverted} [ASSURED]");
    assert_eq!(lines(&[opening.clone(), end]), ESTABLISHED);
    let refused = format!("[1795514400.5] [DESTROY] tcp 6 {inverted}");
    assert_eq!(lines(&[opening, refused]), REFUSED);
    let translated = "src=10.42.1.10 dst=10.96.0.20 sport=2001 dport=40080 src=10.42.2.20 dst=10.42.1.10 sport=40081 dport=2001";
    assert_eq!(lines(&[format!("tcp 6 100 ESTABLISHED {translated} [ASSURED] mark=0 use=1")]), ESTABLISHED);
}

#[test]
fn udp_lite_is_another_protocol() {
    let recording = read_lines(&[
        &format!("udp 17 100 {SENT} {BACK} mark=0 use=1"),
        &format!("udplite 136 100 {SENT} {BACK} mark=0 use=1"),
    ]);
    assert_eq!((recording.records.len(), recording.counts.get("other-ip-protocol")), (2, 1));
}
