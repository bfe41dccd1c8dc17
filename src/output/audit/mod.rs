//! `audit`: what is unexpected, too wide, unused or uncovered.

mod page;
mod report;
mod sarif;
mod table;

use std::io::{self, Write};

pub use page::page;
pub use report::{AuditReport, FindingRow};

use crate::cli::FindingsFormat;
use crate::output::page as html;

/// Writes the report in one of its formats.
pub fn write(report: &AuditReport, format: FindingsFormat, out: &mut dyn Write) -> io::Result<()> {
    match format {
        FindingsFormat::Table => table::write(report, out),
        FindingsFormat::Sarif => sarif::write(report, out),
        FindingsFormat::Html => html::write(&report.clone().into(), out),
        FindingsFormat::Json => {
            serde_json::to_writer_pretty(&mut *out, report)?;
            out.write_all(b"\n")
        }
    }
}
