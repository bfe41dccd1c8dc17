//! From text to a [`Snapshot`].

use std::sync::Arc;

use super::kind::{self, Reading};
use super::snapshot::{Level, Located, Problem, Snapshot};
use super::source::{Head, Refusal, Source};
use super::split::{self, Piece};
use super::{json, yaml};

/// How deep lists may hold lists.
const MAX_LIST_DEPTH: usize = 4;

/// Reads the objects of a text in YAML or JSON; `name` is told as the file.
pub fn parse_objects(text: &str, name: &str) -> Snapshot {
    let mut reader = Reader { snapshot: Snapshot::default(), file: Arc::from(name) };
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    if text.trim_start().starts_with(['{', '[']) && json::read(&mut reader, text).is_ok() {
        return reader.snapshot;
    }
    for document in split::documents(text) {
        reader.yaml_document(&document);
    }
    reader.snapshot
}

/// Reads NetworkPolicies that were written before, to judge what is on disk and not what was
/// meant. Objects of other kinds are read too.
pub fn parse_policies(text: &str, name: &str) -> Snapshot {
    parse_objects(text, name)
}

/// Reads objects that were parsed as JSON before; problems have no line.
pub fn policies_from_values<'a>(
    values: impl IntoIterator<Item = &'a serde_json::Value>,
    name: &str,
) -> Snapshot {
    let mut reader = Reader { snapshot: Snapshot::default(), file: Arc::from(name) };
    for value in values {
        reader.value(value, 1, 0);
    }
    reader.snapshot
}

/// Collects what one file gives.
pub(super) struct Reader {
    pub(super) snapshot: Snapshot,
    file: Arc<str>,
}

impl Reader {
    fn yaml_document(&mut self, document: &Piece<'_>) {
        let Some(items) = split::items(document) else {
            return self.yaml_object(document);
        };
        let mut parts = Reader { snapshot: Snapshot::default(), file: Arc::clone(&self.file) };
        for item in &items {
            parts.object(&Source::Yaml(*item));
        }
        // An anchor may be defined in one item and used in another; then only the whole parses.
        let needs_whole = parts.snapshot.problems.iter().any(|problem| yaml::lacks_anchor(&problem.reason));
        match needs_whole.then(|| yaml::parse::<serde_json::Value>(document)) {
            Some(Ok(whole)) => self.value(&whole, document.line, 0),
            Some(Err(_)) | None => self.snapshot.merge(parts.snapshot),
        }
    }

    /// A document that is one object, or a list that is not written in block style.
    fn yaml_object(&mut self, document: &Piece<'_>) {
        let source = Source::Yaml(*document);
        match source.head() {
            Ok(head) if head.kind.as_deref().is_some_and(|kind| kind.ends_with("List")) => {
                match source.parse::<serde_json::Value>() {
                    Ok(value) => self.value(&value, document.line, 0),
                    Err(refusal) => self.refuse(&source, Some(&head), refusal),
                }
            }
            Ok(head) => self.object_of(&source, &head),
            Err(refusal) => self.refuse(&source, None, refusal),
        }
    }

    /// A parsed value: an object, a list of objects, or an array of them.
    pub(super) fn value(&mut self, value: &serde_json::Value, line: usize, depth: usize) {
        let source = Source::Value(value, line);
        let items = match value {
            serde_json::Value::Array(items) => Some(items.as_slice()),
            _ => list_items(value),
        };
        match items {
            Some(items) if depth < MAX_LIST_DEPTH => {
                for item in items {
                    self.value(item, line, depth + 1);
                }
            }
            Some(_) => {
                let reason = format!("lists are nested more than {MAX_LIST_DEPTH} deep");
                self.refuse(&source, None, Refusal { line: Some(line), field: None, reason });
            }
            None => self.object(&source),
        }
    }

    /// One object of any kind.
    pub(super) fn object(&mut self, source: &Source<'_>) {
        match source.head() {
            Ok(head) => self.object_of(source, &head),
            Err(refusal) => self.refuse(source, None, refusal),
        }
    }

    fn object_of(&mut self, source: &Source<'_>, head: &Head) {
        let (Some(api_version), Some(kind)) = (&head.api_version, &head.kind) else {
            let missing = if head.kind.is_none() { "kind" } else { "apiVersion" };
            let reason = format!("not a Kubernetes object: it has no {missing}");
            let line = Some(source.line());
            return self.refuse(source, Some(head), Refusal { line, field: None, reason });
        };
        match kind::lookup(api_version, kind).map(|kind| &kind.reading) {
            None => *self.snapshot.ignored_kinds.entry(format!("{api_version} {kind}")).or_default() += 1,
            Some(Reading::NotEvaluated) => self.snapshot.report(Problem {
                file: Arc::clone(&self.file),
                line: Some(source.line()),
                object: label(source, Some(head)),
                field: None,
                reason: format!("{kind} is not evaluated yet; verdicts are without it"),
                level: Level::Note,
            }),
            Some(Reading::Object(read)) => match read(source) {
                Ok(objects) => self.snapshot.objects.extend(objects.into_iter().map(|item| Located {
                    item,
                    file: Arc::clone(&self.file),
                    line: source.line(),
                })),
                Err(refusal) => self.refuse(source, Some(head), refusal),
            },
        }
    }

    /// Notes that something was left out.
    pub(super) fn refuse(&mut self, source: &Source<'_>, head: Option<&Head>, refusal: Refusal) {
        self.snapshot.report(Problem {
            file: Arc::clone(&self.file),
            line: refusal.line.or(Some(source.line())),
            object: label(source, head),
            field: refusal.field,
            reason: refusal.reason,
            level: Level::Error,
        });
    }
}

/// The name of a refused object; its indentation tells the kind sooner than the name.
fn label(source: &Source<'_>, head: Option<&Head>) -> Option<String> {
    let head = head?;
    let whole = if head.metadata.is_none() { source.parse::<Head>().ok() } else { None };
    whole.as_ref().unwrap_or(head).label()
}

/// The items of a `List` or of a typed one such as `PodList`.
fn list_items(value: &serde_json::Value) -> Option<&[serde_json::Value]> {
    let kind = value.get("kind")?.as_str()?;
    if !kind.ends_with("List") {
        return None;
    }
    match value.get("items") {
        None | Some(serde_json::Value::Null) => Some(&[]),
        Some(items) => items.as_array().map(Vec::as_slice),
    }
}
