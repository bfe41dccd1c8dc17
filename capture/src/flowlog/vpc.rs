//! AWS VPC flow logs, text (Amazon VPC User Guide, "Flow log records"): with the header line that
//! objects in S3 have, or without, in the default order of version 2. `CloudWatch` Logs puts the moment
//! of ingestion before a line when it exports it. What is asked of Athena or `CloudWatch` Logs Insights comes
//! as a table in CSV.
//!
//! A line is one direction at one network interface in one interval. Both interfaces of a
//! connection log it. `srcaddr` and `dstaddr` are those of the interface, which is not the pod's
//! when the pod has a secondary address: `pkt-srcaddr` and `pkt-dstaddr` have the packet's.

mod fields;
mod met;
mod table;

use std::borrow::Cow;

use flowfence_model::Timestamp;

use super::entry::{End, Entry, Skip};
use super::{Asks, Decoder, LogFormat, Sink, Tells, text};
use crate::cause::Cause;
use fields::{
    DESTINATION_PORT, DIRECTION, END, INTERFACE, PKT_DESTINATION, PKT_SOURCE, PROTOCOL, SOURCE_PORT, START,
    STATUS, USED, VERSION_2, Words,
};
use met::{Met, observer, tell};

pub(super) use fields::missing;

pub(super) const FORMAT: LogFormat = LogFormat {
    token: "aws-vpc",
    name: "AWS VPC flow logs",
    tells: Tells { opener: true, answer: true, verdict: false, names: false, counts: true, service: false },
    caveat: "Without a header line fields are in the order of version 2, or in that of --format \"aws-vpc:FIELDS\". \
             Who opened is told only by the field tcp-flags; pods with a secondary address only by pkt-srcaddr and \
             pkt-dstaddr. Two pods of one node never show. REJECT is a security group's or a network ACL's word, \
             not a policy's.",
    recognise,
    open: || Box::new(Vpc::default()),
};

/// Most fields that a line may have; version 11 has some sixty.
pub(super) const MAX_FIELDS: usize = 128;

fn recognise(line: &[u8]) -> bool {
    is_header(line) || table::head(line).is_some() || {
        let words: Vec<&[u8]> = without_stamp(line).split(u8::is_ascii_whitespace).collect();
        words.len() == VERSION_2.len()
            && words.first() == Some(&&b"2"[..])
            && words.last().is_some_and(|status| matches!(*status, b"OK" | b"NODATA" | b"SKIPDATA"))
    }
}

/// The line without the moment that `CloudWatch` Logs puts before it, `2026-11-24T10:00:00.000Z`, and the name of
/// the stream that `aws logs tail` writes behind that, `eni-0123456789abcdef0-all`.
fn without_stamp(line: &[u8]) -> &[u8] {
    let [_, _, _, _, b'-', _, _, b'-', _, _, b'T', ..] = line else { return line };
    let behind = |line: &'_ [u8]| memchr::memchr(b' ', line).map(|at| at + 1);
    let Some(rest) = behind(line).and_then(|at| line.get(at..)) else { return line };
    let Some((stream, rest_of_it)) = behind(rest).and_then(|at| rest.split_at_checked(at)) else {
        return rest;
    };
    if is_stream(stream.trim_ascii_end()) { rest_of_it } else { rest }
}

/// The name of a log stream: an interface, and which of its traffic is logged.
fn is_stream(word: &[u8]) -> bool {
    word.starts_with(b"eni-")
        && [&b"-all"[..], b"-accept", b"-reject"].iter().any(|kind| word.ends_with(kind))
}

/// A header names fields with letters and hyphens only, an address among them.
fn is_header(line: &[u8]) -> bool {
    let is_name = |word: &[u8]| {
        let word = dashed(word);
        !word.is_empty()
            && word.iter().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || b"-_".contains(c))
    };
    let mut words = line.split(u8::is_ascii_whitespace);
    let has_address =
        words.clone().any(|word| matches!(dashed(word).as_slice(), b"srcaddr" | b"pkt-srcaddr"));
    has_address && words.all(is_name)
}

