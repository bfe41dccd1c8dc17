//! What is wrapped around the lines of a log on their way: the prefix of a container's log, and
//! objects that have the line as a member (Docker, Fluent Bit, `CloudWatch`, Cloud Logging,
//! Elasticsearch, Splunk, Loki).
//!
//! The layers of an input are found out at its beginning, and a line that lacks one is read as it is.

use std::borrow::Cow;

use flowfence_model::Timestamp;
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::flowlog::text;

/// Octets before an object that may be a prefix.
const MAX_PREFIX: usize = 256;
/// What of a line that a container's log has in parts is kept until its last part.
const MAX_PARTS: usize = 1 << 20;

/// One thing that is around a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layer {
    /// `TIME stdout F LINE`, as the container runtime interface has it.
    Container,
    /// Any words before an object.
    Prefix,
    /// An object with the line as a member.
    Member,
}

/// A line without a layer.
#[derive(Debug, PartialEq, Eq)]
pub struct Opened<'a> {
    /// What was inside.
    pub inner: Cow<'a, [u8]>,
    /// The moment that the layer gives.
    pub time: Option<Timestamp>,
    /// Whether more of the same line follows.
    pub is_part: bool,
}

impl Opened<'_> {
    fn into_owned(self) -> Opened<'static> {
        Opened { inner: Cow::Owned(self.inner.into_owned()), time: self.time, is_part: self.is_part }
    }
}

impl Layer {
    /// The layer that is around this, if any.
    pub fn of(line: &[u8]) -> Option<Self> {
        [Layer::Container, Layer::Member, Layer::Prefix].into_iter().find(|layer| layer.open(line).is_some())
    }

    /// What is inside of it.
    pub fn open(self, line: &[u8]) -> Option<Opened<'_>> {
        match self {
            Layer::Container => container(line),
            Layer::Prefix => prefix(line),
            Layer::Member => member(line),
        }
    }
}

fn container(line: &[u8]) -> Option<Opened<'_>> {
    let mut words = line.splitn(4, |c| *c == b' ');
    let time = std::str::from_utf8(words.next()?).ok().and_then(text::rfc3339)?;
    if !matches!(words.next()?, b"stdout" | b"stderr") {
        return None;
    }
    let tag = words.next()?;
    let is_part = tag.first() == Some(&b'P');
    if !is_part && tag.first() != Some(&b'F') {
        return None;
    }
    let inner = Cow::Borrowed(words.next().unwrap_or_default());
    Some(Opened { inner, time: Some(time), is_part })
}

fn prefix(line: &[u8]) -> Option<Opened<'_>> {
    let line = line.trim_ascii_end();
    if line.last() != Some(&b'}') {
        return None;
    }
    let head = line.get(..MAX_PREFIX.min(line.len()))?;
    let begin = memchr::memchr(b'{', head).filter(|begin| *begin > 0)?;
    let words = line.get(..begin)?;
    if words.contains(&b'"') {
        return None;
    }
    let first = words.split(u8::is_ascii_whitespace).next().unwrap_or_default();
    let time = std::str::from_utf8(first).ok().and_then(text::rfc3339);
    Some(Opened { inner: Cow::Borrowed(line.get(begin..)?), time, is_part: false })
}

/// Members that have a line, in the order in which they are looked at.
#[derive(Deserialize)]
struct Envelope<'a> {
    #[serde(borrow, rename = "jsonPayload")]
    json_payload: Option<&'a RawValue>,
    #[serde(borrow, rename = "textPayload")]
    text_payload: Option<&'a RawValue>,
    #[serde(borrow, rename = "_source")]
    source: Option<&'a RawValue>,
    #[serde(borrow)]
    log: Option<&'a RawValue>,
    #[serde(borrow)]
    message: Option<&'a RawValue>,
    #[serde(borrow, rename = "@message")]
    at_message: Option<&'a RawValue>,
    #[serde(borrow, rename = "MESSAGE")]
    journal: Option<&'a RawValue>,
    #[serde(borrow)]
    line: Option<&'a RawValue>,
    #[serde(borrow)]
    body: Option<&'a RawValue>,
    #[serde(borrow)]
    result: Option<&'a RawValue>,
    #[serde(borrow, rename = "_raw")]
    raw: Option<&'a RawValue>,
    #[serde(borrow)]
    event: Option<&'a RawValue>,
    /// A field of a row that a query gave, as `value`.
    #[serde(borrow)]
    field: Option<Cow<'a, str>>,
    #[serde(borrow)]
    value: Option<&'a RawValue>,
    #[serde(borrow)]
    timestamp: Option<&'a RawValue>,
    #[serde(borrow, rename = "@timestamp")]
    at_timestamp: Option<&'a RawValue>,
    #[serde(borrow)]
    time: Option<&'a RawValue>,
    #[serde(borrow)]
    date: Option<&'a RawValue>,
}

