//! zstd frames (RFC 8878 §3.1), one at a time.

use std::io::{self, Read};

use zstd::bulk::{Compressor, Decompressor};
use zstd::zstd_safe::{self, CParameter};

/// How a frame begins.
pub(super) const MAGIC: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];

/// What a frame may hold; a full one has some 10 MB.
const MAX_OCTETS: usize = 32 << 20;

/// What a frame may take in the file.
const MAX_PACKED: usize = 16 << 20;

/// How many times its size in the file a frame may hold, beside 64 KiB: our own are packed four to one, and one
/// that holds nothing but zeros 30,000 to one.
const MAX_RATIO: usize = 256;

/// Places of a file at which what may be a frame turns out to be none. Whoever makes more of them makes work,
/// and what follows is passed over.
const MAX_TRIALS: u32 = 512;

/// How much is asked of the file at a time.
const CHUNK: usize = 1 << 16;

/// Level 3 packs flows to some 30 octets each and takes a tenth of the time that reading them took.
const LEVEL: i32 = 3;

/// A frame with its size and a checksum (XXH64 of what is in it).
pub(super) fn pack(octets: &[u8]) -> io::Result<Vec<u8>> {
    let mut compressor = Compressor::new(LEVEL)?;
    compressor.set_parameter(CParameter::ChecksumFlag(true))?;
    compressor.set_parameter(CParameter::ContentSizeFlag(true))?;
    compressor.compress(octets)
}

/// What comes next in a file.
pub(super) enum Next {
    /// What a frame held.
    Frame(Vec<u8>),
    /// Octets at this offset that are no frame, or a frame that is damaged, were passed over.
    Damaged { offset: u64, skipped: u64, why: &'static str },
    /// The file ends in the middle of a frame that begins at this offset.
    Cut { offset: u64, octets: u64 },
    /// The file ends.
    End,
}

/// The frames of a file.
pub(super) struct Frames<R> {
    input: R,
    buffer: Vec<u8>,
    /// Octets of the buffer that were used.
    used: usize,
    /// Offset of the buffer in the file.
    offset: u64,
    is_at_end: bool,
    trials: u32,
}

impl<R: Read> Frames<R> {
    pub(super) fn new(input: R) -> Self {
        Frames { input, buffer: Vec::new(), used: 0, offset: 0, is_at_end: false, trials: 0 }
    }

    /// Octets that were used or passed over.
    pub(super) fn offset(&self) -> u64 {
        self.offset + self.used as u64
    }

    pub(super) fn next(&mut self) -> io::Result<Next> {
        self.fill(MAGIC.len())?;
        if self.data().is_empty() {
            return Ok(Next::End);
        }
        if self.is_at_end && MAGIC.starts_with(self.data()) {
            return self.give_up();
        }
        if !self.data().starts_with(&MAGIC) {
            return self.resume("no zstd frame");
        }
        loop {
            match zstd_safe::find_frame_compressed_size(self.data()) {
                Ok(size) => return self.open(size),
                Err(code) if zstd_safe::get_error_name(code) != INCOMPLETE => {
                    return self.resume("a frame is damaged");
                }
                Err(_) if !self.is_at_end && self.data().len() < MAX_PACKED => {
                    let wanted = (2 * self.data().len()).max(CHUNK);
                    self.fill(wanted)?;
                }
                Err(_) => return self.give_up(),
            }
        }
    }

    /// A frame that is there to its end.
    fn open(&mut self, size: usize) -> io::Result<Next> {
        match unpack(self.data().get(..size).unwrap_or_default(), MAX_OCTETS) {
            Ok(octets) => {
                self.used += size;
                Ok(Next::Frame(octets))
            }
            Err(why) => self.resume(why),
        }
    }

    /// What is left is no whole frame. There may be another one in it when this one is damaged.
    fn give_up(&mut self) -> io::Result<Next> {
        let rest = self.data().get(1..).unwrap_or_default();
        if self.is_at_end && memchr::memmem::find(rest, &MAGIC).is_none() {
            let (offset, octets) = (self.offset(), self.data().len() as u64);
            self.used = self.buffer.len();
            return Ok(Next::Cut { offset, octets });
        }
        self.resume("a frame is damaged")
    }

    /// Passes over octets up to what may be the next frame.
    fn resume(&mut self, why: &'static str) -> io::Result<Next> {
        let offset = self.offset();
        self.trials += 1;
        let is_hopeless = self.trials > MAX_TRIALS;
        self.used += 1;
        loop {
            self.fill(CHUNK)?;
            match memchr::memmem::find(self.data(), &MAGIC) {
                Some(at) if !is_hopeless => {
                    self.used += at;
                    break;
                }
                _ => {}
            }
            let keep = if self.is_at_end { 0 } else { MAGIC.len() - 1 };
            self.used += self.data().len().saturating_sub(keep);
            if self.is_at_end {
                break;
            }
        }
        let why = if is_hopeless { "too much is damaged: the rest is passed over" } else { why };
        Ok(Next::Damaged { offset, skipped: self.offset() - offset, why })
    }

    fn data(&self) -> &[u8] {
        self.buffer.get(self.used..).unwrap_or_default()
    }

    /// Reads until so much is there, or the file ends.
    fn fill(&mut self, wanted: usize) -> io::Result<()> {
        while !self.is_at_end && self.data().len() < wanted {
            self.buffer.drain(..self.used);
            self.offset += self.used as u64;
            self.used = 0;
            let more = (wanted - self.buffer.len()).max(CHUNK) as u64;
            let before = self.buffer.len();
            self.input.by_ref().take(more).read_to_end(&mut self.buffer)?;
            self.is_at_end = self.buffer.len() == before;
        }
        Ok(())
    }
}

/// What zstd says of a frame that goes on.
const INCOMPLETE: &str = "Src size is incorrect";

/// What a whole frame holds.
fn unpack(frame: &[u8], most: usize) -> Result<Vec<u8>, &'static str> {
    let told = zstd_safe::get_frame_content_size(frame).ok().flatten().and_then(|n| usize::try_from(n).ok());
    let most = most.min(frame.len().saturating_mul(MAX_RATIO).saturating_add(CHUNK));
    let Some(octets) = told.filter(|n| *n <= most) else {
        return Err("a frame does not say its size, or holds more than a block can");
    };
    let opened = Decompressor::new().and_then(|mut decompressor| decompressor.decompress(frame, octets));
    opened.map_err(|_| "a frame is damaged: its checksum does not fit")
}
