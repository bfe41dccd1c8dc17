//! The rules of the recommended set, one by one.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use flowfence_policy::recommend::Evidence;
use serde_json::Value;

use crate::manifest::write_object;
use crate::output::page::RuleRow;
use crate::verb::recommend::Proved;

/// As many edges are named for a rule; the page has them all.
const NAMED: usize = 3;

/// Every rule by policy, egress before ingress, in its order.
pub(super) fn rows(proved: &Proved) -> Vec<RuleRow> {
    let reasons = proved.files.iter().flat_map(|file| &file.reasons);
    let evidence: BTreeMap<(String, String), &Evidence> = reasons
        .map(|reason| {
            let place = format!("{}[{}]", reason.evidence.direction, reason.evidence.rule);
            ((reason.object.clone(), place), &reason.evidence)
        })
        .collect();
    let mut rows = Vec::new();
    for object in proved.files.iter().flat_map(|file| &file.objects) {
        let policy = name(object);
        for direction in ["egress", "ingress"] {
            let rules = object["spec"][direction].as_array().map_or(&[][..], Vec::as_slice);
            for (at, rule) in rules.iter().enumerate() {
                let field = format!("{direction}[{at}]");
                let seen = evidence.get(&(policy.clone(), field.clone()));
                let why = seen.map_or_else(|| "a width that the set declares".to_owned(), |seen| why(seen));
                rows.push(RuleRow { policy: policy.clone(), field, yaml: yaml(rule), why });
            }
        }
    }
    rows
}

/// `NAMESPACE/NAME` of an object; `KIND/NAME` of one without a namespace.
pub(super) fn name(object: &Value) -> String {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let meta = &object["metadata"];
    let home = meta.get("namespace").unwrap_or(&object["kind"]);
    format!("{}/{}", text(home), text(&meta["name"]))
}

/// A rule as the one item of a list.
fn yaml(rule: &Value) -> String {
    let mut text = String::new();
    // Writing to a String cannot fail; what the API takes as JSON is YAML too.
    let _ = write_object(&mut text, &Value::Array(vec![rule.clone()]));
    text
}

/// What was seen to need a rule, in a line.
pub(super) fn why(evidence: &Evidence) -> String {
    let count = evidence.edges.len();
    let (first, last) = evidence.seen;
    let mut text = format!(
        "needed by {} with {} from {first} to {last}: ",
        counted(count, "edge"),
        counted(usize::try_from(evidence.connections).unwrap_or(usize::MAX), "connection"),
    );
    let named: Vec<String> = evidence.edges.iter().take(NAMED).map(ToString::to_string).collect();
    text.push_str(&named.join("; "));
    if count > NAMED {
        let _ = write!(text, "; and {} more", count - NAMED);
    }
    text
}

/// `1 edge`, `2 edges`.
pub(super) fn counted(count: usize, what: &str) -> String {
    if count == 1 { format!("1 {what}") } else { format!("{count} {what}s") }
}
