//! Every pair of kinds.

use std::collections::HashMap;

use flowfence_model::policy::Direction;
use foldhash::fast::RandomState;

use super::atom::Atoms;
use super::kind::{self, Kinds};
use super::known::Known;
use super::profile::{Profile, ProfileId, Profiles};
use super::stance::{self, Stance};
use crate::semantics::{Party, PolicySet};

/// A kind of party in a [`Matrix`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KindId(pub u32);

/// What one or two sets of policies allow between kinds of parties.
///
/// Holds four bytes per stance and kind, and each distinct profile once.
#[derive(Clone, Debug)]
pub struct Matrix {
    /// By party. Of kinds that turned out alike the first stands for all.
    of: Vec<u32>,
    /// The kinds that parties have, ascending.
    used: Vec<KindId>,
    views: Vec<View>,
    profiles: Profiles,
}

/// One set of policies.
#[derive(Clone, Debug)]
struct View {
    egress: Side,
    ingress: Side,
}

/// One direction of it.
#[derive(Clone, Debug)]
struct Side {
    /// The stance of each kind.
    stances: Vec<u32>,
    /// By stance: what is allowed with each kind as the other end.
    rows: Vec<Vec<ProfileId>>,
}

impl Matrix {
    /// Folds the parties and judges every pair of their kinds under each set. The sets are
    /// compiled over one cluster, and its pods are the parties' pods.
    pub fn new(sets: &[&PolicySet], parties: &[Party]) -> Self {
        let atoms = Atoms::new(sets);
        let kinds = kind::fold(sets, &atoms, parties);
        let mut profiles = Profiles::default();
        let views: Vec<View> = sets
            .iter()
            .map(|set| View {
                egress: side(set, &kinds, Direction::Egress, &mut profiles),
                ingress: side(set, &kinds, Direction::Ingress, &mut profiles),
            })
            .collect();
        let alike = alike(&views, kinds.examples.len());
        let Kinds { mut of, .. } = kinds;
        for kind in &mut of {
            *kind = alike[*kind as usize];
        }
        let mut used = of.clone();
        used.sort_unstable();
        used.dedup();
        Matrix { of, used: used.into_iter().map(KindId).collect(), views, profiles }
    }

    /// The kind of a party, by its place in the list that was given.
    pub fn kind(&self, party: usize) -> KindId {
        KindId(self.of[party])
    }

    /// How many kinds there are.
    pub fn kinds(&self) -> usize {
        self.used.len()
    }

    /// What is allowed from one kind to another under a set, by its place.
    pub fn allowed(&mut self, set: usize, from: KindId, to: KindId) -> ProfileId {
        let view = &self.views[set];
        let (out, into) = (view.egress.cell(from, to), view.ingress.cell(to, from));
        self.profiles.common(out, into)
    }

    /// What the policies of the destination alone let in.
    pub fn let_in(&self, set: usize, from: KindId, to: KindId) -> ProfileId {
        self.views[set].ingress.cell(to, from)
    }

    /// A profile by its number.
    pub fn profile(&self, id: ProfileId) -> &Profile {
        self.profiles.get(id)
    }

    /// The pairs of kinds on which the first two sets may differ: those of which either direction
    /// changed. Stances are compared, each pair of them once, so that what no change touched
    /// costs nothing.
    pub fn changed(&self) -> Vec<(KindId, KindId)> {
        let [before, after, ..] = self.views.as_slice() else { return Vec::new() };
        let mut pairs = Vec::new();
        for (from, peers) in changed(&before.egress, &after.egress) {
            pairs.extend(peers.into_iter().map(|to| (from, to)));
        }
        for (to, peers) in changed(&before.ingress, &after.ingress) {
            pairs.extend(peers.into_iter().map(|from| (from, to)));
        }
        let is_used = |kind: &KindId| self.used.binary_search(kind).is_ok();
        pairs.retain(|(from, to)| is_used(from) && is_used(to));
        pairs.sort_unstable();
        pairs.dedup();
        pairs
    }
}

/// For each kind the first one that is treated and seen in the same way: policies tell the two
/// apart, and it makes no difference. Pods of one workload on two nodes lie in different blocks,
/// say.
fn alike(views: &[View], kinds: usize) -> Vec<u32> {
    let sides = || views.iter().flat_map(|view| [&view.egress, &view.ingress]);
    let mut signatures: Vec<Vec<u32>> = vec![Vec::new(); kinds];
    for side in sides() {
        let mut numbers: HashMap<&[ProfileId], u32, RandomState> = HashMap::default();
        let rows: Vec<u32> =
            (0..).zip(&side.rows).map(|(at, row)| *numbers.entry(row).or_insert(at)).collect();
        for (signature, stance) in signatures.iter_mut().zip(&side.stances) {
            signature.push(rows[*stance as usize]);
        }
        let distinct = (0u32..).zip(&side.rows).filter(|(at, _)| rows[*at as usize] == *at);
        for (_, row) in distinct {
            signatures.iter_mut().zip(row).for_each(|(signature, profile)| signature.push(profile.number()));
        }
    }
    let mut first: HashMap<Vec<u32>, u32, RandomState> = HashMap::default();
    (0u32..).zip(signatures).map(|(kind, signature)| *first.entry(signature).or_insert(kind)).collect()
}

impl Side {
    fn cell(&self, subject: KindId, peer: KindId) -> ProfileId {
        self.rows[self.stances[subject.0 as usize] as usize][peer.0 as usize]
    }
}

/// The kinds whose rows differ, with the places at which they do.
fn changed(before: &Side, after: &Side) -> Vec<(KindId, Vec<KindId>)> {
    let mut known: HashMap<(u32, u32), Vec<KindId>> = HashMap::new();
    let mut changed = Vec::new();
    for (kind, (old, new)) in (0u32..).zip(before.stances.iter().zip(&after.stances)) {
        let peers = known.entry((*old, *new)).or_insert_with(|| {
            let rows = before.rows[*old as usize].iter().zip(&after.rows[*new as usize]);
            (0u32..).zip(rows).filter(|(_, (old, new))| old != new).map(|(peer, _)| KindId(peer)).collect()
        });
        if !peers.is_empty() {
            changed.push((KindId(kind), peers.clone()));
        }
    }
    changed
}

fn side(set: &PolicySet, kinds: &Kinds, direction: Direction, profiles: &mut Profiles) -> Side {
    let count = kinds.examples.len();
    let mut numbers: HashMap<_, u32, RandomState> = HashMap::default();
    // The first stance is that of whom no policy speaks: everything is allowed.
    let mut side = Side { stances: Vec::with_capacity(count), rows: vec![vec![Profiles::EVERYTHING; count]] };
    let mut known = Known::new(set, &kinds.examples, direction);
    for (party, names) in kinds.examples.iter().zip(&kinds.names) {
        let Some(key) = stance::key(set, *party, *names, direction) else {
            side.stances.push(0);
            continue;
        };
        let next = u32::try_from(side.rows.len()).expect("fewer than 2^32 stances");
        let number = *numbers.entry(key).or_insert(next);
        if number == next {
            let stance = Stance::new(set, *party, key.0, direction);
            side.rows.push(stance.row(kinds, *names, &mut known, profiles));
        }
        side.stances.push(number);
    }
    side
}
