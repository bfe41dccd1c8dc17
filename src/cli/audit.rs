//! What `audit` may be told.

use std::path::PathBuf;

use clap::Args;
use flowfence_policy::respond::Allowed;
use jiff::civil::Date;

use super::{FailOn, FindingsFormat, InputArgs, JudgeArgs};

/// `audit`.
#[derive(Debug, Args)]
#[command(mut_arg("sources", |sources| {
    let help = "Captures and flow logs: files, directories, globs, or - for stdin; gzip and zstd are opened. \
                live:IFACE takes packets from an interface, live:any from all; hubble://HOST:PORT follows flows of \
                Cilium's Hubble, goldmane://HOST:PORT those of Calico's Goldmane; netflow://, ipfix:// and \
                sflow://ADDRESS:PORT hear flow exporters. Without any, only the policies of --cluster are looked at";
    sources.required(false).help(help)
}))]
pub struct AuditArgs {
    /// Traffic and objects
    #[command(flatten)]
    pub input: InputArgs,
    /// Subjects and trust
    #[command(flatten)]
    pub judge: JudgeArgs,
    /// What was reviewed before
    #[command(flatten)]
    pub baseline: BaselineArgs,
    /// A label of namespaces whose value is the environment; before environment, env,
    /// app.kubernetes.io/environment and stage
    #[arg(long = "environment-label", value_name = "KEY")]
    pub environment_labels: Vec<String>,
    /// A label that makes a namespace sensitive; beside flowfence.dev/sensitive
    #[arg(long = "sensitive-label", value_name = "KEY[=VALUE]")]
    pub sensitive_labels: Vec<String>,
    /// A label, or an annotation whose name is owner, team or the like, that says whose a workload is; before
    /// a8r.io/owner and the other conventions
    #[arg(long = "owner-label", value_name = "KEY")]
    pub owner_labels: Vec<String>,
    /// What to do about one finding
    #[command(flatten)]
    pub response: QuarantineArgs,
    /// Also write everything that the report rests on into one archive (.tar.gz), for auditors: findings, graph,
    /// verdicts, policies, proof, and the hashes of all inputs
    #[arg(long, value_name = "FILE", conflicts_with = "quarantine")]
    pub evidence_bundle: Option<PathBuf>,
    /// End with code 1 when there is a finding of this level or above
    #[arg(long, value_enum, default_value_t)]
    pub fail_on: FailOn,
    /// Output format
    #[arg(short, long, value_enum, default_value_t)]
    pub output: FindingsFormat,
    /// Where people will find the report: what alerts link to
    #[arg(long, value_name = "URL", value_parser = web_address)]
    pub report_url: Option<String>,
}

/// An address that a browser opens, and nothing that would run there.
fn web_address(text: &str) -> Result<String, String> {
    let hint = "expected an address such as https://ci.example.com/reports/1";
    let uri: http::Uri = text.parse().map_err(|_| hint.to_owned())?;
    let is_web =
        matches!(uri.scheme_str(), Some("http" | "https")) && uri.host().is_some_and(|h| !h.is_empty());
    if is_web { Ok(text.to_owned()) } else { Err(hint.to_owned()) }
}

/// What to do about one finding.
#[derive(Debug, Args)]
pub struct QuarantineArgs {
    /// Print, and apply nothing, how to isolate exactly the pods of this finding (its id), with the proof, how to stop
    /// their workload, and how to undo both
    #[arg(long, value_name = "FINDING")]
    pub quarantine: Option<String>,
    /// With --quarantine: pods that may still connect to the isolated ones, by namespace and label selector; may be
    /// repeated
    #[arg(long, value_name = "NAMESPACE[/SELECTOR]", requires = "quarantine", value_parser = allowed)]
    pub quarantine_allow: Vec<Allowed>,
}

fn allowed(text: &str) -> Result<Allowed, String> {
    let (namespace, selector) =
        text.split_once('/').map_or((text, None), |(ns, selector)| (ns, Some(selector)));
    let is_part = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    if namespace.is_empty() || !namespace.chars().all(is_part) {
        return Err(format!(
            "{namespace:?} is no namespace; expected NAMESPACE or NAMESPACE/SELECTOR, such as ops/app=debug"
        ));
    }
    let pods = selector.map(crate::reach::filter::selector).transpose()?;
    Ok(Allowed { namespace: namespace.to_owned(), pods })
}

/// What was reviewed before, and what is written as reviewed.
#[derive(Debug, Args)]
pub struct BaselineArgs {
    /// Edges and findings that were reviewed: only what is new is reported; may be repeated
    #[arg(long, value_name = "FILE")]
    pub baseline: Vec<PathBuf>,
    /// Write the edges and findings that no baseline has yet into this file, at its end when it is
    /// there; nothing that is suspicious
    #[arg(long, value_name = "FILE", requires_all = ["by", "reason"])]
    pub write_baseline: Option<PathBuf>,
    /// With --write-baseline: who reviewed
    #[arg(long, value_name = "WHO", requires = "write_baseline", value_parser = said)]
    pub by: Option<String>,
    /// With --write-baseline: why it may be so
    #[arg(long, value_name = "TEXT", requires = "write_baseline", value_parser = said)]
    pub reason: Option<String>,
    /// With --write-baseline: the last day on which it holds, such as 2027-01-31
    #[arg(long, value_name = "DAY", requires = "write_baseline")]
    pub until: Option<Date>,
}

fn said(text: &str) -> Result<String, String> {
    let text = text.trim();
    if text.is_empty() { Err("it says nothing".to_owned()) } else { Ok(text.to_owned()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_is_where_a_browser_finds_it() {
        assert!(web_address("https://ci.example.com/reports/1?a=b").is_ok());
        for wrong in
            ["", "ci.example.com", "javascript:alert(1)", "file:///etc/passwd", "https://", "https://a b/"]
        {
            assert!(web_address(wrong).is_err(), "{wrong}");
        }
    }
}
