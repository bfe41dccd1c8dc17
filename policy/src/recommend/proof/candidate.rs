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

#[cfg(test)]
mod tests {
    use flowfence_model::tier::{Action, ClusterPolicyKind, Tier, TierPeer, TierRule};
    use flowfence_model::{LabelSelector, PeerSelector};

    use super::*;
    use crate::judge::testing::{World, workload};
    use crate::recommend::proof::prove_candidate;

    fn in_shop(app: Option<&str>) -> PeerSelector {
        let pods = app.map(|app| LabelSelector::labels([("app", app)]));
        PeerSelector { namespaces: Some(LabelSelector::everything()), pods }
    }

    fn tier(priority: u16, action: Action, from: PeerSelector) -> ClusterPolicy {
        let rule =
            TierRule { name: String::new(), action, peers: vec![TierPeer::Pods(from)], ports: Vec::new() };
        ClusterPolicy {
            kind: ClusterPolicyKind::ClusterNetworkPolicy,
            name: format!("p{priority}"),
            tier: Tier::Baseline,
            priority,
            subject: in_shop(Some("b")),
            ingress: vec![rule],
            egress: Vec::new(),
        }
    }

    /// `a` talks to `b`, `c` does not; `b` has port 80.
    fn trio() -> World {
        let mut world = World::new();
        world.deployment("shop/a", "app=a", 2).deployment("shop/b", "app=b", 2);
        world.deployment("shop/c", "app=c", 1).port("shop/b-0", "http", 80);
        world.tcp("shop/a-0", "shop/b-0", 80);
        world
    }

    #[test]
    fn tiers_are_proved_like_policies() {
        let seen = trio().seen();
        let prove = |tiers: Vec<ClusterPolicy>| {
            let candidate = Candidate { tiers, ..Candidate::default() };
            prove_candidate(&seen.facts, &seen.inventory, &seen.judgement, &candidate, &[], &[])
        };
        let deny = || tier(1000, Action::Deny, in_shop(None));
        assert_eq!(prove(vec![deny()]).alone.cut.len(), 1, "nothing accepts what was seen");
        let proof = prove(vec![tier(900, Action::Accept, in_shop(Some("a"))), deny()]);
        assert!(proof.holds());
        let excess: Vec<String> =
            proof.alone.excess.iter().map(|e| format!("{} {} {}", e.from, e.protocol, e.why)).collect();
        assert!(excess[0].starts_with("shop/Deployment/a TCP"), "{excess:?}");
        assert!(excess[0].contains("ClusterNetworkPolicy/p900 ingress[0]"), "{excess:?}");
        assert!(!excess.iter().any(|row| row.starts_with("shop/Deployment/c")), "{excess:?}");
        let open = prove(vec![tier(900, Action::Accept, in_shop(None))]);
        assert_eq!(open.alone.excess, [], "what denies nothing fences nothing");
    }

    #[test]
    fn a_direction_that_the_translation_leaves_open_is_lost() {
        let seen = trio().seen();
        let meant = NetworkPolicy {
            namespace: "shop".to_owned(),
            name: "b".to_owned(),
            pod_selector: LabelSelector::labels([("app", "b")]),
            ingress: Some(Vec::new()),
            egress: None,
        };
        let meant = std::slice::from_ref(&meant);
        let lost = |written: &Candidate| left_open(&seen.inventory, meant, written);
        assert_eq!(lost(&Candidate::of(meant.to_vec())), []);
        let b = || vec![(workload("shop/Deployment/b"), Direction::Ingress)];
        assert_eq!(lost(&Candidate::default()), b());
        let with = |tiers| Candidate { tiers, ..Candidate::default() };
        assert_eq!(lost(&with(vec![tier(900, Action::Accept, in_shop(None))])), b());
        assert_eq!(lost(&with(vec![tier(1000, Action::Deny, in_shop(None))])), []);
    }

    #[test]
    fn a_policy_of_another_language_replaces_none_of_its_name() {
        let policy = NetworkPolicy {
            namespace: "shop".to_owned(),
            name: "b".to_owned(),
            pod_selector: LabelSelector::everything(),
            ingress: Some(Vec::new()),
            egress: None,
        };
        let today = std::slice::from_ref(&policy);
        let plain = Candidate::of(today.to_vec());
        assert_eq!(plain.beside(today, &[]).policies.len(), 1);
        let foreign = Candidate { is_foreign: true, ..plain };
        assert_eq!(foreign.beside(today, &[]).policies.len(), 2);
        let tiers = [tier(900, Action::Accept, in_shop(None)), tier(901, Action::Deny, in_shop(None))];
        let ours = Candidate { tiers: vec![tiers[0].clone()], ..Candidate::default() };
        assert_eq!(ours.beside(&[], &tiers).tiers.len(), 2, "the one of its name is replaced");
    }
}
