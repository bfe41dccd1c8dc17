//! Recorded traffic against a candidate set of policies: what it would have cut, what it newly
//! lets through, and where plugins may differ.

use std::collections::{BTreeMap, BTreeSet};

use flowfence_graph::{EdgeKey, Facts, Inventory, Tally};
use flowfence_model::NetworkPolicy;
use flowfence_model::policy::Direction;

use crate::judge::{Judgement, Roster, Standing};
use crate::recommend::proof::{Cut, cuts};
use crate::semantics::{PolicySet, Rulebook, Unspecified};

/// What a candidate set would have done.
#[derive(Clone, Debug, Default)]
pub struct Replay {
    /// Genuine edges that it denies, wholly or for some replica, with what was counted on them.
    pub cut: Vec<(Cut, Tally)>,
    /// Genuine edges that it admits for every replica.
    pub kept: usize,
    /// Edges, attempts included, that today's policies deny somewhere and the candidate admits.
    pub newly_admitted: Vec<EdgeKey>,
    /// Edges on which conforming plugins may answer differently, and why.
    pub unspecified: BTreeMap<EdgeKey, BTreeSet<Unspecified>>,
}

/// For each cut edge, the policies of the candidate that isolate the end that denies it, by
/// `NAMESPACE/NAME`.
pub fn denied_by(
    inventory: &Inventory,
    candidate: &[NetworkPolicy],
    cut: &[(Cut, Tally)],
) -> Vec<BTreeSet<String>> {
    let roster = Roster::new(inventory);
    let policies = PolicySet::compile(roster.cluster(), candidate);
    let of = |cut: &Cut| {
        let end = match cut.direction {
            Direction::Egress => &cut.edge.from,
            Direction::Ingress => &cut.edge.to,
        };
        let pods = roster.pods_of(end).iter();
        let isolating = pods.flat_map(|pod| policies.isolated_by(*pod, cut.direction).collect::<Vec<_>>());
        isolating.map(|policy| candidate[policy].key()).collect()
    };
    cut.iter().map(|(cut, _)| of(cut)).collect()
}

/// Replays every contact against `candidate`. The judgement is that of today's policies; it
/// should be of the same plugin, or what is newly admitted mixes two readings.
pub fn replay(
    facts: &Facts,
    inventory: &Inventory,
    judgement: &Judgement,
    candidate: &Rulebook<'_>,
) -> Replay {
    let (observed, cut) = cuts(facts, inventory, judgement, candidate);
    let roster = Roster::new(inventory);
    let policies = candidate.compile(roster.cluster());
    let mut tallies: BTreeMap<EdgeKey, Tally> = BTreeMap::new();
    let mut newly_admitted = BTreeSet::new();
    let mut unspecified: BTreeMap<EdgeKey, BTreeSet<Unspecified>> = BTreeMap::new();
    for (contact, judged) in facts.contacts.iter().zip(&judgement.contacts) {
        let edge = EdgeKey::of(contact);
        let decision = policies.decide(&roster.connection(contact));
        if judged.verdict.is_denied() && decision.allowed() {
            newly_admitted.insert(edge.clone());
        }
        if judged.standing != Standing::Attempt && !decision.unspecified.is_empty() {
            unspecified.entry(edge.clone()).or_default().extend(&decision.unspecified);
        }
        if judged.standing == Standing::Genuine {
            tallies.entry(edge).or_insert_with(Tally::empty).merge(&judged.tally(contact));
        }
    }
    let kept = observed - cut.len();
    let cut = cut.into_iter().map(|cut| {
        let tally = tallies.get(&cut.edge).cloned().unwrap_or_else(Tally::empty);
        (cut, tally)
    });
    Replay { kept, cut: cut.collect(), newly_admitted: newly_admitted.into_iter().collect(), unspecified }
}
