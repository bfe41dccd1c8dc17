//! Data and text on their way into the page.

use std::fmt::Write as _;
use std::io;

use serde::Serialize;

/// JSON as the text of an element: nothing in it ends the element, begins a comment, ends a line of a script, or hides
/// or reorders what an editor shows. All of these stand in strings, where JSON has an escape for them.
pub(super) fn json(value: &impl Serialize) -> io::Result<String> {
    let json = serde_json::to_string(value)?;
    let mut text = String::with_capacity(json.len() + json.len() / 64);
    for c in json.chars() {
        if is_dangerous(c) {
            let mut units = [0; 2];
            for unit in c.encode_utf16(&mut units) {
                // Writing to a String cannot fail.
                let _ = write!(text, "\\u{unit:04x}");
            }
        } else {
            text.push(c);
        }
    }
    Ok(text)
}

/// Text of an element or of a quoted attribute.
pub(super) fn text(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            c if is_dangerous(c) => {}
            c => safe.push(c),
        }
    }
    safe
}

/// What HTML takes for its own, separators of lines, controls, and what is invisible or reorders (UAX 9).
fn is_dangerous(c: char) -> bool {
    c.is_control()
        || matches!(c, '<' | '>' | '&' | '\u{feff}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}')
        || matches!(c, '\u{2060}'..='\u{206f}' | '\u{e0000}'..='\u{e007f}')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn nothing_in_a_string_means_anything_to_html() {
        let hostile = "</script><!--&amp;\u{2028}\u{202e}\u{e0041}\n";
        let embedded = json(&hostile).unwrap();
        assert_eq!(
            embedded, r#""\u003c/script\u003e\u003c!--\u0026amp;\u2028\u202e\udb40\udc41\n""#,
            "only escapes of JSON"
        );
        assert_eq!(serde_json::from_str::<String>(&embedded).unwrap(), hostile);
        assert_eq!(text("<a href='x\">&\u{202e}"), "&lt;a href=&#39;x&quot;&gt;&amp;");
    }

    proptest! {
        #[test]
        fn what_is_embedded_is_the_same_json(value in ".*") {
            let embedded = json(&value).unwrap();
            prop_assert!(!embedded.chars().any(is_dangerous));
            prop_assert_eq!(serde_json::from_str::<String>(&embedded).unwrap(), value);
        }
    }
}
