//! `audit`: what is unexpected, too wide, unused or uncovered.

mod alertmanager;
mod github;
mod gitlab;
mod json;
mod junit;
mod markdown;
mod page;
mod policyreport;
mod prometheus;
mod rank;
mod report;
mod sarif;
mod spot;
mod table;

use std::io::{self, Write};

use flowfence_graph::crew::Crew;

pub use page::page;
pub use rank::{OwnerRow, RankRow};
pub use report::{AuditReport, FindingRow};

use crate::cli::FindingsFormat;
use crate::output::page as html;

/// Writes the report in one of its formats; `url` is where it can be read afterwards, for those that link to it.
/// `crew` does pieces of what is long.
pub fn write(
    report: &AuditReport,
    format: FindingsFormat,
    url: Option<&str>,
    crew: &dyn Crew,
    out: &mut dyn Write,
) -> io::Result<()> {
    match format {
        FindingsFormat::Table | FindingsFormat::Yaml => table::write(report, out),
        FindingsFormat::Sarif => sarif::write(report, out),
        FindingsFormat::Junit => junit::write(report, out),
        FindingsFormat::Gitlab => gitlab::write(report, out),
        FindingsFormat::Github => github::write(report, out),
        FindingsFormat::Markdown => markdown::write(report, out),
        FindingsFormat::Policyreport => policyreport::write(report, &policyreport::OPEN_REPORTS, out),
        FindingsFormat::PolicyreportWgpolicyk8s => {
            policyreport::write(report, &policyreport::POLICY_REPORT, out)
        }
        FindingsFormat::Prometheus => prometheus::write(report, out),
        FindingsFormat::Alertmanager => alertmanager::write(report, url, out),
        FindingsFormat::Html => html::write(&report.clone().into(), out),
        FindingsFormat::Json => json::write(report, crew, out),
    }
}
