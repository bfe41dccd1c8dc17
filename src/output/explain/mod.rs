//! `explain`: why a connection is allowed or denied.

mod report;
mod text;

use std::io::{self, Write};

pub use report::{
    EntryRow, ExplainListReport, ExplainReport, PlaceRow, PluginRow, PolicyRow, RuleRow, StoryRow, TierRow,
    UnspecifiedRow,
};

use crate::cli::TextOrJson;
use crate::output::completeness::ObjectsRow;

/// Writes the explanations: in JSON one object, which is an `ExplanationList` when there are
/// several.
pub fn write(
    mut reports: Vec<ExplainReport>,
    objects: ObjectsRow,
    format: TextOrJson,
    out: &mut dyn Write,
) -> io::Result<()> {
    match (format, &mut reports[..]) {
        (TextOrJson::Text, reports) => {
            for (at, report) in reports.iter().enumerate() {
                if at > 0 {
                    writeln!(out)?;
                }
                text::write(report, reports.len() > 1, out)?;
            }
            objects.write_refused(out)
        }
        (TextOrJson::Json, [only]) => {
            only.objects = Some(objects);
            json(only, out)
        }
        (TextOrJson::Json, items) => json(
            &ExplainListReport {
                api_version: crate::output::API_VERSION,
                kind: "ExplanationList",
                items,
                objects: &objects,
            },
            out,
        ),
    }
}

fn json(report: &impl serde::Serialize, out: &mut dyn Write) -> io::Result<()> {
    serde_json::to_writer_pretty(&mut *out, report)?;
    out.write_all(b"\n")
}