/// Parquet and Athena write underscores, and whoever says which fields there are `${srcaddr}`.
pub(super) fn dashed(word: &[u8]) -> Vec<u8> {
    let bare = word.strip_prefix(b"${").and_then(|word| word.strip_suffix(b"}")).unwrap_or(word);
    bare.iter().map(|c| if *c == b'_' { b'-' } else { *c }).collect()
}

/// No used field.
const UNUSED: u8 = u8::MAX;

/// Reads its lines.
pub(super) struct Vpc {
    /// Which of the used fields stands at each place of a line.
    places: [u8; MAX_FIELDS],
    /// How many fields a line has at least.
    fields: usize,
    /// Whether lines are rows of a table in CSV.
    is_table: bool,
    /// The line of a row.
    scratch: Vec<u8>,
    met: Met,
}

impl Default for Vpc {
    fn default() -> Self {
        Vpc::of(VERSION_2.iter().copied())
    }
}

impl Vpc {
    /// Of lines that have these fields, by their names.
    pub(super) fn of<'a>(names: impl Iterator<Item = &'a [u8]>) -> Self {
        let (mut places, mut fields) = ([UNUSED; MAX_FIELDS], 0);
        let names = names.filter(|name| !name.is_empty());
        for (place, name) in places.iter_mut().zip(names) {
            fields += 1;
            let name = dashed(name);
            if let Some((field, _)) = (0..).zip(USED).find(|(_, used)| name == *used) {
                *place = field;
            }
        }
        Vpc { places, fields, is_table: false, scratch: Vec::new(), met: Met::new() }
    }

    /// The words of the used fields, and how many words there are.
    fn used<'l>(&self, line: &'l [u8]) -> (Words<'l>, usize) {
        let mut found = Words::of(line);
        let count = text::words(line, |place, start, end| {
            found.put(self.places.get(place).copied().unwrap_or(UNUSED), start, end);
        });
        (found, count)
    }

    /// Lines have other fields from now on.
    fn begin<'a>(&mut self, names: impl Iterator<Item = &'a [u8]>) {
        *self = Vpc { is_table: self.is_table, ..Vpc::of(names) };
    }

    /// Takes a line of words.
    #[inline]
    fn words(&mut self, line: &[u8], to: &mut Sink<'_>) -> Result<(), Skip> {
        let (found, count) = self.used(line);
        if count >= self.fields && self.met.take(&found, to).is_some() {
            return Ok(());
        }
        self.closely(line, &found, count, to)
    }

    fn has(&self, field: usize) -> bool {
        self.places.iter().any(|place| usize::from(*place) == field)
    }
}

impl Decoder for Vpc {
    fn line(&mut self, line: &[u8], to: &mut Sink<'_>) -> Result<(), Skip> {
        if self.is_table {
            let values = table::values(line)?;
            return self.row(&values, to);
        }
        self.words(without_stamp(line), to)
    }

    fn asks(&self) -> Option<Asks> {
        let name = |field: &&[u8]| String::from_utf8_lossy(field).into_owned();
        let fields = USED.iter().map(name).collect();
        Some(Asks { fields, needs: &["protocol"], wants_seconds: true, ..Asks::default() })
    }

    fn begin_table(&mut self, fields: &[String]) {
        *self = Vpc::of(fields.iter().map(String::as_bytes));
    }

