//! What was counted on edges, as evidence for rules.

use std::collections::{BTreeMap, BTreeSet};

use flowfence_graph::{EdgeKey, Facts, Tally};
use flowfence_model::policy::Direction;
use flowfence_model::{Names, NodeId};

use super::recommendation::Evidence;
use crate::judge::Judgement;

/// What was counted on each genuine edge, and what outside addresses are called.
pub(super) struct Witness<'a> {
    seen: BTreeMap<EdgeKey, Tally>,
    /// Edges of which no contact is known to have been answered.
    assumed: BTreeSet<EdgeKey>,
    pub names: &'a Names,
}

impl<'a> Witness<'a> {
    pub(super) fn new(facts: &'a Facts, judgement: &Judgement) -> Self {
        let mut seen: BTreeMap<EdgeKey, Tally> = BTreeMap::new();
        let (mut assumed, mut answered) = (BTreeSet::new(), BTreeSet::new());
        for contact in judgement.genuine(facts) {
            let edge = EdgeKey::of(contact);
            (if contact.assumed { &mut assumed } else { &mut answered }).insert(edge.clone());
            seen.entry(edge).or_insert_with(Tally::empty).merge(&contact.tally);
        }
        let assumed = &assumed - &answered;
        Witness { seen, assumed, names: &facts.names }
    }

    /// The evidence for a rule that these edges need.
    pub(super) fn evidence(&self, direction: Direction, rule: usize, edges: Vec<EdgeKey>) -> Evidence {
        let mut tally = Tally::empty();
        for seen in edges.iter().filter_map(|edge| self.seen.get(edge)) {
            tally.merge(seen);
        }
        let outside = edges.iter().flat_map(|edge| [&edge.from, &edge.to]).filter_map(NodeId::external);
        let names: BTreeSet<String> = outside.flat_map(|ip| self.names.of(ip)).map(str::to_owned).collect();
        let assumed = edges.iter().filter(|edge| self.assumed.contains(edge)).cloned().collect();
        Evidence {
            direction,
            rule,
            edges,
            assumed,
            connections: tally.connections + tally.one_way,
            seen: (tally.first, tally.last),
            names: names.into_iter().collect(),
        }
    }
}
