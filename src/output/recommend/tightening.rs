//! What `--mode tighten` narrowed, kept, and would delete.

use std::io::{self, Write};

use flowfence_graph::EdgeKey;
use flowfence_model::{NodeId, PolicyPeer, PolicyPort, Protocol};
use flowfence_policy::recommend::proof::{Added, Narrower};
use flowfence_policy::recommend::tighten::{Edit, Kept, Seen, Tightening, What};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

use super::row::{CutRow, EdgeRow, cut_row};
use super::short;
use super::summary::list;
use crate::manifest::{Part, part_to_json};

/// What became of today's policies.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct TighteningRow {
    /// What was narrowed.
    pub edits: Vec<EditRow>,
    /// What stays as wide as it is.
    pub kept: Vec<KeptRow>,
    /// Policies that select no pod and no pod template, `NAMESPACE/NAME`: they may be deleted.
    pub selects_nothing: Vec<String>,
    /// Genuine edges that today's policies deny; nothing is added for them.
    pub denied: Vec<EdgeRow>,
    /// Genuine edges that today's policies admit and the narrowed ones deny. The proof fails when
    /// there is any.
    pub lost: Vec<CutRow>,
    /// What the narrowed policies admit and today's deny. The proof fails when there is any.
    pub added: Vec<AddedRow>,
}

/// One narrowing.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct EditRow {
    /// `NAMESPACE/NAME`.
    pub policy: String,
    /// `egress` or `ingress`.
    pub direction: &'static str,
    /// The rule of today, by its place, from 0.
    pub rule: usize,
    /// `rule-removed`, `rule-split`, `peer-removed`, `peer-replaced`, `peers-listed`,
    /// `port-removed`, `port-replaced` or `ports-listed`.
    pub what: &'static str,
    /// The rule, peer or port of today, as the API takes it; null where there was none.
    pub was: Option<Value>,
    /// What stands in its place.
    pub now: Vec<Value>,
    /// One sentence.
    pub why: String,
    /// What was seen.
    pub evidence: SeenRow,
    /// `was` and `now` in a few words, for people.
    #[serde(skip)]
    pub short: String,
}

/// What was seen of a part of a rule.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct SeenRow {
    /// Genuine edges that it admits.
    pub edges: Vec<EdgeRow>,
    /// Workloads that it admits and that came.
    #[schemars(with = "Vec<String>")]
    pub came: Vec<NodeId>,
    /// Workloads that it admits and that never came.
    #[schemars(with = "Vec<String>")]
    pub never: Vec<NodeId>,
    /// Of these, workloads of which nothing at all was seen.
    #[schemars(with = "Vec<String>")]
    pub unobserved: Vec<NodeId>,
    /// Of these, workloads that came after they had begun to scan.
    #[schemars(with = "Vec<String>")]
    pub suspicious: Vec<NodeId>,
    /// Ports that were used, `PORT/PROTOCOL`.
    pub ports: Vec<String>,
}

/// Something that stays.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct KeptRow {
    /// `NAMESPACE/NAME`.
    pub policy: String,
    /// `egress` or `ingress`; null for a whole policy.
    pub direction: Option<&'static str>,
    /// The rule, by its place; null for a whole policy.
    pub rule: Option<usize>,
    /// `unobserved`, `left-open`, `no-stable-label`, `partly-in-block`, `dynamic-ports` or
    /// `denies-all`.
    pub reason: &'static str,
    /// One sentence.
    pub why: String,
}

/// Something that is newly admitted.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct AddedRow {
    /// Who may open.
    pub from: String,
    /// Who may be asked.
    pub to: String,
    /// The ports, by protocol.
    pub ports: Vec<String>,
}

impl TighteningRow {
    /// From the narrowing and its proof.
    pub fn new(answer: &Tightening, proof: &Narrower) -> Self {
        TighteningRow {
            edits: answer.edits.iter().map(edit).collect(),
            kept: answer.kept.iter().map(kept).collect(),
            selects_nothing: answer.selects_nothing.clone(),
            denied: answer.denied.iter().map(EdgeRow::from).collect(),
            lost: proof.lost.iter().map(cut_row).collect(),
            added: proof.added.iter().map(added).collect(),
        }
    }

