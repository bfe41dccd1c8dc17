//! Cutting a file into pieces that are parsed alone.
//!
//! YAML forbids `---` in the first column anywhere but between documents, and whatever belongs
//! to an item of a block list is indented deeper than its dash. Lines therefore tell where a
//! document or an item begins, even when what is in it does not parse.

use super::head::{Head, HeadName};

/// A part of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Piece<'a> {
    /// Its text, from the start of a line.
    pub(super) text: &'a str,
    /// The line of the file on which it begins, from 1.
    pub(super) line: usize,
    /// It is an item of a block list, dash included.
    pub(super) is_item: bool,
}

/// A line with its place.
struct Line<'a> {
    number: usize,
    start: usize,
    text: &'a str,
}

fn lines(text: &str) -> impl Iterator<Item = Line<'_>> {
    let mut start = 0;
    text.split_inclusive('\n').enumerate().map(move |(number, line)| {
        let this = Line { number, start, text: line.trim_end_matches(['\n', '\r']) };
        start += line.len();
        this
    })
}

/// Whether a line of the text begins a YAML document.
pub(super) fn has_marker(text: &str) -> bool {
    lines(text).any(|line| is_marker(line.text, "---"))
}

/// The documents of a YAML text; those without content are left out.
pub(super) fn documents(text: &str) -> Vec<Piece<'_>> {
    let mut cuts = vec![(0, 1)];
    let mut has_content = false;
    for line in lines(text) {
        if is_marker(line.text, "---") {
            // Directives and comments before the first marker belong to its document.
            if has_content {
                cuts.push((line.start, line.number + 1));
            }
            has_content = true;
        } else if is_marker(line.text, "...") {
            cuts.push((line.start + line.text.len(), line.number + 1));
            has_content = false;
        } else if !is_blank(line.text) && !line.text.starts_with('%') {
            has_content = true;
        }
    }
    let ends = cuts.iter().skip(1).map(|(start, _)| *start).chain([text.len()]);
    cuts.iter()
        .zip(ends)
        .filter_map(|((start, line), end)| {
            let piece = Piece { text: text.get(*start..end)?, line: *line, is_item: false };
            has_content_in(piece.text).then_some(piece)
        })
        .collect()
}

fn has_content_in(text: &str) -> bool {
    lines(text).any(|line| {
        let content = line.text.strip_prefix("---").unwrap_or(line.text);
        !is_blank(content) && !line.text.starts_with('%') && !is_marker(line.text, "...")
    })
}

/// The items of a document that is a block-style `List`; `None` for any other document.
pub(super) fn items<'a>(document: &Piece<'a>) -> Option<Vec<Piece<'a>>> {
    let mut is_list = false;
    let mut state = Looking::ForItems;
    let mut starts: Vec<(usize, usize)> = Vec::new();
    let mut end = document.text.len();
    for line in lines(document.text) {
        if let Looking::In(column) = state {
            if is_blank(line.text) || indent(line.text) > column {
                continue;
            }
            if is_item(line.text, column) {
                starts.push((line.start, line.number));
                continue;
            }
            end = line.start;
            state = Looking::Past;
        }
        if let Some(kind) = line.text.strip_prefix("kind:") {
            is_list = scalar(kind).is_some_and(|kind| kind.ends_with("List"));
        }
        match state {
            Looking::ForItems if is_key_alone(line.text, "items:") => state = Looking::ForDash,
            Looking::ForDash if !is_blank(line.text) => {
                let column = indent(line.text);
                if !is_item(line.text, column) {
                    return None;
                }
                starts.push((line.start, line.number));
                state = Looking::In(column);
            }
            _ => {}
        }
    }
    if !is_list || starts.is_empty() {
        return None;
    }
    let ends = starts.iter().skip(1).map(|(start, _)| *start).chain([end]);
    let pieces = starts.iter().zip(ends).filter_map(|((start, number), end)| {
        let text = document.text.get(*start..end)?;
        Some(Piece { text, line: document.line + number, is_item: true })
    });
    Some(pieces.collect())
}

#[derive(Clone, Copy)]
enum Looking {
    ForItems,
    ForDash,
    In(usize),
    Past,
}

