//! Whom each rule of a set admits, as sets of pods.

use std::collections::{BTreeSet, HashMap};
use std::net::IpAddr;

use fixedbitset::FixedBitSet;
use flowfence_model::policy::Direction;
use flowfence_model::{PolicyPeer, PolicyRule};
use ipnet::IpNet;

use super::{Radii, slot};
use crate::semantics::{PodIndex, RuleId};

/// Whom a rule admits with each of their addresses, and whom with some of them. `None` is everybody.
pub(super) type Admitted = Option<[FixedBitSet; 2]>;

impl Radii<'_> {
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
        let of_rule = |policy: usize, rule: usize, written: &PolicyRule| {
            if written.peers.is_empty() {
                return None;
            }
            let (mut sure, mut part) =
                [(); 2].map(|()| FixedBitSet::with_capacity(self.everybody.len())).into();
            self.set.peers(RuleId { policy, direction, rule }).for_each(|pod| sure.insert(slot(pod)));
            let held = held(&written.peers, addresses);
            for (pod, count) in held {
                if sure.contains(slot(pod)) {
                    continue;
                }
                let is_whole = count == self.set.cluster().pod(pod).ips.len();
                let side = if is_whole { &mut sure } else { &mut part };
                side.insert(slot(pod));
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

/// The pods with addresses in the blocks of a rule, and with how many.
fn held(peers: &[PolicyPeer], addresses: &BTreeSet<(IpAddr, PodIndex)>) -> HashMap<PodIndex, usize> {
    let mut held: BTreeSet<(PodIndex, IpAddr)> = BTreeSet::new();
    for peer in peers {
        if let PolicyPeer::Block { cidr, except } = peer {
            let first = (cidr.network(), PodIndex(0));
            let inside = addresses.range(first..=(cidr.broadcast(), PodIndex(u32::MAX)));
            let is_held = |ip: &IpAddr| !except.iter().any(|part: &IpNet| part.contains(ip));
            held.extend(inside.filter(|(ip, _)| is_held(ip)).map(|(ip, pod)| (*pod, *ip)));
        }
    }
    held.into_iter().fold(HashMap::new(), |mut counts, (pod, _)| {
        *counts.entry(pod).or_default() += 1;
        counts
    })
}
