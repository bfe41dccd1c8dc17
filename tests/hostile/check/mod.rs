//! Whether a text broke out of the format that it was written into: a checker a format, strict where a reader is.

mod plain;
mod quoted;
mod structured;

/// Finds what is wrong with an output, a line each.
pub type Check = fn(&str) -> Vec<String>;

/// The formats by the names that `-o` has for them, or those of their kind.
pub const CHECKS: &[(&str, Check)] = &[
    ("terminal", plain::terminal),
    ("log", plain::log),
    ("data", plain::data),
    ("github", plain::annotations),
    ("csv", plain::comma_separated),
    ("prometheus", plain::exposition),
    ("markdown", plain::markdown),
    ("json", structured::json),
    ("sarif", structured::sarif),
    ("yaml", structured::yaml),
    ("policies", structured::policies),
    ("xml", structured::xml),
    ("junit", structured::junit),
    ("dot", quoted::dot),
    ("mermaid", quoted::mermaid),
    ("d2", quoted::d2),
    ("cypher", quoted::cypher),
];

/// What is wrong with the output by the checker of this name.
pub fn faults(format: &str, text: &str) -> Vec<String> {
    let (_, check) = CHECKS.iter().find(|(name, _)| *name == format).expect("a checker has this name");
    check(text)
}

/// A fault with the beginning of the line that it is on.
fn at(fault: &str, line: &str) -> String {
    format!("{fault}: {:?}", line.chars().take(120).collect::<String>())
}
