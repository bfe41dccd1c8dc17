//! Editing policies in the files that people wrote.
//!
//! ```text
//! text ─▶ node   a tree whose nodes know their bytes
//!         find   the object, and that nothing in it is shared through anchors
//!         policy what becomes of its rules ─▶ list ─▶ splices of whole lines, or of flow items
//! splices ─▶ new text ─▶ read back: the wanted policy, and everything else as it was
//! ```
//!
//! Comments, order, quotes and indentation of what is not narrowed survive byte for byte. A text
//! of which the result does not read as it should is refused; nothing is guessed.

mod find;
mod lines;
mod list;
mod node;
mod policy;
mod render;
mod splice;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use flowfence_model::NetworkPolicy;
use flowfence_model::object::Object;
use flowfence_policy::recommend::tighten::Tightened;

use super::read::parse_objects;
use lines::Lines;
use policy::Editor;

/// Why a text is left as it is.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EditError {
    /// The text cannot be taken apart.
    #[error("{file}: cannot be edited where it is: {reason}")]
    Text {
        /// The file as the user named it.
        file: String,
        /// What is in the way.
        reason: String,
    },
    /// One policy of it cannot.
    #[error("{file}: {policy} cannot be edited where it is: {reason}")]
    Policy {
        /// The file as the user named it.
        file: String,
        /// `NAMESPACE/NAME`.
        policy: String,
        /// What is in the way.
        reason: String,
    },
}

/// A policy of a text, as it is and as it should be.
#[derive(Clone, Copy, Debug)]
pub struct Change<'a> {
    /// Today's.
    pub was: &'a NetworkPolicy,
    /// The narrowed one.
    pub now: &'a Tightened,
}

/// What people wrote beside a policy.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Metadata {
    /// `metadata.labels`.
    pub labels: BTreeMap<String, String>,
    /// `metadata.annotations`, but for what kubectl applied last.
    pub annotations: BTreeMap<String, String>,
}

/// The metadata of every policy of a text, by `NAMESPACE/NAME`; nothing of a text that cannot be
/// read as a whole.
pub fn metadata(text: &str) -> BTreeMap<String, Metadata> {
    let body = text.strip_prefix('\u{feff}').unwrap_or(text);
    node::parse(body).map(|documents| find::metadata(&documents)).unwrap_or_default()
}

/// The text with the policies narrowed. `file` is told in errors.
pub fn edit(text: &str, file: &str, changes: &[Change<'_>]) -> Result<String, EditError> {
    let refuse = |reason: String| EditError::Text { file: file.to_owned(), reason };
    let (mark, body) = match text.strip_prefix('\u{feff}') {
        Some(body) => ("\u{feff}", body),
        None => ("", text),
    };
    let documents = node::parse(body).map_err(refuse)?;
    let lines = Lines::new(body);
    let mut splices = Vec::new();
    for change in changes {
        let key = change.was.key();
        let refuse = |reason: &str| EditError::Policy {
            file: file.to_owned(),
            policy: key.clone(),
            reason: reason.to_owned(),
        };
        let spec = find::spec(&documents, change.was).map_err(refuse)?;
        let editor = Editor { lines: &lines, was: change.was, now: change.now };
        splices.extend(editor.splices(spec).map_err(refuse)?);
    }
    let edited = splice::apply(body, splices).ok_or_else(|| refuse("its parts overlap".to_owned()))?;
    let edited = format!("{mark}{edited}");
    read_back(text, &edited, file, changes)?;
    Ok(edited)
}

/// Reads the result as any reader would: the wanted policies, everything else as before.
fn read_back(text: &str, edited: &str, file: &str, changes: &[Change<'_>]) -> Result<(), EditError> {
    let refuse = |reason: &str| EditError::Text { file: file.to_owned(), reason: reason.to_owned() };
    let (before, after) = (parse_objects(text, file), parse_objects(edited, file));
    let holds = |wanted: &NetworkPolicy| {
        before.objects.iter().any(|known| matches!(&known.item, Object::NetworkPolicy(p) if p == wanted))
    };
    if let Some(change) = changes.iter().find(|change| !holds(change.was)) {
        return Err(refuse(&format!("{} does not read as it did", change.was.key())));
    }
    if before.objects.len() != after.objects.len()
        || before.problems.len() != after.problems.len()
        || before.ignored_kinds != after.ignored_kinds
    {
        return Err(refuse("the result would not read as the same objects"));
    }
    for (was, now) in before.objects.iter().zip(&after.objects) {
        let wanted = match &was.item {
            Object::NetworkPolicy(policy) => {
                let change = changes.iter().find(|change| change.was == policy);
                Object::NetworkPolicy(
                    change.map_or_else(|| policy.clone(), |change| change.now.policy.clone()),
                )
            }
            other => other.clone(),
        };
        if wanted != now.item || was.managed_by != now.managed_by {
            let name = match &was.item {
                Object::NetworkPolicy(policy) => policy.key(),
                _ => "an object beside it".to_owned(),
            };
            return Err(refuse(&format!("the result would not read as {name} should be")));
        }
    }
    let body = |text| node::parse(str::strip_prefix(text, '\u{feff}').unwrap_or(text));
    match (body(text), body(edited)) {
        (Ok(before), Ok(after)) if find::is_same_elsewhere(&before, &after, changes) => Ok(()),
        _ => Err(refuse("the result would change more than the rules")),
    }
}
