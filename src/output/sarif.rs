//! SARIF 2.1.0 (OASIS), for code scanning: the shape, and a log from what `audit` and `check` found.
//!
//! Types of our own: they are the twentieth part of the format that is used here. `serde-sarif`,
//! the kept crate, generates all of it in a build script with schemafy (on syn 1) and
//! brings typed-builder and strum; two dozen crates more, several of them in second versions.

mod shape;

use std::io::{self, Write};

use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::{Map, Value};

use super::{fingerprint, safe};
use shape::{
    ArtifactLocation, AutomationDetails, Configuration, Descriptor, Driver, Fingerprints, Help, Invocation,
    Location, Log, LogicalLocation, Message, Notification, Outcome, PhysicalLocation, Region, Run, Tags,
    Text, Tool,
};

/// Results that a log holds at most: code scanning refuses a run with more, and shows 5,000.
pub const MAX_RESULTS: usize = 25_000;

/// Results of a run that code scanning keeps, those of the highest levels.
const SHOWN_RESULTS: usize = 5_000;

/// Octets that a log may have after gzip: code scanning refuses more.
const MAX_OCTETS: usize = 10_000_000;

const SCHEMA: &str = "https://json.schemastore.org/sarif-2.1.0.json";

/// A rule: what it is, in the words of its documentation.
#[derive(Clone, Copy, Debug)]
pub struct Rule {
    /// Stable id, kebab-case.
    pub id: &'static str,
    /// `error`, `warning` or `note`: what most of its results have.
    pub level: &'static str,
    /// What it looks for.
    pub title: &'static str,
    /// What a result means.
    pub meaning: &'static str,
    /// How a result can be wrong.
    pub doubt: &'static str,
    /// What to do about one.
    pub fix: &'static str,
}

/// A result before it is written.
#[derive(Clone, Debug)]
pub struct Entry {
    /// The id of its rule.
    pub rule: &'static str,
    /// `error`, `warning` or `note`.
    pub level: &'static str,
    /// One sentence.
    pub text: String,
    /// What to do about it.
    pub fix: Option<String>,
    /// The same for the same thing in every run.
    pub fingerprint: String,
    /// File as the user named it, and line.
    pub place: Option<(String, usize)>,
    /// Which to look at first, 0 to 100 (§3.27.25).
    pub rank: Option<u32>,
    /// What else is told of it (§3.8).
    pub properties: Map<String, Value>,
    /// Workloads and policies by their ids.
    pub objects: Vec<String>,
}

/// Writes the log of a verb. Entries come with the worst first; those beyond what code scanning takes are left out, and
/// the log says how many.
pub fn write(verb: &str, rules: &[Rule], entries: &[Entry], out: &mut dyn Write) -> io::Result<()> {
    let mut kept = entries.len().min(MAX_RESULTS);
    loop {
        let text = log(verb, rules, entries, kept)?;
        // Most logs are small enough before they are compressed.
        if kept == 0 || text.len() <= MAX_OCTETS || compressed(&text)? <= MAX_OCTETS {
            return out.write_all(&text);
        }
        kept = kept * 3 / 4;
    }
}

/// The log with the first `kept` entries.
fn log(verb: &str, rules: &[Rule], entries: &[Entry], kept: usize) -> io::Result<Vec<u8>> {
    let notices = notices(entries.len(), kept);
    let notification =
        |text: &'static str, message| Notification { level: text, message: Message { text: message } };
    let version = env!("CARGO_PKG_VERSION");
    let run = Run {
        tool: Tool {
            driver: Driver {
                name: "flowfence",
                version,
                semantic_version: version,
                rules: rules.iter().map(descriptor).collect(),
            },
        },
        automation_details: AutomationDetails { id: format!("flowfence/{verb}/") },
        invocations: [Invocation {
            execution_successful: true,
            tool_execution_notifications: notices
                .iter()
                .map(|(level, text)| notification(level, text))
                .collect(),
        }],
        results: entries[..kept].iter().map(|entry| outcome(entry, rules)).collect(),
        column_kind: "utf16CodeUnits",
    };
    let mut text = serde_json::to_vec_pretty(&Log { schema: SCHEMA, version: "2.1.0", runs: [run] })?;
    text.push(b'\n');
    Ok(text)
}

