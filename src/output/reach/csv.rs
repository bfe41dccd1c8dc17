//! Comma-separated values (RFC 4180).

use std::io::{self, Write};

use super::{DifferenceReport, PortsRow, ReachReport};

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

/// A spreadsheet takes a cell that begins so for a formula; an apostrophe makes it text (OWASP,
/// CSV injection). Control characters do not get through.
fn guarded(field: &str) -> String {
    let text = crate::output::safe::line(field);
    if text.starts_with(['=', '+', '-', '@']) { format!("'{text}") } else { text }
}

#[cfg(test)]
mod tests {
    use super::guarded;

    #[test]
    fn no_cell_is_a_formula_or_a_command() {
        assert_eq!(guarded("=cmd|' /C calc'!A0"), "'=cmd|' /C calc'!A0");
        assert_eq!(guarded("\t@x"), "'@x");
        assert_eq!(guarded("shop/Deployment/web\u{1b}[31m"), "shop/Deployment/web[31m");
    }
}
