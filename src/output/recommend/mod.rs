//! `recommend`: policies, their proof, and what was left open.

mod decision;
mod markdown;
mod readiness;
mod report;
mod row;
mod short;
mod summary;
mod tightening;

pub use decision::DecisionRow;
pub use markdown::write as write_markdown;
pub use readiness::ReadinessRow;
pub use report::{Made, RecommendReport};
pub use row::{CutRow, EdgeRow, ProofRow};
pub use summary::write as write_summary;
pub use tightening::TighteningRow;

use std::io::{self, Write};

/// Writes the `Recommendation` object.
pub fn write_json(report: &RecommendReport, out: &mut dyn Write) -> io::Result<()> {
    serde_json::to_writer_pretty(&mut *out, report)?;
    out.write_all(b"\n")
}
