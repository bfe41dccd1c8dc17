//! Label selectors, checked as the API server does.

use std::collections::{BTreeMap, BTreeSet};

use flowfence_model::{LabelSelector, Requirement};

use crate::manifest::refusal::Refusal;
use crate::manifest::tree::Field;

/// A label selector; absent, null and `{}` all select everything.
pub(in crate::manifest) fn selector(field: &Field<'_>) -> Result<LabelSelector, Refusal> {
    selector_by(field, |key| key)
}

/// The same where keys are spelled with something in front, which `bare` takes away.
pub(in crate::manifest) fn selector_by(
    field: &Field<'_>,
    bare: fn(&str) -> &str,
) -> Result<LabelSelector, Refusal> {
    field.only(&["matchLabels", "matchExpressions"])?;
    let match_labels = map_by(&field.get("matchLabels"), bare)?;
    let requirements = field.get("matchExpressions").list()?;
    let match_expressions =
        requirements.iter().map(|entry| requirement(entry, bare)).collect::<Result<_, _>>()?;
    Ok(LabelSelector { match_labels, match_expressions })
}

/// Labels by key.
pub(super) fn map(field: &Field<'_>) -> Result<BTreeMap<String, String>, Refusal> {
    map_by(field, |key| key)
}

fn map_by(field: &Field<'_>, bare: fn(&str) -> &str) -> Result<BTreeMap<String, String>, Refusal> {
    let labels = field.texts()?;
    for (name, text) in &labels {
        let entry = field.get(name);
        key(&entry, bare(name))?;
        value(&entry, text)?;
    }
    Ok(labels)
}

fn requirement(field: &Field<'_>, bare: fn(&str) -> &str) -> Result<Requirement, Refusal> {
    field.only(&["key", "operator", "values"])?;
    let key_field = field.get("key");
    let name = key_field.text()?.unwrap_or_default();
    key(&key_field, bare(name))?;
    let name = name.to_owned();
    let values_field = field.get("values");
    let mut values = BTreeSet::new();
    for entry in values_field.list()? {
        let text = entry.text()?.unwrap_or_default();
        value(&entry, text)?;
        values.insert(text.to_owned());
    }
    let operator_field = field.get("operator");
    let operator = operator_field.text()?.unwrap_or_default();
    match (operator, values.is_empty()) {
        ("In", false) => Ok(Requirement::In(name, values)),
        ("NotIn", false) => Ok(Requirement::NotIn(name, values)),
        ("Exists", true) => Ok(Requirement::Exists(name)),
        ("DoesNotExist", true) => Ok(Requirement::DoesNotExist(name)),
        ("In" | "NotIn", true) => {
            Err(values_field.refuse("must be specified when `operator` is 'In' or 'NotIn'"))
        }
        ("Exists" | "DoesNotExist", false) => {
            Err(values_field.refuse("may not be specified when `operator` is 'Exists' or 'DoesNotExist'"))
        }
        (other, _) => Err(operator_field.refuse(format!(
            "{other:?} is not a valid selector operator; expected In, NotIn, Exists or DoesNotExist"
        ))),
    }
}

/// A qualified name: an optional DNS subdomain and `/`, then at most 63 characters.
fn key(field: &Field<'_>, key: &str) -> Result<(), Refusal> {
    is_key(key).then_some(()).ok_or_else(|| field.refuse(format!("{key:?} is not a valid label key")))
}

/// Whether the API server takes it as the key of a label.
pub(in crate::manifest) fn is_key(key: &str) -> bool {
    let (prefix, name) = key.rsplit_once('/').map_or((None, key), |(prefix, name)| (Some(prefix), name));
    !name.is_empty() && is_label(name) && prefix.is_none_or(is_subdomain)
}

fn value(field: &Field<'_>, value: &str) -> Result<(), Refusal> {
    let reason =
        || format!("{value:?} is not a valid label value (at most 63 of A-Z, a-z, 0-9, '-', '_', '.')");
    is_label(value).then_some(()).ok_or_else(|| field.refuse(reason()))
}

/// At most 63 characters, letters and digits at both ends; empty is a value.
pub(in crate::manifest) fn is_label(text: &str) -> bool {
    let is_end = |b: Option<u8>| b.is_none_or(|b| b.is_ascii_alphanumeric());
    text.len() <= 63
        && is_end(text.bytes().next())
        && is_end(text.bytes().last())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'))
}

/// `DNS1123Subdomain`: parts joined by dots, at most 253 characters.
pub(in crate::manifest) fn is_subdomain(text: &str) -> bool {
    text.len() <= 253 && text.split('.').all(is_subdomain_part)
}

/// `DNS1123Label`: one part, at most 63 characters.
pub(in crate::manifest) fn is_namespace(text: &str) -> bool {
    text.len() <= 63 && is_subdomain_part(text)
}

/// Letters and digits in lower case and `-`, not at its ends.
pub(super) fn is_subdomain_part(part: &str) -> bool {
    !part.is_empty()
        && !part.starts_with('-')
        && !part.ends_with('-')
        && part.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
}
