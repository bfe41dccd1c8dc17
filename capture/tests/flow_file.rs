//! Flow files: written and read back, damaged, cut, and held against the published messages.

#![allow(clippy::unwrap_used, reason = "a test panics where it has nothing to say")]

use flowfence_capture::flowfile::{Header, block_frames, header_frame};
use flowfence_capture::{Block, Limits, Recorder, Session, read_capture};
use flowfence_model::Recording;
use prost_reflect::{DescriptorPool, DynamicMessage};

/// Blocks of the recorded cluster, each when another fifth of its capture was read.
fn blocks() -> Vec<Block> {
    let capture = std::fs::read("../examples/shop/node1.pcap").unwrap();
    let mut blocks = Vec::new();
    for part in 1..=5 {
        let cut = capture.len() / 5 * part;
        let mut one = Recorder::new(Limits::default()).with_session(Session { id: 0xfeed, reader: 0 });
        read_capture(&capture[..cut], "node1.pcap", &mut one, &mut |_| {}).unwrap();
        let block = one.drain();
        blocks.push(Block { sequence: part as u64 - 1, ..block });
    }
    blocks
}

fn header() -> Header {
    Header { run: 0xfeed, producer: "test".to_owned(), node: "node1".to_owned(), ..Header::default() }
}

fn file(blocks: &[Block]) -> (Vec<u8>, Vec<usize>) {
    let mut file = header_frame(&header()).unwrap();
    let mut ends = vec![file.len()];
    for block in blocks {
        file.extend(block_frames(block).unwrap());
        ends.push(file.len());
    }
    (file, ends)
}

fn read(file: &[u8]) -> Recording {
    let mut recorder = Recorder::new(Limits::default());
    read_capture(file, "x.flow", &mut recorder, &mut |_| {}).unwrap();
    recorder.finish()
}

fn flows(recording: &Recording) -> Vec<String> {
    let mut flows: Vec<String> = recording.records.iter().map(|record| format!("{record:?}")).collect();
    flows.sort();
    flows
}

#[test]
fn a_file_holds_what_the_recorder_saw() {
    let blocks = blocks();
    let (file, _) = file(&blocks);
    let mut direct = Recorder::new(Limits::default());
    blocks.iter().cloned().for_each(|block| direct.absorb(block));
    let (direct, back) = (direct.finish(), read(&file));
    assert_eq!(flows(&direct), flows(&back));
    assert_eq!(back.files.len(), 2, "the file, and the capture that it was made of");
    assert!(!flows(&back).is_empty());
    assert_eq!((direct.counts, direct.packets, direct.names), (back.counts, back.packets, back.names));
}

#[test]
fn a_file_that_was_cut_holds_all_but_its_last_block() {
    let blocks = blocks();
    let (file, ends) = file(&blocks);
    for (whole, pair) in ends.windows(2).enumerate().skip(1) {
        let (begin, end) = (pair[0], pair[1]);
        for cut in [begin + 1, usize::midpoint(begin, end), end - 1] {
            let back = read(&file[..cut]);
            let report = &back.files[0];
            assert_eq!((report.packets, report.truncated), (whole as u64, true), "cut at {cut}");
            let (sound, _) = self::file(&blocks[..whole]);
            assert_eq!(flows(&back), flows(&read(&sound)));
        }
    }
}

#[test]
fn damage_costs_only_the_block_that_it_is_in() {
    let blocks = blocks();
    assert!(blocks.len() > 3);
    let (mut file, ends) = file(&blocks);
    let middle = usize::midpoint(ends[1], ends[2]);
    file[middle] ^= 0x55;
    let back = read(&file);
    assert_eq!(back.files[0].packets, blocks.len() as u64 - 1);
    assert!(back.files[0].damaged_records > 0 && !back.files[0].problems.is_empty());
    assert_eq!(back.counts.get("blocks-missing"), 1);
}

/// A header that says another format, or another version of it.
fn other_header(format: [u8; 15], version: u8) -> Vec<u8> {
    // Field 2 of the header, of the message that stands in field 1.
    let mut message = vec![0x0a, 0x13, 0x0a, 0x0f];
    message.extend(format);
    message.extend([0x10, version]);
    message.insert(0, u8::try_from(message.len()).unwrap());
    zstd::bulk::Compressor::new(3).unwrap().compress(&message).unwrap()
}

