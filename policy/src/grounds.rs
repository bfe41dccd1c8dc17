//! On what grounds a set of policies allows or denies what was seen: the rules that admit it and the policies that
//! deny it, contact by contact, folded to edges.

use std::collections::BTreeSet;

use flowfence_graph::Facts;
use flowfence_model::policy::Direction;
use flowfence_model::tier::Action;

use crate::explain::{Reason, reason};
use crate::judge::{EdgeVerdict, Roster};
use crate::semantics::{Connection, Decision, PolicySet, RuleId, TierRuling, Unspecified, Verdict};

/// What one set says of one edge. An edge of several contacts may be admitted for some of them and denied for others.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Grounds {
    /// What holds for all contacts, end by end the worst.
    pub verdict: EdgeVerdict,
    /// By the policies of the source.
    pub egress: Side,
    /// By the policies of the destination.
    pub ingress: Side,
}

/// What the policies of one end say.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Side {
    /// Rules of NetworkPolicies that admit some contact.
    pub admitted_by: BTreeSet<RuleId>,
    /// Rules of cluster-wide policies that accept some contact.
    pub accepted_by: BTreeSet<TierRuling>,
    /// NetworkPolicies that isolate the end of some contact that none of them admits.
    pub denied_by: BTreeSet<usize>,
    /// Rules of cluster-wide policies that deny some contact.
    pub refused_by: BTreeSet<TierRuling>,
}

impl Grounds {
    /// What the policies of one end say.
    pub fn side(&self, direction: Direction) -> &Side {
        match direction {
            Direction::Egress => &self.egress,
            Direction::Ingress => &self.ingress,
        }
    }
}

/// The grounds of each of `edges`, which are given by the indices of their contacts. Each contact is asked once, and
/// meets only the policies that select its ends.
pub fn grounds<'e>(
    facts: &Facts,
    roster: &Roster,
    policies: &PolicySet,
    edges: impl IntoIterator<Item = &'e [usize]>,
) -> Vec<Grounds> {
    let of = |contacts: &[usize]| {
        let mut grounds = Grounds::default();
        for contact in contacts.iter().filter_map(|index| facts.contacts.get(*index)) {
            let connection = roster.connection(contact);
            let decision = decide(policies, &connection);
            let verdict = EdgeVerdict::of(&connection, &decision, &contact.from.id, &contact.to.id);
            grounds.verdict = grounds.verdict.worst(verdict);
            grounds.egress.take(&decision.egress);
            grounds.ingress.take(&decision.ingress);
        }
        grounds
    };
    edges.into_iter().map(of).collect()
}

/// The decision without the questions that the API leaves open, but for the one on which verdicts depend.
fn decide(policies: &PolicySet, connection: &Connection) -> Decision {
    let [egress, ingress] = Direction::BOTH.map(|direction| policies.verdict_of(connection, direction));
    let is_self = connection.from.pod.is_some() && connection.from.pod == connection.to.pod;
    Decision {
        egress,
        ingress,
        unspecified: is_self.then_some(Unspecified::SelfTraffic).into_iter().collect(),
    }
}

impl Side {
    fn take(&mut self, verdict: &Verdict) {
        match reason(verdict) {
            Reason::Tier(ruling) if ruling.action == Action::Deny => drop(self.refused_by.insert(ruling)),
            Reason::Tier(ruling) => drop(self.accepted_by.insert(ruling)),
            Reason::Admitted => self.admitted_by.extend(&verdict.admitted_by),
            Reason::Denied if verdict.allowed => {}
            Reason::Denied => self.denied_by.extend(&verdict.isolated_by),
            Reason::NoPod | Reason::NotIsolated | Reason::Exempt(_) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use flowfence_model::{LabelSelector, NetworkPolicy, PeerSelector, PolicyPeer, PolicyRule};

    use super::*;
    use crate::judge::Said;
    use crate::judge::testing::World;

    /// A policy on `app=b` that takes what comes from `app=a`.
    fn admits_a() -> NetworkPolicy {
        let from = PeerSelector { namespaces: None, pods: Some(LabelSelector::labels([("app", "a")])) };
        NetworkPolicy {
            namespace: "shop".to_owned(),
            name: "b".to_owned(),
            pod_selector: LabelSelector::labels([("app", "b")]),
            ingress: Some(vec![PolicyRule { peers: vec![PolicyPeer::Pods(from)], ports: Vec::new() }]),
            egress: None,
        }
    }

    #[test]
    fn an_edge_names_the_rule_that_admits_it_and_the_policy_that_denies_it() {
        let mut world = World::new();
        for name in ["shop/a", "shop/b", "shop/c"] {
            world.deployment(name, &format!("app={}", &name[5..]), 1);
        }
        world.tcp("shop/a-0", "shop/b-0", 80);
        world.tcp("shop/c-0", "shop/b-0", 80);
        world.tcp("shop/a-0", "shop/c-0", 80);
        let seen = world.seen();
        let roster = Roster::new(&seen.inventory);
        let policies = PolicySet::compile(roster.cluster(), &[admits_a()]);
        let numbering = seen.facts.numbering();
        let lists: Vec<Vec<usize>> =
            numbering.contacts().map(|list| list.iter().map(|i| *i as usize).collect()).collect();
        let all = grounds(&seen.facts, &roster, &policies, lists.iter().map(Vec::as_slice));
        let told: Vec<(String, Option<Said>, usize, Vec<usize>)> = numbering
            .keys()
            .iter()
            .zip(&all)
            .map(|(key, grounds)| {
                let side = grounds.side(Direction::Ingress);
                let denied = side.denied_by.iter().copied().collect();
                (format!("{} {}", key.from, key.to), grounds.verdict.ingress, side.admitted_by.len(), denied)
            })
            .collect();
        let (a, b, c) = ("shop/Deployment/a", "shop/Deployment/b", "shop/Deployment/c");
        assert_eq!(
            told,
            [
                (format!("{a} {b}"), Some(Said::Allowed), 1, vec![]),
                (format!("{a} {c}"), Some(Said::Allowed), 0, vec![]),
                (format!("{c} {b}"), Some(Said::Denied), 0, vec![0]),
            ]
        );
        assert!(all.iter().all(|grounds| grounds.egress == Side::default()), "nothing isolates a source");
    }

    #[test]
    fn verdicts_are_those_of_the_judgement() {
        let mut world = World::new();
        world.deployment("shop/a", "app=a", 2).deployment("shop/b", "app=b", 2);
        world.tcp("shop/a-0", "shop/b-0", 80);
        world.tcp("shop/b-1", "shop/b-1", 80);
        world.tcp("shop/b-0", "shop/b-1", 80);
        let seen = world.seen();
        let roster = Roster::new(&seen.inventory);
        let policies = PolicySet::compile(roster.cluster(), &[admits_a()]);
        for (index, contact) in seen.facts.contacts.iter().enumerate() {
            let connection = roster.connection(contact);
            let decision = policies.decide(&connection);
            let wanted = EdgeVerdict::of(&connection, &decision, &contact.from.id, &contact.to.id);
            let found = grounds(&seen.facts, &roster, &policies, [&[index][..]]);
            assert_eq!(found.first().map(|grounds| grounds.verdict), Some(wanted), "{contact:?}");
        }
    }
}
