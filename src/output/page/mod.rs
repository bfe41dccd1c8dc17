//! One HTML file for people: the map of who talks to whom, findings, policies with their proof, completeness.
//!
//! ```text
//! PageReport ─▶ embed   JSON that cannot end its element
//! assets     ─▶ policy of content (CSP): nothing but this script and this style runs, nothing is loaded
//! ```
//!
//! The script, the style and the skeleton are built from `web/` and checked in beside the other formats of the graph.

mod change;
mod embed;
mod policy;
mod report;

use std::io::{self, Write};

use ring::digest::{SHA256, digest};

pub use change::change;
pub use policy::{PolicyRow, RuleRow, State};
pub use report::{
    BreakRow, DenialsRow, GroundRow, GroundsRow, IsolatedRow, PageEdgeRow, PageFindingRow, PageNodeRow,
    PageReport, ReviewRow, SlicesRow, Tab, UnusedRow,
};

/// The program of the page.
const SCRIPT: &str = include_str!("../graph/html/page.js");
/// Its looks.
const STYLE: &str = include_str!("../graph/html/page.css");
/// What stands in its body before the program runs.
const SKELETON: &str = include_str!("../graph/html/body.html");

/// Writes the page. The same report gives the same octets.
pub fn write(report: &PageReport, out: &mut dyn Write) -> io::Result<()> {
    write!(out, "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n")?;
    writeln!(out, "<meta http-equiv=\"Content-Security-Policy\" content=\"{}\">", content_policy())?;
    out.write_all(b"<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n")?;
    out.write_all(b"<meta name=\"referrer\" content=\"no-referrer\">\n")?;
    writeln!(out, "<meta name=\"generator\" content=\"{}\">", embed::text(&report.generator))?;
    writeln!(out, "<title>{}</title>", embed::text(&report.title))?;
    write!(out, "<style>{STYLE}</style>\n</head>\n<body>\n{SKELETON}")?;
    out.write_all(b"\n<script type=\"application/json\" id=\"flowfence-data\">")?;
    out.write_all(embed::json(report)?.as_bytes())?;
    write!(out, "</script>\n<script>{SCRIPT}</script>\n</body>\n</html>\n")
}

/// Nothing is loaded and nothing runs but what is written here: script and style are known by their hashes.
fn content_policy() -> String {
    format!(
        "default-src 'none'; script-src '{}'; style-src '{}'; img-src data: blob:; base-uri 'none'; form-action 'none'",
        source_of(SCRIPT),
        source_of(STYLE)
    )
}

/// The hash by which CSP knows an element by its text (CSP Level 3, §2.3.1).
fn source_of(text: &str) -> String {
    use base64::Engine as _;
    let hash = digest(&SHA256, text.as_bytes());
    format!("sha256-{}", base64::engine::general_purpose::STANDARD.encode(hash))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_element_is_known_by_the_hash_of_its_text() {
        // The example of CSP Level 3, §8.2.
        assert_eq!(source_of("doSomething();"), "sha256-RFWPLDbv2BY+rCkDzsE+0fr8ylGr2R2faWMhq4lfEQc=");
    }

    #[test]
    fn the_assets_cannot_end_their_elements() {
        let lower = |text: &str| text.to_ascii_lowercase();
        for end in ["</script", "<!--", "<script"] {
            assert!(!lower(SCRIPT).contains(end), "{end} in the script");
        }
        assert!(!lower(STYLE).contains("</style"));
        for text in [SCRIPT, STYLE, SKELETON] {
            assert!(!text.contains('\r'), "a parser would change it, and with it its hash");
        }
    }
}
