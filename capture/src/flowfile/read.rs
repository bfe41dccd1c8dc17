//! A flow file into a recorder.

use std::io::Read;

use prost::Message as _;

use super::frame::{Frames, MAGIC, Next};
use super::message::{BlockMessage, Entry, FORMAT, VERSION};
use crate::error::CaptureError;
use crate::recorder::Recorder;

/// Frames that are looked at to tell what a file is.
const MAX_LOOKED_AT: usize = 4;
/// Problems of one file that are told in words.
const MAX_PROBLEMS: usize = 8;

/// Whether an input that begins with these four octets may be one.
pub(crate) fn may_begin_with(first: &[u8]) -> bool {
    first == MAGIC
}

/// Whether an input that begins with these octets is a flow file: one of its first frames is a header, or a block
/// whose header is damaged.
pub(crate) fn recognise(first: &[u8]) -> bool {
    let mut frames = Frames::new(first);
    for _ in 0..MAX_LOOKED_AT {
        match frames.next() {
            Ok(Next::Frame(octets)) => return is_ours(&octets),
            Ok(Next::Damaged { .. }) => {}
            Ok(Next::Cut { .. } | Next::End) | Err(_) => return false,
        }
    }
    false
}

/// Of other compressed files hardly one begins as such a message does.
fn is_ours(octets: &[u8]) -> bool {
    let Ok(entry) = Entry::decode_length_delimited(octets) else { return false };
    entry.header.is_some_and(|header| header.format == FORMAT)
        || entry.block.is_some_and(|block| block.has_session())
}

/// Reads a whole file. Frames that cannot be used are counted and told; the others count.
pub(crate) fn read(
    input: impl Read,
    recorder: &mut Recorder,
    number: u32,
    progress: &mut dyn FnMut(u64),
) -> Result<(), CaptureError> {
    let mut frames = Frames::new(input);
    let mut tale = Tale::default();
    loop {
        let at = frames.offset();
        match frames.next()? {
            Next::End => break,
            Next::Frame(octets) => {
                if let Some(block) = tale.open(&octets, at)? {
                    match block.read() {
                        Some((block, odd)) => {
                            tale.blocks += 1;
                            tale.odd(odd, at);
                            recorder.absorb(block);
                        }
                        None => tale.damaged(at, "a block does not say its session"),
                    }
                }
            }
            Next::Damaged { offset, skipped, why } => {
                tale.skipped += skipped;
                tale.damaged(offset, why);
            }
            Next::Cut { offset, octets } => {
                tale.is_cut = true;
                tale.problem(
                    offset,
                    &format!("the file ends in the middle of a block, after {octets} octets of it"),
                );
            }
        }
        progress(frames.offset());
    }
    if let Some(report) = recorder.report(number) {
        report.packets = tale.blocks;
        report.octets = frames.offset();
        report.damaged_records = tale.damaged;
        report.skipped_octets = tale.skipped;
        report.truncated = tale.is_cut;
        report.problems = tale.problems;
    }
    Ok(())
}

/// What became of a file.
#[derive(Default)]
struct Tale {
    blocks: u64,
    damaged: u64,
    skipped: u64,
    is_cut: bool,
    /// A header that this version understands was seen, and whether the last one was of a later version.
    is_begun: bool,
    is_newer: bool,
    problems: Vec<String>,
}

impl Tale {
    /// What a frame holds; a header is looked at and gives nothing. A file that begins with a header of a later
    /// version is refused; where one comes later (files were joined), what follows it is left out and counted.
    fn open(&mut self, octets: &[u8], at: u64) -> Result<Option<BlockMessage>, CaptureError> {
        let Ok(entry) = Entry::decode_length_delimited(octets) else {
            self.damaged(at, "a frame holds something else than a block");
            return Ok(None);
        };
        if let Some(header) = &entry.header {
            if header.format != FORMAT {
                self.damaged(at, "a header does not say that a flow file begins");
            } else if header.version > VERSION && !self.is_begun && self.blocks == 0 {
                return Err(CaptureError::NewerFlowFile { version: header.version, known: VERSION });
            } else {
                self.is_newer = header.version > VERSION;
                self.is_begun = true;
            }
        }
        if self.is_newer && entry.block.is_some() {
            self.damaged(at, "a block follows a header of a later version");
            return Ok(None);
        }
        Ok(entry.block)
    }

    fn damaged(&mut self, offset: u64, why: &str) {
        self.damaged += 1;
        self.problem(offset, why);
    }

    fn odd(&mut self, flows: u64, at: u64) {
        if flows > 0 {
            self.damaged += flows;
            self.problem(at, &format!("{flows} flows of a block cannot be"));
        }
    }

    fn problem(&mut self, offset: u64, what: &str) {
        if self.problems.len() < MAX_PROBLEMS {
            self.problems.push(format!("octet {offset}: {what}"));
        }
    }
}
