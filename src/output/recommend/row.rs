//! The rows that the lists of a `Recommendation` hold.

use std::fmt;

use flowfence_graph::EdgeKey;
use flowfence_model::{IcmpType, NodeId, Protocol, Timestamp};
use flowfence_policy::judge::Withheld;
use flowfence_policy::recommend::proof::{Cut, Excess, Outcome};
use flowfence_policy::recommend::{Declared, DynamicPorts, Namespaced, Unfenced};
use schemars::JsonSchema;
use serde::Serialize;

use crate::manifest::flavour::{Note, Reason};
use crate::output::schema::IcmpRow;

/// An edge, as every list of edges holds it.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct EdgeRow {
    /// Who opened.
    #[schemars(with = "String")]
    pub from: NodeId,
    /// Who was asked.
    #[schemars(with = "String")]
    pub to: NodeId,
    /// Protocol.
    #[schemars(with = "String")]
    pub protocol: Protocol,
    /// Port of the pod; null for ICMP.
    pub port: Option<u16>,
    /// Type and code, for ICMP.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<IcmpRow>")]
    pub icmp: Option<IcmpType>,
    /// False where it rests only on flow logs that never show an answer, so that nobody knows whether it was answered;
    /// absent elsewhere.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub answered: Option<bool>,
}

/// A direction that is left open.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct UnfencedRow {
    /// The workload.
    #[schemars(with = "String")]
    pub id: NodeId,
    /// `egress` or `ingress`.
    pub direction: &'static str,
    /// Why.
    pub why: String,
}

/// An edge that a finding withholds.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct WithheldRow {
    /// The edge.
    pub edge: EdgeRow,
    /// The id of the finding.
    pub finding: String,
    /// Whether a person denied it; else a person may accept it.
    pub denied: bool,
    /// One sentence.
    pub why: String,
}

/// A difference between a policy and what a flavour makes of it.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct FlavourNoteRow {
    /// The policy as recommended, `NAMESPACE/NAME`.
    pub policy: String,
    /// `egress` or `ingress`.
    pub direction: &'static str,
    /// One sentence.
    pub note: String,
}

/// The edges behind a rule.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct EvidenceRow {
    /// `NAMESPACE/NAME`; `KIND/NAME` of an object without a namespace.
    pub policy: String,
    /// `egress` or `ingress`.
    pub direction: &'static str,
    /// Its place in the list, from 0.
    pub rule: usize,
    /// The edges.
    pub edges: Vec<EdgeRow>,
    /// Connections that were counted on them.
    pub connections: u64,
    /// Earliest packet.
    #[schemars(with = "String")]
    pub first: Timestamp,
    /// Latest packet.
    #[schemars(with = "String")]
    pub last: Timestamp,
    /// Names of their outside ends, from DNS answers.
    pub names: Vec<String>,
}

/// A server that opens ports as it needs them: what was seen will not be all.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct DynamicPortsRow {
    /// Who is asked.
    #[schemars(with = "String")]
    pub server: NodeId,
    /// Protocol.
    #[schemars(with = "String")]
    pub protocol: Protocol,
    /// From the lowest to the highest port that was seen, `FIRST-LAST`.
    pub range: String,
    /// How many different ports were seen.
    pub seen: usize,
}

/// The proof.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct ProofRow {
    /// The set by itself.
    pub alone: OutcomeRow,
    /// The set with today's policies kept.
    pub beside: OutcomeRow,
    /// Widths that rules have on purpose.
    pub declared: Vec<DeclaredRow>,
    /// ICMP that was answered and that isolation may cut.
    pub inexpressible: Vec<EdgeRow>,
}

/// What one set does.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct OutcomeRow {
    /// Genuine edges.
    pub observed: usize,
    /// Of these, admitted between all replicas.
    pub admitted: usize,
    /// The others.
    pub cut: Vec<CutRow>,
    /// What is admitted beyond.
    pub excess: Vec<ExcessRow>,
    /// What today's policies let through: from, to, protocol, port over workloads × declared and
    /// observed ports.
    pub reachable_before: u64,
    /// What this set lets through.
    pub reachable_after: u64,
}

/// A genuine edge that is denied.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct CutRow {
    /// The edge.
    #[serde(flatten)]
    pub edge: EdgeRow,
    /// The direction that denies.
    pub direction: &'static str,
    /// A pair of pods or addresses for which it is denied.
    pub example: String,
}

/// Ports that are admitted without having been seen.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct ExcessRow {
    /// Who may open.
    #[schemars(with = "String")]
    pub from: NodeId,
    /// Who may be asked.
    #[schemars(with = "String")]
    pub to: NodeId,
    /// Protocol.
    #[schemars(with = "String")]
    pub protocol: Protocol,
    /// Ports and ranges, as text.
    pub ports: String,
    /// The policies that admit it.
    pub why: String,
}