fn member(line: &[u8]) -> Option<Opened<'_>> {
    if line.first() != Some(&b'{') {
        return None;
    }
    let found: Envelope<'_> = serde_json::from_slice(line).ok()?;
    if let (Some(field), Some(value)) = (&found.field, found.value) {
        // Of a row that a query of CloudWatch gave, the other fields tell about the line.
        let inner = if field == "@message" { inner(value)? } else { Cow::Borrowed(&[][..]) };
        return Some(Opened { inner, time: None, is_part: false });
    }
    let members = [
        found.json_payload,
        found.text_payload,
        found.source,
        found.log,
        found.message,
        found.at_message,
        found.journal,
        found.line,
        found.body,
        found.result,
        found.raw,
        found.event,
    ];
    let inner = members.into_iter().flatten().find_map(inner)?;
    let times = [found.timestamp, found.at_timestamp, found.time, found.date];
    let time = times.into_iter().flatten().find_map(|value| moment(value.get()));
    Some(Opened { inner, time, is_part: false })
}

/// A text, or an object as it is.
fn inner(value: &RawValue) -> Option<Cow<'_, [u8]>> {
    let raw = value.get();
    match raw.as_bytes().first() {
        Some(b'{') => Some(Cow::Borrowed(raw.as_bytes())),
        Some(b'"') => {
            let text: String = serde_json::from_str(raw).ok()?;
            Some(Cow::Owned(text.trim_end().as_bytes().to_vec()))
        }
        _ => None,
    }
}

/// A moment as RFC 3339, or a number whose size tells its unit.
fn moment(raw: &str) -> Option<Timestamp> {
    let word = raw.trim_matches('"');
    let whole = word.split('.').next().and_then(|whole| text::number(whole.as_bytes()));
    match whole {
        None => text::rfc3339(word),
        Some(0) => None,
        Some(n) if n < 100_000_000_000 => text::epoch(word.as_bytes()),
        Some(n) => {
            let scale = match n {
                0..100_000_000_000_000 => 1_000_000,
                100_000_000_000_000..100_000_000_000_000_000 => 1_000,
                _ => 1,
            };
            i64::try_from(n).ok()?.checked_mul(scale).map(Timestamp::from_nanos)
        }
    }
}

/// The layers of an input, outermost first.
#[derive(Debug, Default)]
pub struct Layers {
    layers: Vec<Layer>,
    /// Parts of a line that are waiting for its last.
    parts: Vec<u8>,
}

/// Layers inside one another that are opened.
const MAX_LAYERS: usize = 4;

impl Layers {
    /// The layers around `line` down to the innermost that `is_wanted`; `None` when nothing is.
    pub fn around(line: &[u8], is_wanted: &dyn Fn(&[u8]) -> bool) -> Option<Self> {
        let layers = around(line, is_wanted, MAX_LAYERS)?;
        Some(Layers { layers, parts: Vec::new() })
    }

    /// Whether lines are as they were written.
    pub fn is_empty(&self) -> bool {
        self.layers.is_empty()
    }

    /// What is inside of all layers; `None` when the line goes on in another one.
    pub fn open<'a>(&mut self, line: &'a [u8]) -> Option<(Cow<'a, [u8]>, Option<Timestamp>)> {
        let (mut inner, mut time) = (Cow::Borrowed(line), None);
        for layer in &self.layers {
            let opened = match &inner {
                Cow::Borrowed(outer) => layer.open(outer),
                Cow::Owned(outer) => layer.open(outer).map(Opened::into_owned),
            };
            let Some(opened) = opened else { continue };
            if opened.is_part {
                if self.parts.len() + opened.inner.len() <= MAX_PARTS {
                    self.parts.extend_from_slice(&opened.inner);
                }
                return None;
            }
            time = opened.time.or(time);
            inner = opened.inner;
            if !self.parts.is_empty() {
                let mut whole = std::mem::take(&mut self.parts);
                whole.extend_from_slice(&inner);
                inner = Cow::Owned(whole);
            }
        }
        Some((inner, time))
    }
}

