//! Today's policies, narrowed to what was used of them, and otherwise left as a person wrote them.
//!
//! ```text
//! Facts + Judgement ─▶ want    what today admits and must stay, for every replica
//! today ─▶ pass   each want is carried by the narrowest rule that admits it (width);
//!          │      a rule keeps what it carries (rule, peer, port), or goes
//!          └▶ until nothing changes ─▶ edit   what was narrowed, and the evidence
//! ```
//!
//! A policy of which a selected workload was not seen, or not wholly, is left alone: nobody knows
//! what that workload needs of it. Nothing is added: what today's policies deny stays denied.

mod answer;
mod edit;
mod field;
mod pass;
mod peer;
mod port;
mod rule;
mod want;
mod width;

use std::collections::{BTreeMap, BTreeSet};

use flowfence_graph::{EdgeKey, Facts, Inventory};
use flowfence_model::policy::Direction;
use flowfence_model::{NetworkPolicy, NodeId, PolicyRule};

use super::evidence::Witness;
use super::options::Options;
use super::scope::{self, Standing};
use crate::judge::{Judgement, Standing as Contact};
use crate::semantics::PolicySet;

pub use answer::{Edit, Kept, Origin, Seen, Tightened, Tightening, What, WhyKept};

use edit::Comparison;
use field::Field;
use pass::Notes;
use want::Wants;

/// Passes at most. Each that changes something admits less than the one before, and two or three
/// are usual.
const MAX_PASSES: usize = 32;

/// Narrows today's policies.
pub fn tighten(
    facts: &Facts,
    inventory: &Inventory,
    judgement: &Judgement,
    today: &[NetworkPolicy],
    options: &Options,
) -> Tightening {
    let roster = judgement.roster(facts, inventory);
    let field = Field::new(inventory, &roster, options.exposed);
    let standings = scope::scope(facts, inventory, options);
    let mut today = today.to_vec();
    today.sort_by_key(NetworkPolicy::key);
    let before = PolicySet::compile(roster.cluster(), &today);
    let wants = want::Collector::new(&field, &before).collect(facts, judgement);
    let mut answer = Tightening { denied: denied(facts, judgement), ..Tightening::default() };
    answer.policies = today.iter().map(|policy| untouched(policy, &field)).collect();
    let may: Vec<bool> =
        today.iter().map(|policy| may_narrow(policy, &field, &standings, options, &mut answer)).collect();
    let mut notes = Notes::new();
    for _ in 0..MAX_PASSES {
        if !pass::pass(&field, &wants, &mut answer.policies, &may, &mut notes) {
            break;
        }
    }
    let after = PolicySet::compile(roster.cluster(), &answer.objects());
    let observed = facts.contacts.iter().flat_map(|contact| [&contact.from.id, &contact.to.id]).collect();
    let comparison = Comparison::new(&field, (&before, &after), &wants, observed);
    for (at, sheet) in answer.policies.iter().enumerate() {
        answer.edits.extend(comparison.edits(at, sheet));
    }
    let witness = Witness::new(facts, judgement);
    for ((policy, direction, rule), edges) in evidence(&after, &wants) {
        answer.policies[policy].evidence.push(witness.evidence(direction, rule, edges));
    }
    answer.kept.extend(kept(&today, &answer.policies, notes));
    answer.declared = wants.declared.iter().cloned().collect();
    answer
}

fn untouched(policy: &NetworkPolicy, field: &Field<'_>) -> Tightened {
    let origins = |direction| {
        let rules = policy.rules(direction).unwrap_or_default().iter().enumerate();
        rules
            .map(|(rule, written)| Origin {
                rule,
                peers: (0..written.peers.len()).collect(),
                ports: (0..written.ports.len()).collect(),
            })
            .collect()
    };
    let (egress, ingress) = (origins(Direction::Egress), origins(Direction::Ingress));
    let subjects = field.selected(policy).into_iter().collect();
    Tightened { policy: policy.clone(), subjects, evidence: Vec::new(), egress, ingress }
}

