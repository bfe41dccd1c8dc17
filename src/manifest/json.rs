//! JSON texts: one object, a list, or several after each other.

use serde::Deserialize;
use serde_json::value::RawValue;

use super::reader::Reader;
use super::refusal::Refusal;
use super::source::{Source, json_refusal};
use super::split::{self, Piece};

/// A document, split into items that are parsed one at a time.
#[derive(Deserialize)]
struct Document<'a> {
    #[serde(default)]
    kind: Option<String>,
    #[serde(borrow, default)]
    items: Option<Vec<&'a RawValue>>,
}

/// Reads a text that begins like JSON; an error when it is not JSON at all, but perhaps YAML.
pub(super) fn read(reader: &mut Reader, text: &str) -> Result<(), NotJson> {
    let mut stream = serde_json::Deserializer::from_str(text).into_iter::<&RawValue>();
    let mut lines = Lines { text, offset: 0, line: 1 };
    let mut is_json = false;
    loop {
        let start = stream.byte_offset();
        match stream.next() {
            None => return Ok(()),
            Some(Ok(raw)) => {
                is_json = true;
                document(reader, &mut lines, raw)?;
            }
            Some(Err(error)) => {
                let rest = text.get(start..).unwrap_or_default();
                let piece = Piece { text: rest, line: 1, is_item: false };
                let begins_like_json =
                    rest.trim_start_matches(['{', '[', ' ', '\t', '\r', '\n']).starts_with('"');
                if !is_json && !begins_like_json {
                    return Err(NotJson);
                }
                recover(reader, &lines.piece(rest), &json_refusal(&piece, &error));
                return Ok(());
            }
        }
    }
}

/// The text is not JSON.
pub(super) struct NotJson;

fn document(reader: &mut Reader, lines: &mut Lines<'_>, raw: &RawValue) -> Result<(), NotJson> {
    let piece = lines.piece(raw.get());
    if raw.get().starts_with('[') {
        let items: Vec<&RawValue> = serde_json::from_str(raw.get()).map_err(|_| NotJson)?;
        for item in items {
            reader.object(&Source::Json(lines.piece(item.get())));
        }
        return Ok(());
    }
    match serde_json::from_str::<Document<'_>>(raw.get()) {
        Ok(Document { kind: Some(kind), items }) if kind.ends_with("List") => {
            for item in items.unwrap_or_default() {
                reader.object(&Source::Json(lines.piece(item.get())));
            }
        }
        _ => reader.object(&Source::Json(piece)),
    }
    Ok(())
}

/// A list that is damaged in one place still has whole items around it.
fn recover(reader: &mut Reader, document: &Piece<'_>, refusal: &Refusal) {
    let line = refusal.line;
    let mut found = false;
    for item in split::json_items(document).unwrap_or_default() {
        found |= line.is_some_and(|line| line >= item.line && line < item.line + item.text.lines().count());
        reader.object(&Source::Json(item));
    }
    if !found {
        reader.refuse(&Source::Json(*document), None, refusal.clone());
    }
}

/// Finds the line of a part of a text, for parts in rising order.
struct Lines<'a> {
    text: &'a str,
    offset: usize,
    line: usize,
}

impl<'a> Lines<'a> {
    fn piece<'p>(&mut self, part: &'p str) -> Piece<'p>
    where
        'a: 'p,
    {
        let start = (part.as_ptr() as usize).wrapping_sub(self.text.as_ptr() as usize);
        if let Some(between) = self.text.get(self.offset..start) {
            self.line += between.matches('\n').count();
            self.offset = start;
        }
        Piece { text: part, line: self.line, is_item: false }
    }
}
