//! What the policies of one end say of all others, as sets of pods.
//!
//! ```text
//! everybody ─▶ Admin rules ─ Accept ─▶ all          a rule about some ports, or some addresses of a pod: unsure
//!                  │ └ Deny ─▶ nobody
//!                  └ Pass, no match ─▶ isolated? ─ yes ─▶ what NetworkPolicies admit
//!                                          └ no ─▶ Baseline rules ─ Deny ─▶ nobody
//!                                                        └ else ─▶ all
//! ```

use fixedbitset::FixedBitSet;
use flowfence_model::policy::Direction;
use flowfence_model::tier::{Action, Tier};
use flowfence_model::{PolicyPort, PolicyRule, PortName};

use crate::semantics::{PolicySet, Sweep};

/// Other ends by how much one end lets through.
#[derive(Clone, Debug)]
pub(super) struct Side {
    /// Every port.
    pub(super) all: FixedBitSet,
    /// A port at least.
    pub(super) some: FixedBitSet,
    /// Something perhaps: the engine is asked.
    pub(super) unsure: FixedBitSet,
}

impl Side {
    pub(super) fn nobody(pods: usize) -> Self {
        let none = FixedBitSet::with_capacity(pods);
        Side { all: none.clone(), some: none.clone(), unsure: none }
    }

    /// Those who match a rule with certainty: a port that has a name may not exist.
    pub(super) fn of_rule(&mut self, rule: &PolicyRule) -> &mut FixedBitSet {
        let is_named = |port: &PolicyPort| matches!(port.port, Some(PortName::Name(_)));
        match rule.ports.as_slice() {
            [] => &mut self.all,
            ports if ports.iter().all(is_named) => &mut self.unsure,
            _ => &mut self.some,
        }
    }

    /// Pods with which both ends share a port for sure.
    pub(super) fn shared(&self, other: &Side) -> FixedBitSet {
        let mut shared = &self.all & &(&other.all | &other.some);
        shared.union_with(&(&other.all & &self.some));
        shared
    }

    /// Pods that neither end refuses for sure.
    pub(super) fn open(&self, other: &Side) -> FixedBitSet {
        &self.any() & &other.any()
    }

    fn any(&self) -> FixedBitSet {
        let mut any = &self.all | &self.some;
        any.union_with(&self.unsure);
        any
    }
}

/// The rules of cluster-wide policies.
pub(super) struct Tiered {
    egress: Vec<Sweep>,
    ingress: Vec<Sweep>,
}

impl Tiered {
    pub(super) fn new(set: &PolicySet) -> Self {
        Tiered { egress: set.sweeps(Direction::Egress), ingress: set.sweeps(Direction::Ingress) }
    }

    /// What they take a pod for that opens connections: two pods for which it is the same are the same to them.
    pub(super) fn kind_of(&self, pod: usize) -> FixedBitSet {
        let egress = self.egress.iter().map(|sweep| sweep.subjects.contains(pod));
        let ingress = self.ingress.iter().flat_map(|s| [s.peers.contains(pod), s.part_peers.contains(pod)]);
        egress.chain(ingress).enumerate().filter_map(|(bit, is_in)| is_in.then_some(bit)).collect()
    }

    /// What one direction says of the connections of `pod` to everybody: `inner` is what NetworkPolicies say where they
    /// decide, which they do for those of `isolated`.
    pub(super) fn around(
        &self,
        direction: Direction,
        pod: usize,
        everybody: &FixedBitSet,
        isolated: &FixedBitSet,
        inner: &Side,
    ) -> Side {
        let sweeps = match direction {
            Direction::Egress => &self.egress,
            Direction::Ingress => &self.ingress,
        };
        let mut side = Side::nobody(everybody.len());
        let mut rest = everybody.clone();
        Self::run(sweeps, Tier::Admin, direction, pod, &mut rest, &mut side);
        side.all.union_with(&(&(&rest & isolated) & &inner.all));
        side.some.union_with(&(&(&rest & isolated) & &inner.some));
        side.unsure.union_with(&(&(&rest & isolated) & &inner.unsure));
        rest.difference_with(isolated);
        Self::run(sweeps, Tier::Baseline, direction, pod, &mut rest, &mut side);
        side.all.union_with(&rest);
        side
    }

    /// Takes out of `rest` what the rules of a tier decide.
    fn run(
        sweeps: &[Sweep],
        tier: Tier,
        direction: Direction,
        pod: usize,
        rest: &mut FixedBitSet,
        side: &mut Side,
    ) {
        let mut passed = FixedBitSet::with_capacity(rest.len());
        for sweep in sweeps.iter().filter(|sweep| sweep.tier == tier) {
            let none = FixedBitSet::with_capacity(rest.len());
            let (sure, part) = match direction {
                Direction::Egress if sweep.subjects.contains(pod) => (&sweep.peers, &sweep.part_peers),
                Direction::Ingress if sweep.peers.contains(pod) => (&sweep.subjects, &none),
                Direction::Ingress if sweep.part_peers.contains(pod) => (&none, &sweep.subjects),
                Direction::Egress | Direction::Ingress => continue,
            };
            let (mut sure, mut part) = (&*rest & sure, &*rest & part);
            if !sweep.is_whole {
                part.union_with(&std::mem::replace(&mut sure, none));
            }
            rest.difference_with(&sure);
            rest.difference_with(&part);
            side.unsure.union_with(&part);
            match sweep.action {
                Action::Accept => side.all.union_with(&sure),
                Action::Pass => passed.union_with(&sure),
                Action::Deny => {}
            }
        }
        rest.union_with(&passed);
    }
}
