//! `audit`: what is unexpected, too wide, unused or uncovered.

mod report;
mod table;

use std::io::{self, Write};

pub use report::{AuditReport, FindingRow};

use crate::cli::TableOrJson;

/// Writes the report in one of its formats.
pub fn write(report: &AuditReport, format: TableOrJson, out: &mut dyn Write) -> io::Result<()> {
    match format {
        TableOrJson::Table => table::write(report, out),
        TableOrJson::Json => {
            serde_json::to_writer_pretty(&mut *out, report)?;
            out.write_all(b"\n")
        }
    }
}
