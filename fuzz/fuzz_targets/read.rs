//! What the two file targets share: read at once and in pieces, and hold the two against each other.

use std::io::{self, Read};

use flowfence_capture::{Limits, Recorder, read_capture};
use flowfence_model::Recording;

/// Gives an octet more each time, up to 64.
struct Pieces<'a>(&'a [u8], usize);

impl Read for Pieces<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.1 = self.1 % 64 + 1;
        let n = self.1.min(buffer.len()).min(self.0.len());
        let (head, rest) = self.0.split_at(n);
        buffer[..n].copy_from_slice(head);
        self.0 = rest;
        Ok(n)
    }
}

fn record(input: impl Read) -> Option<Recording> {
    let mut recorder = Recorder::new(Limits { max_flows: 64, ..Limits::default() });
    read_capture(input, "fuzz", &mut recorder, &mut |_| {}).ok()?;
    Some(recorder.finish())
}

/// Reads a file in both ways, which must not differ.
pub fn both(file: &[u8]) -> Option<Recording> {
    match (record(file), record(Pieces(file, 0))) {
        (Some(whole), Some(pieces)) => {
            assert_eq!(whole.files, pieces.files);
            assert_eq!(whole.records, pieces.records);
            Some(whole)
        }
        (None, None) => None,
        _ => panic!("pieces make a difference"),
    }
}

/// Reads a file of whatever kind in both ways.
#[allow(dead_code, reason = "flow files have octets that no reader passes over")]
pub fn any(file: &[u8]) -> Option<Recording> {
    let whole = both(file)?;
    let is_plain = !matches!(file, [0x1f | 0x28 | 0x50..=0x5f, ..]);
    assert!(!is_plain || whole.files[0].octets == file.len() as u64, "every octet is used or skipped");
    Some(whole)
}

/// Reads a file that begins as a capture does: its records are packets, and not lines of a log.
#[allow(dead_code, reason = "flow files have no packets")]
pub fn capture(file: &[u8]) {
    if let Some(whole) = any(file) {
        assert_eq!(whole.files[0].packets, whole.packets);
    }
}
