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
    pub names: &'a Names,
}

impl<'a> Witness<'a> {
    pub(super) fn new(facts: &'a Facts, judgement: &Judgement) -> Self {
        let mut seen: BTreeMap<EdgeKey, Tally> = BTreeMap::new();
        for contact in judgement.genuine(facts) {
            seen.entry(EdgeKey::of(contact)).or_insert_with(Tally::empty).merge(&contact.tally);
        }
        Witness { seen, names: &facts.names }
    }

    /// The evidence for a rule that these edges need.
    pub(super) fn evidence(&self, direction: Direction, rule: usize, edges: Vec<EdgeKey>) -> Evidence {
        let mut tally = Tally::empty();
        for seen in edges.iter().filter_map(|edge| self.seen.get(edge)) {
            tally.merge(seen);
        }
        let outside = edges.iter().flat_map(|edge| [&edge.from, &edge.to]).filter_map(NodeId::external);
        let names: BTreeSet<String> = outside.flat_map(|ip| self.names.of(ip)).map(str::to_owned).collect();
        Evidence {
            direction,
            rule,
            edges,
            connections: tally.connections + tally.one_way,
            seen: (tally.first, tally.last),
            names: names.into_iter().collect(),
        }
    }
}
