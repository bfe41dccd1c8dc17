//! `check`: what a candidate set of policies would have done to recorded traffic.

mod report;
mod table;

use std::io::{self, Write};

pub use report::ReplayReport;

use crate::cli::TableOrJson;

/// Writes the report in one of its formats.
pub fn write(report: &ReplayReport, format: TableOrJson, out: &mut dyn Write) -> io::Result<()> {
    match format {
        TableOrJson::Table => table::write(report, out),
        TableOrJson::Json => {
            serde_json::to_writer_pretty(&mut *out, report)?;
            out.write_all(b"\n")
        }
    }
}
