//! From text to a [`Snapshot`].

use super::reader::Reader;
use super::snapshot::Snapshot;
use super::source::Source;
use super::split::{self, Piece};
use super::{json, yaml};

/// Reads the objects of a text in YAML or JSON; `name` is told as the file.
pub fn parse_objects(text: &str, name: &str) -> Snapshot {
    let mut reader = Reader::new(name);
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    // JSON knows no `---`: documents of JSON between markers are documents of YAML.
    let is_json = text.trim_start().starts_with(['{', '[']) && !split::has_marker(text);
    if is_json && json::read(&mut reader, text).is_ok() {
        return reader.snapshot;
    }
    for document in split::documents(text) {
        yaml_document(&mut reader, &document);
    }
    reader.snapshot
}

/// Reads NetworkPolicies that were written before, to judge what is on disk and not what was
/// meant. Objects of other kinds are read too.
pub fn parse_policies(text: &str, name: &str) -> Snapshot {
    parse_objects(text, name)
}

/// Reads objects that were parsed as JSON before; problems have no line.
pub fn objects_from_values<'a>(
    values: impl IntoIterator<Item = &'a serde_json::Value>,
    name: &str,
) -> Snapshot {
    let mut reader = Reader::new(name);
    for value in values {
        reader.value(value, 1, 0);
    }
    reader.snapshot
}

fn yaml_document(reader: &mut Reader, document: &Piece<'_>) {
    let Some(items) = split::items(document) else {
        return yaml_object(reader, document);
    };
    let mut parts = reader.part();
    for item in &items {
        parts.object(&Source::Yaml(*item));
    }
    // An anchor may be defined in one item and used in another; then only the whole parses.
    let needs_whole = parts.snapshot.problems.iter().any(|problem| yaml::lacks_anchor(&problem.reason));
    match needs_whole.then(|| yaml::parse::<serde_json::Value>(document)) {
        Some(Ok(whole)) => reader.value(&whole, document.line, 0),
        Some(Err(_)) | None => reader.snapshot.merge(parts.snapshot),
    }
}

/// A document that is one object, or a list that is not written in block style.
fn yaml_object(reader: &mut Reader, document: &Piece<'_>) {
    let source = Source::Yaml(*document);
    match source.head() {
        Ok(head) if head.kind.as_deref().is_some_and(|kind| kind.ends_with("List")) => {
            match source.parse::<serde_json::Value>() {
                Ok(value) => reader.value(&value, document.line, 0),
                Err(refusal) => reader.refuse(&source, Some(&head), refusal),
            }
        }
        Ok(head) => reader.object_of(&source, &head),
        Err(refusal) => reader.refuse(&source, None, refusal),
    }
}
