//! The classic format: a header of 24 octets, then records of 16 and the packet.
//!
//! A record length beyond [`MAX_CAPTURED`] is damage, and so is an unusual length (neither the original
//! one nor the snapshot length) after which no likely header follows. After damage the next header is searched
//! octet by octet: lengths that agree, a time within a day of the last one, and another plausible
//! header (or the end) where the record ends.

use std::io::Read;

use flowfence_model::Timestamp;

use super::window::Window;
use crate::error::CaptureError;
use crate::link::{Interface, LinkType, RawPacket};
use crate::recorder::Recorder;

/// libpcap's `MAXIMUM_SNAPLEN`.
const MAX_CAPTURED: usize = 262_144;
const NANOS_PER_SEC: u64 = 1_000_000_000;
/// Searches that may be vain before unusual lengths of a file are believed.
const MAX_VAIN_SEARCHES: u32 = 8;
/// How far the time of a record may lie from the last one for it to be found again.
const DAY_SECS: u64 = 86_400;

/// How the numbers of a file are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Format {
    big_endian: bool,
    /// Nanoseconds of a unit of the fraction.
    unit: u64,
    /// Octets of a record header: 16, or 24 in the format of Kuznetzov's patched libpcap.
    header: usize,
}

impl Format {
    fn of(magic: [u8; 4]) -> Option<Self> {
        let format = |big_endian, unit, header| Some(Format { big_endian, unit, header });
        match magic {
            [0xa1, 0xb2, 0xc3, 0xd4] => format(true, 1_000, 16),
            [0xd4, 0xc3, 0xb2, 0xa1] => format(false, 1_000, 16),
            [0xa1, 0xb2, 0x3c, 0x4d] => format(true, 1, 16),
            [0x4d, 0x3c, 0xb2, 0xa1] => format(false, 1, 16),
            [0xa1, 0xb2, 0xcd, 0x34] => format(true, 1_000, 24),
            [0x34, 0xcd, 0xb2, 0xa1] => format(false, 1_000, 24),
            _ => None,
        }
    }

    #[inline]
    fn long(self, bytes: [u8; 4]) -> u32 {
        if self.big_endian { u32::from_be_bytes(bytes) } else { u32::from_le_bytes(bytes) }
    }

    fn word(self, bytes: [u8; 2]) -> u16 {
        if self.big_endian { u16::from_be_bytes(bytes) } else { u16::from_le_bytes(bytes) }
    }
}

/// The header of one record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Record {
    secs: u32,
    fraction: u32,
    captured: usize,
    original: u32,
}

impl Record {
    #[inline]
    fn parse(data: &[u8], format: Format) -> Option<Self> {
        let [s0, s1, s2, s3, f0, f1, f2, f3, c0, c1, c2, c3, o0, o1, o2, o3] = *data.first_chunk()?;
        Some(Record {
            secs: format.long([s0, s1, s2, s3]),
            fraction: format.long([f0, f1, f2, f3]),
            captured: format.long([c0, c1, c2, c3]) as usize,
            original: format.long([o0, o1, o2, o3]),
        })
    }

    #[inline]
    fn time(self, format: Format) -> Timestamp {
        let nanos = u64::from(self.secs) * NANOS_PER_SEC + u64::from(self.fraction) * format.unit;
        Timestamp::from_nanos(i64::try_from(nanos).unwrap_or(i64::MAX))
    }
}

/// Whether the input is a pcap of whatever flavour.
pub(super) fn recognise(data: &[u8]) -> bool {
    data.len() >= 24 && is_beginning(data)
}

/// Whether the first four octets are a pcap's.
pub(super) fn is_beginning(data: &[u8]) -> bool {
    data.first_chunk().is_some_and(|magic| Format::of(*magic).is_some())
}

