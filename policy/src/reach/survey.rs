//! Every pair of ends.

use std::collections::BTreeMap;

use flowfence_graph::Inventory;

use super::end::{self, End, EndName, Family};
use crate::semantics::fold::{KindId, Matrix, Profile, ProfileId};
use crate::semantics::{Party, PodIndex, PolicySet};

/// What one set of policies allows between all ends, or how two sets differ.
#[derive(Debug)]
pub struct Survey {
    ends: Vec<End>,
    matrix: Matrix,
}

/// What is allowed from one end to another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Row {
    /// Index into [`Survey::ends`].
    pub from: usize,
    /// Likewise.
    pub to: usize,
    /// The family that it is true of; `None` when it is true of each that both ends have.
    pub family: Option<Family>,
    /// What is allowed.
    pub allowed: ProfileId,
}

/// What two sets of policies allow differently.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Change {
    /// Index into [`Survey::ends`].
    pub from: usize,
    /// Likewise.
    pub to: usize,
    /// As in [`Row::family`].
    pub family: Option<Family>,
    /// What the first set allows.
    pub before: ProfileId,
    /// What the second allows.
    pub after: ProfileId,
}

/// Which ends are of interest, by index.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Selection {
    /// Those that a connection may come from.
    pub from: Vec<bool>,
    /// Those that it may go to.
    pub to: Vec<bool>,
    /// Those of which one end at least must be.
    pub either: Vec<bool>,
}

impl Selection {
    /// Every end.
    pub fn everything(ends: usize) -> Self {
        Selection { from: vec![true; ends], to: vec![true; ends], either: vec![true; ends] }
    }

    fn admits(&self, from: usize, to: usize) -> bool {
        self.from[from] && self.to[to] && (self.either[from] || self.either[to])
    }
}

impl Survey {
    /// Surveys one set, or two of one cluster whose pods begin with the inventory's, in its
    /// order.
    pub fn new(inventory: &Inventory, sets: &[&PolicySet]) -> Self {
        let Some(cluster) = sets.first().map(|set| set.cluster()) else {
            return Survey { ends: Vec::new(), matrix: Matrix::new(&[], &[]) };
        };
        let workloads = end::pods_by_workload(inventory, cluster);
        let mut parties = Parties::default();
        let of_pods: BTreeMap<PodIndex, [Option<usize>; 2]> =
            workloads.values().flatten().map(|pod| (*pod, parties.add(end::of_pod(cluster, *pod)))).collect();
        let others: Vec<_> = end::others(inventory, cluster, sets)
            .into_iter()
            .map(|(name, of)| End { name, pods: Vec::new(), parties: parties.add(of) })
            .collect();
        let matrix = Matrix::new(sets, &parties.list);
        let kinds = |pod: &PodIndex| of_pods[pod].map(|party| party.map(|party| matrix.kind(party)));
        let mut ends = Vec::new();
        for (workload, pods) in workloads {
            if pods.iter().all(|pod| kinds(pod) == kinds(&pods[0])) {
                let parties = of_pods[&pods[0]];
                ends.push(End { name: EndName::Workload(workload.clone()), pods, parties });
                continue;
            }
            ends.extend(pods.iter().map(|pod| {
                let meta = &cluster.pod(*pod).meta;
                let name = EndName::Pod { namespace: meta.namespace.clone(), name: meta.name.clone() };
                End { name, pods: vec![*pod], parties: of_pods[pod] }
            }));
        }
        ends.extend(others);
        Survey { ends, matrix }
    }

    /// The ends: workloads by id, then nodes, then ranges outside.
    pub fn ends(&self) -> &[End] {
        &self.ends
    }

    /// How many kinds the ends fold to.
    pub fn kinds(&self) -> usize {
        self.matrix.kinds()
    }

    /// A profile by its number.
    pub fn profile(&self, id: ProfileId) -> &Profile {
        self.matrix.profile(id)
    }

    /// Everything that the first set allows, by ends. Of two ends one is made of pods: policies
    /// say nothing between nodes and the world. A workload and itself are two of its pods.
    pub fn rows(&mut self, selection: &Selection) -> Vec<Row> {
        (0..self.ends.len()).flat_map(|from| self.rows_from(from, selection)).collect()
    }

