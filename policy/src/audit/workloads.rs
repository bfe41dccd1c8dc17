//! Sets of workloads by number: rules admit thousands, and thousands of rules do.

use fixedbitset::FixedBitSet;
use flowfence_model::NodeId;

use super::finding::{List, Value};
use crate::judge::Roster;

/// Some workloads of a cluster.
#[derive(Clone, Debug)]
pub(super) struct Workloads<'a> {
    roster: &'a Roster,
    /// By the number that the roster gave.
    members: FixedBitSet,
}

impl<'a> Workloads<'a> {
    /// Those with the numbers of `members`, which has room for all.
    pub(super) fn new(roster: &'a Roster, members: FixedBitSet) -> Self {
        Workloads { roster, members }
    }

    pub(super) fn len(&self) -> usize {
        self.members.count_ones(..)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.members.is_clear()
    }

    /// In the order of their names.
    pub(super) fn iter(&self) -> impl Iterator<Item = &'a NodeId> + '_ {
        self.members.ones().filter_map(|number| self.roster.numbered(number))
    }

    /// Takes out a workload; whatever is none of the roster's is not in it anyway.
    pub(super) fn remove(&mut self, id: &NodeId) {
        if let Some(number) = self.roster.number(id) {
            self.members.set(number, false);
        }
    }
}

impl From<&Workloads<'_>> for Value {
    fn from(all: &Workloads<'_>) -> Self {
        List::first(all.iter().map(ToString::to_string), all.len()).into()
    }
}