/// Reads all records.
pub(super) fn read<R: Read>(
    window: &mut Window<'_, R>,
    recorder: &mut Recorder,
    input: u32,
) -> Result<(), CaptureError> {
    let mut file = File::open(window)?;
    let mut packet = |record: Record, data: &[u8], file: &File| {
        let (time, original_len) = (record.time(file.format), record.original);
        recorder.packet(input, &file.interface, &RawPacket { time, original_len, data });
    };
    let header = file.format.header;
    loop {
        // Records that lie whole in the window, with the header after them.
        let (data, mut used, mut is_odd) = (window.data(), 0, false);
        while let Some(record) = data.get(used..).and_then(|d| Record::parse(d, file.format)) {
            if record.captured > MAX_CAPTURED {
                is_odd = true;
                break;
            }
            let end = used + header + record.captured;
            let Some(next) = data.get(end..).and_then(|d| Record::parse(d, file.format)) else { break };
            if !file.is_followed(record, next) {
                is_odd = true;
                break;
            }
            packet(record, data.get(used + header..end).unwrap_or_default(), &file);
            file.last_secs = Some(record.secs);
            used = end;
        }
        window.consume(used);
        if is_odd || !window.fill(file.wanted(window.data()))? {
            match file.careful(window)? {
                Step::Take { record, then_skip } => {
                    let end = header + record.captured;
                    packet(record, window.data().get(header..end).unwrap_or_default(), &file);
                    file.last_secs = Some(record.secs);
                    window.consume(end);
                    if then_skip > 0 {
                        window.damaged("a record is followed by no record; searching for the next one");
                        window.skip(then_skip);
                    }
                }
                Step::Skipped => {}
                Step::End => return Ok(()),
            }
        }
    }
}

/// What to do where something is odd.
enum Step {
    /// The record is good, and so many octets after it are not.
    Take {
        record: Record,
        then_skip: usize,
    },
    /// Damage was passed over.
    Skipped,
    End,
}

struct File {
    format: Format,
    interface: Interface,
    snaplen: usize,
    last_secs: Option<u32>,
    /// Searches that found nothing wrong with an unusual record.
    vain_searches: u32,
}

impl File {
    /// Reads the file header (24 octets).
    fn open<R: Read>(window: &mut Window<'_, R>) -> Result<Self, CaptureError> {
        let octets = window.data().len();
        let cut = || CaptureError::HeaderCut { format: "pcap", octets };
        let header: [u8; 24] = *window.data().first_chunk().ok_or_else(cut)?;
        let [m0, m1, m2, m3, v0, v1, w0, w1, .., s0, s1, s2, s3, n0, n1, n2, n3] = header;
        let format = Format::of([m0, m1, m2, m3]).ok_or_else(cut)?;
        let (major, minor) = (format.word([v0, v1]), format.word([w0, w1]));
        if major != 2 {
            return Err(CaptureError::UnknownVersion { major, minor });
        }
        // The upper half holds the length of the frame check sequence, if it is known.
        let network = format.long([n0, n1, n2, n3]) & 0xffff;
        let link_type = LinkType(u16::try_from(network).unwrap_or_default());
        window.consume(24);
        Ok(File {
            format,
            interface: Interface { number: 0, link_type, name: None },
            snaplen: match format.long([s0, s1, s2, s3]) as usize {
                0 => MAX_CAPTURED,
                snaplen => snaplen,
            },
            last_secs: None,
            vain_searches: 0,
        })
    }

    /// Octets that must be in the window before the next record can be judged.
    fn wanted(&self, data: &[u8]) -> usize {
        let captured = Record::parse(data, self.format).map_or(0, |r| r.captured.min(MAX_CAPTURED));
        2 * self.format.header + captured
    }

    /// Whether a record and the header after it make sense together. A usual record is followed by
    /// any length that may be; an unusual one must be followed by a likely header, until the file
    /// has shown that it is merely odd.
    #[inline]
    fn is_followed(&self, record: Record, next: Record) -> bool {
        next.captured <= MAX_CAPTURED
            && (self.is_usual(record) || self.is_likely(next) || self.vain_searches >= MAX_VAIN_SEARCHES)
    }

