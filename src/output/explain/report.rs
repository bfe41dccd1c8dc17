//! The shape of `explain -o json`, from which the text is written too.

use flowfence_model::Protocol;
use schemars::JsonSchema;
use serde::Serialize;

/// An `Explanation` object.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ExplainReport {
    /// `flowfence.dev/v1`.
    pub api_version: &'static str,
    /// `Explanation`.
    pub kind: &'static str,
    /// Who opens: pod or address.
    pub from: String,
    /// Who is asked: pod or address.
    pub to: String,
    /// Protocol.
    #[schemars(with = "String")]
    pub protocol: Protocol,
    /// Port of the destination pod; null for ICMP.
    pub port: Option<u16>,
    /// Whether both directions allow it.
    pub allowed: bool,
    /// What the source's policies say.
    pub egress: StoryRow,
    /// What the destination's policies say.
    pub ingress: StoryRow,
    /// Why a conforming plugin may answer otherwise.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub unspecified: Vec<UnspecifiedRow>,
    /// What would have to change for it to be allowed, a sentence each.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub to_allow: Vec<String>,
}

/// A reason why plugins may differ.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct UnspecifiedRow {
    /// For machines.
    pub reason: &'static str,
    /// For people.
    pub meaning: &'static str,
}

/// One direction.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct StoryRow {
    /// Whether it allows the connection.
    pub allowed: bool,
    /// `no-pod`, `tier`, `not-isolated`, `own-node`, `self-traffic`, `admitted` or `denied`.
    pub reason: &'static str,
    /// What cluster-wide policies ruled, in the order of their tiers.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tiers: Vec<TierRow>,
    /// The policies that isolate the end in this direction.
    pub policies: Vec<PolicyRow>,
}

/// The first rule of a tier that matched.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct TierRow {
    /// `KIND/NAME`.
    pub policy: String,
    /// The file that it was read from, when known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// The line of that file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<usize>,
    /// Its place in the list of the direction, from 0.
    pub rule: usize,
    /// `Accept`, `Deny` or `Pass`.
    pub action: &'static str,
}

/// A policy that isolates the end.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct PolicyRow {
    /// `NAMESPACE/NAME`.
    pub policy: String,
    /// The file that it was read from, when known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// The line of that file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<usize>,
    /// Its rules of the direction, in order.
    pub rules: Vec<RuleRow>,
}

/// A rule of it.
#[derive(Clone, Copy, Debug, Serialize, JsonSchema)]
pub struct RuleRow {
    /// Its place in the list, from 0.
    pub rule: usize,
    /// Whether it admits the connection.
    pub admits: bool,
    /// Whether its peers hold the other end.
    pub peer: bool,
    /// Whether its ports hold the port.
    pub port: bool,
}