    /// Whether nothing is lost and nothing added.
    pub fn holds(&self) -> bool {
        self.lost.is_empty() && self.added.is_empty()
    }

    /// Writes it for people.
    pub(super) fn write(&self, out: &mut dyn Write) -> io::Result<()> {
        let lost = self.lost.iter().map(|cut| format!("{} ({} denies)", cut.example, cut.direction));
        list(out, "lost of what today's policies admit", lost)?;
        let added =
            self.added.iter().map(|row| format!("{} -> {} {}", row.from, row.to, row.ports.join(" ")));
        list(out, "newly admitted", added)?;
        let edits = self.edits.iter().map(|edit| {
            let EditRow { policy, direction, rule, what, short, why, .. } = edit;
            format!("{policy} {direction}[{rule}] {what}{short}: {why}")
        });
        list(out, "narrowed", edits)?;
        let kept = self.kept.iter().map(|row| match (row.direction, row.rule) {
            (Some(direction), Some(rule)) => format!("{} {direction}[{rule}]: {}", row.policy, row.why),
            _ => format!("{}: {}", row.policy, row.why),
        });
        list(out, "kept as it is", kept)?;
        list(out, "selects nothing, may be deleted", self.selects_nothing.iter().cloned())?;
        let denied = self.denied.iter().map(EdgeRow::to_string);
        list(out, "denied today although it was seen (--mode add or replace admits it)", denied)
    }
}

fn edit(edit: &Edit) -> EditRow {
    let peers = |all: &[PolicyPeer]| all.iter().map(|peer| part_to_json(Part::Peer(peer))).collect();
    let ports = |all: &[PolicyPort]| all.iter().map(|port| part_to_json(Part::Port(port))).collect();
    let rule = |rule| part_to_json(Part::Rule(edit.direction, rule));
    let (was, now) = match &edit.what {
        What::RuleRemoved(was) => (Some(rule(was)), Vec::new()),
        What::RuleSplit(now) => (None, now.iter().map(rule).collect()),
        What::PeerRemoved(was) => (Some(part_to_json(Part::Peer(was))), Vec::new()),
        What::PeerReplaced { was, now } => (Some(part_to_json(Part::Peer(was))), peers(now)),
        What::PeersListed(now) => (None, peers(now)),
        What::PortRemoved(was) => (Some(part_to_json(Part::Port(was))), Vec::new()),
        What::PortReplaced { was, now } => (Some(part_to_json(Part::Port(was))), ports(now)),
        What::PortsListed(now) => (None, ports(now)),
    };
    EditRow {
        policy: edit.policy.clone(),
        direction: edit.direction.token(),
        rule: edit.rule,
        what: edit.what.token(),
        was,
        now,
        why: edit.why.clone(),
        evidence: seen(&edit.evidence),
        short: short::of(&edit.what),
    }
}

fn seen(seen: &Seen) -> SeenRow {
    let edges: Vec<&EdgeKey> = seen.edges.iter().collect();
    SeenRow {
        edges: edges.into_iter().map(EdgeRow::from).collect(),
        came: seen.came.iter().cloned().collect(),
        never: seen.never.iter().cloned().collect(),
        unobserved: seen.unobserved.iter().cloned().collect(),
        suspicious: seen.suspicious.iter().cloned().collect(),
        ports: seen.ports.iter().cloned().collect(),
    }
}

fn kept(kept: &Kept) -> KeptRow {
    KeptRow {
        policy: kept.policy.clone(),
        direction: kept.rule.map(|(direction, _)| direction.token()),
        rule: kept.rule.map(|(_, rule)| rule),
        reason: kept.why.token(),
        why: kept.why.to_string(),
    }
}

fn added(added: &Added) -> AddedRow {
    let spell = |(protocol, ports): (Protocol, &flowfence_model::PortSet)| format!("{ports}/{protocol}");
    AddedRow {
        from: added.from.clone(),
        to: added.to.clone(),
        ports: added.ports.iter().map(spell).collect(),
    }
}
