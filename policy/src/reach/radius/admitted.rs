//! Whom each rule of a set admits, as sets of pods.

use std::collections::{BTreeSet, HashMap};
use std::net::IpAddr;
use std::rc::Rc;

use fixedbitset::FixedBitSet;
use flowfence_model::policy::Direction;
use flowfence_model::{PolicyPeer, PolicyRule};
use ipnet::IpNet;

use super::{Radii, slot};
use crate::semantics::{PodIndex, RuleId};

/// Whom a rule admits with each of their addresses, and whom with some of them. `None` is everybody.
pub(super) type Admitted = Option<[FixedBitSet; 2]>;

impl<'a> Radii<'a> {
    pub(super) fn addresses(&self) -> BTreeSet<(IpAddr, PodIndex)> {
        let pods = self.everybody.ones().map(PodIndex::at);
        pods.flat_map(|pod| self.set.cluster().pod(pod).ips.iter().map(move |ip| (*ip, pod))).collect()
    }

    /// By policy and rule.
    pub(super) fn admitted(
        &self,
        direction: Direction,
        addresses: &BTreeSet<(IpAddr, PodIndex)>,
    ) -> Vec<Vec<Admitted>> {
        let mut held = Held { addresses, known: HashMap::new() };
        let mut of_rule = |policy: usize, rule: usize, written: &'a PolicyRule| {
            if written.peers.is_empty() {
                return None;
            }
            // Hardly a rule needs the second: it grows when it does.
            let (mut sure, mut part) = (FixedBitSet::with_capacity(self.everybody.len()), FixedBitSet::new());
            self.set.peers(RuleId { policy, direction, rule }).for_each(|pod| sure.insert(slot(pod)));
            for (pod, count) in held.counts(&written.peers) {
                if count == self.set.cluster().pod(pod).ips.len() {
                    sure.insert(slot(pod));
                } else if !sure.contains(slot(pod)) {
                    part.grow_and_insert(slot(pod));
                }
            }
            Some([sure, part])
        };
        let policies = 0..self.set.policies().len();
        policies
            .map(|policy| {
                let rules = self.rules(policy, direction).iter().enumerate();
                rules.map(|(rule, written)| of_rule(policy, rule, written)).collect()
            })
            .collect()
    }
}

/// Which pods have addresses in blocks, found once for each block.
struct Held<'a> {
    addresses: &'a BTreeSet<(IpAddr, PodIndex)>,
    known: HashMap<&'a PolicyPeer, Rc<[(PodIndex, IpAddr)]>>,
}

impl<'a> Held<'a> {
    /// The pods with addresses in the blocks of a rule, and with how many.
    fn counts(&mut self, peers: &'a [PolicyPeer]) -> HashMap<PodIndex, usize> {
        let blocks: Vec<_> = peers.iter().filter_map(|peer| self.block(peer)).collect();
        let several: BTreeSet<(PodIndex, IpAddr)>;
        let all: &mut dyn Iterator<Item = &(PodIndex, IpAddr)> = if let [one] = blocks.as_slice() {
            &mut one.iter()
        } else {
            several = blocks.iter().flat_map(|block| block.iter().copied()).collect();
            &mut several.iter()
        };
        all.fold(HashMap::new(), |mut counts, (pod, _)| {
            *counts.entry(*pod).or_default() += 1;
            counts
        })
    }

    fn block(&mut self, peer: &'a PolicyPeer) -> Option<Rc<[(PodIndex, IpAddr)]>> {
        let PolicyPeer::Block { cidr, except } = peer else { return None };
        let known = self.known.entry(peer).or_insert_with(|| {
            let first = (cidr.network(), PodIndex(0));
            let inside = self.addresses.range(first..=(cidr.broadcast(), PodIndex(u32::MAX)));
            let is_held = |ip: &IpAddr| !except.iter().any(|part: &IpNet| part.contains(ip));
            inside.filter(|(ip, _)| is_held(ip)).map(|(ip, pod)| (*pod, *ip)).collect()
        });
        Some(Rc::clone(known))
    }
}
