//! The one place that names the YAML crate, and its budgets.

use std::borrow::Cow;
use std::fmt;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, Serialize};

use super::refusal::Refusal;
use super::split::Piece;

/// Deepest nesting that is read; a Pod has about 12 levels.
const MAX_DEPTH: usize = 64;
/// Mappings, lists and scalars of one document or list item. A Pod of 100 kB has some 5,000; a
/// whole cluster dump in one flow-style document has millions.
const MAX_NODES: usize = 5_000_000;

/// Reads one document.
pub(super) fn parse<T: DeserializeOwned>(piece: &Piece<'_>) -> Result<T, Refusal> {
    serde_yaml::from_str_with_options(piece.text, options()).map_err(|error| {
        let line = error.location().map_or(1, |location| usize::try_from(location.line()).unwrap_or(1));
        Refusal { line: Some(piece.line + line.max(1) - 1), field: None, reason: reason(&error) }
    })
}

/// Writes one document.
pub(super) fn write<T: Serialize>(out: &mut impl fmt::Write, value: &T) -> Result<(), fmt::Error> {
    let options = serde_yaml::ser_options! {
        prefer_block_scalars: false,
        comment_position: serde_yaml::CommentPosition::Above,
    };
    let text = serde_yaml::to_string_with_options(value, options).map_err(|_| fmt::Error)?;
    comments_before_dashes(out, &escaped(&text))
}

/// What marks a character that is to be escaped: the crate writes it as such an escape, in double quotes.
const MARK: char = '\u{ffff}';

/// How the crate writes it.
const WRITTEN: &str = "\\uFFFF";

/// `text` so that [`write()`] escapes what hides or reorders the text beside it, which the crate writes as it is: the
/// code of each such character between two marks.
pub(super) fn with_marks(text: &str) -> Cow<'_, str> {
    // What reads like a marked code, and is none, has its backslashes marked.
    let is_alike = text.contains(WRITTEN);
    if !is_alike && !text.contains(is_hidden) {
        return Cow::Borrowed(text);
    }
    let mut marked = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        if is_hidden(c) || is_alike && c == '\\' {
            marked.extend([MARK.to_string(), format!("{:08X}", u32::from(c)), MARK.to_string()]);
        } else {
            marked.push(c);
        }
    }
    Cow::Owned(marked)
}

/// Marked codes as escapes of YAML.
fn escaped(text: &str) -> Cow<'_, str> {
    if !text.contains(WRITTEN) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once(WRITTEN) {
        let code = after.get(..8).filter(|code| code.bytes().all(|c| c.is_ascii_hexdigit()));
        let end = code.and_then(|_| after.get(8..)).and_then(|after| after.strip_prefix(WRITTEN));
        out.push_str(before);
        if let (Some(code), Some(end)) = (code, end) {
            out.push_str("\\U");
            out.push_str(code);
            rest = end;
        } else {
            out.push_str(WRITTEN);
            rest = after;
        }
    }
    out.push_str(rest);
    Cow::Owned(out)
}

/// Bidirectional controls, zero-width characters and tags.
fn is_hidden(c: char) -> bool {
    matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{e0000}'..='\u{e007f}')
}

/// The crate writes the comment of a list item between its dash and its content; people write
/// it above the dash. Strings are quoted on one line, so that no other line is a lone dash.
fn comments_before_dashes(out: &mut impl fmt::Write, text: &str) -> fmt::Result {
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        let Some(dash) = line.strip_suffix("- ").filter(|indent| indent.trim().is_empty()) else {
            writeln!(out, "{line}")?;
            continue;
        };
        let comment = lines.next().unwrap_or_default().trim_start();
        let content = lines.next().unwrap_or_default().trim_start();
        writeln!(out, "{dash}{comment}\n{dash}- {content}")?;
    }
    Ok(())
}

/// A value with a comment line above it; JSON cannot hold it.
pub(super) fn commented<T>(value: T, comment: &str) -> impl Serialize
where
    T: Serialize,
{
    serde_yaml::Commented(value, self::comment(comment))
}

/// Reads a value and the line of the document on which it begins, when the format knows lines.
pub(super) fn with_line<'de, T, D>(deserializer: D) -> Result<(T, Option<usize>), D::Error>
where
    T: Deserialize<'de>,
    D: Deserializer<'de>,
{
    let spanned = serde_yaml::Spanned::<T>::deserialize(deserializer)?;
    let line = usize::try_from(spanned.referenced.line()).ok().filter(|line| *line > 0);
    Ok((spanned.value, line))
}

fn options() -> serde_yaml::Options {
    serde_yaml::options! {
        budget: serde_yaml::budget! {
            max_depth: MAX_DEPTH,
            max_nodes: MAX_NODES,
            max_events: 3 * MAX_NODES,
            max_total_scalar_bytes: 256 * 1024 * 1024,
        },
        emit_comments: false,
        with_snippet: false,
        // kubectl reads YAML 1.1: 0123 is eighty-three.
        legacy_octal_numbers: true,
        duplicate_keys: serde_yaml::DuplicateKeyPolicy::Error,
    }
}

/// Whether a refusal is about an alias whose anchor is not in the same piece.
pub(super) fn lacks_anchor(reason: &str) -> bool {
    reason.contains("unknown anchor")
}

/// The message without its position, which counts from the document and not from the file, and
/// without advice to programmers.
fn reason(error: &serde_yaml::Error) -> String {
    let text = error.without_snippet().to_string();
    let text = text.rsplit_once(" at line ").map_or(text.as_str(), |(reason, _)| reason);
    text.split_once(", set DuplicateKeyPolicy").map_or(text, |(reason, _)| reason).to_owned()
}

/// A comment on one line, whoever reads it: kubectl's YAML ends lines at U+2028 and U+2029 too, so
/// that what stands behind them would be YAML. What reorders the text beside it goes likewise.
pub(super) fn comment(text: &str) -> String {
    let is_break = |c: char| c.is_control() || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}');
    let is_hidden = |c: char| matches!(c, '\u{2060}'..='\u{2069}' | '\u{feff}');
    text.chars().map(|c| if is_break(c) || is_hidden(c) { ' ' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_hides_or_reorders_is_escaped_and_read_back() {
        for text in [
            "a\u{200b}b",
            "\u{202e}x: y\u{2066}",
            "#\u{e0041}'\"\\u{ffff}",
            "\\uFFFF0000200B\\uFFFF",
            "plain",
        ] {
            let mut out = String::new();
            write(&mut out, &std::collections::BTreeMap::from([(with_marks("k"), with_marks(text))]))
                .unwrap();
            assert!(!out.contains(is_hidden), "{out}");
            let read: std::collections::BTreeMap<String, String> = serde_yaml::from_str(&out).unwrap();
            assert_eq!(read["k"], text, "{out}");
        }
    }

    #[test]
    fn a_comment_is_one_line_for_every_reader() {
        let text = comment("a\nb\u{85}c\u{2028}  - {}\u{2029}d\u{202e}e\u{1b}[31m");
        assert_eq!(text, "a b c   - {} d e [31m");
    }
}