/// What is not in the log, or will not be seen of it.
fn notices(all: usize, kept: usize) -> Vec<(&'static str, String)> {
    let mut notices = Vec::new();
    if kept < all {
        let left_out = all - kept;
        notices.push((
            "warning",
            format!(
                "{left_out} results of the lowest levels were left out: code scanning takes {MAX_RESULTS} and \
                 {MAX_OCTETS} octets after gzip"
            ),
        ));
    }
    if kept > SHOWN_RESULTS {
        notices.push(("note", format!("code scanning shows {SHOWN_RESULTS} of the {kept} results")));
    }
    notices
}

/// How many octets gzip makes of it.
fn compressed(text: &[u8]) -> io::Result<usize> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(text)?;
    Ok(encoder.finish()?.len())
}

fn descriptor<'a>(rule: &Rule) -> Descriptor<'a> {
    Descriptor {
        id: rule.id,
        short_description: Message { text: rule.title },
        full_description: Message { text: rule.meaning },
        help: Help {
            text: format!("{}\nDoubt: {}\nFix: {}", rule.meaning, rule.doubt, rule.fix),
            markdown: format!("{}\n\n**Doubt**: {}\n\n**Fix**: {}", rule.meaning, rule.doubt, rule.fix),
        },
        default_configuration: Configuration { level: rule.level },
        properties: Tags { tags: ["kubernetes", "network-policy", "security"] },
    }
}

fn outcome<'a>(entry: &'a Entry, rules: &[Rule]) -> Outcome<'a> {
    let physical_location = entry.place.as_ref().map(|(file, line)| PhysicalLocation {
        artifact_location: artifact(file),
        region: Region { start_line: *line },
    });
    // The schema wants each once, and the ends of an edge may be one workload.
    let distinct = entry.objects.iter().enumerate().filter(|(at, name)| !entry.objects[..*at].contains(name));
    let logical_locations: Vec<LogicalLocation<'_>> =
        distinct.map(|(_, name)| LogicalLocation { fully_qualified_name: name, kind: "resource" }).collect();
    let has_place = physical_location.is_some() || !logical_locations.is_empty();
    let location = has_place.then_some(Location { physical_location, logical_locations });
    let fix = entry.fix.as_ref().map(|fix| format!("\nFix: {fix}")).unwrap_or_default();
    Outcome {
        rule_id: entry.rule,
        rule_index: rules.iter().position(|rule| rule.id == entry.rule).unwrap_or_default(),
        level: entry.level,
        message: Text { text: plain(&format!("{}{fix}", entry.text)) },
        locations: location.into_iter().collect(),
        partial_fingerprints: Fingerprints {
            flowfence: &entry.fingerprint,
            primary: format!("{}:1", fingerprint::of(&entry.fingerprint)),
        },
        rank: entry.rank,
        properties: &entry.properties,
    }
}

/// Text as a plain text message: what looks like an embedded link (SARIF §3.11.6) is none.
fn plain(text: &str) -> String {
    let text = safe::lines(text);
    if text.contains("](") { text.replace('[', "\\[").replace(']', "\\]") } else { text }
}

/// A relative path is under the root of the sources, if it does not climb out of it.
fn artifact(file: &str) -> ArtifactLocation {
    let path = file.strip_prefix("./").unwrap_or(file);
    let climbs = path.split('/').any(|part| part == "..");
    if path.starts_with('/') {
        ArtifactLocation { uri: format!("file://{}", encoded(path)), uri_base_id: None }
    } else {
        ArtifactLocation { uri: encoded(path), uri_base_id: (!climbs).then_some("%SRCROOT%") }
    }
}

/// Percent-encodes what may not stand in a path of a URI (RFC 3986 §3.3). A colon could be taken
/// for the end of a scheme.
fn encoded(path: &str) -> String {
    use std::fmt::Write as _;
    let mut uri = String::with_capacity(path.len());
    for byte in path.bytes() {
        if byte.is_ascii_alphanumeric() || b"/-._~!$&'()*+,;=@".contains(&byte) {
            uri.push(char::from(byte));
        } else {
            // Writing to a String cannot fail.
            let _ = write!(uri, "%{byte:02X}");
        }
    }
    uri
}

#[cfg(test)]
mod tests;
