//! Languages in which what comes from outside stands in quotes.

use regex::Regex;

use super::at;
use crate::injection::MARK;

/// What is left of a text without its quoted strings, line by line, must not have the mark.
fn outside(text: &str, quoted: &str) -> Vec<String> {
    let left = Regex::new(quoted).unwrap().replace_all(text, "\"\"").into_owned();
    left.lines().filter(|line| line.contains(MARK)).map(|line| at("outside quotes", line)).collect()
}

/// Graphviz: strings between double quotes, in which a backslash escapes; no label in markup.
pub fn dot(text: &str) -> Vec<String> {
    let mut faults = outside(text, r#"(?s)"(\\.|[^"\\])*""#);
    let bare = Regex::new(r#"(?s)"(\\.|[^"\\])*""#).unwrap().replace_all(text, "").into_owned();
    faults.extend(bare.lines().filter(|line| line.contains("=<")).map(|line| at("markup", line)));
    faults.extend(super::plain::terminal(text));
    faults
}

/// Mermaid: a string ends at the next quote and with the line, and nothing in it escapes.
pub fn mermaid(text: &str) -> Vec<String> {
    let quoted = r#""[^"\n]*"|(?m)^## `[^`\n]*`$"#;
    let mut faults = outside(text, quoted);
    let bare = Regex::new(quoted).unwrap().replace_all(text, "").into_owned();
    let is_active = |line: &&str| {
        let line = line.trim_start();
        line.starts_with("click") || line.contains("%%{") || line.starts_with("call")
    };
    faults.extend(bare.lines().filter(is_active).map(|line| at("a directive", line)));
    // A label may hold markup, which its renderer must not see.
    faults.extend(text.lines().filter(|line| line.contains('<')).map(|line| at("markup", line)));
    faults.extend(super::plain::terminal(text));
    faults
}

/// D2: strings between quotes of either kind; a dollar in double ones substitutes.
pub fn d2(text: &str) -> Vec<String> {
    let quoted = r#"(?s)"(\\.|[^"\\])*"|'([^']|'')*'"#;
    let mut faults = outside(text, quoted);
    let strings = Regex::new(quoted).unwrap();
    let substitutes = |string: &&str| {
        let plain = string.replace("\\\\", "").replace("\\$", "");
        string.starts_with('"') && plain.contains("${")
    };
    faults
        .extend(strings.find_iter(text).map(|found| found.as_str()).filter(substitutes).map(|s| at("$", s)));
    faults.extend(super::plain::terminal(text));
    faults
}

/// Cypher: strings between quotes of either kind, names between backticks; escapes of Unicode are read before anything else.
pub fn cypher(text: &str) -> Vec<String> {
    let escape = Regex::new(r"\\u([0-9A-Fa-f]{4})").unwrap();
    let of_code = |found: &regex::Captures<'_>| {
        // An escaped backslash before a `u` is no escape of Unicode.
        let before = &text[..found.get(0).unwrap().start()];
        let slashes = before.len() - before.trim_end_matches('\\').len();
        let code = char::from_u32(u32::from_str_radix(&found[1], 16).unwrap());
        if slashes % 2 == 1 { found[0].to_owned() } else { code.map(String::from).unwrap_or_default() }
    };
    let read = escape.replace_all(text, of_code).into_owned();
    let mut faults = outside(&read, r#"(?s)'(\\.|[^'\\])*'|"(\\.|[^"\\])*"|`(``|[^`])*`"#);
    faults.extend(super::plain::terminal(text));
    faults
}