/// The items of a JSON `List` as kubectl prints it, by indentation alone: for a text that does
/// not parse as a whole.
pub(super) fn json_items<'a>(document: &Piece<'a>) -> Option<Vec<Piece<'a>>> {
    let mut pieces = Vec::new();
    let mut column = None;
    let mut open: Option<(usize, usize)> = None;
    let mut in_items = false;
    for line in lines(document.text) {
        let content = line.text.trim();
        in_items |= content == "\"items\": [";
        if !in_items {
            continue;
        }
        if open.is_none() && content == "{" && *column.get_or_insert(indent(line.text)) == indent(line.text) {
            open = Some((line.start, line.number));
        } else if Some(indent(line.text)) == column
            && matches!(content, "}" | "},")
            && let Some((start, number)) = open.take()
        {
            let end = line.start + line.text.trim_end_matches(',').len();
            let text = document.text.get(start..end)?;
            pieces.push(Piece { text, line: document.line + number, is_item: false });
        }
    }
    (!pieces.is_empty()).then_some(pieces)
}

/// Kind and name of a block-style object, by its indentation; `None` when it is written
/// otherwise.
pub(super) fn peek(piece: &Piece<'_>) -> Option<Head> {
    let mut head = Head::default();
    let mut name = HeadName::default();
    let mut base = None;
    let mut in_metadata: Option<Option<usize>> = None;
    for line in lines(piece.text) {
        let (column, content) = entry(line.text, piece.is_item && base.is_none());
        if is_blank(content) || is_marker(content, "---") {
            continue;
        }
        if column == *base.get_or_insert(column) {
            in_metadata = None;
            if let Some(value) = content.strip_prefix("kind:") {
                head.kind = Some(scalar(value)?);
            } else if let Some(value) = content.strip_prefix("apiVersion:") {
                head.api_version = Some(scalar(value)?);
            } else if is_key_alone(content, "metadata:") {
                in_metadata = Some(None);
            }
        } else if let Some(depth) = &mut in_metadata
            && column == *depth.get_or_insert(column)
        {
            if let Some(value) = content.strip_prefix("name:") {
                name.name = scalar(value);
            } else if let Some(value) = content.strip_prefix("namespace:") {
                name.namespace = scalar(value);
            }
        }
    }
    if name != HeadName::default() {
        head.metadata = Some(name);
    }
    (head.kind.is_some() && head.api_version.is_some()).then_some(head)
}

/// The column and content of a line; of an item's first line, what follows the dash.
pub(super) fn entry(line: &str, has_dash: bool) -> (usize, &str) {
    let column = indent(line);
    let content = line.get(column..).unwrap_or_default();
    match content.strip_prefix("- ") {
        Some(rest) if has_dash => {
            let gap = indent(rest);
            (column + 2 + gap, rest.get(gap..).unwrap_or_default())
        }
        _ => (column, content),
    }
}

/// A plain or simply quoted scalar on one line.
fn scalar(value: &str) -> Option<String> {
    let value = value.strip_prefix([' ', '\t'])?.trim();
    let value = value.split_once(" #").map_or(value, |(value, _)| value.trim_end());
    let quoted = [('"', '"'), ('\'', '\'')]
        .iter()
        .find_map(|(open, close)| value.strip_prefix(*open).and_then(|v| v.strip_suffix(*close)));
    let text = quoted.unwrap_or(value);
    let is_simple = !text.is_empty()
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'/' | b'-' | b'_' | b':'));
    is_simple.then(|| text.to_owned())
}

pub(super) fn indent(line: &str) -> usize {
    line.len() - line.trim_start_matches(' ').len()
}

pub(super) fn is_blank(line: &str) -> bool {
    let content = line.trim_start();
    content.is_empty() || content.starts_with('#')
}

fn is_marker(line: &str, marker: &str) -> bool {
    line.strip_prefix(marker).is_some_and(|rest| rest.is_empty() || rest.starts_with([' ', '\t']))
}

fn is_item(line: &str, column: usize) -> bool {
    indent(line) == column && line.get(column..).is_some_and(|content| is_marker(content, "-"))
}

pub(super) fn is_key_alone(line: &str, key: &str) -> bool {
    line.strip_prefix(key).is_some_and(is_blank)
}
