//! Values of JSON that are written in more than one way.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;
use std::ops::Deref;

use serde::de::{IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
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
#[derive(Debug)]
pub enum Whole<'a> {
    /// Written as a number.
    Number(u64),
    /// Written as a text.
    Text(Cow<'a, str>),
    /// Something else.
    Other(IgnoredAny),
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
#[derive(Debug)]
pub enum Text<'a> {
    /// Its name.
    Name(Cow<'a, str>),
    /// Its number.
    Number(i64),
    /// Something else.
    Other(IgnoredAny),
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

/// A text that is borrowed where nothing in it is escaped. (Of `Option<Cow<str>>` serde makes a copy each time.)
#[derive(Debug)]
pub struct Str<'a>(pub Cow<'a, str>);

impl Deref for Str<'_> {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

/// What takes a number, a text, or anything else. Written out, for serde's untagged enums first copy what
/// they look at, and a line has ten of these.
trait Loose<'a>: Sized {
    fn number(number: i128) -> Self;
    fn text(text: Cow<'a, str>) -> Self;
    fn other() -> Self;
}

impl<'a> Loose<'a> for Whole<'a> {
    fn number(number: i128) -> Self {
        u64::try_from(number).map_or(Whole::Other(IgnoredAny), Whole::Number)
    }

    fn text(text: Cow<'a, str>) -> Self {
        Whole::Text(text)
    }

    fn other() -> Self {
        Whole::Other(IgnoredAny)
    }
}

impl<'a> Loose<'a> for Text<'a> {
    fn number(number: i128) -> Self {
        i64::try_from(number).map_or(Text::Other(IgnoredAny), Text::Number)
    }

    fn text(text: Cow<'a, str>) -> Self {
        Text::Name(text)
    }

    fn other() -> Self {
        Text::Other(IgnoredAny)
    }
}

struct Taker<T>(PhantomData<T>);

impl<'de: 'a, 'a, T: Loose<'a>> Visitor<'de> for Taker<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a number or a text")
    }

    fn visit_u64<E>(self, number: u64) -> Result<T, E> {
        Ok(T::number(number.into()))
    }

    fn visit_i64<E>(self, number: i64) -> Result<T, E> {
        Ok(T::number(number.into()))
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<T, E> {
        Ok(T::text(Cow::Borrowed(text)))
    }

    fn visit_str<E>(self, text: &str) -> Result<T, E> {
        Ok(T::text(Cow::Owned(text.to_owned())))
    }

    fn visit_f64<E>(self, _: f64) -> Result<T, E> {
        Ok(T::other())
    }

    fn visit_bool<E>(self, _: bool) -> Result<T, E> {
        Ok(T::other())
    }

    fn visit_unit<E>(self) -> Result<T, E> {
        Ok(T::other())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<T, A::Error> {
        while list.next_element::<IgnoredAny>()?.is_some() {}
        Ok(T::other())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<T, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(T::other())
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Whole<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Taker(PhantomData))
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Text<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Taker(PhantomData))
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Str<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(TextTaker)
    }
}

struct TextTaker;

impl<'de> Visitor<'de> for TextTaker {
    type Value = Str<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text")
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Str<'de>, E> {
        Ok(Str(Cow::Borrowed(text)))
    }

    fn visit_str<E>(self, text: &str) -> Result<Str<'de>, E> {
        Ok(Str(Cow::Owned(text.to_owned())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_texts_are_read_and_all_else_is_passed_over() {
        for (text, whole) in [
            ("7", Some(7)),
            ("\"7\"", Some(7)),
            ("18446744073709551615", Some(u64::MAX)),
            ("-7", None),
            ("7.0", None),
            ("true", None),
            ("[1,[2]]", None),
            ("{\"a\":{\"b\":1}}", None),
            ("\"\\u0037\"", Some(7)),
        ] {
            let read: Whole<'_> = serde_json::from_str(text).unwrap();
            assert_eq!(read.value(), whole, "{text}");
            assert!(serde_json::from_str::<Text<'_>>(text).is_ok(), "{text}");
        }
        assert!(serde_json::from_str::<Text<'_>>("-7").unwrap().is_any(&["-7"]));
        assert!(serde_json::from_str::<Text<'_>>("\"L7\"").unwrap().is_any(&["L7"]));
        assert!(serde_json::from_str::<Option<Text<'_>>>("null").unwrap().is_none());
        for damaged in ["[1", "{\"a\"}", "\"x", "nul"] {
            assert!(serde_json::from_str::<Whole<'_>>(damaged).is_err(), "{damaged}");
        }
    }

    #[test]
    fn a_text_is_copied_only_where_something_in_it_is_escaped() {
        let plain: Option<Str<'_>> = serde_json::from_str("\"plain\"").unwrap();
        assert!(matches!(plain, Some(Str(Cow::Borrowed("plain")))));
        let escaped: Option<Str<'_>> = serde_json::from_str("\"a\\nb\"").unwrap();
        assert_eq!(escaped.as_deref(), Some("a\nb"));
    }
}
