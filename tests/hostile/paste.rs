//! The checkers themselves: writers that paste strings are found out, and such that write them properly are not.

use crate::check::{CHECKS, faults};
use crate::injection::all;

/// A writer of one text.
type Writer = fn(&str) -> String;

/// By their checker: how somebody in a hurry writes it, and of how many texts at least that goes wrong.
const PASTED: &[(&str, Writer, usize)] = &[
    ("terminal", |text| format!("allowed  {text}  8080\n"), 20),
    ("log", |text| format!("flowfence: {text}\n"), 4),
    ("data", |text| format!("x: {text}\n"), 2),
    ("github", |text| format!("::error title=x::{text}\n"), 8),
    ("csv", |text| format!("a,b\n{text},1\n"), 15),
    ("prometheus", |text| format!("flowfence_x{{a=\"{text}\"}} 1\n"), 15),
    ("markdown", |text| format!("| a |\n| --- |\n| {text} |\n"), 30),
    ("json", |text| format!("{{\"a\": \"{text}\"}}"), 25),
    (
        "sarif",
        |text| format!("{{\"runs\":[{{\"results\":[{{\"message\":{{\"text\":{}}}}}]}}]}}", quoted(text)),
        10,
    ),
    ("yaml", |text| format!("kind: Report\nname: {text}\n"), 20),
    ("policies", |text| format!("kind: NetworkPolicy\nmetadata:\n  name: flowfence-{text}\n"), 60),
    ("xml", |text| format!("<x b=\"{text}\">{text}</x>"), 20),
    // Escaping alone does not do.
    ("junit", |text| format!("<x>{}</x>", in_xml(text)), 2),
    ("dot", |text| format!("digraph {{ \"a\" [label=\"{text}\"]; }}\n"), 10),
    ("mermaid", |text| format!("flowchart LR\n  a[\"{text}\"]\n"), 25),
    ("d2", |text| format!("a: \"{text}\"\n"), 10),
    ("cypher", |text| format!("CREATE ({{name: '{text}'}});\n"), 8),
];

/// By their checker: how it is written properly.
const WRITTEN: &[(&str, Writer)] = &[
    ("terminal", |text| format!("allowed  {}\n", clean(text))),
    ("log", |text| format!("flowfence: {}\n", clean(text))),
    ("github", |text| {
        format!("::error title=x::{}\n", text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A"))
    }),
    ("csv", |text| format!("a,b\n\"'{}\",1\n", clean(text).replace('"', "\"\""))),
    ("prometheus", |text| {
        format!("flowfence_x{{a=\"{}\"}} 1\n", clean(text).replace('\\', "\\\\").replace('"', "\\\""))
    }),
    ("markdown", |text| format!("| a |\n| --- |\n| `x{}` |\n", clean(text).replace(['`', '|'], ""))),
    ("json", |text| format!("{{\"a\": {}}}", quoted(text))),
    ("yaml", |text| {
        format!("kind: Report\nname: {}\n", quoted(&clean(text).replace(['\u{fffe}', '\u{ffff}'], "")))
    }),
    ("xml", |text| format!("<x b=\"{0}\">{0}</x>", in_xml(text))),
    ("junit", |text| format!("<x>{}\n[[PROPERTY|rank=7]]</x>", in_xml(text).replace("[[", "[ ["))),
    ("dot", |text| format!("digraph {{ \"a\" [label={}]; }}\n", quoted(&clean(text)))),
    ("mermaid", |text| format!("flowchart LR\n  a[\"{}\"]\n", clean(text).replace(['"', '<'], ""))),
    ("cypher", |text| format!("CREATE ({{name: {}}});\n", quoted(&clean(text)))),
];

fn quoted(text: &str) -> String {
    serde_json::to_string(text).unwrap()
}

fn in_xml(text: &str) -> String {
    let text = clean(text).replace(['\u{fffe}', '\u{ffff}'], "");
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

/// Without what a terminal or a runner obeys.
fn clean(text: &str) -> String {
    flowfence::output::safe::line(text)
}

#[test]
fn a_writer_that_pastes_is_found_out() {
    for (format, writer, least) in PASTED {
        let caught: Vec<&str> = all()
            .iter()
            .filter(|(_, text)| !faults(format, &writer(text)).is_empty())
            .map(|(kind, _)| *kind)
            .collect();
        assert!(caught.len() >= *least, "{format}: {} {caught:?}", caught.len());
    }
    assert!(CHECKS.iter().all(|(name, _)| PASTED.iter().any(|(pasted, ..)| pasted == name)));
}

#[test]
fn a_writer_that_escapes_is_not() {
    for (format, writer) in WRITTEN {
        for (kind, text) in all() {
            assert_eq!(faults(format, &writer(&text)), [""; 0], "{format}: {kind}");
        }
    }
}
