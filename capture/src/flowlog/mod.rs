//! Flow logs: what clusters already record.
//!
//! ```text
//! input ─▶ window (compression opened, bounded) ─▶ split ─▶ decoder of the format ─▶ Entry ─▶ fold ─▶ conversations
//! ```
//!
//! Lines are what a decoder is given, or objects where a document is not one object a line; what was
//! wrapped around them on their way is taken off first (`split`).
//!
//! One file a format, one table ([`FORMATS`]). A decoder turns a line into who opened, who was
//! asked and on which port, and says when it cannot; what lines of all formats have in common,
//! above all that one connection is in a log many times, is decided in `fold`.

mod aws_netpol;
mod azure;
mod connection;
mod conntrack;
mod conversations;
mod ends;
mod entry;
mod fold;
mod form;
mod gadget;
mod goldmane;
mod goldmane_counts;
mod goldmane_message;
mod goldmane_stream;
mod heard;
mod hubble;
mod hubble_dns;
mod hubble_end;
mod hubble_flow;
mod hubble_message;
mod hubble_plain;
mod hubble_seen;
mod hubble_stream;
mod intern;
mod json;
mod line;
mod manner;
mod mapping;
pub(crate) mod netflow;
mod plain;
mod pod_group;
mod recent;
mod second;
mod split;
mod table;
mod text;
mod vpc;
mod vpc_fields;

use std::borrow::Cow;
use std::io::Read;

use flowfence_model::{FlowRecord, Timestamp};

pub use fold::Fold;
pub use form::Form;
pub use goldmane_stream::GoldmaneStream;
pub use heard::Heard;
pub use hubble_stream::{HubbleServer, HubbleStream};

use crate::dns::Dns;
use crate::error::CaptureError;
use crate::read::Window;
use crate::recorder::Recorder;
use crate::tap::Taps;
use connection::Connection;
pub(crate) use entry::Skip;
pub(crate) use line::sample;
pub(crate) use table::Asks;

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
    goldmane::FORMAT,
    azure::FORMAT,
    aws_netpol::FORMAT,
    gadget::FORMAT,
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
    /// Takes one line without its end, or one JSON object over several.
    fn line(&mut self, line: &[u8], to: &mut Sink<'_>) -> Result<(), Skip>;

    /// The columns that it asks of a table; `None` when it reads lines only.
    fn asks(&self) -> Option<Asks> {
        None
    }

    /// The columns of those that the table has. Rows come from now on.
    fn begin_table(&mut self, _fields: &[String]) {}

    /// Takes a row: what each of the columns has, in their order, empty where there is nothing.
    fn row(&mut self, _values: &[Cow<'_, str>], _to: &mut Sink<'_>) -> Result<(), Skip> {
        Err(Skip::Bad("no line"))
    }

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

/// The format that an input is of that begins so.
pub(crate) fn recognise(first: &[u8]) -> Option<Form> {
    let begin = split::beginning(first)?;
    FORMATS.iter().find(|format| (format.recognise)(&begin)).map(Form::of)
}

/// Reads a whole log.
pub(crate) fn read<R: Read>(
    window: &mut Window<'_, R>,
    recorder: &mut Recorder,
    input: u32,
    form: &Form,
) -> Result<(), CaptureError> {
    split::read(window, recorder, input, form.open())
}
