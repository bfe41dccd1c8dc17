//! Captures in memory: read from pcap, written in every shape that the program must take.

use std::io::Write;

/// Ethernet, as in the header of a capture.
pub const ETHERNET: u16 = 1;
/// Linux cooked v2: what `-i any` writes.
pub const COOKED_V2: u16 = 276;

/// One packet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    /// Nanoseconds since 1970.
    pub at: i64,
    /// What was captured.
    pub bytes: Vec<u8>,
    /// How long it was on the wire.
    pub wire_octets: usize,
}

/// The frames of a little-endian microsecond pcap, which is what the example is.
pub fn read_pcap(file: &[u8]) -> Vec<Frame> {
    assert_eq!(file[..4], [0xd4, 0xc3, 0xb2, 0xa1], "a little-endian microsecond pcap");
    let word = |at: usize| u32::from_le_bytes(file[at..at + 4].try_into().unwrap());
    let mut frames = Vec::new();
    let mut at = 24;
    while at < file.len() {
        let captured = word(at + 8) as usize;
        frames.push(Frame {
            at: i64::from(word(at)) * 1_000_000_000 + i64::from(word(at + 4)) * 1_000,
            bytes: file[at + 16..at + 16 + captured].to_vec(),
            wire_octets: word(at + 12) as usize,
        });
        at += 16 + captured;
    }
    frames
}

/// A microsecond pcap of Ethernet frames.
pub fn pcap(frames: &[Frame]) -> Vec<u8> {
    classic(frames, ETHERNET, 1_000, u32::to_le_bytes)
}

/// A nanosecond pcap in the other byte order.
pub fn pcap_nano_big_endian(frames: &[Frame]) -> Vec<u8> {
    classic(frames, ETHERNET, 1, u32::to_be_bytes)
}

/// A microsecond pcap of Linux cooked v2 frames.
pub fn pcap_cooked(frames: &[Frame]) -> Vec<u8> {
    classic(frames, COOKED_V2, 1_000, u32::to_le_bytes)
}

fn classic(frames: &[Frame], link: u16, unit_nanos: i64, word: fn(u32) -> [u8; 4]) -> Vec<u8> {
    let magic = if unit_nanos == 1 { 0xa1b2_3c4d } else { 0xa1b2_c3d4 };
    // Version 2.4 is two 16-bit fields, whose order within a word follows the byte order.
    let version = if word(1)[0] == 1 { 0x0004_0002 } else { 0x0002_0004 };
    let mut file = Vec::new();
    for field in [magic, version, 0, 0, 262_144, u32::from(link)] {
        file.extend(word(field));
    }
    for frame in frames {
        let seconds = u32::try_from(frame.at.div_euclid(1_000_000_000)).unwrap();
        let fraction = u32::try_from(frame.at.rem_euclid(1_000_000_000) / unit_nanos).unwrap();
        for field in [seconds, fraction, size(frame.bytes.len()), size(frame.wire_octets)] {
            file.extend(word(field));
        }
        file.extend(&frame.bytes);
    }
    file
}

/// A pcapng of two sections; the first has its frames spread over two interfaces with nanoseconds, the second has
/// microseconds.
pub fn pcapng(frames: &[Frame]) -> Vec<u8> {
    let (first, second) = frames.split_at(frames.len() / 2);
    let mut file = Vec::new();
    section(&mut file, &[9, 9]);
    for (n, frame) in first.iter().enumerate() {
        enhanced(&mut file, u32::try_from(n % 2).unwrap(), frame.at, frame);
    }
    section(&mut file, &[6]);
    for frame in second {
        enhanced(&mut file, 0, frame.at / 1_000, frame);
    }
    file
}

fn section(file: &mut Vec<u8>, resolutions: &[u8]) {
    let mut header = Vec::new();
    header.extend(0x1a2b_3c4d_u32.to_le_bytes());
    header.extend([1, 0, 0, 0]);
    header.extend([0xff; 8]);
    block(file, 0x0a0d_0d0a, &header);
    for resolution in resolutions {
        let mut interface = Vec::new();
        interface.extend(ETHERNET.to_le_bytes());
        interface.extend([0, 0]);
        interface.extend(0_u32.to_le_bytes());
        interface.extend([9, 0, 1, 0, *resolution, 0, 0, 0]); // if_tsresol
        interface.extend([0, 0, 0, 0]); // opt_endofopt
        block(file, 1, &interface);
    }
}

fn enhanced(file: &mut Vec<u8>, interface: u32, units: i64, frame: &Frame) {
    let units = u64::try_from(units).unwrap();
    let mut body = Vec::new();
    body.extend(interface.to_le_bytes());
    body.extend(u32::try_from(units >> 32).unwrap().to_le_bytes());
    body.extend(u32::try_from(units & 0xffff_ffff).unwrap().to_le_bytes());
    body.extend(size(frame.bytes.len()).to_le_bytes());
    body.extend(size(frame.wire_octets).to_le_bytes());
    body.extend(&frame.bytes);
    body.resize(body.len().next_multiple_of(4), 0);
    block(file, 6, &body);
}

fn block(file: &mut Vec<u8>, kind: u32, body: &[u8]) {
    let octets = size(body.len() + 12).to_le_bytes();
    file.extend(kind.to_le_bytes());
    file.extend(octets);
    file.extend(body);
    file.extend(octets);
}

/// gzip.
pub fn gzip(content: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(content).unwrap();
    encoder.finish().unwrap()
}

/// zstd, by the letter of RFC 8878 and without compressing: one frame of raw blocks.
pub fn zstd(content: &[u8]) -> Vec<u8> {
    let mut file = 0xfd2f_b528_u32.to_le_bytes().to_vec();
    file.extend([0, 0x58]); // no content size, no checksum; a window of 2 MiB
    let mut blocks = content.chunks(100_000).peekable();
    while let Some(block) = blocks.next() {
        let header = size(block.len()) << 3 | u32::from(blocks.peek().is_none());
        file.extend(&header.to_le_bytes()[..3]);
        file.extend(block);
    }
    file
}

fn size(octets: usize) -> u32 {
    u32::try_from(octets).unwrap()
}
