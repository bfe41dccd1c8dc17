//! The fields of AWS VPC flow logs that have no header, as whoever made the flow log knows them.

use super::Decoder;
use super::vpc::{MAX_FIELDS, Vpc, dashed, missing};

/// A decoder of lines with these fields: with `${}` around their names, as a flow log is made, or without, between spaces
/// or commas. An error says what is missing.
pub(super) fn decoder(fields: &str) -> Result<Box<dyn Decoder>, String> {
    let names = || fields.split([' ', ',']).filter(|name| !name.is_empty());
    let has = |wanted: &str| names().any(|name| dashed(name.as_bytes()) == wanted.as_bytes());
    if let Some(missing) = missing(has) {
        return Err(format!("no field {missing} in {fields:?}"));
    }
    if names().count() > MAX_FIELDS {
        return Err(format!("more than {MAX_FIELDS} fields"));
    }
    Ok(Box::new(Vpc::of(names().map(str::as_bytes))))
}
