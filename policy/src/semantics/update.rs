//! Changes of a compiled set: only what they touch is compiled again.

use std::collections::HashMap;
use std::sync::Arc;

use fixedbitset::FixedBitSet;
use flowfence_model::policy::Direction;
use flowfence_model::tier::{TierPeer, TierRule};
use flowfence_model::{ClusterPolicy, Labels, NetworkPolicy, PeerSelector, PolicyPeer, PolicyRule};

use super::cluster::{Cluster, PodIndex};
use super::compile::Compiler;
use super::peer::{Peer, Peers};
use super::region::Region;
use super::set::PolicySet;
use super::tier::{Scope, TierRegion};

impl PolicySet {
    /// Puts a NetworkPolicy in the place of another, or at the end when `at` is their number.
    /// The selectors of this policy are answered anew, and the lists of the pods that it or its
    /// predecessor selects are touched.
    ///
    /// # Panics
    /// When `at` is greater than their number.
    pub fn replace(&mut self, at: usize, policy: NetworkPolicy) {
        let program = Compiler::new(&self.index).program(&policy);
        if at == self.policies.len() {
            self.policies.push(policy);
            self.programs.push(program);
        } else {
            for direction in Direction::BOTH {
                self.unlist(at, direction);
            }
            self.policies[at] = policy;
            self.programs[at] = program;
        }
        for direction in Direction::BOTH {
            self.list(at, direction);
        }
    }

    /// Takes a NetworkPolicy out; those behind it move up.
    ///
    /// # Panics
    /// When there is none at that place.
    pub fn remove(&mut self, at: usize) -> NetworkPolicy {
        self.programs.remove(at);
        let policy = self.policies.remove(at);
        self.list_policies();
        policy
    }

    /// Replaces the cluster-wide policies. They are few, and each may reorder all.
    pub fn replace_tiers(&mut self, policies: &[ClusterPolicy]) {
        let mut compiler = Compiler::new(&self.index);
        self.tiers.programs = policies.iter().map(|policy| compiler.tier_program(policy)).collect();
        self.tiers.policies = policies.to_vec();
        self.list_tiers();
    }

    /// Gives a pod other labels: each selector is asked for this pod alone. The cluster of this
    /// set changes; clones of it that others hold do not, and cost a copy.
    ///
    /// # Panics
    /// When the index comes from a cluster with more pods.
    pub fn relabel(&mut self, pod: PodIndex, labels: Labels) {
        let before = self.cluster.pod(pod).meta.labels.clone();
        self.index.pods.relabel(pod.slot(), &before, &labels);
        self.cluster.relabel(pod, labels);
        let mut change = Change { cluster: self.cluster.clone(), pod, done: HashMap::new() };
        for (policy, program) in self.policies.iter().zip(&mut self.programs) {
            let known = change.cluster.pod(pod);
            let is_subject =
                known.meta.namespace == policy.namespace && policy.pod_selector.matches(&known.meta.labels);
            program.subjects.set(pod.slot(), is_subject);
            for (rules, regions) in
                [(&policy.egress, &mut program.egress), (&policy.ingress, &mut program.ingress)]
            {
                let rules = rules.iter().flatten();
                rules.zip(regions).for_each(|(rule, region)| change.region(&policy.namespace, rule, region));
            }
        }
        for (policy, program) in self.tiers.policies.iter().zip(&mut self.tiers.programs) {
            let is_subject = change.selects("", &policy.subject) && !change.cluster.pod(pod).host_network;
            program.subjects.set(pod.slot(), is_subject);
            for (rules, regions) in
                [(&policy.egress, &mut program.egress), (&policy.ingress, &mut program.ingress)]
            {
                rules.iter().zip(regions).for_each(|(rule, region)| change.tier_region(rule, region));
            }
        }
        drop(change);
        self.relist(pod);
    }

