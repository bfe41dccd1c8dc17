//! What a recommendation was made from, as `recommend -o json` wrote it, for `explain --evidence`.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::Context;
use flowfence_model::Direction;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::exit::Failure;
use crate::source;

/// What was seen to need one rule.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Seen {
    /// The edges.
    pub edges: Vec<SeenEdge>,
    /// Connections that were counted on them.
    pub connections: u64,
    /// Earliest packet.
    pub first: String,
    /// Latest packet.
    pub last: String,
    /// Names of their outside ends.
    #[serde(default)]
    pub names: Vec<String>,
}

/// An edge that was seen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SeenEdge {
    /// Who opened.
    pub from: String,
    /// Who was asked.
    pub to: String,
    /// Protocol.
    pub protocol: String,
    /// Port of the pod.
    pub port: Option<u16>,
}

/// The evidence of a recommendation, by policy, direction and place of the rule.
#[derive(Clone, Debug, Default)]
pub struct Evidence {
    by_rule: BTreeMap<(String, String, usize), Seen>,
}

#[derive(Deserialize)]
struct Document {
    kind: String,
    evidence: Vec<Row>,
}

#[derive(Deserialize)]
struct Row {
    policy: String,
    direction: String,
    rule: usize,
    #[serde(flatten)]
    seen: Seen,
}

impl Evidence {
    /// Reads what `recommend -o json` wrote.
    pub fn load(path: &Path) -> Result<Self, Failure> {
        let text = source::read_text(path)?;
        Ok(parse(&text).with_context(|| {
            format!("{} is not what `flowfence recommend -o json` writes", path.display())
        })?)
    }

    /// What was seen to need a rule of `NAMESPACE/NAME`.
    pub fn of(&self, policy: &str, direction: Direction, rule: usize) -> Option<&Seen> {
        self.by_rule.get(&(policy.to_owned(), direction.token().to_owned(), rule))
    }
}

fn parse(text: &str) -> anyhow::Result<Evidence> {
    let document: Document = serde_json::from_str(text)?;
    anyhow::ensure!(document.kind == "Recommendation", "its kind is {:?}", document.kind);
    let rows = document.evidence.into_iter();
    let by_rule = rows.map(|row| ((row.policy, row.direction, row.rule), row.seen)).collect();
    Ok(Evidence { by_rule })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn evidence_is_found_by_policy_direction_and_rule() {
        let text = r#"{"kind":"Recommendation","policies":[],"evidence":[{"policy":"shop/web","direction":"egress",
            "rule":1,"edges":[{"from":"a","to":"b","protocol":"TCP","port":80}],"connections":3,"first":"t","last":"u"}]}"#;
        let evidence = parse(text).unwrap();
        assert_eq!(evidence.of("shop/web", Direction::Egress, 1).unwrap().connections, 3);
        assert!(evidence.of("shop/web", Direction::Ingress, 1).is_none());
        assert!(parse(r#"{"kind":"Report","evidence":[]}"#).is_err());
    }
}
