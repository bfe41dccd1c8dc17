//! Text from outside on its way into Markdown (`CommonMark` with GitHub's tables).

use super::safe;

/// `text` as one run of plain text: nothing in it is markup, a link, a mention or a cell's end.
pub fn text(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in safe::line(text).chars() {
        match c {
            '\\' | '`' | '*' | '_' | '{' | '}' | '[' | ']' | '(' | ')' | '#' | '+' | '!' | '|' | '~'
            | '$' => {
                out.push('\\');
                out.push(c);
            }
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            // A zero-width joiner would do too, but nobody sees that it is there.
            '@' => out.push_str("&#64;"),
            c => out.push(c),
        }
    }
    out
}

/// `text` as code: what it holds stays as it is, backticks aside, which would end it.
pub fn code(text: &str) -> String {
    let clean: String =
        safe::line(text).chars().map(|c| if c == '`' || c == '|' { '\u{fffd}' } else { c }).collect();
    if clean.trim().is_empty() { "` `".to_owned() } else { format!("`{clean}`") }
}

/// A table; its cells are Markdown already.
pub fn table(out: &mut String, head: &[&str], rows: &[Vec<String>]) {
    let mut line = |cells: &[&str]| {
        out.push_str("| ");
        out.push_str(&cells.join(" | "));
        out.push_str(" |\n");
    };
    line(head);
    line(&vec!["---"; head.len()]);
    for row in rows {
        line(&row.iter().map(String::as_str).collect::<Vec<_>>());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_from_outside_is_markup() {
        assert_eq!(
            text("a|b <img> [x](y) `c`\n# d @team"),
            "a\\|b &lt;img&gt; \\[x\\]\\(y\\) \\`c\\` \\# d &#64;team"
        );
        assert_eq!(code("a`b|c\u{202e}d"), "`a\u{fffd}b\u{fffd}cd`");
        assert_eq!(code(""), "` `");
    }

    #[test]
    fn a_table_has_a_line_a_row() {
        let mut out = String::new();
        table(&mut out, &["A", "B"], &[vec!["1".to_owned(), "2".to_owned()]]);
        assert_eq!(out, "| A | B |\n| --- | --- |\n| 1 | 2 |\n");
    }
}
