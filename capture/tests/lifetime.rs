//! When records begin and end, who is `a`, what refuses.

mod support;

use flowfence_capture::{Limits, LinkType, RawPacket, Recorder};
use flowfence_model::{Recording, Signs};
use support::{
    A, A6, ACK, B, B6, FIN_ACK, ICMP, ICMP6, RST_ACK, SYN, SYN_ACK, at, datagram, ends, handshake, interface,
    only, packet, record, record_at, segment, tcp,
};

const RAW: LinkType = LinkType::RAW;

#[test]
fn a_retransmitted_syn_is_the_same_connection() {
    let syn = handshake()[0].clone();
    let recording = record(RAW, &[syn.clone(), syn.clone(), handshake()[1].clone(), syn]);
    assert_eq!(only(&recording).forward.packets, 3);
}

#[test]
fn a_syn_with_another_number_is_another_connection_whatever_came_before() {
    let again = segment(A, B, tcp((40_000, 80), SYN, 7777, 0));
    let from_the_other_side = segment(B, A, tcp((80, 40_000), SYN, 5, 0));
    let recording = record(RAW, &[handshake().to_vec(), vec![again, from_the_other_side]].concat());
    assert_eq!(
        ends(&recording),
        [
            "10.244.1.5:40000 -> 10.244.2.9:80",
            "10.244.1.5:40000 -> 10.244.2.9:80",
            "10.244.2.9:80 -> 10.244.1.5:40000"
        ]
    );
}

#[test]
fn a_reordered_handshake_is_one_record() {
    let [syn, syn_ack, ack] = handshake();
    let recording = record(RAW, &[syn_ack, syn, ack]);
    let flow = only(&recording);
    assert!(flow.reverse.signs.has(Signs::OPEN) && flow.forward.signs.has(Signs::ACCEPT));
    assert_eq!((flow.forward.isn(), flow.reverse.isn()), (Some(900), Some(100)));
}

#[test]
fn an_answer_to_another_opening_opens_nothing() {
    let forged = segment(B, A, tcp((80, 40_000), SYN_ACK, 1, 4242));
    let recording = record(RAW, &[handshake()[0].clone(), forged]);
    let flow = only(&recording);
    assert!(!flow.reverse.signs.has(Signs::ACCEPT));
    assert_eq!(flow.reverse.packets, 1);
}

#[test]
fn a_reset_refuses_and_a_fin_closes() {
    let refused = record(RAW, &[handshake()[0].clone(), segment(B, A, tcp((80, 40_000), RST_ACK, 0, 101))]);
    assert_eq!(only(&refused).reverse.signs, Signs::RESET);
    let closed = record(RAW, &[segment(A, B, tcp((40_000, 80), FIN_ACK, 5, 5))]);
    assert!(only(&closed).forward.signs.has(Signs::FIN.union(Signs::SEGMENT)));
}

#[test]
fn udp_is_another_flow_after_its_idle_time() {
    let ask = || datagram(A, B, (40_000, 8125), b"x");
    let recording = record_at(RAW, &[(0, ask()), (119_000, ask()), (238_000, ask()), (358_001, ask())]);
    assert_eq!(recording.records.iter().map(|r| r.forward.packets).collect::<Vec<_>>(), [3, 1]);
}

#[test]
fn time_that_runs_backwards_widens_the_record() {
    let ask = || datagram(A, B, (40_000, 8125), b"x");
    let recording = record_at(RAW, &[(5000, ask()), (0, ask()), (4999, ask())]);
    let flow = only(&recording);
    assert_eq!((flow.first, flow.last), (at(0), at(5000)));
    assert_eq!(recording.counts.get("time-backwards"), 1);
}

#[test]
fn an_echo_and_its_reply_are_one_flow_told_from_the_asker() {
    let echo = |kind| [kind, 0, 0, 0, 0x12, 0x34, 0, 1];
    for (from, to, protocol, ask, answer) in [(A, B, ICMP, 8, 0), (A6, B6, ICMP6, 128, 129)] {
        let there = packet(from, to, protocol, &echo(ask));
        let back = packet(to, from, protocol, &echo(answer));
        for packets in [[there.clone(), back.clone()], [back, there]] {
            let recording = record(RAW, &packets);
            let flow = only(&recording);
            assert_eq!((flow.a.address.ip(), flow.a.port), (support::ip(from), 0x1234));
            assert_eq!(flow.icmp().map(|i| (i.kind, i.code)), Some((ask, 0)));
            assert!(flow.forward.signs.has(Signs::OPEN) && flow.reverse.signs.has(Signs::ACCEPT));
        }
    }
}

