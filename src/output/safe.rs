//! Text from outside on its way to a terminal.

/// `text` on one line without control characters, escape sequences or characters that reorder
/// what stands beside them.
pub fn line(text: &str) -> String {
    text.chars().map(|c| if c == '\n' { ' ' } else { c }).filter(|c| !is_dangerous(*c)).collect()
}

/// Like [`line()`], with line breaks kept.
pub fn lines(text: &str) -> String {
    text.chars().filter(|c| *c == '\n' || !is_dangerous(*c)).collect()
}

/// C0, C1, bidirectional controls (Unicode UAX 9) and zero-width characters.
fn is_dangerous(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_reaches_the_terminal_that_could_command_it() {
        assert_eq!(line("a\u{1b}[31mb\u{202e}c\nd\u{9b}e"), "a[31mbc de");
        assert_eq!(lines("a\nb\r"), "a\nb");
    }
}
