//! AWS VPC flow logs, text (Amazon VPC User Guide, "Flow log records"): with the header line that
//! objects in S3 have, or without, in the default order of version 2.
//!
//! A line is one direction at one network interface in one interval. Both interfaces of a
//! connection log it. `srcaddr` and `dstaddr` are those of the interface, which is not the pod's
//! when the pod has a secondary address: `pkt-srcaddr` and `pkt-dstaddr` have the packet's.

use flowfence_model::logged::LoggedVerdict;
use flowfence_model::{Protocol, Timestamp};

use super::entry::{Answer, End, Entry, Opener, Skip};
use super::{Decoder, LogFormat, Sink, Tells, text};
use crate::cause::Cause;

pub(super) const FORMAT: LogFormat = LogFormat {
    token: "aws-vpc",
    name: "AWS VPC flow logs",
    tells: Tells { opener: true, answer: true, verdict: false, names: false, counts: true, service: false },
    caveat: "Who opened is told only by the field tcp-flags; pods with a secondary address only by pkt-srcaddr and \
             pkt-dstaddr. Two pods of one node never show. REJECT is a security group's or a network ACL's word, \
             not a policy's.",
    recognise,
    open: || Box::new(Vpc::default()),
};

/// Names of fields by their order in version 2, which a log without header has.
const VERSION_2: [&[u8]; 14] = [
    b"version",
    b"account-id",
    b"interface-id",
    b"srcaddr",
    b"dstaddr",
    b"srcport",
    b"dstport",
    b"protocol",
    b"packets",
    b"bytes",
    b"start",
    b"end",
    b"action",
    b"log-status",
];

/// The fields that are used, in the order of [`Columns`].
const USED: [&[u8]; 14] = [
    b"srcaddr",
    b"dstaddr",
    b"srcport",
    b"dstport",
    b"protocol",
    b"packets",
    b"bytes",
    b"start",
    b"end",
    b"action",
    b"interface-id",
    b"tcp-flags",
    b"pkt-srcaddr",
    b"pkt-dstaddr",
];

/// Most fields that a line may have; version 11 has some sixty.
const MAX_FIELDS: usize = 128;

/// Bits of `tcp-flags`, which are those that any packet of the interval had.
const SYN: u64 = 2;
const ACCEPT: u64 = 18;
const RST: u64 = 4;
const ACK: u64 = 16;

fn recognise(line: &[u8]) -> bool {
    is_header(line) || {
        let words: Vec<&[u8]> = line.split(u8::is_ascii_whitespace).collect();
        words.len() == VERSION_2.len()
            && words.first() == Some(&&b"2"[..])
            && words.last().is_some_and(|status| matches!(*status, b"OK" | b"NODATA" | b"SKIPDATA"))
    }
}

/// A header names fields with letters and hyphens only, an address among them.
fn is_header(line: &[u8]) -> bool {
    let is_name = |word: &[u8]| {
        !word.is_empty()
            && word.iter().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || b"-_".contains(c))
    };
    let mut words = line.split(u8::is_ascii_whitespace);
    let has_address =
        words.clone().any(|word| matches!(dashed(word).as_slice(), b"srcaddr" | b"pkt-srcaddr"));
    has_address && words.all(is_name)
}

/// Parquet and Athena write underscores.
fn dashed(word: &[u8]) -> Vec<u8> {
    word.iter().map(|c| if *c == b'_' { b'-' } else { *c }).collect()
}

/// Where the used fields stand in a line.
type Columns = [Option<u8>; USED.len()];

struct Vpc {
    columns: Columns,
}

impl Default for Vpc {
    fn default() -> Self {
        Vpc { columns: columns_of(VERSION_2.iter().copied()) }
    }
}

fn columns_of<'a>(names: impl Iterator<Item = &'a [u8]>) -> Columns {
    let mut columns = [None; USED.len()];
    for (at, name) in (0_u8..).zip(names.take(MAX_FIELDS)) {
        let name = dashed(name);
        for (column, used) in columns.iter_mut().zip(USED) {
            if name == used {
                *column = Some(at);
            }
        }
    }
    columns
}

