//! What changes in the text of a policy.

use similar::TextDiff;

/// Unchanged lines around a change.
const CONTEXT: usize = 3;

/// A unified diff from the text of today to the recommended one; empty when they are the same.
pub fn change(name: &str, before: &str, after: &str) -> String {
    let (old, new) = match (before.is_empty(), after.is_empty()) {
        (true, _) => ("/dev/null".to_owned(), format!("b/{name}")),
        (_, true) => (format!("a/{name}"), "/dev/null".to_owned()),
        _ => (format!("a/{name}"), format!("b/{name}")),
    };
    TextDiff::from_lines(before, after).unified_diff().context_radius(CONTEXT).header(&old, &new).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_shows_what_goes_and_what_comes() {
        assert_eq!(change("x", "a\nb\n", "a\nc\n"), "--- a/x\n+++ b/x\n@@ -1,2 +1,2 @@\n a\n-b\n+c\n");
        assert_eq!(change("x", "a\n", ""), "--- a/x\n+++ /dev/null\n@@ -1 +0,0 @@\n-a\n");
        assert_eq!(change("x", "a\n", "a\n"), "");
    }
}
