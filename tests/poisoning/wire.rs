//! Lies on the wire.

use std::net::Ipv4Addr;

use serde_json::json;

use crate::support::cluster::Wire;
use crate::support::packet::{self, ACK, FIN, PSH, RST, SYN};
use crate::support::program::Scratch;
use crate::{API, BOT, DB, WEB, cluster, end, ordinary, recommended};

/// A way to lie, and the packets that it takes.
type Lie = (&'static str, fn(&mut Wire));

const LIES: &[Lie] = &[
    ("openings under the address of another, who resets what he did not ask for", |wire| {
        for n in 0..6 {
            let (client, server) = (end(WEB, 50_000 + n), end(DB, 5432));
            wire.frame(packet::tcp(client, server, SYN, 100, 0, b""));
            wire.frame(packet::tcp(server, client, SYN | ACK, 900, 101, b""));
            wire.frame(packet::tcp(client, server, RST, 101, 0, b""));
        }
    }),
    ("an opening under a false address that goes on without having heard the answer", |wire| {
        let (client, server) = (end(WEB, 50_100), end(DB, 5432));
        wire.frame(packet::tcp(client, server, SYN, 100, 0, b""));
        wire.frame(packet::tcp(client, server, ACK, 101, 1, b""));
        wire.frame(packet::tcp(client, server, PSH | ACK, 101, 1, b"drop table"));
    }),
    ("opening and acceptance by one liar, and no third step", |wire| {
        let (client, server) = (end(BOT, 50_200), end(DB, 5432));
        wire.frame(packet::tcp(client, server, SYN, 100, 0, b""));
        wire.frame(packet::tcp(server, client, SYN | ACK, 900, 101, b""));
    }),
    ("acceptances that nobody asked for", |wire| {
        for n in 0..4 {
            wire.frame(packet::tcp(end(DB, 5432), end(WEB, 50_300 + n), SYN | ACK, 900, 101, b""));
        }
    }),
    ("segments of a connection that never was, one way", |wire| {
        let (client, server) = (end(BOT, 50_400), end(DB, 5432));
        for n in 0..5 {
            wire.frame(packet::tcp(client, server, PSH | ACK, 101 + n, 901, b"x"));
        }
        wire.frame(packet::tcp(server, client, RST, 901, 0, b""));
    }),
    ("resets in the middle of what is genuine, from both sides", |wire| {
        wire.frame(packet::tcp(end(WEB, 40_001), end(API, 8080), RST, 9, 0, b""));
        wire.frame(packet::tcp(end(API, 8080), end(WEB, 40_001), RST, 9, 0, b""));
        wire.frame(packet::tcp(end(DB, 5432), end(API, 41_001), RST | ACK, 9, 9, b""));
    }),
    ("errors that say that genuine peers are unreachable", |wire| {
        let cause = packet::tcp(end(API, 41_002), end(DB, 5432), SYN, 100, 0, b"");
        wire.frame(packet::port_unreachable(Ipv4Addr::new(192, 168, 0, 2), &cause));
        let cause = packet::udp(end(API, 43_002), end("10.1.1.53", 53), b"question");
        wire.frame(packet::port_unreachable(Ipv4Addr::new(192, 168, 0, 1), &cause));
    }),
    ("a scan below the threshold, all of whose doors are closed", |wire| {
        for n in 0..8_u16 {
            wire.refused(end(BOT, 51_000 + n), end(DB, 6_000 + n));
        }
    }),
    ("a half-open scan below the threshold, of doors that are open", |wire| {
        for (n, (to, port)) in (0..).zip([(DB, 5432), (WEB, 8080), ("10.1.2.5", 8080)]) {
            let (client, server) = (end(BOT, 51_100 + n), end(to, port));
            wire.frame(packet::tcp(client, server, SYN, 100, 0, b""));
            wire.frame(packet::tcp(server, client, SYN | ACK, 900, 101, b""));
            wire.frame(packet::tcp(client, server, RST, 101, 0, b""));
        }
    }),
    ("a scan of nine doors, of which three are open and answer", |wire| {
        for (n, port) in (0..).zip([21, 22, 25, 3_306, 6_379, 9_200]) {
            wire.refused(end(BOT, 51_600 + n), end(DB, port));
        }
        for (n, (to, port)) in (0..).zip([(DB, 5432), (WEB, 8080), ("10.1.2.5", 8080)]) {
            wire.connect(end(BOT, 51_650 + n), end(to, port));
        }
    }),
    ("the same, in the order in which the doors come, the open ones first and without a word", |wire| {
        wire.probe(end(BOT, 51_660), end(DB, 5432));
        for (n, port) in (0..).zip([21, 22, 25, 3_306, 6_379, 9_200]) {
            wire.refused(end(BOT, 51_661 + n), end(DB, port));
        }
        wire.connect(end(BOT, 51_670), end(WEB, 8080));
    }),
    ("a forged acceptance that comes before the true refusal, and a client who is in it", |wire| {
        for n in 0..3 {
            let (client, server) = (end(BOT, 51_680 + n), end(DB, 5432));
            wire.frame(packet::tcp(client, server, SYN, 100, 0, b""));
            wire.frame(packet::tcp(server, client, SYN | ACK, 900, 101, b""));
            wire.frame(packet::tcp(server, client, RST | ACK, 0, 101, b""));
            wire.frame(packet::tcp(client, server, ACK, 101, 901, b""));
            wire.frame(packet::tcp(client, server, PSH | ACK, 101, 901, b"drop table"));
            wire.frame(packet::tcp(server, client, RST, 901, 0, b""));
        }
    }),
    ("an acceptance before anybody asked, and the reset of the one who did not", |wire| {
        for n in 0..3 {
            let (client, server) = (end(WEB, 51_690 + n), end(DB, 5432));
            wire.frame(packet::tcp(server, client, SYN | ACK, 900, 101, b""));
            wire.frame(packet::tcp(client, server, RST, 101, 0, b""));
            wire.frame(packet::tcp(client, server, SYN, 100, 0, b""));
        }
    }),
    ("the end of a connection that never began", |wire| {
        let (client, server) = (end(BOT, 51_695), end(DB, 5432));
        wire.frame(packet::tcp(client, server, FIN | ACK, 101, 901, b""));
        wire.frame(packet::tcp(server, client, RST, 901, 0, b""));
    }),
    ("knocks at addresses where nobody is", |wire| {
        for n in 0..6 {
            wire.unanswered(end(WEB, 51_200 + n), end(&format!("10.1.1.{}", 200 + n), 5432));
            wire.unanswered(end(WEB, 51_300 + n), end(&format!("203.0.113.{}", 200 + n), 443));
        }
    }),
    ("datagrams to addresses outside that nobody answers", |wire| {
        for n in 0..6 {
            wire.tell(end(BOT, 51_400 + n), end("203.0.113.66", 8_125));
        }
    }),
    ("answers to what nobody asked", |wire| {
        let mut answer = vec![0, 7, 0x81, 0x80, 0, 1, 0, 1, 0, 0, 0, 0, 2, b'd', b'b', 0, 0, 1, 0, 1];
        answer.extend([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 30, 0, 4, 203, 0, 113, 66]);
        for n in 0..3 {
            wire.frame(packet::udp(end("10.1.1.53", 53), end(WEB, 51_500 + n), &answer));
            wire.frame(packet::udp(end("203.0.113.66", 53), end(API, 51_500 + n), &answer));
        }
    }),
];

#[test]
fn no_lie_on_the_wire_becomes_a_rule_and_what_is_genuine_keeps_its_own() {
    let scratch = Scratch::new();
    let expected = recommended(&cluster().inputs(&scratch, &[&ordinary()]));
    assert!(expected["policies"].as_array().unwrap().len() >= 4);
    for (lie, tell) in LIES {
        // Before, amid and after the traffic that it would pass for.
        for seconds in [1, 300, 580] {
            let mut wire = ordinary();
            wire.from(seconds);
            tell(&mut wire);
            let scratch = Scratch::new();
            let answer = recommended(&cluster().inputs(&scratch, &[&wire]));
            assert_eq!(answer["policies"], expected["policies"], "{lie}, at {seconds}");
            assert_eq!(answer["proof"]["alone"]["observed"], expected["proof"]["alone"]["observed"], "{lie}");
        }
    }
}

#[test]
fn all_lies_at_once_change_nothing_either() {
    let scratch = Scratch::new();
    let expected = recommended(&cluster().inputs(&scratch, &[&ordinary()]));
    let mut wire = ordinary();
    // What one does as a whole is a scan, and a suspect's later edges are withheld: none of these is later.
    wire.from(595);
    for (_, tell) in LIES {
        tell(&mut wire);
    }
    let answer = recommended(&cluster().inputs(&scratch, &[&wire]));
    assert_eq!(answer["policies"], expected["policies"]);
}

#[test]
fn resets_that_race_a_genuine_handshake_hide_nothing() {
    let scratch = Scratch::new();
    let expected = recommended(&cluster().inputs(&scratch, &[&ordinary()]));
    // The API asks the database here, and nowhere else.
    let mut wire = Wire::new();
    for frame in ordinary().frames {
        let heads = packet::read(&frame.bytes).unwrap();
        let is_opening = heads.tcp_flags == Some(SYN) && heads.destination_port == 5432;
        let forged = packet::tcp(end(DB, 5432), end(API, heads.source_port), RST | ACK, 0, 1, b"");
        let wire_octets = forged.len();
        let at = frame.at + 1;
        wire.frames.push(frame);
        if is_opening {
            wire.frames.push(crate::support::capture::Frame { at, bytes: forged, wire_octets });
        }
    }
    let answer = recommended(&cluster().inputs(&Scratch::new(), &[&wire]));
    assert_eq!(answer["policies"], expected["policies"]);
    assert_eq!(answer["proof"]["alone"]["cut"], json!([]));
}
