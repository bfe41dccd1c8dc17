//! What the text of a policy tells beside its meaning: where each part stands, and what was
//! written that means other than it seems.

use std::collections::BTreeMap;

use flowfence_model::Remark;

use crate::manifest::snapshot::Spelling;
use crate::manifest::source::Source;
use crate::manifest::split::Piece;
use crate::manifest::tree::{Field, Node};
use crate::manifest::yaml;

/// What to remark on the object.
pub(super) type Remarks = fn(&Field<'_>) -> Vec<Remark>;

/// Fields under `spec` whose lines are kept as such.
const FIELDS: [&str; 6] = ["podSelector", "policyTypes", "subject", "priority", "ingress", "egress"];

/// Fields of a rule whose entries have lines of their own.
const LISTS: [&str; 4] = ["from", "to", "ports", "protocols"];

/// Nothing is remarked on kinds whose defaults hide nothing.
pub(super) fn none(_: &Field<'_>) -> Vec<Remark> {
    Vec::new()
}

/// Reads the spelling of an object that was read before.
pub(super) fn read(source: &Source<'_>, remarks: Remarks) -> Spelling {
    // JSON readers know no lines, but JSON is YAML.
    let node: Option<Node> = match source {
        Source::Json(piece) => yaml::parse(&Piece { line: 1, ..*piece }).ok(),
        Source::Yaml(_) | Source::Value(..) => source.parse().ok(),
    };
    let Some(node) = node else { return Spelling::default() };
    let root = Field::root(&node);
    let lines = match source {
        Source::Value(..) => BTreeMap::new(),
        Source::Yaml(_) | Source::Json(_) => lines(&root.get("spec"), source.line()),
    };
    Spelling { remarks: remarks(&root), lines }
}

fn lines(spec: &Field<'_>, first: usize) -> BTreeMap<String, usize> {
    let mut lines = BTreeMap::new();
    let mut keep = |path: String, field: &Field<'_>| {
        if let Some(line) = field.line().filter(|_| field.is_present()) {
            lines.insert(path, first + line - 1);
        }
    };
    for name in FIELDS {
        keep(name.to_owned(), &spec.get(name));
    }
    for direction in ["ingress", "egress"] {
        for (at, rule) in spec.get(direction).list().unwrap_or_default().iter().enumerate() {
            keep(format!("{direction}[{at}]"), rule);
            for list in LISTS {
                let path = format!("{direction}[{at}].{list}");
                keep(path.clone(), &rule.get(list));
                for (entry, field) in rule.get(list).list().unwrap_or_default().iter().enumerate() {
                    keep(format!("{path}[{entry}]"), field);
                }
            }
        }
    }
    lines
}
