//! A bounded buffer that slides over the input.

use std::io::{self, Read};

use super::source::Source;
use crate::error::CaptureError;
use crate::recorder::Recorder;

/// Records and blocks beyond this are taken for damage: four times libpcap's largest snapshot.
pub(crate) const MAX_BLOCK: usize = 1 << 20;
/// Room for the largest block and the header of the one after it.
const CAPACITY: usize = MAX_BLOCK + 4096;
/// The longest object of a JSON document, which may hold what an hour of one interface was.
pub(crate) const MAX_OBJECT: usize = 1 << 24;
/// How much is asked of the input at a time; what fits a core's second-level cache is read from
/// there when it is parsed.
const CHUNK: usize = 1 << 17;
/// Problems of one input that are told in words.
const MAX_PROBLEMS: usize = 8;

/// The octets that were read and not yet used, and what went wrong so far.
pub(crate) struct Window<'p, R: Read> {
    source: Source<R>,
    buffer: Vec<u8>,
    /// Start and end of the octets that are not yet used.
    start: usize,
    end: usize,
    /// Offset of `start` in the decompressed input.
    offset: u64,
    at_end: bool,
    failure: Option<io::Error>,
    progress: &'p mut dyn FnMut(u64),
    /// Filled for the input's report.
    damaged: u64,
    skipped: u64,
    truncated: bool,
    problems: Vec<String>,
}

impl<'p, R: Read> Window<'p, R> {
    pub(super) fn new(source: Source<R>, progress: &'p mut dyn FnMut(u64)) -> Self {
        Window {
            source,
            buffer: vec![0; CHUNK],
            start: 0,
            end: 0,
            offset: 0,
            at_end: false,
            failure: None,
            progress,
            damaged: 0,
            skipped: 0,
            truncated: false,
            problems: Vec::new(),
        }
    }

    /// What is there.
    #[inline]
    pub(crate) fn data(&self) -> &[u8] {
        self.buffer.get(self.start..self.end).unwrap_or_default()
    }

    /// Reads until `wanted` octets are there; false when the input ends before. An error of the
    /// input itself is one; an error of the decompression ends the input.
    pub(crate) fn fill(&mut self, wanted: usize) -> Result<bool, CaptureError> {
        self.fill_within(wanted, CAPACITY)
    }

    /// Likewise for an object of a JSON document, which may be longer than a block.
    pub(crate) fn fill_object(&mut self, wanted: usize) -> Result<bool, CaptureError> {
        self.fill_within(wanted, MAX_OBJECT + 4096)
    }

    fn fill_within(&mut self, wanted: usize, capacity: usize) -> Result<bool, CaptureError> {
        let wanted = wanted.min(capacity);
        while self.end - self.start < wanted {
            if self.at_end {
                return Ok(false);
            }
            self.make_room(wanted, capacity);
            let Some(space) = self.buffer.get_mut(self.end..) else { return Ok(false) };
            match self.source.read(space) {
                Ok(0) => self.at_end = true,
                Ok(n) => self.end += n,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if self.source.is_compressed() => {
                    self.at_end = true;
                    self.truncated = true;
                    self.problem(&format!("the compressed data is damaged or cut: {error}"));
                    self.failure = Some(error);
                }
                Err(error) => return Err(CaptureError::Io(error)),
            }
            (self.progress)(self.source.octets());
        }
        Ok(true)
    }

    /// Everything that is left, when it is no more than `most`.
    pub(super) fn rest(&mut self, most: usize) -> Result<Vec<u8>, CaptureError> {
        let mut all = self.data().to_vec();
        let mut chunk = vec![0; CHUNK];
        while !self.at_end {
            match self.source.read(&mut chunk) {
                Ok(0) => self.at_end = true,
                Ok(n) => all.extend_from_slice(chunk.get(..n).unwrap_or_default()),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if self.source.is_compressed() => return Err(CaptureError::Decompress(error)),
                Err(error) => return Err(CaptureError::Io(error)),
            }
            if all.len() > most {
                let why = format!(
                    "more than {most} octets through a pipe or in gzip or zstd; give the file itself"
                );
                return Err(CaptureError::Table(why));
            }
            (self.progress)(self.source.octets());
        }
        Ok(all)
    }

    /// Moves what is left to the front and grows the buffer if `wanted` does not fit.
    fn make_room(&mut self, wanted: usize, capacity: usize) {
        if self.start > 0 {
            self.buffer.copy_within(self.start..self.end, 0);
            self.end -= self.start;
            self.start = 0;
        }
        let room = wanted.next_multiple_of(CHUNK).min(capacity).max(wanted);
        if self.buffer.len() < room {
            self.buffer.resize(room, 0);
        }
    }

    /// Passes over `n` octets that were used.
    #[inline]
    pub(crate) fn consume(&mut self, n: usize) {
        let n = n.min(self.end - self.start);
        self.start += n;
        self.offset += n as u64;
    }

    /// Passes over `n` octets that nobody could use.
    pub(crate) fn skip(&mut self, n: usize) {
        self.skipped += n.min(self.end - self.start) as u64;
        self.consume(n);
    }

    /// Counts a record that could not be used.
    pub(crate) fn damaged(&mut self, what: &str) {
        self.damaged += 1;
        self.problem(what);
    }

    /// The input ends in the middle of a record.
    pub(crate) fn truncated(&mut self) {
        if !self.truncated {
            self.truncated = true;
            self.problem("the input ends in the middle of a record");
        }
    }

    /// Says what is wrong here.
    pub(super) fn problem(&mut self, what: &str) {
        if self.problems.len() < MAX_PROBLEMS {
            self.problems.push(format!("octet {}: {what}", self.offset));
        }
    }

    /// Why nothing came out of compressed data.
    pub(super) fn failure(&mut self) -> Option<CaptureError> {
        self.failure.take().map(CaptureError::Decompress)
    }

    /// Writes the report of the input.
    pub(super) fn close(self, recorder: &mut Recorder, input: u32) {
        (self.progress)(self.source.octets());
        if let Some(report) = recorder.report(input) {
            report.octets = self.offset;
            report.damaged_records = self.damaged;
            report.skipped_octets = self.skipped;
            report.truncated = self.truncated;
            report.problems = self.problems;
        }
    }
}
