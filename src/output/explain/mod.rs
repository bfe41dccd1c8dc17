//! `explain`: why a connection is allowed or denied.

mod report;
mod text;

use std::io::{self, Write};

pub use report::{ExplainReport, PolicyRow, RuleRow, StoryRow, TierRow, UnspecifiedRow};

use crate::cli::TextOrJson;

/// Writes the report in one of its formats.
pub fn write(report: &ExplainReport, format: TextOrJson, out: &mut dyn Write) -> io::Result<()> {
    match format {
        TextOrJson::Text => text::write(report, out),
        TextOrJson::Json => {
            serde_json::to_writer_pretty(&mut *out, report)?;
            out.write_all(b"\n")
        }
    }
}

/// A reason why plugins may differ, as a row.
pub fn unspecified(reason: &flowfence_policy::semantics::Unspecified) -> UnspecifiedRow {
    UnspecifiedRow { reason: reason.token(), meaning: reason.label() }
}
