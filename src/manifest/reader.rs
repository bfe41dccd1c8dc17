//! Collects what one file gives.

use std::sync::Arc;

use super::head::Head;
use super::kind;
use super::refusal::Refusal;
use super::snapshot::{Level, Located, Problem, Snapshot};
use super::source::Source;

/// How deep lists may hold lists.
const MAX_LIST_DEPTH: usize = 4;

/// The snapshot of one file, while it grows.
pub(super) struct Reader {
    pub(super) snapshot: Snapshot,
    file: Arc<str>,
}

impl Reader {
    /// Nothing was read yet.
    pub(super) fn new(file: &str) -> Self {
        Reader { snapshot: Snapshot::default(), file: Arc::from(file) }
    }

    /// A reader of a part of the same file.
    pub(super) fn part(&self) -> Self {
        Reader { snapshot: Snapshot::default(), file: Arc::clone(&self.file) }
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

    /// One object whose head is known.
    pub(super) fn object_of(&mut self, source: &Source<'_>, head: &Head) {
        let (Some(api_version), Some(kind)) = (&head.api_version, &head.kind) else {
            let missing = if head.kind.is_none() { "kind" } else { "apiVersion" };
            let reason = format!("not a Kubernetes object: it has no {missing}");
            let line = Some(source.line());
            return self.refuse(source, Some(head), Refusal { line, field: None, reason });
        };
        match kind::lookup(api_version, kind) {
            Err(refusal) => self.refuse(source, Some(head), refusal),
            Ok(None) => {
                *self.snapshot.ignored_kinds.entry(format!("{api_version} {kind}")).or_default() += 1;
            }
            Ok(Some(kind)) => match (kind.read)(source) {
                Ok(objects) => self.snapshot.objects.extend(objects.into_iter().map(|item| Located {
                    item,
                    file: Arc::clone(&self.file),
                    line: source.first_line(),
                    managed_by: managed_by(source, head),
                    spelling: kind.spelling(source),
                })),
                Err(refusal) => self.refuse(source, Some(head), refusal),
            },
        }
    }

    /// Notes that something was left out.
    pub(super) fn refuse(&mut self, source: &Source<'_>, head: Option<&Head>, refusal: Refusal) {
        self.snapshot.report(Problem {
            file: Arc::clone(&self.file),
            line: refusal.line.or(Some(source.first_line())),
            object: label(source, head),
            field: refusal.field,
            reason: refusal.reason,
            level: Level::Error,
        });
    }
}

/// The label is deeper than a head's quick look goes; policies alone are worth a whole one.
fn managed_by(source: &Source<'_>, head: &Head) -> Option<String> {
    let is_policy = head.kind.as_deref().is_some_and(|kind| kind.ends_with("NetworkPolicy"));
    is_policy.then(|| source.parse::<Head>().ok())??.managed_by().map(str::to_owned)
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
