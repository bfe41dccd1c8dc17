//! Comma-separated values (RFC 4180).

use std::io::{self, Write};

use super::{DifferenceReport, PortsRow, ReachReport};
use crate::output::cell::guarded;

pub(super) fn write(report: &ReachReport<'_>, out: &mut dyn Write) -> io::Result<()> {
    let mut writer = csv::Writer::from_writer(out);
    writer.write_record(["from", "to", "family", "protocol", "ports"])?;
    for row in &report.connections {
        records(&mut writer, &[row.from, row.to, row.family.unwrap_or_default()], row.allowed)?;
    }
    writer.flush()
}

pub(super) fn write_difference(report: &DifferenceReport<'_>, out: &mut dyn Write) -> io::Result<()> {
    let mut writer = csv::Writer::from_writer(out);
    writer.write_record(["change", "from", "to", "family", "protocol", "ports"])?;
    for (change, rows) in [("added", &report.added), ("removed", &report.removed)] {
        for row in rows {
            records(&mut writer, &[change, row.from, row.to, row.family.unwrap_or_default()], row.allowed)?;
        }
    }
    for row in &report.changed {
        for (change, ports) in [("gained", &row.gained), ("lost", &row.lost)] {
            records(&mut writer, &[change, row.from, row.to, row.family.unwrap_or_default()], ports)?;
        }
    }
    writer.flush()
}

fn records<W: Write>(writer: &mut csv::Writer<W>, first: &[&str], ports: &[PortsRow]) -> io::Result<()> {
    for row in ports {
        for field in first.iter().chain(&[row.protocol, &row.ports]) {
            writer.write_field(guarded(field))?;
        }
        writer.write_record(None::<&[u8]>)?;
    }
    Ok(())
}
