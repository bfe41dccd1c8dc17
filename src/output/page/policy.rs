//! Policies and rules as the page shows them.

use schemars::JsonSchema;
use serde::Serialize;

/// A policy of today or of the recommended set.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct PolicyRow {
    /// `NAMESPACE/NAME`; `KIND/NAME` of one without a namespace.
    pub name: String,
    /// Its kind.
    pub kind: String,
    /// What the recommended set does to it.
    pub state: State,
    /// Where it was read, or the path under `--out` that it would get.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// Its text: of a new or changed one as recommended, else as it is today; empty where the object is of a kind that
    /// is only read.
    pub yaml: String,
    /// Its text of today, where the set changes or removes it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub before: Option<String>,
    /// A unified diff, where there is a text of today and the set changes or removes it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub diff: Option<String>,
    /// What was seen to need each rule, a line a rule.
    pub evidence: Vec<String>,
}

/// What becomes of a policy with the recommended set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// Nothing of this name is there today.
    New,
    /// It takes the place of the one of its name.
    Changed,
    /// It stays as it is.
    Kept,
    /// It is to be deleted, for the set stands in its place.
    Removed,
}

/// A rule of the recommended set.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct RuleRow {
    /// Its policy.
    pub policy: String,
    /// Its place under `spec`, such as `ingress[0]`.
    pub field: String,
    /// The rule alone, as an item of that list.
    pub yaml: String,
    /// What was seen to need it.
    pub why: String,
}