impl Decoder for Vpc {
    fn line(&mut self, line: &[u8], to: &mut Sink<'_>) -> Result<(), Skip> {
        let mut starts = [(0_u32, 0_u32); MAX_FIELDS];
        let count = split(line, &mut starts);
        let columns = self.columns;
        let word = |field: usize| -> Option<&[u8]> {
            let at = usize::from(columns.get(field).copied().flatten()?);
            let (start, end) = starts.get(..count)?.get(at)?;
            let word = line.get(*start as usize..*end as usize)?;
            (word != b"-").then_some(word)
        };
        let address =
            |packet: usize, interface: usize| word(packet).or_else(|| word(interface)).map(text::address);
        let (Some(source), Some(destination)) = (address(12, 0), address(13, 1)) else {
            return self.without_address(line, word);
        };
        let (Some(source), Some(destination)) = (source, destination) else {
            if is_header(line) {
                self.columns = columns_of(line.split(u8::is_ascii_whitespace));
                return Ok(());
            }
            return Err(Skip::Bad("an address cannot be read"));
        };
        let number = |field: usize| word(field).and_then(text::number);
        let Some(ip_protocol) = number(4) else { return Err(Skip::Bad("the protocol is missing")) };
        let Some(protocol) = text::protocol(ip_protocol) else {
            return Err(Skip::Other(Cause::OtherIpProtocol));
        };
        let start = word(7).and_then(text::epoch);
        let end = word(8).and_then(text::epoch);
        let Some(time) = interval(start, end) else { return Err(Skip::Bad("the time cannot be read")) };
        let side = |address, port: usize| End {
            address: Some(address),
            port: word(port).and_then(text::port),
            identity: None,
        };
        let (source, destination) = (side(source, 2), side(destination, 3));
        if protocol.has_ports() && (source.port.is_none() || destination.port.is_none()) {
            return Err(Skip::Bad("a port is missing"));
        }
        let observer =
            to.fold.observer("aws-vpc", word(10).map_or("", |name| std::str::from_utf8(name).unwrap_or("")));
        let mut entry = Entry::new(time, source, destination, protocol, observer);
        entry.packets[0] = number(5).unwrap_or(0);
        entry.octets[0] = number(6).unwrap_or(0);
        if word(9) == Some(b"REJECT") {
            entry.verdict = LoggedVerdict::Dropped;
        }
        if protocol == Protocol::Tcp
            && let Some(flags) = number(11)
        {
            by_flags(&mut entry, flags);
        }
        to.fold.add(&entry);
        Ok(())
    }
}

impl Vpc {
    fn without_address<'a>(
        &mut self,
        line: &[u8],
        word: impl Fn(usize) -> Option<&'a [u8]>,
    ) -> Result<(), Skip> {
        if is_header(line) {
            self.columns = columns_of(line.split(u8::is_ascii_whitespace));
            return Ok(());
        }
        let has_status = |status: &[u8]| memchr::memmem::find(line, status).is_some();
        if has_status(b"SKIPDATA") {
            Err(Skip::Other(Cause::LogLost))
        } else if has_status(b"NODATA") || word(10).is_some() {
            Err(Skip::Other(Cause::LogEmpty))
        } else {
            Err(Skip::Bad("no addresses"))
        }
    }
}

/// SYN without ACK was sent by who opened, SYN and ACK by who was asked; an interval with neither
/// says nothing.
fn by_flags(entry: &mut Entry, flags: u64) {
    if flags & ACCEPT == ACCEPT {
        entry.opener = Opener::Destination;
        entry.answer = Answer::Answered;
    } else if flags & SYN != 0 {
        entry.opener = Opener::Source;
    } else if flags & !ACK == RST {
        // Nothing but a reset in the whole interval; whether of what was asked, the rest tells.
        entry.answer = Answer::Refused;
    }
}

fn interval(start: Option<Timestamp>, end: Option<Timestamp>) -> Option<(Timestamp, Timestamp)> {
    let first = start.or(end)?;
    let last = end.unwrap_or(first);
    Some((first.min(last), first.max(last)))
}

/// Starts and ends of the words of a line; how many there are.
fn split(line: &[u8], words: &mut [(u32, u32); MAX_FIELDS]) -> usize {
    let (mut count, mut start) = (0, 0);
    let ends = memchr::memchr2_iter(b' ', b'\t', line).chain(std::iter::once(line.len()));
    for end in ends {
        if end > start
            && let Some(word) = words.get_mut(count)
        {
            *word = (u32::try_from(start).unwrap_or(u32::MAX), u32::try_from(end).unwrap_or(u32::MAX));
            count += 1;
        }
        start = end + 1;
    }
    count
}
