//! The rules of one direction that speak of a kind, and what they allow to each other kind.

use std::collections::HashMap;

use flowfence_model::policy::Direction;
use flowfence_model::tier::Action;
use flowfence_model::{PortSet, Protocol};
use foldhash::fast::RandomState;

use super::kind::{Kinds, Speakers, speakers};
use super::known::{Columns, Known};
use super::profile::{Profile, ProfileId, Profiles};
use crate::semantics::port::Ports;
use crate::semantics::region::{Question, Region};
use crate::semantics::set::PolicySet;
use crate::semantics::tier::TierRegion;
use crate::semantics::unspecified::Unspecified;
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

    /// What it allows with each kind as the other end. Rules are matched once a kind, and rules
    /// of equal ports are one column: kinds in the same columns share a profile, if the port
    /// names mean the same on them. `own_names` is what they mean on the stance's own pods.
    pub(super) fn row(
        &self,
        kinds: &Kinds,
        own_names: u32,
        known: &mut Known<'_>,
        profiles: &mut Profiles,
    ) -> Vec<ProfileId> {
        let names = &kinds.names;
        let kinds = kinds.examples.as_slice();
        let columns = Columns::new(self.policies.as_deref().unwrap_or_default(), known);
        let first = self.admin.len();
        let width = first + columns.ports.len() + self.baseline.len();
        let words = width.div_ceil(64).max(1);
        let mut masks = vec![0u64; words * kinds.len()];
        let mut mark = |column: usize, holding: &[u32]| {
            for kind in holding {
                masks[*kind as usize * words + column / 64] |= 1 << (column % 64);
            }
        };
        for (at, region) in self.admin.iter().enumerate() {
            mark(at, known.tier(region));
        }
        for (region, column) in self.policies.iter().flatten().zip(&columns.of) {
            mark(first + column, known.policy(region));
        }
        for (at, region) in self.baseline.iter().enumerate() {
            mark(first + columns.ports.len() + at, known.tier(region));
        }
        let has_names = self.direction == Direction::Egress && self.has_names();
        let mut found: HashMap<(&[u64], u32), ProfileId, RandomState> = HashMap::default();
        columns.forget_what_every_port_covers(first, &mut masks, words);
        let cells = masks.chunks(words).zip(kinds.iter().zip(names));
        cells
            .map(|(mask, (peer, names))| {
                let key = (mask, if has_names { *names } else { 0 });
                *found.entry(key).or_insert_with(|| {
                    let of_destination = if self.direction == Direction::Egress { *names } else { own_names };
                    self.profile(mask, *peer, &columns, of_destination, known, profiles)
                })
            })
            .collect()
    }

    fn has_names(&self) -> bool {
        let tiers = self.admin.iter().chain(&self.baseline);
        tiers.map(|region| &region.ports).any(|ports| !ports.names().is_empty())
            || self.policies.iter().flatten().any(|region| !region.ports.names().is_empty())
    }

    /// The ports that are allowed with one peer, given which columns have it among theirs.
    fn profile(
        &self,
        mask: &[u64],
        peer: Party,
        columns: &Columns<'_>,
        names: u32,
        known: &mut Known<'_>,
        profiles: &mut Profiles,
    ) -> ProfileId {
        let holds = |column: usize| mask[column / 64] & (1 << (column % 64)) != 0;
        let first = self.admin.len();
        let admitted = self.policies.is_some().then(|| {
            let held = columns.ports.iter().enumerate().filter(|(at, _)| holds(first + at));
            let held: Vec<(u32, &Ports)> = held.map(|(_, class)| *class).collect();
            let (_, question) = self.question(peer, Protocol::Tcp);
            known.union(&held, names, question.destination, profiles)
        });
        let reading = self.set.reading;
        let may_admit_whole =
            reading.is_other(Unspecified::OwnNodeEgress) || reading.is_other(Unspecified::Icmp);
        if let Some(admitted) = admitted
            && self.admin.is_empty()
            && !may_admit_whole
        {
            return admitted;
        }
        let admitted = admitted.map(|id| profiles.get(id).clone());
        profiles.number(Profile::new(|protocol| {
            let (_, question) = self.question(peer, protocol);
            let mut allowed = PortSet::empty();
            let rest = tier(&self.admin, 0, &holds, &question, PortSet::all(), &mut allowed);
            let Some(admitted) = &admitted else {
                let after = first + columns.ports.len();
                let rest = tier(&self.baseline, after, &holds, &question, rest, &mut allowed);
                return allowed.union(&rest);
            };
            if self.subject.pod.is_some_and(|pod| self.set.admits_whole(pod, &question, self.direction)) {
                return allowed.union(&rest);
            }
            allowed.union(&admitted.ports(protocol).intersection(&rest))
        }))
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