#[test]
fn files_that_were_joined_lose_no_more_than_what_a_later_version_wrote() {
    let blocks = blocks();
    let (mut joined, _) = file(&blocks[..2]);
    joined.extend(other_header(*b"some-other-file", 16));
    joined.extend(block_frames(&blocks[2]).unwrap());
    joined.extend(other_header(*b"flowfence-flows", 9));
    joined.extend(block_frames(&blocks[3]).unwrap());
    joined.extend(header_frame(&header()).unwrap());
    joined.extend(block_frames(&blocks[4]).unwrap());
    let back = read(&joined);
    let report = &back.files[0];
    assert_eq!((report.packets, report.damaged_records), (4, 2), "{:?}", report.problems);
    assert!(report.problems[1].contains("a header of a later version"), "{:?}", report.problems);
}

#[test]
fn a_newer_version_is_refused_with_its_number() {
    let file = other_header(*b"flowfence-flows", 2);
    let error = read_capture(&file[..], "x", &mut Recorder::new(Limits::default()), &mut |_| {}).unwrap_err();
    assert!(error.to_string().contains("version 2"), "{error}");
}

#[test]
fn messages_are_those_of_the_published_file() {
    let descriptors = protox::compile(["flow-file.proto"], ["../docs"]).unwrap();
    let pool = DescriptorPool::from_file_descriptor_set(descriptors).unwrap();
    let entry = pool.get_message_by_name("flowfence.flows.v1.Entry").unwrap();
    let blocks = blocks();
    let frames = [header_frame(&header()).unwrap(), block_frames(&blocks[0]).unwrap()];
    for frame in frames {
        let octets = zstd::decode_all(&frame[..]).unwrap();
        let length = prost::decode_length_delimiter(&*octets).unwrap();
        let message = &octets[octets.len() - length..];
        let read = DynamicMessage::decode(entry.clone(), message).unwrap();
        assert_eq!(unknown_fields(&read), 0, "every field that is written is published");
        let again = prost::Message::encode_to_vec(&read);
        assert_eq!(again, message, "the published messages write the same octets");
    }
}

fn unknown_fields(message: &DynamicMessage) -> usize {
    let own = message.unknown_fields().count();
    let of_value = |value: &prost_reflect::Value| value.as_message().map_or(0, unknown_fields);
    own + message
        .fields()
        .map(|(_, value)| match value {
            prost_reflect::Value::List(items) => items.iter().map(of_value).sum(),
            other => of_value(other),
        })
        .sum::<usize>()
}

#[test]
fn a_flow_takes_little_room() {
    let blocks = blocks();
    let last = blocks.last().unwrap();
    let (flows, octets) = (last.flows.len(), block_frames(last).unwrap().len());
    assert!(octets / flows < 80, "{octets} octets of {flows} flows");
}

#[test]
fn a_damaged_header_costs_nothing_but_itself() {
    let blocks = blocks();
    let (sound, ends) = file(&blocks);
    let mut damaged = sound.clone();
    damaged[ends[0] / 2] ^= 0xff;
    let back = read(&damaged);
    assert_eq!(back.files[0].packets, blocks.len() as u64);
    assert_eq!((flows(&back), back.files[0].damaged_records), (flows(&read(&sound)), 1));
}

#[test]
fn a_frame_that_unpacks_to_far_more_than_a_block_is_passed_over() {
    let blocks = blocks();
    let (mut file, _) = file(&blocks);
    let mut compressor = zstd::bulk::Compressor::new(19).unwrap();
    file.extend(compressor.compress(&vec![0; 30 << 20]).unwrap());
    file.extend(block_frames(&blocks[0]).unwrap());
    let back = read(&file);
    assert_eq!(back.files[0].packets, blocks.len() as u64 + 1, "what follows is read");
    assert!(
        back.files[0].problems[0].contains("holds more than a block can"),
        "{:?}",
        back.files[0].problems
    );
}

/// Each place that looks like a frame is followed by blocks that never end: whoever tried them all would walk
/// the rest of the file for each.
#[test]
fn places_that_only_look_like_frames_are_tried_a_bounded_number_of_times() {
    let (mut file, _) = file(&blocks()[..1]);
    // A frame without a size, and blocks of sixteen octets as they are, in each of which the same begins again.
    let begin = [0x28, 0xb5, 0x2f, 0xfd, 0x00, 0x58];
    let block = [0x80, 0x00, 0x00];
    for _ in 0..200_000 {
        file.extend(block);
        file.extend(begin);
        file.extend([0x80, 0x00, 0x00, 1, 2, 3, 4, 5, 6, 7]);
    }
    let back = read(&file);
    let report = &back.files[0];
    assert!(report.packets == 1 && report.skipped_octets > 3_000_000, "{report:?}");
    assert!(report.damaged_records <= 520, "{}", report.damaged_records);
}
