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
mod hubble;
mod hubble_end;
mod intern;
mod json;
mod line;
mod mapping;
pub(crate) mod netflow;
mod text;
mod vpc;

use std::io::Read;

use flowfence_model::{FlowRecord, Timestamp};

pub use fold::Fold;

use crate::dns::Dns;
use crate::error::CaptureError;
use crate::read::Window;
use crate::recorder::Recorder;
use crate::tap::Taps;
use connection::Connection;
use entry::Skip;

/// A format of flow logs.
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
trait Decoder {
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
        let tap = self.taps.of_log(self.input, connection.time);
        self.records.push(connection.record(tap));
    }
}

/// The format whose `--format` token this is.
pub fn format(token: &str) -> Option<&'static LogFormat> {
    FORMATS.iter().find(|format| format.token == token)
}

/// The format that a first line is of.
pub(crate) fn recognise(first: &[u8]) -> Option<&'static LogFormat> {
    let line = first_line(first);
    FORMATS.iter().find(|format| (format.recognise)(line))
}

fn first_line(data: &[u8]) -> &[u8] {
    let data = data.strip_prefix(b"\xef\xbb\xbf").unwrap_or(data).trim_ascii_start();
    let end = data.iter().position(|octet| *octet == b'\n').unwrap_or(data.len());
    data.get(..end).unwrap_or_default().trim_ascii_end()
}

/// Reads a whole log.
pub(crate) fn read<R: Read>(
    window: &mut Window<'_, R>,
    recorder: &mut Recorder,
    input: u32,
    format: &LogFormat,
) -> Result<(), CaptureError> {
    let mut decoder = (format.open)();
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
        let text = data.strip_prefix(b"\xef\xbb\xbf").unwrap_or(data).trim_ascii();
        let mut bad = None;
        if !text.is_empty() {
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
        }
        window.consume(line);
        line::pass_end(window);
    }
    decoder.finish(&mut recorder.log(input));
    Ok(())
}
