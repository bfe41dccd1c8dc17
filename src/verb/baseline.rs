//! `audit --write-baseline`: what was seen, as a file that people review.

use std::path::Path;

use flowfence_policy::audit::{Baseline, Draft};
use flowfence_policy::decision::{Choice, Decision, Subject};

use super::files;
use crate::cli::BaselineArgs;
use crate::exit::Failure;
use crate::manifest::{parse_baseline, write_baseline};
use crate::output::safe;
use crate::source;

const HEAD: &str = "\
# What was seen and reviewed: flowfence audit --baseline reports only what is not here.
# Who, why and until when stand beside each entry; take out what should not be.
";

/// Writes what no baseline knows yet. What the file holds already stays as it is, comments and
/// all, and the new entries come after it as a document of their own.
pub fn write(path: &Path, args: &BaselineArgs, draft: &Draft, known: &Baseline) -> Result<(), Failure> {
    let before = if path.exists() { Some(source::read_text(path)?) } else { None };
    let there = match &before {
        Some(text) => parse_baseline(text, path).map_err(|problems| {
            let first = problems.first().map(ToString::to_string).unwrap_or_default();
            Failure::unreadable(format!("it is there and is no baseline, so it is not written to: {first}"))
        })?,
        None => Vec::new(),
    };
    let is_new = |subject: &&Subject| {
        let is_known = match subject {
            Subject::Edge(edge) => known.knows_edge(edge),
            Subject::Finding(id) => known.knows_finding(id),
        };
        // What stands there and ended is reviewed anew by this.
        !is_known && !there.iter().any(|entry| entry.subject == **subject && entry.until.is_none())
    };
    let entry = |subject: &Subject| Decision {
        choice: Choice::Accept,
        subject: subject.clone(),
        by: args.by.clone().unwrap_or_default(),
        reason: args.reason.clone().unwrap_or_default(),
        until: args.until,
        place: None,
    };
    let fresh: Vec<Decision> = draft.entries.iter().filter(is_new).map(entry).collect();
    let edges = fresh.iter().filter(|entry| matches!(entry.subject, Subject::Edge(_))).count();
    if !fresh.is_empty() || before.is_none() {
        let mut text = before.map_or_else(|| HEAD.to_owned(), |text| format!("{}\n---\n", text.trim_end()));
        write_baseline(&mut text, &fresh)
            .map_err(|_| Failure::unreadable("the baseline cannot be written"))?;
        files::write(&files::change(path.to_owned(), text))?;
    }
    say!(
        "flowfence: {} edges and {} findings were added to {}",
        edges,
        fresh.len() - edges,
        safe::line(&path.display().to_string())
    );
    if !draft.left_out.is_empty() {
        say!(
            "flowfence: {} edges were not, for a finding speaks of them: accept its id, or write them by hand",
            draft.left_out.len()
        );
    }
    Ok(())
}
