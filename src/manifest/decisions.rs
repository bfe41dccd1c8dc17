//! Decisions files: what people decided about edges and findings, checked to the letter. A baseline
//! is one too: what it accepts was reviewed, and it denies nothing.

use std::fmt;
use std::path::Path;

use flowfence_policy::decision::{Choice, Decision, Subject};
use jiff::civil::Date;
use serde::Serialize;

use super::refusal::Refusal;
use super::snapshot::Problem;
use super::split;
use super::tree::{Field, Node};
use super::yaml;

/// What a file is for, as its `kind` says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Decisions,
    Baseline,
}

impl Kind {
    const fn token(self) -> &'static str {
        match self {
            Kind::Decisions => "Decisions",
            Kind::Baseline => "Baseline",
        }
    }

    /// What one decision may say.
    const fn fields(self) -> &'static [&'static str] {
        match self {
            Kind::Decisions => &["accept", "deny", "by", "reason", "until"],
            Kind::Baseline => &["accept", "by", "reason", "until"],
        }
    }
}

/// `apiVersion` of all of them.
const API_VERSION: &str = "flowfence.dev/v1";

/// Reads the decisions of a text; `name` is told as the file. Every mistake is a problem, and with
/// one the file does not count: a decision that was not understood is worse than none.
pub fn parse_decisions(text: &str, name: &Path) -> Result<Vec<Decision>, Vec<Problem>> {
    parse(text, name, Kind::Decisions)
}

/// Reads the entries of a baseline likewise.
pub fn parse_baseline(text: &str, name: &Path) -> Result<Vec<Decision>, Vec<Problem>> {
    parse(text, name, Kind::Baseline)
}

/// Writes entries as a document of a baseline.
pub fn write_baseline(out: &mut impl fmt::Write, entries: &[Decision]) -> fmt::Result {
    let decisions = entries.iter().map(|entry| Entry {
        accept: entry.subject.to_string(),
        by: &entry.by,
        reason: &entry.reason,
        until: entry.until.map(|day| day.to_string()),
    });
    let kind = Kind::Baseline.token();
    yaml::write(out, &Document { api_version: API_VERSION, kind, decisions: decisions.collect() })
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Document<'a> {
    api_version: &'static str,
    kind: &'static str,
    decisions: Vec<Entry<'a>>,
}

#[derive(Serialize)]
struct Entry<'a> {
    accept: String,
    by: &'a str,
    reason: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    until: Option<String>,
}

fn parse(text: &str, name: &Path, kind: Kind) -> Result<Vec<Decision>, Vec<Problem>> {
    let name = name.display().to_string();
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let (mut decisions, mut refusals) = (Vec::new(), Vec::new());
    let documents = split::documents(text);
    if documents.is_empty() {
        refusals.push(Refusal { line: Some(1), field: None, reason: "holds no decisions".to_owned() });
    }
    for document in &documents {
        match yaml::parse::<Node>(document) {
            Err(refusal) => refusals.push(refusal),
            Ok(node) => {
                let (read, refused) = file(&Field::root(&node), kind);
                let first = document.line;
                let at = |line: usize| first + line.max(1) - 1;
                refusals.extend(refused.into_iter().map(|r| Refusal { line: r.line.map(at), ..r }));
                let place = |line: Option<usize>| Some(format!("{name}:{}", at(line.unwrap_or(1))));
                decisions.extend(read.into_iter().map(|(d, line)| Decision { place: place(line), ..d }));
            }
        }
    }
    let problem = |refusal| Problem::refused(&name, refusal);
    if refusals.is_empty() { Ok(decisions) } else { Err(refusals.into_iter().map(problem).collect()) }
}

/// The decisions of one document with their lines, and what is wrong with the others.
fn file(root: &Field<'_>, kind: Kind) -> (Vec<(Decision, Option<usize>)>, Vec<Refusal>) {
    let list = || -> Result<Vec<Field<'_>>, Refusal> {
        root.only(&["apiVersion", "kind", "metadata", "decisions"])?;
        for (key, expected) in [("apiVersion", API_VERSION), ("kind", kind.token())] {
            let field = root.get(key);
            match field.text()? {
                Some(found) if found == expected => {}
                Some(found) => return Err(field.refuse(format!("{found:?} is not {expected:?}"))),
                None => {
                    let what = kind.token().to_lowercase();
                    return Err(field.refuse(format!("missing; a {what} file begins with {key}: {expected}")));
                }
            }
        }
        let decisions = root.get("decisions");
        if !decisions.is_present() {
            return Err(decisions.refuse("missing; give a list, which may be empty: decisions: []"));
        }
        decisions.list()
    };
    match list() {
        Err(refusal) => (Vec::new(), vec![refusal]),
        Ok(fields) => {
            let (mut read, mut refused) = (Vec::new(), Vec::new());
            for field in fields {
                match decision(&field, kind) {
                    Ok(decision) => read.push((decision, field.line())),
                    Err(refusal) => refused.push(refusal),
                }
            }
            (read, refused)
        }
    }
}

fn decision(field: &Field<'_>, kind: Kind) -> Result<Decision, Refusal> {
    field.only(kind.fields())?;
    let (accept, deny) = (field.get("accept"), field.get("deny"));
    let (choice, about) = match (accept.is_present(), deny.is_present()) {
        (true, false) => (Choice::Accept, accept),
        (false, true) => (Choice::Deny, deny),
        (true, true) => return Err(deny.refuse("says accept and deny at once; keep one")),
        (false, false) => return Err(field.refuse("says neither accept nor deny; add one with an edge")),
    };
    Ok(Decision {
        choice,
        subject: subject(choice, &about)?,
        by: said(&field.get("by"), "who decided")?,
        reason: said(&field.get("reason"), "why")?,
        until: until(&field.get("until"))?,
        place: None,
    })
}

fn subject(choice: Choice, field: &Field<'_>) -> Result<Subject, Refusal> {
    let text = said(field, "an edge, FROM -> TO PORT/PROTOCOL")?;
    let subject: Subject = text.parse().map_err(|error| field.refuse(format!("{error}")))?;
    match (choice, &subject) {
        (Choice::Deny, Subject::Finding(_)) => {
            Err(field.refuse(format!("{text:?} is no edge; deny one, FROM -> TO PORT/PROTOCOL")))
        }
        (Choice::Accept, Subject::Finding(id)) if !id.contains(':') => {
            Err(field.refuse(format!("{text:?} is neither an edge nor the id of a finding (RULE:SUBJECT)")))
        }
        _ => Ok(subject),
    }
}

/// A text that must be there and say something.
fn said(field: &Field<'_>, what: &str) -> Result<String, Refusal> {
    let text = field.text()?.map(str::trim).filter(|text| !text.is_empty());
    text.map(str::to_owned).ok_or_else(|| field.refuse(format!("missing; say {what}")))
}

fn until(field: &Field<'_>) -> Result<Option<Date>, Refusal> {
    let Some(text) = field.text()? else { return Ok(None) };
    // The crate reads times too, of which only the day would count.
    let day = (text.len() == 10).then(|| text.parse::<Date>().ok()).flatten();
    day.map(Some).ok_or_else(|| field.refuse(format!("{text:?} is no day; expected one like 2027-01-31")))
}
