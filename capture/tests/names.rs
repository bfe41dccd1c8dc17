//! DNS answers name addresses, when they were asked for.

mod support;

use flowfence_capture::LinkType;
use flowfence_model::Recording;
use support::{A, ACK, B, datagram, ip, record, segment, tcp};

fn name(text: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    for label in text.split('.') {
        bytes.push(u8::try_from(label.len()).expect("short"));
        bytes.extend(label.as_bytes());
    }
    bytes.push(0);
    bytes
}

fn message(flags: [u8; 2], question: &str, answers: &[(&str, u16, Vec<u8>)]) -> Vec<u8> {
    let mut bytes = vec![
        0x12,
        0x34,
        flags[0],
        flags[1],
        0,
        1,
        0,
        u8::try_from(answers.len()).expect("short"),
        0,
        0,
        0,
        0,
    ];
    bytes.extend(name(question));
    bytes.extend([0, 1, 0, 1]);
    for (owner, kind, data) in answers {
        bytes.extend(name(owner));
        bytes.extend(kind.to_be_bytes());
        bytes.extend([0, 1, 0, 0, 0, 30]);
        bytes.extend(u16::try_from(data.len()).expect("short").to_be_bytes());
        bytes.extend(data);
    }
    bytes
}

fn question(text: &str) -> Vec<u8> {
    datagram(A, B, (40_000, 53), &message([1, 0], text, &[]))
}

/// From the service's address, to which the question was not sent.
fn answer(text: &str, answers: &[(&str, u16, Vec<u8>)]) -> Vec<u8> {
    datagram("10.96.0.10", A, (53, 40_000), &message([0x81, 0x80], text, answers))
}

fn names(recording: &Recording, address: &str) -> Vec<String> {
    recording.names.of(ip(address)).map(str::to_owned).collect()
}

#[test]
fn an_answer_names_its_addresses_after_the_question() {
    let answers = [
        ("Pay.Example.NET", 5, name("edge.cdn.example")),
        ("edge.cdn.example", 1, vec![203, 0, 113, 10]),
        ("edge.cdn.example", 28, [vec![0x20, 1, 0xd, 0xb8], vec![0; 11], vec![7]].concat()),
        ("stranger.example", 1, vec![203, 0, 113, 99]),
    ];
    let recording =
        record(LinkType::RAW, &[question("Pay.Example.NET"), answer("Pay.Example.NET", &answers)]);
    assert_eq!(names(&recording, "203.0.113.10"), ["pay.example.net"]);
    assert_eq!(names(&recording, "2001:db8::7"), ["pay.example.net"]);
    assert!(names(&recording, "203.0.113.99").is_empty(), "not an alias of what was asked");
}

#[test]
fn an_answer_whose_question_took_another_way_names_its_address() {
    let recording = record(LinkType::RAW, &[answer("a.example", &[("a.example", 1, vec![203, 0, 113, 66])])]);
    assert_eq!(names(&recording, "203.0.113.66"), ["a.example"]);
}

#[test]
fn a_cut_answer_gives_what_is_readable() {
    let answers = [("a.example", 1, vec![203, 0, 113, 1]), ("a.example", 1, vec![203, 0, 113, 2])];
    let mut cut = message([0x81, 0x80], "a.example", &answers);
    cut.truncate(cut.len() - 2);
    let recording = record(LinkType::RAW, &[question("a.example"), datagram(B, A, (53, 40_000), &cut)]);
    assert_eq!(recording.names.iter().count(), 1);
}

#[test]
fn a_name_that_could_move_a_cursor_is_not_kept() {
    let hostile = "\x1b[2J<script>";
    let recording =
        record(LinkType::RAW, &[question(hostile), answer(hostile, &[(hostile, 1, vec![203, 0, 113, 1])])]);
    assert!(recording.names.is_empty());
}

#[test]
fn whole_messages_over_tcp_are_read() {
    let sent =
        |message: Vec<u8>| [u16::try_from(message.len()).unwrap().to_be_bytes().to_vec(), message].concat();
    let ask = sent(message([1, 0], "a.example", &[]));
    let told = sent(message([0x81, 0x80], "a.example", &[("a.example", 1, vec![203, 0, 113, 5])]));
    let mut there = tcp((40_000, 53), ACK, 1, 1);
    there.payload = &ask;
    let mut back = tcp((53, 40_000), ACK, 1, 1);
    back.payload = &told;
    let recording = record(LinkType::RAW, &[segment(A, B, there), segment(B, A, back)]);
    assert_eq!(names(&recording, "203.0.113.5"), ["a.example"]);
}
