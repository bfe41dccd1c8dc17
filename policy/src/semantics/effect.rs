//! Policies that could as well not be there.

use std::collections::BTreeMap;

use flowfence_model::object::ContainerPort;
use flowfence_model::policy::Direction;
use flowfence_model::tier::Tier;
use flowfence_model::{NetworkPolicy, Protocol};

use super::cluster::PodIndex;
use super::connection::{Connection, Party};
use super::set::PolicySet;

const PROTOCOLS: [Protocol; 4] = [Protocol::Tcp, Protocol::Udp, Protocol::Sctp, Protocol::Icmp];

/// The lists of policies that speak of a pod, tier by tier, and its ports.
type Group<'a> = (&'a [u32], &'a [u32], &'a [u32], &'a [ContainerPort]);

impl PolicySet {
    /// The NetworkPolicies without all of which every verdict between pods and these parties would
    /// be the same, ascending; of several that do the same the last ones. Those that `is_kept`
    /// are not asked.
    pub fn without_effect(&self, parties: &[Party], is_kept: impl Fn(usize) -> bool) -> Vec<usize> {
        let mut without = self.clone();
        let mut idle = Vec::new();
        for (at, policy) in self.policies().iter().enumerate().rev().filter(|(at, _)| !is_kept(*at)) {
            without.replace(at, NetworkPolicy { ingress: None, egress: None, ..policy.clone() });
            if Direction::BOTH.iter().any(|direction| self.differs(&without, at, *direction, parties)) {
                without.replace(at, policy.clone());
            } else {
                idle.push(at);
            }
        }
        idle.reverse();
        idle
    }

    /// Whether a direction of a policy, the last one that was taken out, changes a verdict.
    fn differs(&self, without: &PolicySet, at: usize, direction: Direction, parties: &[Party]) -> bool {
        if self.policies()[at].rules(direction).is_none() {
            return false;
        }
        // Pods with the same policies and port names get the same verdicts, but that each is open to
        // itself and to its own node: two that share neither speak for all.
        let mut known: BTreeMap<Group<'_>, Vec<PodIndex>> = BTreeMap::new();
        self.selected(at).any(|pod| {
            let lists = (
                self.selecting(pod, direction),
                self.tiers.selecting(Tier::Admin, pod),
                self.tiers.selecting(Tier::Baseline, pod),
                self.cluster().pod(pod).ports.as_slice(),
            );
            let asked = known.entry(lists).or_default();
            let node = |pod: PodIndex| self.cluster().pod(pod).node.as_str();
            let is_new =
                asked.len() < 2 || asked.iter().all(|other| node(*other) != node(pod)) && asked.len() < 3;
            if is_new {
                asked.push(pod);
            }
            is_new && self.differs_for(without, at, pod, direction, parties)
        })
    }

    fn differs_for(
        &self,
        without: &PolicySet,
        at: usize,
        pod: PodIndex,
        direction: Direction,
        parties: &[Party],
    ) -> bool {
        let Some(address) = self.cluster().pod(pod).ips.first().copied() else { return false };
        let subject = Party { pod: Some(pod), address };
        // Where others isolate the pod too, only whom the policy admits can tell the difference.
        let is_alone = without.selecting(pod, direction).is_empty();
        parties.iter().any(|peer| {
            let (from, to) = match direction {
                Direction::Egress => (subject, *peer),
                Direction::Ingress => (*peer, subject),
            };
            let (_, question) =
                self.question(&Connection { from, to, protocol: Protocol::Tcp, port: 0 }, direction);
            let admits =
                || self.programs[at].regions(direction).iter().any(|region| region.has_peer(&question));
            (is_alone || admits())
                && PROTOCOLS.iter().any(|protocol| {
                    self.ports_in(from, to, *protocol, direction)
                        != without.ports_in(from, to, *protocol, direction)
                })
        })
    }
}
