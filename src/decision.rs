//! Decisions from files and the command line, and what day it is.

use std::env::VarError;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use flowfence_policy::audit::Baseline;
use flowfence_policy::decision::{Choice, Decision, Decisions, Subject};
use jiff::civil::Date;

use crate::cli::JudgeArgs;
use crate::exit::Failure;
use crate::manifest::{Problem, parse_baseline, parse_decisions};
use crate::output::safe;
use crate::source;

/// The standard variable that makes runs reproducible: seconds since the Unix epoch, instead of
/// the clock.
const EPOCH: &str = "SOURCE_DATE_EPOCH";

/// Everything that people decided, as it holds today. Read before any traffic is, so that a
/// mistake costs no time.
pub fn load(args: &JudgeArgs) -> Result<Decisions, Failure> {
    let mut all = read(&args.decisions, parse_decisions, "decisions were")?;
    for (choice, texts) in [(Choice::Accept, &args.accept), (Choice::Deny, &args.deny)] {
        for text in texts {
            all.push(said(choice, text)?);
        }
    }
    let in_files = all.iter().all(|decision| decision.place.is_some());
    Decisions::new(all, today()?).map_err(|contradiction| {
        if in_files { Failure::unreadable(contradiction) } else { Failure::usage(contradiction) }
    })
}

/// What was reviewed, as it holds today; `None` without a file.
pub fn load_baseline(paths: &[PathBuf]) -> Result<Option<Baseline>, Failure> {
    if paths.is_empty() {
        return Ok(None);
    }
    let entries = read(paths, parse_baseline, "baseline was")?;
    Ok(Some(Baseline::new(entries, today()?)))
}

type Parse = fn(&str, &Path) -> Result<Vec<Decision>, Vec<Problem>>;

/// Reads files of which each counts as a whole or not at all. `what`: what was not understood.
fn read(paths: &[PathBuf], parse: Parse, what: &str) -> Result<Vec<Decision>, Failure> {
    let mut all = Vec::new();
    let mut problems: Vec<String> = Vec::new();
    for path in paths {
        match parse(&source::read_text(path)?, path) {
            Ok(decisions) => all.extend(decisions),
            Err(found) => problems.extend(found.iter().map(ToString::to_string)),
        }
    }
    for problem in &problems {
        say!("flowfence: {}", safe::line(problem));
    }
    if problems.is_empty() {
        return Ok(all);
    }
    Err(Failure::unreadable(format!("the {what} not understood; mend what is named above and run again")))
}

fn said(choice: Choice, text: &str) -> Result<Decision, Failure> {
    let flag = choice.token();
    let subject: Subject = text.parse().map_err(|error| Failure::usage(format!("--{flag}: {error}")))?;
    if let (Choice::Deny, Subject::Finding(_)) = (choice, &subject) {
        return Err(Failure::usage(format!(
            "--deny: {text:?} is no edge; expected FROM -> TO PORT/PROTOCOL, as outputs print it"
        )));
    }
    let by = "the command line".to_owned();
    Ok(Decision { choice, subject, by, reason: format!("--{flag}"), until: None, place: None })
}

/// The day in UTC: one everywhere.
pub fn today() -> Result<Date, Failure> {
    let seconds = match std::env::var(EPOCH) {
        Ok(text) => text.trim().parse::<i64>().ok(),
        Err(VarError::NotUnicode(_)) => None,
        Err(VarError::NotPresent) => {
            let passed = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
            i64::try_from(passed.as_secs()).ok()
        }
    };
    let moment = seconds.and_then(|seconds| jiff::Timestamp::from_second(seconds).ok());
    let moment =
        moment.ok_or_else(|| Failure::usage(format!("{EPOCH} is no number of seconds since 1970")))?;
    Ok(jiff::tz::TimeZone::UTC.to_datetime(moment).date())
}
