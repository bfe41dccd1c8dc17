//! A cluster and its policies, made ready once for everything that is asked of them.

use flowfence_graph::Inventory;

use super::roster::Roster;
use crate::semantics::{PolicySet, Rulebook};

/// Every pod of an inventory, and policies compiled over them.
#[derive(Clone, Debug)]
pub struct Prepared {
    /// The pods of all moments.
    pub roster: Roster,
    /// The policies.
    pub policies: PolicySet,
}

impl Prepared {
    /// Compiles `rules` over the pods of `inventory`.
    pub fn new(inventory: &Inventory, rules: &Rulebook<'_>) -> Self {
        let roster = Roster::new(inventory);
        let policies = rules.compile(roster.cluster());
        Prepared { roster, policies }
    }
}
