//! Datagrams made by hand, one trap at a time.

mod exporter;
mod ipfix;
mod netobserv;
mod sflow;
mod v9;

use std::net::SocketAddr;

use flowfence_model::{Conversation, Recording, Timestamp};

use crate::{Limits, Recorder};

/// Where export times are.
const SENT: u32 = 1_795_543_370;

fn listen(datagrams: &[Vec<u8>]) -> Recording {
    let from: SocketAddr = "192.0.2.1:40000".parse().unwrap();
    hear(datagrams.iter().map(|datagram| (from, datagram.clone())))
}

fn hear(datagrams: impl IntoIterator<Item = (SocketAddr, Vec<u8>)>) -> Recording {
    let mut recorder = Recorder::new(Limits::default());
    let input = recorder.begin_input("ipfix://test");
    for (from, datagram) in datagrams {
        recorder.export(input, from, Timestamp::from_secs(i64::from(SENT), 0), &datagram);
    }
    recorder.finish()
}

/// What was told, a line a conversation, sorted.
fn lines(recording: &Recording) -> Vec<String> {
    let mut lines: Vec<String> = recording.logged.conversations.iter().map(|c| line(c, recording)).collect();
    lines.sort();
    lines
}

fn line(c: &Conversation, recording: &Recording) -> String {
    let end = |end: flowfence_model::logged::LoggedEnd| match recording.logged.identity(end.identity) {
        Some(identity) => format!("{identity:?}"),
        None => end.address.map_or("?".to_owned(), |address| address.ip().to_string()),
    };
    let icmp = c.icmp.map_or(String::new(), |icmp| format!(" type {}", icmp.kind));
    let port = c.port.map_or(String::new(), |port| format!(":{port}"));
    format!(
        "{} -> {}{port} {}{icmp} {:?} {:?}{}",
        end(c.from),
        end(c.to),
        c.protocol,
        c.orientation,
        c.counts.packets,
        if c.counts.answered { " answered" } else { "" }
    )
}

fn count(recording: &Recording, cause: &str) -> u64 {
    recording.counts.get(cause)
}

/// A field of a template: enterprise, number, length.
type Field = (u32, u16, u16);

const REVERSE: u32 = 29305;
const ANTREA: u32 = 56506;

/// Addresses, ports, protocol, flags, packets, octets: what every exporter has.
const PLAIN: [Field; 8] =
    [(0, 8, 4), (0, 12, 4), (0, 7, 2), (0, 11, 2), (0, 4, 1), (0, 6, 1), (0, 2, 4), (0, 1, 4)];

/// A record of `PLAIN`.
fn plain(from: ([u8; 4], u16), to: ([u8; 4], u16), protocol: u8, flags: u8, packets: u32) -> Vec<u8> {
    let mut record = [from.0, to.0].concat();
    record.extend(from.1.to_be_bytes());
    record.extend(to.1.to_be_bytes());
    record.extend([protocol, flags]);
    record.extend(packets.to_be_bytes());
    record.extend((packets * 100).to_be_bytes());
    record
}

/// A web server's answer to a client, TCP, both flags set: nobody can tell who opened.
fn web(client_port: u16, packets: u32) -> Vec<u8> {
    plain(([10, 42, 0, 1], client_port), ([10, 42, 1, 2], 8080), 6, 0x1b, packets)
}

fn set(id: u16, body: &[u8]) -> Vec<u8> {
    let length = u16::try_from(body.len() + 4).unwrap();
    [&id.to_be_bytes()[..], &length.to_be_bytes(), body].concat()
}

fn fields(fields: &[Field]) -> Vec<u8> {
    let mut all = Vec::new();
    for (enterprise, id, length) in fields {
        let bit = if *enterprise == 0 { 0 } else { 0x8000 };
        all.extend((id | bit).to_be_bytes());
        all.extend(length.to_be_bytes());
        if *enterprise != 0 {
            all.extend(enterprise.to_be_bytes());
        }
    }
    all
}

fn template_record(id: u16, of: &[Field]) -> Vec<u8> {
    let count = u16::try_from(of.len()).unwrap();
    [&id.to_be_bytes()[..], &count.to_be_bytes(), &fields(of)].concat()
}

/// A template set of IPFIX.
fn template(id: u16, of: &[Field]) -> Vec<u8> {
    set(2, &template_record(id, of))
}

/// An options template set of IPFIX.
fn options(id: u16, of: &[Field], scopes: u16) -> Vec<u8> {
    let count = u16::try_from(of.len()).unwrap();
    let head = [id.to_be_bytes(), count.to_be_bytes(), scopes.to_be_bytes()].concat();
    set(3, &[head, fields(of)].concat())
}

fn data(id: u16, records: &[Vec<u8>]) -> Vec<u8> {
    set(id, &records.concat())
}

fn ipfix(domain: u32, sequence: u32, sets: &[Vec<u8>]) -> Vec<u8> {
    let sets = sets.concat();
    let length = u16::try_from(sets.len() + 16).unwrap();
    let mut message = [10_u16.to_be_bytes(), length.to_be_bytes()].concat();
    for word in [SENT, sequence, domain] {
        message.extend(word.to_be_bytes());
    }
    message.extend(sets);
    message
}

fn v9(source: u32, sequence: u32, uptime: u32, sets: &[Vec<u8>]) -> Vec<u8> {
    let count = u16::try_from(sets.len()).unwrap();
    let mut message = [9_u16.to_be_bytes(), count.to_be_bytes()].concat();
    for word in [uptime, SENT, sequence, source] {
        message.extend(word.to_be_bytes());
    }
    message.extend(sets.concat());
    message
}

/// A text with its length before it.
fn text(value: &str) -> Vec<u8> {
    [&[u8::try_from(value.len()).unwrap()], value.as_bytes()].concat()
}