/// A meant width.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct DeclaredRow {
    /// `nodes`, `external`, `exposed`, `dns`, `api-server`, `unknown`, `behind`, `network`, `widened` or
    /// `port-range`.
    pub kind: &'static str,
    /// The fenced workload that has the rule.
    #[schemars(with = "String")]
    pub subject: NodeId,
    /// `egress` or `ingress`.
    pub direction: &'static str,
    /// The other end, where it is one.
    #[schemars(with = "Option<String>")]
    pub peer: Option<NodeId>,
    /// Protocol.
    #[schemars(with = "String")]
    pub protocol: Protocol,
    /// Port, range of ports, or the name of one.
    pub port: String,
    /// The name of a network, or the block that was widened.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub network: Option<String>,
    /// One line for people.
    pub why: &'static str,
}

impl From<&EdgeKey> for EdgeRow {
    fn from(key: &EdgeKey) -> Self {
        EdgeRow {
            from: key.from.clone(),
            to: key.to.clone(),
            protocol: key.protocol,
            port: key.port,
            icmp: key.icmp,
            answered: None,
        }
    }
}

impl EdgeRow {
    /// `PORT/PROTOCOL`, or the protocol alone.
    pub fn port_text(&self) -> String {
        self.port.map_or_else(|| self.protocol.to_string(), |port| format!("{port}/{}", self.protocol))
    }
}

impl fmt::Display for EdgeRow {
    /// `FROM -> TO PORT/PROTOCOL`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} -> {} {}", self.from, self.to, self.port_text())
    }
}

pub(super) fn evidence(reason: &Reason) -> EvidenceRow {
    let evidence = &reason.evidence;
    EvidenceRow {
        policy: reason.object.clone(),
        direction: evidence.direction.token(),
        rule: evidence.rule,
        edges: evidence
            .edges
            .iter()
            .map(|edge| EdgeRow {
                answered: evidence.assumed.contains(edge).then_some(false),
                ..EdgeRow::from(edge)
            })
            .collect(),
        connections: evidence.connections,
        first: evidence.seen.0,
        last: evidence.seen.1,
        names: evidence.names.clone(),
    }
}

pub(super) fn flavour_note(note: &Note) -> FlavourNoteRow {
    FlavourNoteRow { policy: note.policy.clone(), direction: note.direction.token(), note: note.text.clone() }
}

pub(super) fn unfenced(row: &Unfenced) -> UnfencedRow {
    UnfencedRow { id: row.id.clone(), direction: row.direction.token(), why: row.why.to_string() }
}

pub(super) fn withheld(row: &Withheld) -> WithheldRow {
    WithheldRow {
        edge: (&row.edge).into(),
        finding: row.finding.clone(),
        denied: row.denied,
        why: row.why.clone(),
    }
}

pub(super) fn dynamic_ports(row: &DynamicPorts) -> DynamicPortsRow {
    let (server, range) = (row.server.clone(), row.range.to_string());
    DynamicPortsRow { server, protocol: row.protocol, range, seen: row.seen }
}

pub(super) fn declared(row: &Declared) -> DeclaredRow {
    DeclaredRow {
        kind: row.kind.token(),
        subject: row.subject.clone(),
        direction: row.direction.token(),
        peer: row.peer.clone(),
        protocol: row.protocol,
        port: row.port.clone(),
        network: row.network.clone(),
        why: row.kind.label(),
    }
}

pub(super) fn cut_row(cut: &Cut) -> CutRow {
    CutRow { edge: (&cut.edge).into(), direction: cut.direction.token(), example: cut.example.clone() }
}

pub(super) fn outcome(outcome: &Outcome) -> OutcomeRow {
    let excess = |excess: &Excess| ExcessRow {
        from: excess.from.clone(),
        to: excess.to.clone(),
        protocol: excess.protocol,
        ports: excess.ports.to_string(),
        why: excess.why.clone(),
    };
    OutcomeRow {
        observed: outcome.observed,
        admitted: outcome.admitted,
        cut: outcome.cut.iter().map(cut_row).collect(),
        excess: outcome.excess.iter().map(excess).collect(),
        reachable_before: outcome.reachable_before,
        reachable_after: outcome.reachable_after,
    }
}

/// A policy for a namespace in which not everything is isolated.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct NamespacedRow {
    /// The namespace.
    pub namespace: String,
    /// `default-deny` or `dns`.
    pub policy: &'static str,
    /// Whether it is written all the same.
    pub written: bool,
    /// `open`: it isolates, or would, workloads of which nobody knows what they need. `suspect`:
    /// it would admit what is withheld from suspects.
    pub why: &'static str,
    /// The workloads that it is about.
    #[schemars(with = "Vec<String>")]
    pub others: Vec<NodeId>,
}

pub(super) fn namespaced(row: &Namespaced) -> NamespacedRow {
    NamespacedRow {
        namespace: row.namespace.clone(),
        policy: row.policy.token(),
        written: row.is_written,
        why: row.why.token(),
        others: row.others.clone(),
    }
}
