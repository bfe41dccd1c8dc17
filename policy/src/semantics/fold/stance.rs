//! The rules of one direction that speak of a kind, and what they allow to each other kind.

use std::collections::HashMap;

use flowfence_model::policy::Direction;
use flowfence_model::tier::Action;
use flowfence_model::{PortSet, Protocol};
use foldhash::fast::RandomState;

use super::kind::{Kinds, Speakers, speakers};
use super::profile::{Profile, ProfileId, Profiles};
use crate::semantics::region::{Question, Region};
use crate::semantics::set::PolicySet;
use crate::semantics::tier::TierRegion;
use crate::semantics::{Connection, Party};

/// The rules of a direction that speak of one kind of pod, in the order of evaluation.
pub(super) struct Stance<'a> {
    set: &'a PolicySet,
    direction: Direction,
    subject: Party,
    admin: Vec<&'a TierRegion>,
    /// The rules of the NetworkPolicies that isolate it; `None` when none does.
    policies: Option<Vec<&'a Region>>,
    baseline: Vec<&'a TierRegion>,
}

impl<'a> Stance<'a> {
    /// The stance of a party that is a pod.
    pub(super) fn new(set: &'a PolicySet, subject: Party, of: Speakers<'a>, direction: Direction) -> Self {
        let (admin, isolating, baseline, is_spared) = of;
        let tier = |policies: &'a [u32]| {
            let policies = policies.iter().map(|at| &set.tiers.programs[*at as usize]);
            policies.flat_map(|program| program.regions(direction)).collect::<Vec<_>>()
        };
        let programs = isolating.iter().map(|at| &set.programs[*at as usize]);
        let regions = programs.flat_map(|program| program.regions(direction)).collect();
        let is_isolated = !isolating.is_empty();
        Stance {
            set,
            direction,
            subject,
            admin: tier(admin),
            policies: is_isolated.then_some(regions),
            baseline: if is_isolated || is_spared { Vec::new() } else { tier(baseline) },
        }
    }

    /// What it allows with each kind as the other end. Rules are matched once a kind; kinds that
    /// match the same ones share a profile, if the port names mean the same on them.
    pub(super) fn row(
        &self,
        kinds: &Kinds,
        matches: &mut Matches,
        profiles: &mut Profiles,
    ) -> Vec<ProfileId> {
        let names = &kinds.names;
        let kinds = kinds.examples.as_slice();
        let rules = self.admin.len() + self.policies.as_ref().map_or(0, Vec::len) + self.baseline.len();
        let words = rules.div_ceil(64).max(1);
        let mut masks = vec![0u64; words * kinds.len()];
        let mut rule = 0;
        let mut mark = |holding: &[u32]| {
            for kind in holding {
                masks[*kind as usize * words + rule / 64] |= 1 << (rule % 64);
            }
            rule += 1;
        };
        let has_names = self.direction == Direction::Egress && self.has_names();
        for region in &self.admin {
            mark(matches.tier(region, kinds, self));
        }
        for region in self.policies.iter().flatten() {
            mark(matches.policy(region, kinds, self));
        }
        for region in &self.baseline {
            mark(matches.tier(region, kinds, self));
        }
        let mut known: HashMap<(&[u64], u32), ProfileId, RandomState> = HashMap::default();
        let cells = masks.chunks(words).zip(kinds.iter().zip(names));
        cells
            .map(|(mask, (peer, names))| {
                let key = (mask, if has_names { *names } else { 0 });
                *known.entry(key).or_insert_with(|| profiles.number(self.profile(mask, *peer)))
            })
            .collect()
    }

    fn has_names(&self) -> bool {
        let tiers = self.admin.iter().chain(&self.baseline);
        tiers.map(|region| &region.ports).any(|ports| !ports.names().is_empty())
            || self.policies.iter().flatten().any(|region| !region.ports.names().is_empty())
    }

    /// The ports that are allowed with one peer, given which rules have it among theirs.
    fn profile(&self, mask: &[u64], peer: Party) -> Profile {
        Profile::new(|protocol| {
            let (_, question) = self.question(peer, protocol);
            let holds = |rule: usize| mask[rule / 64] & (1 << (rule % 64)) != 0;
            let mut allowed = PortSet::empty();
            let rest = tier(&self.admin, 0, &holds, &question, PortSet::all(), &mut allowed);
            let after = self.admin.len();
            let Some(policies) = &self.policies else {
                let rest = tier(&self.baseline, after, &holds, &question, rest, &mut allowed);
                return allowed.union(&rest);
            };
            if self.subject.pod.is_some_and(|pod| self.set.admits_whole(pod, &question, self.direction)) {
                return allowed.union(&rest);
            }
            let holding = policies.iter().enumerate().filter(|(at, _)| holds(after + at));
            let ranges = holding
                .flat_map(|(_, region)| region.ports.set(protocol, question.destination).ranges().to_vec());
            allowed.union(&ranges.collect::<PortSet>().intersection(&rest))
        })
    }

    fn question(&self, peer: Party, protocol: Protocol) -> (Party, Question<'a>) {
        let (from, to) = match self.direction {
            Direction::Egress => (self.subject, peer),
            Direction::Ingress => (peer, self.subject),
        };
        self.set.question(&Connection { from, to, protocol, port: 0 }, self.direction)
    }
}

