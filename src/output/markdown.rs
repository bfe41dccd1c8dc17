//! Text from outside on its way into Markdown (`CommonMark` with GitHub's tables): always as code,
//! for plain text may be a link or a mention however it is escaped.

use super::safe;

/// `text` as code: what it holds stays as it is, but for what would end it, and for what a program
/// that takes Markdown for HTML, or looks for links alone, would make something of.
pub fn code(text: &str) -> String {
    let clean = safe::line(text).replace(['`', '|', '<'], "\u{fffd}").replace("](", "]\u{fffd}");
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
    fn nothing_from_outside_ends_the_code_or_the_cell_that_it_is_in() {
        assert_eq!(code("a`b|c\u{202e}d\n# e @team https://x"), "`a\u{fffd}b\u{fffd}cd # e @team https://x`");
        assert_eq!(code("<b> ![x](y)"), "`\u{fffd}b> ![x]\u{fffd}y)`");
        assert_eq!(code(""), "` `");
    }

    #[test]
    fn a_table_has_a_line_a_row() {
        let mut out = String::new();
        table(&mut out, &["A", "B"], &[vec!["1".to_owned(), "2".to_owned()]]);
        assert_eq!(out, "| A | B |\n| --- | --- |\n| 1 | 2 |\n");
    }
}