    /// Likewise from one end alone: the rows of all ends of a large cluster are more than one keeps.
    pub fn rows_from(&mut self, from: usize, selection: &Selection) -> Vec<Row> {
        let mut rows = Vec::new();
        for to in 0..self.ends.len() {
            if !selection.admits(from, to) || !self.is_said(from, to) {
                continue;
            }
            let found = self.cells(from, to).map(|cell| cell.map(|(a, b)| self.matrix.allowed(0, a, b)));
            let allowed = found.map(|id| id.filter(|id| !self.profile(*id).is_empty()));
            rows.extend(
                merged(found.map(|id| id.is_some()), allowed)
                    .into_iter()
                    .flatten()
                    .map(|(family, allowed)| Row { from, to, family, allowed }),
            );
        }
        rows
    }

    /// Where the first set and the second differ, by ends. Only pairs of kinds that a change
    /// touches are visited.
    pub fn changes(&mut self, selection: &Selection) -> Vec<Change> {
        let mut by_kind: BTreeMap<KindId, Vec<(usize, Family)>> = BTreeMap::new();
        for (at, end) in self.ends.iter().enumerate() {
            for family in Family::BOTH {
                if let Some(party) = end.parties[family as usize] {
                    by_kind.entry(self.matrix.kind(party)).or_default().push((at, family));
                }
            }
        }
        let mut cells: BTreeMap<(usize, usize), [Option<Changed>; 2]> = BTreeMap::new();
        for (source, destination) in self.matrix.changed() {
            let before = self.matrix.allowed(0, source, destination);
            let after = self.matrix.allowed(1, source, destination);
            if before == after {
                continue;
            }
            let ends = |kind: KindId| by_kind.get(&kind).map_or(&[][..], Vec::as_slice);
            for (from, family) in ends(source) {
                for (to, _) in ends(destination).iter().filter(|(_, theirs)| theirs == family) {
                    if selection.admits(*from, *to) && self.is_said(*from, *to) {
                        cells.entry((*from, *to)).or_default()[*family as usize] = Some((before, after));
                    }
                }
            }
        }
        let mut changes = Vec::new();
        for ((from, to), found) in cells {
            let has = self.cells(from, to).map(|cell| cell.is_some());
            let all = merged(has, found).into_iter().flatten();
            changes.extend(all.map(|(family, (before, after))| Change { from, to, family, before, after }));
        }
        changes
    }

    fn is_said(&self, from: usize, to: usize) -> bool {
        let (source, destination) = (&self.ends[from], &self.ends[to]);
        let is_host = matches!(source.name, EndName::Domain(_));
        !is_host && (source.has_pods() || destination.has_pods()) && (from != to || source.pods.len() > 1)
    }

    /// The kinds of both ends, by family.
    fn cells(&self, from: usize, to: usize) -> [Option<(KindId, KindId)>; 2] {
        Family::BOTH.map(|family| {
            let party = |end: usize| self.ends[end].parties[family as usize];
            Some((self.matrix.kind(party(from)?), self.matrix.kind(party(to)?)))
        })
    }
}

/// One entry for both families when they agree, else one for each that has any. `has` tells the
/// families that both ends have.
fn merged<T: Copy + PartialEq>(has: [bool; 2], found: [Option<T>; 2]) -> [Option<(Option<Family>, T)>; 2] {
    match (has, found) {
        ([true, true], [Some(four), Some(six)]) if four == six => [Some((None, four)), None],
        ([true, true], [four, six]) => {
            [four.map(|four| (Some(Family::V4), four)), six.map(|six| (Some(Family::V6), six))]
        }
        (_, [four, six]) => [four.or(six).map(|only| (None, only)), None],
    }
}

/// What is allowed before and after.
type Changed = (ProfileId, ProfileId);

/// The parties to fold.
#[derive(Default)]
struct Parties {
    list: Vec<Party>,
}

impl Parties {
    fn add(&mut self, of: [Option<Party>; 2]) -> [Option<usize>; 2] {
        of.map(|party| {
            self.list.push(party?);
            Some(self.list.len() - 1)
        })
    }
}
