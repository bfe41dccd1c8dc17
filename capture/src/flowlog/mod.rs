//! Flow logs: what clusters already record.
//!
//! ```text
//! input ─▶ window (compression opened, bounded) ─▶ line ─▶ decoder of the format ─▶ Entry ─▶ fold ─▶ conversations
//! ```
//!
//! One file a format, one table ([`FORMATS`]). A decoder turns a line into who opened, who was
//! asked and on which port, and says when it cannot; what lines of all formats have in common,
//! above all that one connection is in a log many times, is decided in `fold`.

mod connection;
mod conntrack;
mod entry;
mod fold;
mod form;
mod hubble;
mod hubble_end;
mod hubble_flow;
mod intern;
mod json;
mod line;
mod mapping;
mod text;
mod vpc;

use std::io::Read;

use flowfence_model::{FlowRecord, Timestamp};

pub(crate) use fold::Fold;
pub use form::Form;

use crate::dns::Dns;
use crate::error::CaptureError;
use crate::read::Window;
use crate::recorder::Recorder;
use crate::tap::Taps;
use connection::Connection;
use entry::Skip;

/// A format of flow logs.
#[derive(Debug)]
pub struct LogFormat {
    /// What `--format` calls it; never changes.
    pub token: &'static str,
    /// Its name for people.
    pub name: &'static str,
    /// What it can tell.
    pub tells: Tells,
    /// What it cannot tell, or tells in an odd way, in a sentence.
    pub caveat: &'static str,
    /// Whether a first line is of this format.
    recognise: fn(&[u8]) -> bool,
    /// A decoder of one input.
    open: fn() -> Box<dyn Decoder>,
}

/// What a format can tell of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "a row of a table of ticks")]
pub struct Tells {
    /// Who opened it.
    pub opener: bool,
    /// Whether it was answered.
    pub answer: bool,
    /// Whether a policy stopped it, and which.
    pub verdict: bool,
    /// Names of pods.
    pub names: bool,
    /// Packets and octets.
    pub counts: bool,
    /// The service that it went through.
    pub service: bool,
}

/// The formats, in the order in which they are tried.
pub const FORMATS: &[LogFormat] = &[
    hubble::FORMAT,
    mapping::GKE,
    mapping::GCP,
    mapping::NETOBSERV,
    mapping::CALICO,
    mapping::SURICATA,
    mapping::ZEEK_JSON,
    mapping::ENVOY,
    mapping::OTEL,
    mapping::ZEEK,
    conntrack::FORMAT,
    vpc::FORMAT,
];

/// Reads lines of one format.
pub(crate) trait Decoder {
    /// Takes one line, without its end.
    fn line(&mut self, line: &[u8], to: &mut Sink<'_>) -> Result<(), Skip>;

    /// The input has ended: what was gathered is told.
    fn finish(&mut self, _to: &mut Sink<'_>) {}
}

/// Where a decoder puts what it found.
pub(crate) struct Sink<'a> {
    pub(crate) fold: &'a mut Fold,
    pub(crate) tally: &'a mut crate::cause::Tally,
    pub(crate) dns: &'a mut Dns,
    pub(crate) records: &'a mut Vec<FlowRecord>,
    pub(crate) taps: &'a mut Taps,
    pub(crate) input: u32,
    /// The moment of lines that have none: that of the input.
    pub(crate) time: Timestamp,
}

impl Sink<'_> {
    /// One connection of a log that has them all.
    fn connection(&mut self, connection: &Connection) {
        match connection.fit() {
            Ok(connection) => {
                let tap = self.taps.of_log(self.input, connection.time);
                self.records.push(connection.record(tap));
            }
            Err(cause) => self.tally.add(cause),
        }
    }
}

/// Lines that are looked at to tell the format: the first of a file may be cut, or a comment.
const FIRST_LINES: usize = 16;

/// The format that the first lines are of.
pub(crate) fn recognise(first: &[u8]) -> Option<Form> {
    let first = first.strip_prefix(b"\xef\xbb\xbf").unwrap_or(first).trim_ascii_start();
    let mut lines = first.split(|octet| *octet == b'\n').take(FIRST_LINES).map(<[u8]>::trim_ascii);
    lines.find_map(|line| FORMATS.iter().find(|format| (format.recognise)(line))).map(Form::of)
}

/// Reads a whole log.
pub(crate) fn read<R: Read>(
    window: &mut Window<'_, R>,
    recorder: &mut Recorder,
    input: u32,
    form: &Form,
) -> Result<(), CaptureError> {
    let mut decoder = form.open();
    let mut number = 0_u64;
    loop {
        let line = match line::next(window)? {
            line::Next::End => break,
            line::Next::TooLong => {
                number += 1;
                window.damaged(&format!("line {number} is longer than a line can be"));
                continue;
            }
            line::Next::Line(length) => length,
        };
        number += 1;
        let data = window.data().get(..line).unwrap_or_default();
        // Whole lines end; the last one of a file that was cut does not.
        let is_cut = window.data().len() == line;
        let text = trimmed(data);
        let mut bad = None;
        if !text.trim_ascii().is_empty() {
            let mut sink = recorder.log(input);
            match decoder.line(text, &mut sink) {
                Ok(()) => {}
                Err(Skip::Other(cause)) => sink.tally.add(cause),
                Err(Skip::Bad(why)) => bad = Some(format!("line {number}: {why}: {}", line::sample(text))),
            }
            if let Some(report) = recorder.report(input) {
                report.packets += 1;
            }
        }
        if let Some(problem) = bad {
            window.damaged(&problem);
            if is_cut {
                window.truncated();
            }
        }
        window.consume(line);
        line::pass_end(window);
    }
    decoder.finish(&mut recorder.log(input));
    Ok(())
}

/// A line without what does not belong to it. Tabs stay: between them may be columns with nothing in.
fn trimmed(line: &[u8]) -> &[u8] {
    let mut line = line.strip_prefix(b"\xef\xbb\xbf").unwrap_or(line);
    while let [b' ' | b'\r', rest @ ..] = line {
        line = rest;
    }
    while let [rest @ .., b' ' | b'\r'] = line {
        line = rest;
    }
    line
}
