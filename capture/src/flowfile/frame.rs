//! zstd frames (RFC 8878 §3.1), one at a time.

use std::io::{self, Read};

use zstd::bulk::{Compressor, Decompressor};
use zstd::zstd_safe::{self, CParameter};

/// How a frame begins.
pub(super) const MAGIC: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];

/// What a frame may hold; a block of [`super::MAX_FLOWS`] has some 6 MB.
pub(super) const MAX_OCTETS: usize = 64 << 20;

/// What a frame may take in the file.
const MAX_PACKED: usize = 64 << 20;

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
    /// Offset of the buffer in the file.
    offset: u64,
    is_at_end: bool,
}

impl<R: Read> Frames<R> {
    pub(super) fn new(input: R) -> Self {
        Frames { input, buffer: Vec::new(), offset: 0, is_at_end: false }
    }

    /// Octets that were used or passed over.
    pub(super) fn offset(&self) -> u64 {
        self.offset
    }

    pub(super) fn next(&mut self) -> io::Result<Next> {
        self.fill(MAGIC.len())?;
        if self.buffer.is_empty() {
            return Ok(Next::End);
        }
        if self.is_at_end && MAGIC.starts_with(&self.buffer) {
            return self.give_up();
        }
        if !self.buffer.starts_with(&MAGIC) {
            return self.resume("no zstd frame");
        }
        loop {
            match zstd_safe::find_frame_compressed_size(&self.buffer) {
                Ok(size) => return self.open(size),
                Err(_) if !self.is_at_end && self.buffer.len() < MAX_PACKED => {
                    let wanted = (2 * self.buffer.len()).max(CHUNK);
                    self.fill(wanted)?;
                }
                Err(_) => return self.give_up(),
            }
        }
    }

    /// A frame that is there to its end.
    fn open(&mut self, size: usize) -> io::Result<Next> {
        let frame = self.buffer.get(..size).unwrap_or_default();
        let told = zstd_safe::get_frame_content_size(frame).ok().flatten();
        let capacity = told.and_then(|n| usize::try_from(n).ok()).filter(|n| *n <= MAX_OCTETS);
        let opened =
            capacity.map(|capacity| Decompressor::new().and_then(|mut d| d.decompress(frame, capacity)));
        match opened {
            Some(Ok(octets)) => {
                self.consume(size);
                Ok(Next::Frame(octets))
            }
            Some(Err(_)) => self.resume("a frame is damaged: its checksum does not fit"),
            None => self.resume("a frame does not say its size, or is larger than a block can be"),
        }
    }

    /// What is left is no whole frame. There may be another one in it when this one is damaged.
    fn give_up(&mut self) -> io::Result<Next> {
        let rest = self.buffer.get(1..).unwrap_or_default();
        if self.is_at_end && memchr::memmem::find(rest, &MAGIC).is_none() {
            let (offset, octets) = (self.offset, self.buffer.len() as u64);
            self.consume(self.buffer.len());
            return Ok(Next::Cut { offset, octets });
        }
        self.resume("a frame is damaged")
    }

    /// Passes over octets up to what may be the next frame.
    fn resume(&mut self, why: &'static str) -> io::Result<Next> {
        let offset = self.offset;
        self.consume(1);
        loop {
            self.fill(CHUNK)?;
            if let Some(at) = memchr::memmem::find(&self.buffer, &MAGIC) {
                self.consume(at);
                break;
            }
            let keep = if self.is_at_end { 0 } else { MAGIC.len() - 1 };
            self.consume(self.buffer.len().saturating_sub(keep));
            if self.is_at_end {
                break;
            }
        }
        Ok(Next::Damaged { offset, skipped: self.offset - offset, why })
    }

    fn consume(&mut self, octets: usize) {
        let octets = octets.min(self.buffer.len());
        self.buffer.drain(..octets);
        self.offset += octets as u64;
    }

    fn fill(&mut self, wanted: usize) -> io::Result<()> {
        while !self.is_at_end && self.buffer.len() < wanted {
            let more = (wanted - self.buffer.len()).max(CHUNK) as u64;
            let before = self.buffer.len();
            self.input.by_ref().take(more).read_to_end(&mut self.buffer)?;
            self.is_at_end = self.buffer.len() == before;
        }
        Ok(())
    }
}

/// What the first frame of some octets holds, up to `most` octets.
pub(super) fn first(octets: &[u8], most: usize) -> Option<Vec<u8>> {
    let size = zstd_safe::find_frame_compressed_size(octets).ok()?;
    let frame = octets.get(..size)?;
    let told = zstd_safe::get_frame_content_size(frame).ok()??;
    let capacity = usize::try_from(told).ok().filter(|n| *n <= most)?;
    Decompressor::new().ok()?.decompress(frame, capacity).ok()
}
