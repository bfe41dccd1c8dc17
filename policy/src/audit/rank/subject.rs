//! Whom a finding is about: the workloads whose trouble it tells of.

use std::collections::{BTreeMap, BTreeSet};

use flowfence_model::NodeId;
use flowfence_model::tier::ClusterPolicy;

use super::super::finding::Finding;
use crate::judge::Roster;
use crate::semantics::PolicySet;

/// Policies by their keys.
pub(super) struct Subjects<'a> {
    set: &'a PolicySet,
    roster: &'a Roster,
    policies: BTreeMap<String, usize>,
    tiers: BTreeMap<String, usize>,
}

impl<'a> Subjects<'a> {
    pub(super) fn new(set: &'a PolicySet, roster: &'a Roster) -> Self {
        let numbered = |keys: Vec<String>| keys.into_iter().enumerate().map(|(at, key)| (key, at)).collect();
        Subjects {
            set,
            roster,
            policies: numbered(set.policies().iter().map(flowfence_model::NetworkPolicy::key).collect()),
            tiers: numbered(set.cluster_policies().iter().map(ClusterPolicy::key).collect()),
        }
    }

    /// Who acted, if it is a workload; else who was acted on; else the ends of its edges, those that opened first; else
    /// nobody, and the policy says whom it selects.
    pub(super) fn of(finding: &Finding) -> BTreeSet<NodeId> {
        let is_workload = |id: &&NodeId| id.is_workload();
        let ends = [&finding.from, &finding.to].into_iter().flatten();
        if let Some(id) = ends.into_iter().find(is_workload) {
            return [id.clone()].into();
        }
        let froms: BTreeSet<NodeId> =
            finding.edges.iter().map(|edge| &edge.from).filter(is_workload).cloned().collect();
        if !froms.is_empty() {
            return froms;
        }
        finding.edges.iter().map(|edge| &edge.to).filter(is_workload).cloned().collect()
    }

    /// The workloads that a policy selects, by its key.
    pub(super) fn selected(&self, policy: &str) -> BTreeSet<NodeId> {
        let workload = |pod| self.roster.workload_of(pod).cloned();
        let by_policy = self.policies.get(policy).into_iter().flat_map(|at| self.set.selected(*at));
        let by_tier = self.tiers.get(policy).into_iter().flat_map(|at| self.set.tier_selected(*at));
        by_policy.chain(by_tier).filter_map(workload).collect()
    }
}
