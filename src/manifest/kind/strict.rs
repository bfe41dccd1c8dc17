//! What the checked kinds share: reading with a line for every mistake, and small values.

use flowfence_model::Protocol;
use ipnet::IpNet;

use super::label;
use crate::manifest::refusal::Refusal;
use crate::manifest::source::Source;
use crate::manifest::split::Piece;
use crate::manifest::tree::{Field, Node};
use crate::manifest::yaml;

/// Reads an object field by field; a refusal knows its line in the file.
pub(in crate::manifest) fn read<T>(
    source: &Source<'_>,
    read: impl Fn(&Field<'_>) -> Result<T, Refusal>,
) -> Result<T, Refusal> {
    let node: Node = source.parse()?;
    read(&Field::root(&node)).map_err(|refusal| located(source, refusal, read))
}

/// The refusal with its line in the file. JSON readers know no lines, but JSON is YAML.
fn located<T>(
    source: &Source<'_>,
    refusal: Refusal,
    read: impl Fn(&Field<'_>) -> Result<T, Refusal>,
) -> Refusal {
    let first = source.line();
    if let Some(line) = refusal.line {
        return Refusal { line: Some(first + line - 1), ..refusal };
    }
    let Source::Json(piece) = source else { return Refusal { line: Some(first), ..refusal } };
    let again = yaml::parse::<Node>(&Piece { line: 1, ..*piece }).ok();
    let again = again.and_then(|node| read(&Field::root(&node)).err()).filter(|r| r.field == refusal.field);
    let line = again.and_then(|refusal| refusal.line).unwrap_or(1);
    Refusal { line: Some(first + line - 1), ..refusal }
}

/// `metadata.name`.
pub(in crate::manifest) fn name(root: &Field<'_>) -> Result<String, Refusal> {
    metadata(root).map(|(name, _)| name)
}

/// `metadata.name` and `metadata.namespace` of an object whose metadata is as the API server
/// takes it.
pub(super) fn metadata(root: &Field<'_>) -> Result<(String, Option<String>), Refusal> {
    let metadata = root.get("metadata");
    // A misspelt `namespace` would move the object.
    metadata.only(METADATA)?;
    let name_field = metadata.get("name");
    let name = required(&name_field)?;
    if !label::is_subdomain(&name) {
        return Err(name_field.refuse(format!(
            "{name:?} is no name: at most 253 of a-z, 0-9, '-' and '.', with a letter or digit at both ends \
             of each part (RFC 1123)"
        )));
    }
    let namespace_field = metadata.get("namespace");
    let namespace = namespace_field.text()?.filter(|text| !text.is_empty());
    if let Some(namespace) = namespace.filter(|text| !label::is_namespace(text)) {
        return Err(namespace_field.refuse(format!(
            "{namespace:?} is no namespace: at most 63 of a-z, 0-9 and '-', with a letter or digit at both \
             ends (RFC 1123)"
        )));
    }
    label::map(&metadata.get("labels"))?;
    Ok((name, namespace.map(str::to_owned)))
}

/// The fields of `ObjectMeta`.
const METADATA: &[&str] = &[
    "name",
    "namespace",
    "labels",
    "annotations",
    "uid",
    "resourceVersion",
    "generation",
    "creationTimestamp",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
    "ownerReferences",
    "finalizers",
    "managedFields",
    "generateName",
    "selfLink",
];

/// A text that must be there and not empty.
pub(in crate::manifest) fn required(field: &Field<'_>) -> Result<String, Refusal> {
    let text = field.text()?.filter(|text| !text.is_empty());
    text.map(str::to_owned).ok_or_else(|| field.refuse("required"))
}

/// Host bits are masked, as every plugin does.
pub(in crate::manifest) fn cidr(field: &Field<'_>) -> Result<IpNet, Refusal> {
    let text = field.text()?.filter(|text| !text.is_empty()).ok_or_else(|| field.refuse("required"))?;
    let parsed = text.parse::<IpNet>();
    parsed.map(|net| net.trunc()).map_err(|_| {
        field.refuse(format!("{text:?} is not a CIDR; expected one like 10.9.8.0/24 or 2001:db8::/64"))
    })
}

/// A protocol of the API, TCP by default.
pub(in crate::manifest) fn protocol(field: &Field<'_>) -> Result<Protocol, Refusal> {
    super::container::protocol("", field.text()?).map_err(|refusal| field.refuse(refusal.reason))
}

/// A port number.
pub(in crate::manifest) fn port(field: &Field<'_>, number: i64) -> Result<u16, Refusal> {
    u16::try_from(number)
        .ok()
        .filter(|port| *port > 0)
        .ok_or_else(|| field.refuse(format!("{number} is not a port number (1 to 65535)")))
}
