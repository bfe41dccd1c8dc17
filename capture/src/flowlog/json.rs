//! Values of JSON that are written in more than one way.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::Value;

/// A text of JSON without members that are null, and lists and objects of the like; `None` when it has
/// none, or is no JSON.
pub fn without_nulls(text: &str) -> Option<String> {
    memchr::memmem::find(text.as_bytes(), b"null")?;
    let mut value: Value = serde_json::from_str(text).ok()?;
    strip(&mut value).then(|| value.to_string())
}

/// Whether there was anything to take away. `Value` is never deeper than what its reader grants.
fn strip(value: &mut Value) -> bool {
    match value {
        Value::Array(list) => {
            let before = list.len();
            list.retain(|value| !value.is_null());
            let had = list.len() < before;
            list.iter_mut().fold(had, |is_changed, value| strip(value) | is_changed)
        }
        Value::Object(map) => {
            let before = map.len();
            map.retain(|_, value| !value.is_null());
            let had = map.len() < before;
            map.values_mut().fold(had, |is_changed, value| strip(value) | is_changed)
        }
        _ => false,
    }
}

/// A whole number, or a text of one: protocol buffers write 64 bits as a text.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub enum Whole<'a> {
    /// Written as a number.
    Number(u64),
    /// Written as a text.
    #[serde(borrow)]
    Text(Cow<'a, str>),
    /// Something else.
    Other(serde::de::IgnoredAny),
}

impl Whole<'_> {
    /// The number; `None` for what is none.
    pub fn value(&self) -> Option<u64> {
        match self {
            Whole::Number(number) => Some(*number),
            Whole::Text(text) => super::text::number(text.as_bytes()),
            Whole::Other(_) => None,
        }
    }
}

/// A name of an enumeration, or its number.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub enum Text<'a> {
    /// Its name.
    #[serde(borrow)]
    Name(Cow<'a, str>),
    /// Its number.
    Number(i64),
    /// Something else.
    Other(serde::de::IgnoredAny),
}

impl Text<'_> {
    /// Whether it is one of these names or numbers.
    pub fn is_any(&self, wanted: &[&str]) -> bool {
        match self {
            Text::Name(name) => wanted.contains(&name.as_ref()),
            Text::Number(number) => wanted.iter().any(|name| name.parse() == Ok(*number)),
            Text::Other(_) => false,
        }
    }
}