    /// The lists of one pod.
    fn relist(&mut self, pod: PodIndex) {
        let slot = pod.slot();
        let selecting = |direction| {
            let policies = self.policies.iter().zip(&self.programs).enumerate();
            let selecting = policies.filter(|(_, (policy, program))| {
                policy.rules(direction).is_some() && program.subjects.contains(slot)
            });
            selecting.map(|(at, _)| place(at)).collect::<Vec<u32>>()
        };
        (self.egress[slot], self.ingress[slot]) =
            (selecting(Direction::Egress), selecting(Direction::Ingress));
        for list in &mut self.tiers.of_pod {
            if let Some(list) = list.get_mut(slot) {
                list.clear();
            }
        }
        for at in super::tier::Tiers::rank(&self.tiers.policies) {
            let (policy, program) = (&self.tiers.policies[at as usize], &self.tiers.programs[at as usize]);
            if program.subjects.contains(slot) {
                self.tiers.of_pod[policy.tier as usize][slot].push(at);
            }
        }
    }

    fn list(&mut self, at: usize, direction: Direction) {
        if self.policies[at].rules(direction).is_none() {
            return;
        }
        let lists = lists(direction, &mut self.egress, &mut self.ingress);
        for slot in self.programs[at].subjects.ones() {
            let list = &mut lists[slot];
            list.insert(list.partition_point(|other| *other < place(at)), place(at));
        }
    }

    fn unlist(&mut self, at: usize, direction: Direction) {
        let lists = lists(direction, &mut self.egress, &mut self.ingress);
        for slot in self.programs[at].subjects.ones() {
            lists[slot].retain(|other| *other != place(at));
        }
    }
}

fn lists<'a>(
    direction: Direction,
    egress: &'a mut [Vec<u32>],
    ingress: &'a mut [Vec<u32>],
) -> &'a mut [Vec<u32>] {
    match direction {
        Direction::Egress => egress,
        Direction::Ingress => ingress,
    }
}

fn place(at: usize) -> u32 {
    u32::try_from(at).expect("fewer than 2^32 policies fit in memory")
}

/// One pod with other labels.
struct Change {
    cluster: Cluster,
    pod: PodIndex,
    /// Sets that were copied for the change, by the address of the original, so that regions
    /// that shared one go on sharing. The originals live on beside them.
    done: HashMap<usize, (Arc<FixedBitSet>, Arc<FixedBitSet>)>,
}

impl Change {
    fn selects(&self, namespace: &str, selector: &PeerSelector) -> bool {
        let pod = self.cluster.pod(self.pod);
        let is_in_namespace = match &selector.namespaces {
            None => pod.meta.namespace == namespace,
            Some(namespaces) => {
                let labels = self.cluster.namespaces().get(&pod.meta.namespace);
                labels.is_some_and(|labels| namespaces.matches(labels))
            }
        };
        is_in_namespace && selector.pods.as_ref().is_none_or(|pods| pods.matches(&pod.meta.labels))
    }

    fn region(&mut self, namespace: &str, rule: &PolicyRule, region: &mut Region) {
        let Peers::Some { pods, entries } = &mut region.peers else { return };
        let mut any = false;
        for (peer, entry) in rule.peers.iter().zip(entries) {
            if let (PolicyPeer::Pods(selector), Peer::Pods(set)) = (peer, entry) {
                let selects = self.selects(namespace, selector);
                any |= selects;
                self.set(set, selects);
            }
        }
        self.set(pods, any);
    }

    fn tier_region(&mut self, rule: &TierRule, region: &mut TierRegion) {
        let Scope::Peers(peers) = &mut region.scope else { return };
        let any = rule.peers.iter().any(|peer| match peer {
            TierPeer::Pods(selector) => self.selects("", selector),
            TierPeer::Networks(_) | TierPeer::Nodes(_) | TierPeer::DomainNames(_) | TierPeer::Unknown(_) => {
                false
            }
        });
        self.set(&mut peers.pods, any);
    }

    fn set(&mut self, set: &mut Arc<FixedBitSet>, value: bool) {
        let slot = self.pod.slot();
        if set.contains(slot) == value {
            return;
        }
        let key = Arc::as_ptr(set) as usize;
        let (_, changed) = self.done.entry(key).or_insert_with(|| {
            let mut changed = FixedBitSet::clone(set);
            changed.set(slot, value);
            (Arc::clone(set), Arc::new(changed))
        });
        *set = Arc::clone(changed);
    }
}
