//! The shape of `explain -o json`, from which the text is written too.

use flowfence_model::{Direction, Protocol};
use schemars::JsonSchema;
use serde::Serialize;

use crate::evidence::{Evidence, Seen};
use crate::output::completeness::ObjectsRow;

/// An `Explanation` object.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ExplainReport {
    /// `flowfence.dev/v1`.
    pub api_version: &'static str,
    /// `Explanation`.
    pub kind: &'static str,
    /// The plugin whose answers were taken, when one was named.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub plugin: Option<&'static str>,
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
    /// Pairs of pods or addresses, among those that were named, with the same answer.
    pub pairs: usize,
    /// What the source's policies say.
    pub egress: StoryRow,
    /// What the destination's policies say.
    pub ingress: StoryRow,
    /// Why a conforming plugin may answer otherwise.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub unspecified: Vec<UnspecifiedRow>,
    /// What would have to change for it to be allowed, a sentence each; all of them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub to_allow: Vec<String>,
    /// What would have to change for it to be denied, a sentence each; any of them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub to_deny: Vec<String>,
    /// What became of the objects that were given; in a list, the list tells it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub objects: Option<ObjectsRow>,
}

impl ExplainReport {
    /// With what was seen to need each rule.
    #[must_use]
    pub fn with_evidence(mut self, evidence: &Evidence) -> Self {
        let stories = [(Direction::Egress, &mut self.egress), (Direction::Ingress, &mut self.ingress)];
        for (direction, story) in stories {
            for policy in &mut story.policies {
                for rule in &mut policy.rules {
                    rule.seen = evidence.of(&policy.place.policy, direction, rule.rule).cloned();
                }
            }
        }
        self
    }
}

/// An `ExplanationList` object, where the pods that were named do not all get one answer.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ExplainListReport<'a> {
    /// `flowfence.dev/v1`.
    pub api_version: &'static str,
    /// `ExplanationList`.
    pub kind: &'static str,
    /// One explanation an answer.
    pub items: &'a [ExplainReport],
    /// What became of the objects that were given.
    pub objects: &'a ObjectsRow,
}

/// A reason why plugins may differ.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct UnspecifiedRow {
    /// For machines.
    pub reason: &'static str,
    /// For people.
    pub meaning: &'static str,
    /// The answer that the verdicts take.
    pub answer: &'static str,
    /// The other answer.
    pub other_answer: &'static str,
    /// Whether the connection is allowed under the other answer; null where that depends on more
    /// than policies.
    pub allowed_otherwise: Option<bool>,
    /// The plugins whose documentation settles it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub plugins: Vec<PluginRow>,
}

/// What one plugin documents.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct PluginRow {
    /// Its name, as `--plugin` takes it.
    pub plugin: &'static str,
    /// Whether it allows the connection, all that it documents considered.
    pub allowed: bool,
    /// Its answer to the question.
    pub answer: &'static str,
    /// Where it says so.
    pub source: &'static str,
}

/// One direction.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct StoryRow {
    /// Whether it allows the connection.
    pub allowed: bool,
    /// `no-pod`, `tier`, `not-isolated`, `own-node`, `self-traffic`, `admitted` or `denied`.
    pub reason: &'static str,
    /// What cluster-wide policies ruled, in the order of their tiers.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tiers: Vec<TierRow>,
    /// Cluster-wide policies that select the end and of which no rule was applied.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub other_tiers: Vec<PlaceRow>,
    /// The policies that isolate the end in this direction.
    pub policies: Vec<PolicyRow>,
    /// The policies that select the end for the other direction only.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub other_direction: Vec<PlaceRow>,
}

/// A policy and where it was read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct PlaceRow {
    /// `NAMESPACE/NAME`, or `KIND/NAME` of a cluster-wide one.
    pub policy: String,
    /// The file that it was read from, when known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// The line of that file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<usize>,
}

/// The first rule of a tier that matched.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct TierRow {
    /// `KIND/NAME`, and where it was read.
    #[serde(flatten)]
    pub place: PlaceRow,
    /// `Admin` or `Baseline`.
    pub tier: &'static str,
    /// Its place in the list of the direction, from 0.
    pub rule: usize,
    /// Its name, when it has one.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// `Accept`, `Deny` or `Pass`.
    pub action: &'static str,
    /// Its peers.
    pub peers: Vec<EntryRow>,
    /// Its ports; empty for every port.
    pub ports: Vec<EntryRow>,
}

/// A policy that isolates the end.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct PolicyRow {
    /// `NAMESPACE/NAME`, and where it was read.
    #[serde(flatten)]
    pub place: PlaceRow,
    /// Its rules of the direction, in order.
    pub rules: Vec<RuleRow>,
}

/// A rule of it.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct RuleRow {
    /// Its place in the list, from 0.
    pub rule: usize,
    /// Whether it admits the connection.
    pub admits: bool,
    /// Whether its peers hold the other end.
    pub peer: bool,
    /// Whether its ports hold the port.
    pub port: bool,
    /// Entries of its `from` or `to`; empty admits anybody.
    pub peers: Vec<EntryRow>,
    /// Entries of its `ports`; empty admits every port.
    pub ports: Vec<EntryRow>,
    /// What was seen to need it, where `--evidence` tells.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seen: Option<Seen>,
}

/// An entry of a rule's list.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct EntryRow {
    /// Its place in the list, from 0.
    pub entry: usize,
    /// Whether it matches the connection.
    pub matches: bool,
    /// What it says.
    pub text: String,
}