fn unreachable(router: &str, quoted: &[u8], code: u8) -> Vec<u8> {
    let is_v4 = quoted[0] >> 4 == 4;
    let mut message = vec![if is_v4 { 3 } else { 1 }, code, 0, 0, 0, 0, 0, 0];
    message.extend(&quoted[..quoted.len().min(48)]);
    let sender = if is_v4 {
        std::net::IpAddr::from(<[u8; 4]>::try_from(&quoted[12..16]).expect("four octets"))
    } else {
        std::net::IpAddr::from(<[u8; 16]>::try_from(&quoted[8..24]).expect("sixteen octets"))
    };
    packet(router, &sender.to_string(), if is_v4 { ICMP } else { ICMP6 }, &message)
}

#[test]
fn an_unreachable_marks_the_direction_that_it_quotes() {
    let ask = datagram(A, B, (40_000, 53), b"question");
    let answer = datagram(B, A, (53, 40_000), b"answer");
    let there = record(RAW, &[ask.clone(), unreachable(B, &ask, 3)]);
    assert!(only(&there).forward.signs.has(Signs::UNREACHABLE));
    let back = record(RAW, &[ask.clone(), answer.clone(), unreachable(A, &answer, 3)]);
    assert!(only(&back).reverse.signs.has(Signs::UNREACHABLE));
    assert!(!only(&back).forward.signs.has(Signs::UNREACHABLE));
    let six = datagram(A6, B6, (40_000, 53), b"question");
    assert!(
        only(&record(RAW, &[six.clone(), unreachable(B6, &six, 4)])).forward.signs.has(Signs::UNREACHABLE)
    );
}

#[test]
fn a_refusal_without_its_packet_is_the_witness_of_an_attempt() {
    let syn = handshake()[0].clone();
    let recording = record(RAW, &[unreachable("10.244.1.1", &syn, 13)]);
    let flow = only(&recording);
    assert_eq!((flow.forward.packets, flow.reverse.packets), (0, 0));
    assert!(flow.forward.signs.has(Signs::UNREACHABLE));
    let then = record(RAW, &[unreachable("10.244.1.1", &syn, 13), syn]);
    assert_eq!(only(&then).forward.packets, 1, "the packet that it quotes joins it");
}

#[test]
fn errors_that_refuse_nothing_make_nothing() {
    let ask = datagram(A, B, (40_000, 53), b"question");
    let too_big = record(RAW, &[unreachable(B, &ask, 4)]);
    assert_eq!((too_big.records.len(), too_big.counts.get("icmp-error-ignored")), (0, 1));
    let mut forged = unreachable("203.0.113.7", &ask, 3);
    forged[19] ^= 1;
    let forged = record(RAW, &[forged]);
    assert_eq!((forged.records.len(), forged.counts.get("icmp-error-unmatched")), (0, 1));
}

fn flood(limit: usize) -> Recording {
    let mut recorder = Recorder::new(Limits { max_flows: limit, ..Limits::default() });
    let input = recorder.begin_input("flood");
    let mut take = |millis, data: &[u8]| {
        let original_len = u32::try_from(data.len()).expect("short");
        recorder.packet(input, &interface(RAW), &RawPacket { time: at(millis), original_len, data });
    };
    for (millis, packet) in (0..).zip(handshake()) {
        take(millis, &packet);
    }
    for n in 0..5_000_u16 {
        take(i64::from(n), &segment("10.9.9.9", B, tcp((n + 1, 80), SYN, u32::from(n), 0)));
    }
    recorder.finish()
}

#[test]
fn a_flood_evicts_itself_and_is_counted() {
    let recording = flood(100);
    assert_eq!(recording.records.len(), 100);
    assert_eq!(recording.counts.get("flows-evicted"), 5001 - 100);
    assert!(recording.records.iter().any(|r| r.a.port == 40_000), "what was answered stays");
}

#[test]
fn the_same_input_gives_the_same_records_in_the_same_order() {
    assert_eq!(flood(100).records, flood(100).records);
    assert_eq!(flood(10_000).records, flood(10_000).records);
}

#[test]
fn segments_without_a_handshake_are_told_as_such() {
    let recording = record(RAW, &[segment(A, B, tcp((40_000, 80), ACK, 5, 6))]);
    assert_eq!(only(&recording).forward.signs, Signs::SEGMENT);
}
