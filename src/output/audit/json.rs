//! `-o json`: a hundred thousand findings are more to write than everything else of a report.

use std::io::{self, Write};

use flowfence_graph::crew::{Crew, gather};
use serde::Serialize;
use serde_json::ser::{Formatter, PrettyFormatter, Serializer};

use super::{AuditReport, FindingRow};

/// Findings that are written in one piece.
const PIECE: usize = 256;

/// Pieces that are held in memory at once.
const PIECES: usize = 8;

/// The list, empty, among the members of the report. No text holds a line break of its own, so that nothing else is
/// written so.
const EMPTY: &str = "\n  \"findings\": []";

/// Writes the report as `serde_json` does, its findings in pieces.
pub(super) fn write(report: &AuditReport, crew: &dyn Crew, out: &mut dyn Write) -> io::Result<()> {
    let frame = AuditReport {
        api_version: report.api_version,
        kind: report.kind,
        findings: Vec::new(),
        completeness: report.completeness.clone(),
        has_traffic: report.has_traffic,
    };
    let frame = serde_json::to_string_pretty(&frame)?;
    let Some((before, after)) = frame.split_once(EMPTY).filter(|_| !report.findings.is_empty()) else {
        serde_json::to_writer_pretty(&mut *out, report)?;
        return writeln!(out);
    };
    write!(out, "{before}\n  \"findings\": [")?;
    let pieces: Vec<&[FindingRow]> = report.findings.chunks(PIECE).collect();
    let mut separator = "";
    for some in pieces.chunks(PIECES) {
        let write = |piece: usize| some.get(piece).map_or_else(|| Ok(Vec::new()), |rows| text(rows));
        for text in gather(crew, some.len(), write) {
            out.write_all(separator.as_bytes())?;
            out.write_all(&text?)?;
            separator = ",";
        }
    }
    writeln!(out, "\n  ]{after}")
}

/// Findings, two levels deep and with commas between them.
fn text(rows: &[FindingRow]) -> io::Result<Vec<u8>> {
    let mut text = Vec::new();
    for (at, row) in rows.iter().enumerate() {
        text.extend_from_slice(if at == 0 { b"\n    " } else { b",\n    " });
        let mut formatter = PrettyFormatter::new();
        formatter.begin_object(&mut io::sink())?;
        formatter.begin_array(&mut io::sink())?;
        row.serialize(&mut Serializer::with_formatter(&mut text, formatter))?;
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use flowfence_graph::crew::Alone;

    use super::super::report::{ranked, report};
    use super::*;

    #[test]
    fn it_is_what_serde_json_writes() {
        for count in [0, 1, 2, PIECE, PIECE * PIECES + 3] {
            let mut rows: Vec<FindingRow> =
                (0..count).map(|at| ranked("port-scan", "error", at, "a\n  \"findings\": []")).collect();
            if let Some(row) = rows.first_mut() {
                row.title = EMPTY.to_owned();
            }
            let report = report(rows);
            let mut out = Vec::new();
            write(&report, &Alone, &mut out).unwrap();
            let expected = serde_json::to_string_pretty(&report).unwrap() + "\n";
            assert_eq!(String::from_utf8(out).unwrap(), expected, "{count}");
        }
    }
}
