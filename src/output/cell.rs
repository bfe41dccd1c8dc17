//! Text from outside on its way into comma-separated values, which people open in spreadsheets.

use super::safe;

/// Characters of a cell that spreadsheets take; readers of CSV have limits of their own above it.
const MOST: usize = 32_767;

/// A spreadsheet takes a cell that begins so for a formula, in either width; an apostrophe makes
/// it text (OWASP, CSV injection). Control characters do not get through, nor does more than a cell holds.
pub fn guarded(field: &str) -> String {
    let text = safe::line(field);
    let text = safe::at_most(&text, MOST - 1);
    let begins =
        text.trim_start().starts_with(['=', '+', '-', '@', '\u{ff1d}', '\u{ff0b}', '\u{ff0d}', '\u{ff20}']);
    if begins { format!("'{text}") } else { text.into_owned() }
}

#[cfg(test)]
mod tests {
    use super::guarded;

    #[test]
    fn no_cell_is_a_formula_or_a_command() {
        assert_eq!(guarded("=cmd|' /C calc'!A0"), "'=cmd|' /C calc'!A0");
        assert_eq!(guarded("\t@x"), "'@x");
        assert_eq!(guarded("  \u{ff1d}1+1"), "'  \u{ff1d}1+1");
        assert_eq!(guarded(&"=".repeat(40_000)).chars().count(), 32_767);
        assert_eq!(guarded("shop/Deployment/web\u{1b}[31m"), "shop/Deployment/web[31m");
    }
}
