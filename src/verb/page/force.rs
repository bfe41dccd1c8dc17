//! Sets of policies over all pods: today's, and what is in force once the recommended set is applied.

use std::collections::BTreeSet;

use flowfence_model::{Direction, NetworkPolicy};
use flowfence_policy::judge::Roster;
use flowfence_policy::semantics::{PodIndex, PolicySet, RuleId, TierRuling};

use crate::output::page::GroundRow;
use crate::verb::observed::Observed;
use crate::verb::recommend::Proved;

/// One set, compiled over the pods of all moments.
pub(super) struct InForce {
    pub(super) roster: Roster,
    pub(super) policies: PolicySet,
    /// Whether cluster-wide policies are what isolates, as a flavour of them writes it.
    is_tiered: bool,
}

impl InForce {
    /// What holds today.
    pub(super) fn today(observed: &Observed) -> Self {
        let roster = Roster::new(&observed.cluster.inventory);
        let policies = observed.cluster.rules(None).compile(roster.cluster());
        InForce { roster, policies, is_tiered: false }
    }

    /// What holds when the set is applied, what it supersedes is deleted, and everything else stays.
    pub(super) fn after(proved: &Proved, observed: &Observed) -> Self {
        let removed: BTreeSet<&String> = proved.report.supersedes.iter().collect();
        let kept: Vec<NetworkPolicy> = observed
            .cluster
            .policies
            .iter()
            .filter(|policy| !removed.contains(&policy.key()))
            .cloned()
            .collect();
        let in_force = proved.candidate.beside(&kept, &observed.cluster.tiers);
        let roster = Roster::new(&observed.cluster.inventory);
        let policies = PolicySet::compile_all(roster.cluster(), &in_force.policies, &in_force.tiers);
        InForce { roster, policies, is_tiered: !proved.candidate.tiers.is_empty() }
    }

    /// Whether all of some pods are isolated.
    pub(super) fn isolates(&self, pods: &[PodIndex], direction: Direction) -> bool {
        let is_closed = |pod: PodIndex| {
            self.policies.isolates(pod, direction)
                || (self.is_tiered && self.policies.restricts(pod, direction))
        };
        pods.iter().all(|pod| is_closed(*pod))
    }

    /// The name and place of a rule.
    pub(super) fn rule(&self, rule: &RuleId) -> Option<GroundRow> {
        Some(GroundRow {
            policy: self.policy(rule.policy)?,
            field: format!("{}[{}]", rule.direction, rule.rule),
        })
    }

    /// Likewise of a cluster-wide policy.
    pub(super) fn ruling(&self, ruling: &TierRuling) -> Option<GroundRow> {
        let policy = self.policies.cluster_policies().get(ruling.policy)?.key();
        Some(GroundRow { policy, field: format!("{}[{}]", ruling.direction, ruling.rule) })
    }

    /// The name of a policy.
    pub(super) fn policy(&self, index: usize) -> Option<String> {
        self.policies.policies().get(index).map(NetworkPolicy::key)
    }
}
