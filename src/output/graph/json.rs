//! The graph as a `CommunicationGraph` object.

use std::io::{self, Write};

use super::GraphReport;

pub(super) fn write(report: &GraphReport, out: &mut dyn Write) -> io::Result<()> {
    serde_json::to_writer_pretty(&mut *out, report)?;
    out.write_all(b"\n")
}
