//! Workflow commands as GitHub's runner reads a line of a step's output (its class `ActionCommand`, second version).

use std::collections::BTreeMap;

/// A command that the runner would carry out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WorkflowCommand {
    pub name: String,
    pub properties: BTreeMap<String, String>,
    pub data: String,
}

/// Names that the runner knows.
const KNOWN: [&str; 15] = [
    "error",
    "warning",
    "notice",
    "debug",
    "group",
    "endgroup",
    "echo",
    "add-mask",
    "add-matcher",
    "remove-matcher",
    "set-env",
    "set-output",
    "save-state",
    "add-path",
    "stop-commands",
];

/// `::name key=value,key=value::data`, blanks before it passed over.
pub fn command(line: &str) -> Option<WorkflowCommand> {
    let rest = line.trim_start().strip_prefix("::")?;
    let (head, data) = rest.split_once("::")?;
    let (name, properties) = head.split_once(' ').unwrap_or((head, ""));
    if !KNOWN.contains(&name.to_ascii_lowercase().as_str()) {
        return None;
    }
    let pairs = properties.trim().split(',').filter_map(|pair| pair.split_once('='));
    let properties =
        pairs.map(|(key, value)| (key.trim().to_owned(), unescaped(value, &["%3A", "%2C"]))).collect();
    Some(WorkflowCommand { name: name.to_owned(), properties, data: unescaped(data, &[]) })
}

/// The percent sign comes last, as in the runner.
fn unescaped(text: &str, more: &[&str]) -> String {
    let mut text = text.replace("%0D", "\r").replace("%0A", "\n");
    for code in more {
        text = text.replace(code, if *code == "%3A" { ":" } else { "," });
    }
    text.replace("%25", "%")
}
