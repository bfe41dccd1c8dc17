//! From text back to rules.

use super::sheet::Written;
use super::{Flavour, FlavourError, Rules, Scene};
use crate::manifest::kind::strict;
use crate::manifest::refusal::Refusal;
use crate::manifest::source::Source;
use crate::manifest::split;
use crate::manifest::tree::Field;

/// The objects of one file.
pub(super) fn objects(
    file: &Written,
    flavour: &Flavour,
    scene: &Scene<'_>,
) -> Result<Vec<Rules>, FlavourError> {
    let documents = split::documents(&file.text);
    let read = documents.into_iter().map(|piece| {
        strict::read(&Source::Yaml(piece), |root| {
            is(&root.get("apiVersion"), flavour.api_version)?;
            is(&root.get("kind"), flavour.kind)?;
            (flavour.read)(root, scene)
        })
    });
    read.map(|rules| rules.map_err(|refusal| told(&file.file, &refusal))).collect()
}

/// Refuses a field that does not say exactly this.
pub(super) fn is(field: &Field<'_>, expected: &str) -> Result<(), Refusal> {
    match field.text()? {
        Some(text) if text == expected => Ok(()),
        other => Err(field.refuse(format!("{:?} is not {expected:?}", other.unwrap_or_default()))),
    }
}

fn told(file: &str, refusal: &Refusal) -> FlavourError {
    let line = refusal.line.map_or_else(String::new, |line| format!(":{line}"));
    let field = refusal.field.as_ref().map_or_else(String::new, |field| format!(" {field}:"));
    FlavourError::Unreadable(format!("{file}{line}:{field} {}", refusal.reason))
}