    /// Judges the record at the start of the window, where it or what follows it is odd.
    fn careful<R: Read>(&mut self, window: &mut Window<'_, R>) -> Result<Step, CaptureError> {
        let header = self.format.header;
        window.fill(2 * header + MAX_CAPTURED)?;
        let data = window.data();
        let Some(record) = Record::parse(data, self.format).filter(|_| data.len() >= header) else {
            let left = data.len();
            if left > 0 {
                window.truncated();
                window.skip(left);
            }
            return Ok(Step::End);
        };
        let length = header + record.captured;
        let is_whole = record.captured <= MAX_CAPTURED && data.len() >= length;
        let next = data.get(length..).and_then(|d| Record::parse(d, self.format));
        if is_whole && next.is_none_or(|next| self.is_followed(record, next)) {
            return Ok(Step::Take { record, then_skip: 0 });
        }
        // The next header that is plausible: within this record, its length runs over good ones;
        // where it ends, all is well; after that, the octets between are damage.
        let found = self.search(data, 1..data.len());
        match found {
            Some(at) if is_whole && at >= length => {
                return Ok(Step::Take { record, then_skip: at - length });
            }
            None if is_whole => {
                self.vain_searches += 1;
                return Ok(Step::Take { record, then_skip: 0 });
            }
            _ => {}
        }
        if record.captured <= MAX_CAPTURED && found.is_none() {
            let left = data.len();
            window.truncated();
            window.skip(left);
            return Ok(Step::End);
        }
        window.damaged("a record header makes no sense; searching for the next one");
        self.resync(window, found)
    }

    /// Lengths as nearly every program writes them.
    #[inline]
    fn is_usual(&self, record: Record) -> bool {
        record.captured == self.snaplen.min(record.original as usize)
    }

    /// Passes over octets until a header is plausible.
    fn resync<R: Read>(
        &self,
        window: &mut Window<'_, R>,
        known: Option<usize>,
    ) -> Result<Step, CaptureError> {
        let mut found = known;
        loop {
            if let Some(at) = found {
                window.skip(at);
                return Ok(Step::Skipped);
            }
            if !window.fill(window.data().len() + 1)? {
                let left = window.data().len();
                if let Some(at) = self.search(window.data(), 1..left) {
                    found = Some(at);
                    continue;
                }
                window.skip(left);
                return Ok(Step::End);
            }
            // Half of the window at a time, so that every candidate sees the record after it.
            window.fill(3 * MAX_CAPTURED)?;
            let step = window.data().len() / 2;
            found = self.search(window.data(), 1..step);
            if found.is_none() {
                window.skip(step.max(1) - 1);
            }
        }
    }

    /// The first plausible header in a range of the data.
    fn search(&self, data: &[u8], range: std::ops::Range<usize>) -> Option<usize> {
        range.into_iter().find(|at| data.get(*at..).is_some_and(|d| self.is_plausible(d)))
    }

    /// Whether a record that nothing announces begins here.
    fn is_plausible(&self, data: &[u8]) -> bool {
        let Some(record) = Record::parse(data, self.format) else { return false };
        if !self.is_likely(record) {
            return false;
        }
        let length = self.format.header + record.captured;
        match data.get(length..) {
            Some([]) => true,
            Some(next) => Record::parse(next, self.format).is_some_and(|next| self.is_likely(next)),
            None => false,
        }
    }

    fn is_likely(&self, record: Record) -> bool {
        let near = self.last_secs.is_none_or(|last| u64::from(last.abs_diff(record.secs)) <= DAY_SECS);
        near && (1..=MAX_CAPTURED).contains(&record.captured)
            && record.captured <= record.original as usize
            && u64::from(record.fraction) * self.format.unit < NANOS_PER_SEC
            && record.original <= 1 << 24
    }
}