/// What is inside is asked first: an object around a flow has all the words of the flow in it.
fn around(line: &[u8], is_wanted: &dyn Fn(&[u8]) -> bool, left: usize) -> Option<Vec<Layer>> {
    let inside = || {
        let layer = Layer::of(line).filter(|_| left > 0)?;
        let mut layers = around(&layer.open(line)?.inner, is_wanted, left - 1)?;
        layers.insert(0, layer);
        Some(layers)
    };
    inside().or_else(|| is_wanted(line).then(Vec::new))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn open(line: &str) -> (String, Option<Timestamp>) {
        let mut layers = Layers::around(line.as_bytes(), &|inner| inner.starts_with(b"{\"flow\"")).unwrap();
        let (inner, time) = layers.open(line.as_bytes()).unwrap();
        (String::from_utf8(inner.into_owned()).unwrap(), time)
    }

    #[test]
    fn the_line_is_found_inside_of_what_is_around_it() {
        let line = r#"{"flow":{"x":"a \"b\""}}"#;
        let text = serde_json::to_string(&format!("{line}\n")).unwrap();
        let at = Timestamp::from_secs(1_795_850_000, 0);
        for (wrapped, time) in [
            (line.to_owned(), None),
            (format!("2026-11-28T07:13:20Z stdout F {line}"), Some(at)),
            (format!("2026-11-28T07:13:20Z {line}"), Some(at)),
            (format!("[pod/cilium-x/export] {line}"), None),
            (format!(r#"{{"log":{text},"stream":"stdout","time":"2026-11-28T07:13:20Z"}}"#), Some(at)),
            (format!(r#"{{"date":1795850000.0,"log":{text}}}"#), Some(at)),
            (format!(r#"{{"id":"3","timestamp":1795850000000,"message":{text}}}"#), Some(at)),
            (
                format!(r#"{{"insertId":"x","jsonPayload":{line},"timestamp":"2026-11-28T07:13:20Z"}}"#),
                Some(at),
            ),
            (format!(r#"{{"_index":"f","_source":{line}}}"#), None),
            (format!(r#"{{"result":{line}}}"#), None),
            (format!(r#"{{"field":"@message","value":{text}}}"#), None),
        ] {
            let (inner, found) = open(&wrapped);
            assert_eq!((inner.as_str(), found), (line, time), "{wrapped}");
        }
    }

    #[test]
    fn layers_lie_in_one_another() {
        let inner = "2026-11-28T07:13:20Z stdout F {\"flow\":{}}";
        let text = serde_json::to_string(&format!(r#"{{"log":"{}"}}"#, inner.replace('"', "\\\""))).unwrap();
        assert_eq!(open(&format!(r#"{{"message":{text},"timestamp":1}}"#)).0, "{\"flow\":{}}");
    }

    #[test]
    fn parts_of_a_line_are_put_together() {
        let mut layers = Layers { layers: vec![Layer::Container], parts: Vec::new() };
        assert_eq!(layers.open(b"2026-11-28T07:13:20Z stdout P {\"flow\":"), None);
        assert_eq!(layers.open(b"2026-11-28T07:13:20Z stdout P {\"a\":"), None);
        let (whole, _) = layers.open(b"2026-11-28T07:13:20Z stdout F 1}}").unwrap();
        assert_eq!(&*whole, b"{\"flow\":{\"a\":1}}");
    }

    #[test]
    fn a_line_without_the_layer_is_read_as_it_is() {
        let mut layers = Layers { layers: vec![Layer::Member], parts: Vec::new() };
        assert_eq!(&*layers.open(b"{\"flow\":{}}").unwrap().0, b"{\"flow\":{}}");
    }

    #[test]
    fn other_fields_of_a_row_are_no_lines() {
        let mut layers = Layers { layers: vec![Layer::Member], parts: Vec::new() };
        assert_eq!(&*layers.open(br#"{"field":"@ptr","value":"CmEK"}"#).unwrap().0, b"");
        assert_eq!(
            &*layers.open(br#"{"field":7,"value":"CmEK"}"#).unwrap().0,
            br#"{"field":7,"value":"CmEK"}"#
        );
    }

    #[test]
    fn lines_inside_nothing_known_have_no_layers() {
        assert!(Layers::around(b"{\"log\":\"text\"}", &|inner| inner.starts_with(b"{\"flow\"")).is_none());
    }
}