impl Tightened {
    fn set(&mut self, direction: Direction, rules: Vec<PolicyRule>, origins: Vec<Origin>) {
        match direction {
            Direction::Egress => (self.policy.egress, self.egress) = (Some(rules), origins),
            Direction::Ingress => (self.policy.ingress, self.ingress) = (Some(rules), origins),
        }
    }
}

/// The edges that each rule of a set admits, every rule with at least none.
fn evidence(set: &PolicySet, wants: &Wants) -> BTreeMap<(usize, Direction, usize), Vec<EdgeKey>> {
    let mut edges: BTreeMap<(usize, Direction, usize), BTreeSet<&EdgeKey>> = BTreeMap::new();
    for (policy, object) in set.policies().iter().enumerate() {
        for direction in Direction::BOTH {
            let count = object.rules(direction).map_or(0, <[_]>::len);
            edges.extend((0..count).map(|rule| ((policy, direction, rule), BTreeSet::new())));
        }
    }
    for ((direction, connection), own) in &wants.all {
        for id in set.admitted_by(connection, *direction) {
            let known = edges.entry((id.policy, id.direction, id.rule)).or_default();
            known.extend(own.iter().filter_map(|edge| wants.edges.get(*edge)));
        }
    }
    edges.into_iter().map(|(rule, edges)| (rule, edges.into_iter().cloned().collect())).collect()
}

/// Whether everything that a policy selects was seen wholly; else says why it is kept.
fn may_narrow(
    policy: &NetworkPolicy,
    field: &Field<'_>,
    standings: &BTreeMap<NodeId, Standing>,
    options: &Options,
    answer: &mut Tightening,
) -> bool {
    let selected = field.selected(policy);
    if selected.is_empty() {
        // A policy whose namespace is not asked about is nobody's business here.
        if options.is_subject(&policy.namespace) {
            answer.selects_nothing.push(policy.key());
        }
        return false;
    }
    let mut unobserved = Vec::new();
    let mut open = None;
    for id in selected {
        match standings.get(&id).cloned().unwrap_or(Standing::Elsewhere) {
            Standing::Fenced => {}
            Standing::Elsewhere => return false,
            Standing::Unobserved => unobserved.push(id),
            Standing::Open(why) => open = open.or(Some((id, why))),
        }
    }
    let why = match (open, unobserved.is_empty()) {
        (None, true) => return true,
        (Some((id, why)), _) => WhyKept::Open(id, why),
        (None, false) => WhyKept::Unobserved(unobserved),
    };
    answer.kept.push(Kept { policy: policy.key(), rule: None, why });
    false
}

/// What stayed wide, and directions that nothing is left of.
fn kept(today: &[NetworkPolicy], sheets: &[Tightened], notes: Notes) -> Vec<Kept> {
    let mut kept = Vec::new();
    for ((policy, direction, rule), reasons) in notes {
        let mut said: Vec<WhyKept> = Vec::new();
        for why in reasons {
            if !said.contains(&why) {
                said.push(why.clone());
                kept.push(Kept { policy: today[policy].key(), rule: Some((direction, rule)), why });
            }
        }
    }
    for (was, now) in today.iter().zip(sheets) {
        for direction in Direction::BOTH {
            let count = |policy: &NetworkPolicy| policy.rules(direction).map_or(0, <[_]>::len);
            if count(was) > 0 && count(&now.policy) == 0 {
                kept.push(Kept { policy: was.key(), rule: None, why: WhyKept::DeniesAll(direction) });
            }
        }
    }
    kept
}

/// Genuine edges that the policies of an end deny.
fn denied(facts: &Facts, judgement: &Judgement) -> Vec<EdgeKey> {
    let both = facts.contacts.iter().zip(&judgement.contacts);
    let denied = both.filter(|(_, judged)| judged.standing == Contact::Genuine && judged.verdict.is_denied());
    denied.map(|(contact, _)| EdgeKey::of(contact)).collect::<BTreeSet<_>>().into_iter().collect()
}

#[cfg(test)]
mod tests;
