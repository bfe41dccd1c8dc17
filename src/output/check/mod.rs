//! `check`: what a candidate set of policies would have done to recorded traffic.

mod report;
mod sarif;
mod table;

use std::io::{self, Write};

pub use report::ReplayReport;

use crate::cli::ReplayFormat;

/// Writes the report in one of its formats.
pub fn write(report: &ReplayReport, format: ReplayFormat, out: &mut dyn Write) -> io::Result<()> {
    match format {
        ReplayFormat::Table => table::write(report, out),
        ReplayFormat::Sarif => sarif::write(report, out),
        ReplayFormat::Json => {
            serde_json::to_writer_pretty(&mut *out, report)?;
            out.write_all(b"\n")
        }
    }
}
