//! `audit`: what is unexpected, too wide, unused or uncovered.

mod page;
mod rank;
mod report;
mod sarif;
mod table;

use std::io::{self, Write};

pub use page::page;
pub use rank::{OwnerRow, RankRow};
pub use report::{AuditReport, FindingRow};

use crate::cli::FindingsFormat;

/// Writes the report in one of its formats.
pub fn write(report: &AuditReport, format: FindingsFormat, out: &mut dyn Write) -> io::Result<()> {
    match format {
        FindingsFormat::Table | FindingsFormat::Yaml => table::write(report, out),
        FindingsFormat::Sarif => sarif::write(report, out),
        FindingsFormat::Json => {
            serde_json::to_writer_pretty(&mut *out, report)?;
            out.write_all(b"\n")
        }
    }
}
