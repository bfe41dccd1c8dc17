//! Blocks, however they are cut, mixed and doubled, are the recording that one recorder makes.

#![allow(clippy::unwrap_used, reason = "a test panics where it has nothing to say")]

mod support;

use flowfence_capture::{Block, Interface, Limits, LinkType, RawPacket, Recorder, Session};
use flowfence_model::{Recording, Timestamp};
use proptest::prelude::*;

/// One packet: seconds since the last, client, server port, direction, TCP flags.
type Packet = (u8, u8, u8, bool, u8);

fn packets() -> impl Strategy<Value = Vec<Packet>> {
    let flags = prop_oneof![Just(0x02), Just(0x12), Just(0x10), Just(0x18), Just(0x11), Just(0x04)];
    // All within the five minutes for which a connection that is over is kept.
    proptest::collection::vec((0..3_u8, 0..4_u8, 0..3_u8, any::<bool>(), flags), 1..120)
}

/// An IPv4 packet with TCP, or with UDP where the port says so, without checksums.
fn octets((_, client, port, is_back, flags): Packet) -> Vec<u8> {
    let (client, server) = ([10, 0, 0, client + 1], [10, 0, 1, 1]);
    let (ports, protocol) =
        ([40_000 + u16::from(client[3]), 80 + u16::from(port)], if port == 2 { 17 } else { 6 });
    let (from, to) = if is_back { (server, client) } else { (client, server) };
    let (sport, dport) = if is_back { (ports[1], ports[0]) } else { (ports[0], ports[1]) };
    let mut packet = vec![0x45, 0, 0, 40, 0, 0, 0, 0, 64, protocol, 0, 0];
    packet.extend(from);
    packet.extend(to);
    packet.extend(sport.to_be_bytes());
    packet.extend(dport.to_be_bytes());
    if protocol == 6 {
        packet.extend([0, 0, 0, 7, 0, 0, 0, 0, 0x50, flags, 0, 0, 0, 0, 0, 0]);
    } else {
        packet.extend([0, 20, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    }
    packet
}

fn feed(recorder: &mut Recorder, input: u32, at: i64, packet: Packet) {
    let interface = Interface { number: 0, link_type: LinkType::RAW, name: None };
    let data = octets(packet);
    let time = Timestamp::from_secs(at, 0);
    recorder.packet(input, &interface, &RawPacket { time, original_len: 40, data: &data });
}

fn sorted(recording: &Recording) -> Vec<String> {
    let mut records: Vec<String> = recording.records.iter().map(|record| format!("{record:?}")).collect();
    records.sort();
    records
}

proptest! {
    #[test]
    fn blocks_are_the_recording_in_any_order(
        packets in packets(),
        cuts in proptest::collection::vec(any::<bool>(), 120),
        order in proptest::collection::vec(any::<prop::sample::Index>(), 1..200),
    ) {
        let mut whole = Recorder::new(Limits::default());
        let mut cut = Recorder::new(Limits::default()).with_session(Session { id: 7, reader: 0 }).forgetting();
        let inputs = (whole.begin_input("a"), cut.begin_input("a"));
        let mut blocks: Vec<Block> = Vec::new();
        let mut at = 1_000;
        for (packet, is_cut) in packets.iter().zip(cuts) {
            at += i64::from(packet.0);
            feed(&mut whole, inputs.0, at, *packet);
            feed(&mut cut, inputs.1, at, *packet);
            if is_cut {
                blocks.push(cut.drain());
            }
        }
        blocks.push(cut.drain());
        let mut absorbed = Recorder::new(Limits::default());
        let shuffled = order.iter().map(|index| index.get(&blocks).clone());
        shuffled.chain(blocks.iter().cloned()).for_each(|block| absorbed.absorb(block));
        let (whole, absorbed) = (whole.finish(), absorbed.finish());
        prop_assert_eq!(sorted(&whole), sorted(&absorbed));
        prop_assert_eq!(whole.packets, absorbed.packets);
        prop_assert_eq!(whole.counts, absorbed.counts);
        prop_assert_eq!(whole.taps, absorbed.taps);
    }
}

#[test]
fn memory_is_that_of_the_flows_that_are_alive() {
    let mut recorder = Recorder::new(Limits { max_flows: 64, ..Limits::default() }).forgetting();
    let input = recorder.begin_input("a");
    let mut told = 0;
    for round in 0..100 {
        for client in 0..4 {
            feed(&mut recorder, input, 1_000 + round * 300, (0, client, 2, false, 0));
        }
        told += recorder.drain().flows.len();
    }
    let recording = recorder.finish();
    assert_eq!((told, recording.counts.get("flows-evicted")), (400, 0));
    assert!(recording.records.len() <= 8, "{}", recording.records.len());
}
