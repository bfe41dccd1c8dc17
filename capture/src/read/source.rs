//! An input with its compression opened.

use std::io::{self, Chain, Cursor, Read};

use flate2::read::MultiGzDecoder;

use super::people;
use crate::error::CaptureError;

/// What a zstd frame may ask for, as a power of two: 128 MiB, the most that the zstd tool grants
/// without being told.
const ZSTD_WINDOW_LOG: u32 = 27;
const GZIP: &[u8] = &[0x1f, 0x8b];
const ZSTD: &[u8] = &[0x28, 0xb5, 0x2f, 0xfd];

/// Counts what is read of the input itself.
pub(super) struct Counted<R> {
    inner: R,
    octets: u64,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n = self.inner.read(buffer)?;
        self.octets += n as u64;
        Ok(n)
    }
}

type Input<R> = Counted<Chain<Cursor<Vec<u8>>, R>>;

/// An input, compression opened by content and never by name.
pub(super) enum Source<R: Read> {
    Plain(Input<R>),
    Gzip(Box<MultiGzDecoder<Input<R>>>),
    Zstd(Box<zstd::stream::read::Decoder<'static, io::BufReader<Input<R>>>>),
}

impl<R: Read> Source<R> {
    /// Looks at the first octets.
    pub(super) fn open(mut input: R) -> Result<Self, CaptureError> {
        let mut first = Vec::new();
        input.by_ref().take(4).read_to_end(&mut first)?;
        let is_gzip = first.starts_with(GZIP);
        let is_zstd = first.starts_with(ZSTD) || is_skippable(&first);
        let input = Counted { inner: Cursor::new(first).chain(input), octets: 0 };
        if is_gzip {
            Ok(Source::Gzip(Box::new(MultiGzDecoder::new(input))))
        } else if is_zstd {
            let mut decoder = zstd::stream::read::Decoder::new(input).map_err(CaptureError::Decompress)?;
            decoder.window_log_max(ZSTD_WINDOW_LOG).map_err(CaptureError::Decompress)?;
            Ok(Source::Zstd(Box::new(decoder)))
        } else {
            Ok(Source::Plain(input))
        }
    }

    /// Octets of the input that were read.
    pub(super) fn octets(&self) -> u64 {
        match self {
            Source::Plain(input) => input.octets,
            Source::Gzip(decoder) => decoder.get_ref().octets,
            Source::Zstd(decoder) => decoder.get_ref().get_ref().octets,
        }
    }

    /// Whether an error may come from the compressed data.
    pub(super) fn is_compressed(&self) -> bool {
        !matches!(self, Source::Plain(_))
    }
}

impl<R: Read> Read for Source<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Source::Plain(input) => input.read(buffer),
            Source::Gzip(decoder) => decoder.read(buffer),
            Source::Zstd(decoder) => decoder.read(buffer),
        }
    }
}

/// A skippable frame, which a zstd file may begin with (RFC 8878 §3.1.2).
fn is_skippable(first: &[u8]) -> bool {
    matches!(first, [0x50..=0x5f, 0x2a, 0x4d, 0x18])
}

/// Says what an input that is no capture seems to be.
pub(super) fn looks_like(data: &[u8]) -> CaptureError {
    const COMPRESSED: [(&[u8], &str); 5] = [
        (b"\xfd7zXZ\0", "xz"),
        (b"BZh", "bzip2"),
        (&[0x04, 0x22, 0x4d, 0x18], "lz4"),
        (b"PK\x03\x04", "zip"),
        (b"7z\xbc\xaf", "7-Zip"),
    ];
    const OTHERS: [(&[u8], &str); 10] = [
        (GZIP, "gzip within gzip or zstd"),
        (ZSTD, "zstd within gzip or zstd"),
        (&[0x0a, 0x0d, 0x0d, 0x0a], "pcapng with a damaged section header"),
        (b"snoop\0", "a snoop capture"),
        (
            b"\x0c\xa5",
            "a file of nfcapd; give a capture of what its exporters send with --netflow, hear them at netflow://ADDRESS:PORT, or \
             read what nfdump -o json prints by the mapping in docs/flow-logs.md",
        ),
        (
            b"\x00\x0a",
            "messages of IPFIX with nothing around them; give a capture of the exporter with --netflow, or hear it at \
             ipfix://ADDRESS:PORT",
        ),
        (b"\x7fELF", "a program"),
        (b"\xff\xfe", "text in UTF-16; write it as UTF-8"),
        (b"\xfe\xff", "text in UTF-16; write it as UTF-8"),
        (b"<", "XML or HTML"),
    ];
    if let Some((_, name)) = COMPRESSED.iter().find(|(magic, _)| data.starts_with(magic)) {
        return CaptureError::UnknownCompression(name);
    }
    let is_binary = |b: &u8| b.is_ascii_control() && !b.is_ascii_whitespace();
    let whole = match std::str::from_utf8(data) {
        // There is more, and this much of it ends within a character.
        Err(error) if error.error_len().is_none() => data.get(..error.valid_up_to()).unwrap_or_default(),
        _ => data,
    };
    let text = std::str::from_utf8(whole).ok().filter(|_| !data.iter().any(is_binary));
    if let Some(looks_like) = text.and_then(people::looks_like) {
        return CaptureError::NotACapture { looks_like };
    }
    let is_text = text.is_some();
    let fallback = if is_text { "text" } else { "unknown binary data" };
    let known = OTHERS.iter().find(|(magic, _)| data.starts_with(magic)).map(|(_, name)| *name);
    let is_tar = data.get(257..262) == Some(b"ustar");
    let tar = is_tar.then_some("an archive of tar; give the files that are in it");
    CaptureError::NotACapture { looks_like: known.or(tar).unwrap_or(fallback) }
}