/// First match first: what a tier leaves, while what it accepts is added to `allowed`.
fn tier(
    regions: &[&TierRegion],
    first: usize,
    holds: &impl Fn(usize) -> bool,
    question: &Question<'_>,
    rest: PortSet,
    allowed: &mut PortSet,
) -> PortSet {
    let (mut undecided, mut passed) = (rest, PortSet::empty());
    for (_, region) in regions.iter().enumerate().filter(|(at, _)| holds(first + at)) {
        let hit = region.ports(question).intersection(&undecided);
        undecided = undecided.difference(&hit);
        match region.action {
            Action::Accept => *allowed = allowed.union(&hit),
            Action::Pass => passed = passed.union(&hit),
            Action::Deny => {}
        }
    }
    undecided.union(&passed)
}

/// The kinds among the peers of each rule, by the rule's address: many pods share a rule.
#[derive(Default)]
pub(super) struct Matches {
    known: HashMap<(usize, Direction), Vec<u32>>,
}

impl Matches {
    fn policy(&mut self, region: &Region, kinds: &[Party], stance: &Stance<'_>) -> &[u32] {
        self.find(std::ptr::from_ref(region) as usize, kinds, stance, |question| region.has_peer(question))
    }

    fn tier(&mut self, region: &TierRegion, kinds: &[Party], stance: &Stance<'_>) -> &[u32] {
        self.find(std::ptr::from_ref(region) as usize, kinds, stance, |question| region.has_peer(question))
    }

    fn find(
        &mut self,
        region: usize,
        kinds: &[Party],
        stance: &Stance<'_>,
        holds: impl Fn(&Question<'_>) -> bool,
    ) -> &[u32] {
        self.known.entry((region, stance.direction)).or_insert_with(|| {
            // Whether a peer is held does not depend on the subject or the port.
            let holding = (0u32..).zip(kinds).filter(|(_, peer)| {
                let (_, question) = stance.question(**peer, Protocol::Tcp);
                holds(&question)
            });
            holding.map(|(kind, _)| kind).collect()
        })
    }
}

/// The key of a stance: who speaks of the pod, and what port names mean on it where it is the
/// destination. `None` when nobody speaks of it.
pub(super) fn key(
    set: &PolicySet,
    party: Party,
    names: u32,
    direction: Direction,
) -> Option<(Speakers<'_>, u32)> {
    let of = speakers(set, party.pod?, direction);
    let (admin, isolating, baseline, _) = of;
    if admin.is_empty() && isolating.is_empty() && baseline.is_empty() {
        return None;
    }
    // Outward, names are looked up on the other end.
    Some((of, if direction == Direction::Ingress { names } else { 0 }))
}