    /// A row of a table is the line that it would be. Writers have `None` or nothing for a dash.
    fn row(&mut self, values: &[Cow<'_, str>], to: &mut Sink<'_>) -> Result<(), Skip> {
        let mut line = std::mem::take(&mut self.scratch);
        line.clear();
        for (value, field) in values.iter().zip(self.places) {
            let has_several = value.contains(|c: char| c.is_ascii_whitespace());
            if has_several && field != UNUSED {
                return Err(Skip::Bad("a value of several words"));
            }
            let is_nothing = has_several || matches!(value.as_ref(), "" | "None" | "null");
            line.extend_from_slice(if is_nothing { b"-" } else { value.as_bytes() });
            line.push(b' ');
        }
        let taken = self.words(&line, to);
        self.scratch = line;
        taken
    }
}

impl Vpc {
    /// Takes a line that may lack something, or be a header.
    fn closely(
        &mut self,
        line: &[u8],
        found: &Words<'_>,
        count: usize,
        to: &mut Sink<'_>,
    ) -> Result<(), Skip> {
        if let Some(names) = table::head(line) {
            self.is_table = true;
            self.begin(names.iter().map(String::as_bytes));
            return Ok(());
        }
        // Every field has something, if only a dash: a line with fewer was cut.
        if count < self.fields && !is_header(line) {
            return Err(Skip::Bad("fewer fields than the header has"));
        }
        let word = |field: usize| found.word(field);
        let address = |packet: usize, interface: usize| {
            let word = word(packet).or_else(|| word(interface))?;
            Some(text::address(word))
        };
        let (Some(source), Some(destination)) = (address(PKT_SOURCE, 0), address(PKT_DESTINATION, 1)) else {
            return self.without_address(line, word);
        };
        let (Some(source), Some(destination)) = (source, destination) else {
            if is_header(line) {
                self.begin(line.split(u8::is_ascii_whitespace));
                return Ok(());
            }
            return Err(Skip::Bad("an address cannot be read"));
        };
        let number = |field: usize| word(field).and_then(text::number);
        let Some(ip_protocol) = number(PROTOCOL) else {
            return Err(self.without(PROTOCOL, "the protocol cannot be read"));
        };
        let Some(protocol) = text::protocol(ip_protocol) else {
            return Err(Skip::Other(Cause::OtherIpProtocol));
        };
        let time = interval(word(START).map(text::epoch), word(END).map(text::epoch));
        let Some(time) = time.unwrap_or(Some((to.time, to.time))) else {
            return Err(Skip::Bad("the time cannot be read"));
        };
        let side = |address, port: usize| End {
            address: Some(address),
            port: word(port).and_then(text::port),
            identity: None,
        };
        let (source, destination) = (side(source, SOURCE_PORT), side(destination, DESTINATION_PORT));
        for (end, field) in [(source, SOURCE_PORT), (destination, DESTINATION_PORT)] {
            if protocol.has_ports() && end.port.is_none() {
                return Err(self.without(field, "a port cannot be read"));
            }
        }
        // Without the interface, what both ends say is told apart by the direction.
        let name = word(INTERFACE).or_else(|| word(DIRECTION)).unwrap_or_default();
        let observer = observer(&mut self.met.interfaces, name, to);
        let mut entry = Entry::new(time, source, destination, protocol, observer);
        tell(&mut entry, found).ok_or(Skip::Other(Cause::LogOther))?;
        to.fold.add(&entry);
        Ok(())
    }

    /// Why a line cannot be used that has nothing in this field, or nothing that can be read.
    fn without(&self, field: usize, why: &'static str) -> Skip {
        if self.has(field) { Skip::Bad(why) } else { Skip::Other(Cause::LogIncomplete) }
    }

    fn without_address<'a>(
        &mut self,
        line: &[u8],
        word: impl Fn(usize) -> Option<&'a [u8]>,
    ) -> Result<(), Skip> {
        if is_header(line) {
            self.begin(line.split(u8::is_ascii_whitespace));
            return Ok(());
        }
        match word(STATUS) {
            Some(b"SKIPDATA") => Err(Skip::Other(Cause::LogLost)),
            Some(b"NODATA") => Err(Skip::Other(Cause::LogEmpty)),
            _ if word(INTERFACE).is_some() => Err(Skip::Other(Cause::LogEmpty)),
            _ => Err(Skip::Bad("no addresses")),
        }
    }
}

/// Beginning and end, `None` when the line has neither; within it `None` when one cannot be read.
#[expect(clippy::option_option, reason = "not there, and not readable, are two things")]
fn interval(
    start: Option<Option<Timestamp>>,
    end: Option<Option<Timestamp>>,
) -> Option<Option<(Timestamp, Timestamp)>> {
    let first = start.or(end)?;
    let last = end.unwrap_or(first);
    Some(first.zip(last).map(|(first, last)| (first.min(last), first.max(last))))
}

#[cfg(test)]
mod tests;
