//! Text from outside on its way to a terminal, or to the log of a CI job, which obeys lines of its own kind.

use std::borrow::Cow;

/// `text` on one line without control characters, escape sequences, characters that reorder
/// what stands beside them, or commands to a CI runner.
pub fn line(text: &str) -> String {
    let shown = text.chars().map(|c| if c == '\n' { ' ' } else { c }).filter(|c| !is_dangerous(*c));
    defused(&shown.collect::<String>()).into_owned()
}

/// Like [`line()`], with line breaks kept.
pub fn lines(text: &str) -> String {
    let shown: String = text.chars().filter(|c| *c == '\n' || !is_dangerous(*c)).collect();
    shown.split('\n').map(defused).collect::<Vec<_>>().join("\n")
}

/// The first `most` characters of `text`, the last of which says that there was more.
pub fn at_most(text: &str, most: usize) -> Cow<'_, str> {
    if text.chars().count() <= most {
        return Cow::Borrowed(text);
    }
    let kept: String = text.chars().take(most.saturating_sub(1)).collect();
    Cow::Owned(format!("{kept}…"))
}

/// C0, C1, line and paragraph separators, bidirectional controls (Unicode UAX 9), zero-width
/// characters and tags.
fn is_dangerous(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
        || matches!(c, '\u{e0000}'..='\u{e007f}')
}

/// A line that a runner of GitHub (`::name …::` at its beginning, `##[name]` anywhere) or Azure
/// (`##vso[…]` anywhere) would obey, with a blank that makes it text. No address has two `::`.
fn defused(line: &str) -> Cow<'_, str> {
    let is_command = line.trim_start().strip_prefix("::").is_some_and(|rest| rest.contains("::"));
    if !is_command && !line.contains("##") {
        return Cow::Borrowed(line);
    }
    let line = if is_command { line.replacen("::", ": :", 1) } else { line.to_owned() };
    let mut shown = String::with_capacity(line.len());
    for (at, c) in line.char_indices() {
        let rest = &line.as_bytes()[at..];
        let is_old = c == '[' || rest.get(..4).is_some_and(|name| name.eq_ignore_ascii_case(b"vso["));
        if is_old && line[..at].ends_with("##") {
            shown.push(' ');
        }
        shown.push(c);
    }
    Cow::Owned(shown)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_reaches_the_terminal_that_could_command_it() {
        assert_eq!(line("a\u{1b}[31mb\u{202e}c\nd\u{9b}e"), "a[31mbc de");
        assert_eq!(lines("a\nb\r"), "a\nb");
    }

    #[test]
    fn nothing_commands_the_runner_of_a_ci_job() {
        assert_eq!(line(" ::error file=a::x"), " : :error file=a::x");
        assert_eq!(lines("a\n::stop-commands::t"), "a\n: :stop-commands::t");
        assert_eq!(line("x ##vso[task.x]1"), "x ## vso[task.x]1");
        assert_eq!(line("é##VSO[x]###[group]"), "é## VSO[x]### [group]");
        for address in ["::1", "::ffff:192.0.2.1", "fe80::1", "# ## title"] {
            assert_eq!(line(address), address);
        }
    }

    #[test]
    fn what_is_cut_says_so() {
        assert_eq!(at_most("aéb", 3), "aéb");
        assert_eq!(at_most("aébc", 3), "aé…");
    }
}
