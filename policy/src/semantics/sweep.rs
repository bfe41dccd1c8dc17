//! Rules of cluster-wide policies as sets of pods, for questions that are asked of a whole cluster at once.

use fixedbitset::FixedBitSet;
use flowfence_model::policy::Direction;
use flowfence_model::tier::{Action, Tier};

use super::port::Ports;
use super::set::PolicySet;
use super::tier::{Scope, TierPeers, TierRegion, Tiers};

/// One rule.
#[derive(Clone, Debug)]
pub struct Sweep {
    /// When it is asked.
    pub tier: Tier,
    /// What it does.
    pub action: Action,
    /// The pods that it speaks of.
    pub subjects: FixedBitSet,
    /// Pods that are its peers with each of their addresses.
    pub peers: FixedBitSet,
    /// Pods that are its peers with some of their addresses only.
    pub part_peers: FixedBitSet,
    /// Whether it is about every port.
    pub is_whole: bool,
}

impl PolicySet {
    /// The rules of all cluster-wide policies for one direction, those that are asked first at the front.
    pub fn sweeps(&self, direction: Direction) -> Vec<Sweep> {
        let ranked = Tiers::rank(&self.tiers.policies);
        let ranked = ranked.into_iter().map(|at| at as usize);
        let rules = ranked.flat_map(|at| {
            let regions = self.tiers.programs[at].regions(direction).iter();
            regions.map(move |region| (at, region))
        });
        let sweep = |(at, region): (usize, &TierRegion)| {
            let (peers, part_peers) = self.swept(&region.scope);
            Sweep {
                tier: self.tiers.policies[at].tier,
                action: region.action,
                subjects: self.tiers.programs[at].subjects.clone(),
                peers,
                part_peers,
                is_whole: region.ports == Ports::Every,
            }
        };
        rules.map(sweep).collect()
    }

    fn swept(&self, scope: &Scope) -> (FixedBitSet, FixedBitSet) {
        let none = || FixedBitSet::with_capacity(self.cluster.pods().len());
        let (mut all, mut part) = (none(), none());
        match scope {
            Scope::Nobody => {}
            Scope::Everybody => all.insert_range(..),
            Scope::Peers(peers) => {
                all.union_with(&peers.pods);
                if !peers.networks.is_empty() || !peers.nodes.is_clear() {
                    self.sweep_addresses(peers, &mut all, &mut part);
                }
            }
        }
        (all, part)
    }

    fn sweep_addresses(&self, peers: &TierPeers, all: &mut FixedBitSet, part: &mut FixedBitSet) {
        for pod in self.cluster.indices().filter(|pod| !peers.pods.contains(pod.slot())) {
            let ips = &self.cluster.pod(pod).ips;
            let is_peer = |ip: &&std::net::IpAddr| {
                peers.networks.iter().any(|network| network.contains(*ip))
                    || self.cluster.node_at(**ip).is_some_and(|node| peers.nodes.contains(node))
            };
            match ips.iter().filter(is_peer).count() {
                0 => {}
                count if count == ips.len() => all.insert(pod.slot()),
                _ => part.insert(pod.slot()),
            }
        }
    }
}
