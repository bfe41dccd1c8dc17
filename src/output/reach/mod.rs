//! `reach`: what policies allow, and how two sets of them differ.

mod csv;
mod dot;
mod report;
mod table;

use std::io::{self, Write};

pub use report::{
    ChangeRow, ConnectionRow, DifferenceReport, EndRow, ExposureRow, LabelledRow, PortsRow, ReachReport,
    ports,
};

use crate::cli::ReachFormat;

/// Writes what is allowed.
pub fn write(report: &ReachReport<'_>, format: ReachFormat, out: &mut dyn Write) -> io::Result<()> {
    match format {
        ReachFormat::Table => table::write(report, false, out),
        ReachFormat::Wide => table::write(report, true, out),
        ReachFormat::Json => json(report, out),
        ReachFormat::Csv => csv::write(report, out),
        ReachFormat::Dot => dot::write(report, out),
    }
}

/// Writes what differs.
pub fn write_difference(
    report: &DifferenceReport<'_>,
    format: ReachFormat,
    out: &mut dyn Write,
) -> io::Result<()> {
    match format {
        ReachFormat::Table | ReachFormat::Wide => table::write_difference(report, out),
        ReachFormat::Json => json(report, out),
        ReachFormat::Csv => csv::write_difference(report, out),
        ReachFormat::Dot => dot::write_difference(report, out),
    }
}

fn json(report: &impl serde::Serialize, out: &mut dyn Write) -> io::Result<()> {
    serde_json::to_writer_pretty(&mut *out, report)?;
    out.write_all(b"\n")
}
