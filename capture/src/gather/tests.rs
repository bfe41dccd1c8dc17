use std::time::Duration;

use flowfence_model::{Recording, Timestamp};

use super::*;
use crate::link::{Interface, LinkType, RawPacket};
use crate::recorder::{Limits, Recorder};

const SYN: u8 = 2;
const SYN_ACK: u8 = 0x12;
const ACK: u8 = 0x10;

/// An IPv4 packet with a TCP segment of 10.0.0.`from` to 10.0.0.`to`.
fn segment(from: (u8, u16), to: (u8, u16), flags: u8, numbers: (u32, u32)) -> Vec<u8> {
    let mut packet = vec![0x45, 0, 0, 40, 0, 0, 0, 0, 64, 6, 0, 0, 10, 0, 0, from.0, 10, 0, 0, to.0];
    packet.extend([from.1.to_be_bytes(), to.1.to_be_bytes()].concat());
    packet.extend([numbers.0.to_be_bytes(), numbers.1.to_be_bytes()].concat());
    packet.extend([0x50, flags, 0, 0, 0, 0, 0, 0]);
    packet
}

/// What both ends say of one connection, with milliseconds.
fn connection(port: u16) -> Vec<(u32, Vec<u8>)> {
    let (client, server) = ((1, port), (2, 80));
    vec![
        (0, segment(client, server, SYN, (100, 0))),
        (1, segment(server, client, SYN_ACK, (900, 101))),
        (2, segment(client, server, ACK, (101, 901))),
    ]
}

struct Reader {
    recorder: Recorder,
    input: u32,
}

impl Reader {
    fn new(input: &str) -> Self {
        Self::numbered(input, 0)
    }

    fn numbered(input: &str, reader: u32) -> Self {
        let mut recorder = Recorder::new(Limits::default()).with_session(Session { id: 0, reader });
        let input = recorder.begin_input(input);
        Reader { recorder, input }
    }

    fn take(&mut self, packets: &[(u32, Vec<u8>)]) {
        let interface = Interface { number: 0, link_type: LinkType::RAW, name: None };
        for (millis, data) in packets {
            let time = Timestamp::from_secs(1000, millis * 1_000_000);
            let original_len = u32::try_from(data.len()).unwrap();
            self.recorder.packet(self.input, &interface, &RawPacket { time, original_len, data });
        }
    }
}

fn recording(gathering: &Gathering) -> Recording {
    let mut recording = Recording::default();
    gathering.add_to(&mut recording);
    recording
}

fn same(gathered: &Recording, alone: &Recording) {
    let sorted = |recording: &Recording| {
        let mut records = recording.records.clone();
        records.sort_by_key(|r| (r.a.min(r.b), r.a.max(r.b), r.first));
        records
    };
    assert_eq!(sorted(gathered), sorted(alone));
    assert_eq!(gathered.taps, alone.taps);
    assert_eq!(gathered.files, alone.files);
    assert_eq!((&gathered.counts, gathered.packets), (&alone.counts, alone.packets));
}

#[test]
fn blocks_add_up_to_what_the_recorder_saw_and_may_come_twice() {
    let (mut reader, mut gathering) = (Reader::new("live:x"), Gathering::default());
    let (first, second) = (connection(5000), connection(5001));
    for packets in [&first[..2], &second[..1], &first[2..], &second[1..]] {
        reader.take(packets);
        let block = reader.recorder.drain();
        assert!(block.flows.len() <= 1, "only what changed");
        gathering.absorb(block.clone());
        gathering.absorb(block);
    }
    assert_eq!((gathering.packets(), gathering.flows(), gathering.evicted()), (6, 2, 0));
    same(&recording(&gathering), &reader.recorder.finish());
}

#[test]
fn a_block_that_is_lost_costs_nothing_that_changes_again() {
    let (mut reader, mut gathering) = (Reader::new("live:x"), Gathering::default());
    gathering.absorb(reader.recorder.drain());
    let packets = connection(5000);
    reader.take(&packets[..1]);
    gathering.absorb(reader.recorder.drain());
    reader.take(&packets[1..2]);
    drop(reader.recorder.drain());
    reader.take(&packets[2..]);
    gathering.absorb(reader.recorder.drain());
    let mut gathered = recording(&gathering);
    assert_eq!(gathered.counts.get("blocks-missing"), 1);
    gathered.counts = Counts::default();
    same(&gathered, &reader.recorder.finish());
}

#[test]
fn readers_of_one_interface_are_one_input_and_one_tap() {
    let mut alone = Reader::new("live:x");
    let mut dealt = [Reader::numbered("live:x", 0), Reader::numbered("live:x", 1)];
    for port in 5000..5010 {
        alone.take(&connection(port));
        dealt[usize::from(port % 2)].take(&connection(port));
    }
    let mut gathering = Gathering::default();
    for reader in &mut dealt {
        gathering.absorb(reader.recorder.drain());
    }
    same(&recording(&gathering), &alone.recorder.finish());
}

#[test]
fn halves_of_a_connection_that_two_readers_saw_are_one() {
    let mut alone = Reader::new("live:x");
    alone.take(&connection(5000));
    let alone = alone.recorder.finish();
    for swapped in [false, true] {
        let mut dealt = [Reader::numbered("live:x", 0), Reader::numbered("live:x", 1)];
        let packets = connection(5000);
        dealt[usize::from(swapped)].take(&[packets[0].clone(), packets[2].clone()]);
        dealt[usize::from(!swapped)].take(&packets[1..2]);
        let mut gathering = Gathering::default();
        for reader in &mut dealt {
            gathering.absorb(reader.recorder.drain());
        }
        same(&recording(&gathering), &alone);
    }
}

#[test]
fn halves_of_different_connections_stay_apart() {
    let (syn, late) = (connection(5000)[0].clone(), segment((2, 80), (1, 5000), SYN_ACK, (900, 777)));
    let mut dealt = [Reader::numbered("live:x", 0), Reader::numbered("live:x", 1)];
    dealt[0].take(&[syn]);
    // It acknowledges another opening.
    dealt[1].take(&[(1, late)]);
    let mut gathering = Gathering::default();
    for reader in &mut dealt {
        gathering.absorb(reader.recorder.drain());
    }
    assert_eq!(recording(&gathering).records.len(), 2);
    assert!(halves::APART >= Duration::from_secs(1));
}

#[test]
fn different_interfaces_are_different_taps() {
    let mut dealt = [Reader::numbered("live:x", 0), Reader::numbered("live:y", 1)];
    let mut gathering = Gathering::default();
    for reader in &mut dealt {
        reader.take(&connection(5000));
        gathering.absorb(reader.recorder.drain());
    }
    let recording = recording(&gathering);
    assert_eq!((recording.taps.len(), recording.files.len(), recording.records.len()), (2, 2, 2));
    assert_eq!(recording.taps[1].input, 1);
}
