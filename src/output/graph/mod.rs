//! `graph`: who talks to whom.

mod difference;
pub(crate) mod dot;
mod json;
mod report;
mod table;

use std::io::{self, Write};

pub use difference::{ChangeRow, GraphDifferenceReport, SightRow, write_difference};
pub use report::{AttemptRow, EdgeRow, GraphReport, NodeRow, VerdictRow, WindowRow};

use crate::cli::GraphFormat;

/// Writes the report in one of its formats.
pub fn write(report: &GraphReport, format: GraphFormat, out: &mut dyn Write) -> io::Result<()> {
    match format {
        GraphFormat::Table => table::write(report, out),
        GraphFormat::Json => json::write(report, out),
        GraphFormat::Dot => dot::write(report, out),
    }
}
