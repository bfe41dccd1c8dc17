//! What is proved: rules as they were read back, in whatever language they were written.

use std::collections::BTreeSet;

use flowfence_graph::Inventory;
use flowfence_model::policy::Direction;
use flowfence_model::{ClusterPolicy, NetworkPolicy, NodeId};

use crate::judge::Roster;
use crate::semantics::PolicySet;

/// What is to be proved: rules as they were read back from what was written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Candidate {
    /// NetworkPolicies, or what means the same in another language.
    pub policies: Vec<NetworkPolicy>,
    /// Cluster-wide policies.
    pub tiers: Vec<ClusterPolicy>,
    /// Whether the policies are written in another language than NetworkPolicy v1: then none of
    /// them takes the place of one of today's that has its name.
    pub is_foreign: bool,
}

impl Candidate {
    /// NetworkPolicies of v1.
    pub fn of(policies: Vec<NetworkPolicy>) -> Self {
        Candidate { policies, ..Candidate::default() }
    }

    /// The candidate with what is in force kept. An object with the name and kind of one of
    /// today's replaces it.
    #[must_use]
    pub fn beside(&self, today: &[NetworkPolicy], tiers: &[ClusterPolicy]) -> Self {
        let names: BTreeSet<String> = self.policies.iter().map(NetworkPolicy::key).collect();
        let kept = today.iter().filter(|policy| self.is_foreign || !names.contains(&policy.key()));
        let tier_names: BTreeSet<String> = self.tiers.iter().map(ClusterPolicy::key).collect();
        let kept_tiers = tiers.iter().filter(|policy| !tier_names.contains(&policy.key()));
        Candidate {
            policies: self.policies.iter().chain(kept).cloned().collect(),
            tiers: self.tiers.iter().chain(kept_tiers).cloned().collect(),
            is_foreign: self.is_foreign,
        }
    }
}

/// Directions of workloads that `meant` closes and `written` leaves open, for at least one pod.
/// Empty unless something was lost between the two: a proof counts what is cut, and a policy that
/// selects nothing cuts nothing.
pub fn left_open(
    inventory: &Inventory,
    meant: &[NetworkPolicy],
    written: &Candidate,
) -> Vec<(NodeId, Direction)> {
    if written.policies == meant {
        return Vec::new();
    }
    let roster = Roster::new(inventory);
    let meant = PolicySet::compile(roster.cluster(), meant);
    let written = PolicySet::compile_all(roster.cluster(), &written.policies, &written.tiers);
    let mut open = Vec::new();
    for (id, pods) in roster.workloads() {
        for direction in Direction::BOTH {
            let is_lost = |pod| meant.isolates(pod, direction) && !written.restricts(pod, direction);
            if pods.iter().any(|pod| is_lost(*pod)) {
                open.push((id.clone(), direction));
            }
        }
    }
    open
}
