//! Fields whose values say something: who opened, what became of it, what was answered.

use serde::Deserialize;

/// A field that says which end opened.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Choice {
    /// The field.
    pub field: String,
    /// Values of rows that the source opened.
    #[serde(default)]
    pub source: Vec<String>,
    /// Values of rows that the destination opened.
    #[serde(default)]
    pub destination: Vec<String>,
}

/// Fields that say what became of it: of several, and of several places of a list, what stops counts before what lets
/// through. A value that ends with `*` is what values begin with.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Verdicts {
    /// The fields. A `*` in a pointer stands for every place of a list.
    #[serde(deserialize_with = "super::one_or_more")]
    pub field: Vec<String>,
    /// Let through. Where it is given, rows with any other value are left out; else all others pass for allowed.
    #[serde(default)]
    pub allowed: Vec<String>,
    /// Whether rows that do not have it pass for allowed also where `allowed` is given.
    #[serde(default)]
    pub absent: bool,
    /// Stopped by a policy.
    #[serde(default)]
    pub denied: Vec<String>,
    /// Would be stopped by a policy that is being tried.
    #[serde(default)]
    pub would_deny: Vec<String>,
    /// Stopped by something else.
    #[serde(default)]
    pub dropped: Vec<String>,
}

/// TCP flags of both directions.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Handshake {
    /// Of all packets from source to destination.
    pub there: String,
    /// Of all packets back.
    pub back: String,
}

/// A field that says what was answered. It may have several values between commas.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Answers {
    /// The field.
    pub field: String,
    /// The connection was established.
    #[serde(default)]
    pub answered: Vec<String>,
    /// It was refused.
    #[serde(default)]
    pub refused: Vec<String>,
    /// Nobody answered.
    #[serde(default)]
    pub unanswered: Vec<String>,
    /// It was accepted, and its opening was not seen; with a reset when it is also among the refused.
    #[serde(default)]
    pub accepted: Vec<String>,
    /// The one who opened went on, and no answer was seen.
    #[serde(default)]
    pub half_open: Vec<String>,
    /// It was picked up in the middle: the row does not tell who opened.
    #[serde(default)]
    pub midstream: Vec<String>,
    /// A field with a letter for each thing that an end did, as Zeek's `history` has them: of what is among the
    /// answered, whether who opened confirmed it, and whether who was asked reset it before a word.
    pub history: Option<String>,
}

/// Whether a row looks at a sample of the packets.
#[derive(Clone, Debug, Deserialize)]
#[serde(
    untagged,
    expecting = "true, or the name of a field with how many packets there are for one that is looked at"
)]
pub enum Sampling {
    /// Every row does, or none.
    Always(bool),
    /// The fields say of how many packets one is looked at; up to one is all of them.
    OneIn(super::Names),
}
