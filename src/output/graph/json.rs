//! The graph as a `CommunicationGraph` object.

use std::io::{self, BufWriter, Write};

use super::GraphReport;

/// Octets that are written at once. A large graph is tens of megabytes in pieces of a few octets each, which are
/// gathered here, where it is known what gathers them.
const AT_ONCE: usize = 1 << 16;

pub(super) fn write(report: &GraphReport, out: &mut dyn Write) -> io::Result<()> {
    let mut out = BufWriter::with_capacity(AT_ONCE, out);
    serde_json::to_writer_pretty(&mut out, report)?;
    out.write_all(b"\n")?;
    out.flush()
}
