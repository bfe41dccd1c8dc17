//! Several peers as few entries of `from` or `to`, each of which selects exactly some of them.
//!
//! Labels that say who a workload is come first, several values of one as an `In` expression:
//! what a group has in common today (a tier, a team) the next workload may share tomorrow, and
//! would then be let in unseen. Nothing is selected that is not wanted, in any namespace named.

use std::collections::{BTreeMap, BTreeSet};

use fixedbitset::FixedBitSet;
use flowfence_model::label::{NAMESPACE_NAME, is_volatile};
use flowfence_model::{LabelSelector, Labels, PeerSelector, PolicyPeer, Requirement};

use super::cover::cover;
use super::selector::{FLEETING, PREFERRED, Shelf, rank};
use super::subject::Subjects;

/// Namespace and value of one label key.
type Cell = (String, String);

/// Who carries which labels.
#[derive(Clone, Debug, Default)]
pub(super) struct Catalogue {
    /// The label sets of each namespace, and whose they are.
    sets: BTreeMap<String, Vec<(Labels, usize)>>,
    /// By key: the subjects of which some pod carries the value.
    holders: BTreeMap<String, BTreeMap<Cell, BTreeSet<usize>>>,
    /// By subject: the keys that all of its pods carry, with their values.
    carried: BTreeMap<usize, BTreeMap<String, BTreeSet<Cell>>>,
}

impl Catalogue {
    /// Adds the label sets of all subjects of a namespace.
    pub(super) fn add(&mut self, namespace: &str, sets: Vec<(Labels, usize)>) {
        for (labels, subject) in &sets {
            let lasting =
                labels.iter().filter(|(key, _)| !is_volatile(key) && !FLEETING.contains(&key.as_str()));
            for (key, value) in lasting {
                let cell = (namespace.to_owned(), value.clone());
                self.holders.entry(key.clone()).or_default().entry(cell).or_default().insert(*subject);
            }
        }
        let mut by_subject: BTreeMap<usize, Vec<&Labels>> = BTreeMap::new();
        for (labels, subject) in &sets {
            by_subject.entry(*subject).or_default().push(labels);
        }
        for (subject, own) in by_subject {
            let keys = own[0].keys().filter(|key| {
                self.holders.contains_key(*key) && own.iter().all(|labels| labels.contains_key(*key))
            });
            let cells = |key: &String| own.iter().map(|l| (namespace.to_owned(), l[key].clone())).collect();
            let carried = keys.map(|key| (key.clone(), cells(key))).collect();
            self.carried.insert(subject, carried);
        }
        self.sets.insert(namespace.to_owned(), sets);
    }

    /// Whether nobody but those wanted carries the value of the key there.
    fn is_clean(&self, key: &str, cell: &Cell, wanted: &BTreeSet<usize>) -> bool {
        let holders = self.holders.get(key).and_then(|cells| cells.get(cell));
        holders.is_some_and(|holders| holders.is_subset(wanted))
    }

    /// Entries over one key for as many of `left` as it can name, two or more in each.
    fn by_key(&self, key: &str, left: &BTreeSet<usize>, wanted: &BTreeSet<usize>) -> Gathered {
        let cells_of = |subject: &usize| self.carried.get(subject).and_then(|carried| carried.get(key));
        let cells: BTreeSet<&Cell> = left.iter().filter_map(cells_of).flatten().collect();
        let clean: BTreeSet<&Cell> =
            cells.into_iter().filter(|cell| self.is_clean(key, cell, wanted)).collect();
        let named = left.iter().filter(|subject| {
            cells_of(subject).is_some_and(|cells| cells.iter().all(|cell| clean.contains(cell)))
        });
        let named: BTreeSet<usize> = named.copied().collect();
        let relation: BTreeSet<Cell> = named.iter().filter_map(cells_of).flatten().cloned().collect();
        let mut gathered = Gathered::default();
        if named.len() < 2 {
            return gathered;
        }
        let mut reached: BTreeSet<Cell> = BTreeSet::new();
        for block in cover(&relation) {
            let cells: BTreeSet<Cell> = block
                .rows
                .iter()
                .flat_map(|namespace| block.columns.iter().map(|value| (namespace.clone(), value.clone())))
                .collect();
            let inside = named.iter().filter(|s| cells_of(s).is_some_and(|own| !own.is_disjoint(&cells)));
            if inside.count() > 1 {
                reached.extend(cells);
                gathered.groups.push(Group { namespaces: block.rows, selector: one_of(key, block.columns) });
            }
        }
        let is_reached = |s: &&usize| cells_of(s).is_some_and(|own| own.is_subset(&reached));
        gathered.named = named.iter().filter(is_reached).copied().collect();
        gathered.tells_apart = reached.len() >= gathered.named.len();
        gathered
    }

    /// The key whose entries save most; among equals one that tells the named apart, so that it
    /// nobody to come is named, then the one that a person would choose.
    fn best(&self, left: &BTreeSet<usize>, wanted: &BTreeSet<usize>, identity: bool) -> Option<Gathered> {
        let keys: BTreeSet<&String> =
            left.iter().filter_map(|subject| self.carried.get(subject)).flat_map(BTreeMap::keys).collect();
        let mut keys: Vec<&String> =
            keys.into_iter().filter(|key| PREFERRED.contains(&key.as_str()) == identity).collect();
        keys.sort_by_key(|key| rank(key));
        let gathered = keys.into_iter().rev().map(|key| self.by_key(key, left, wanted));
        gathered.max_by_key(|one| (one.saved(), one.tells_apart)).filter(|best| best.saved() > 0)
    }

    /// One entry for all of some subjects of a namespace, where one label alone does not do.
    fn together(&self, namespace: &str, own: &BTreeSet<usize>) -> Option<LabelSelector> {
        let sets = self.sets.get(namespace)?;
        let mut chosen = FixedBitSet::with_capacity(sets.len());
        let mine = sets.iter().enumerate().filter(|(_, (_, subject))| own.contains(subject));
        chosen.extend(mine.map(|(at, _)| at));
        Shelf::new(sets.iter().map(|(labels, _)| labels).collect()).together(&chosen)
    }
}

/// What one key names.
#[derive(Clone, Debug, Default)]
struct Gathered {
    groups: Vec<Group>,
    named: BTreeSet<usize>,
    /// Whether each has a value of its own.
    tells_apart: bool,
}

impl Gathered {
    /// How many entries fewer.
    fn saved(&self) -> usize {
        self.named.len().saturating_sub(self.groups.len())
    }
}

/// Pods of some namespaces by one selector.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Group {
    namespaces: BTreeSet<String>,
    selector: LabelSelector,
}

/// The entries for the pods of `wanted`, as a policy in `home` writes them. Subjects without a
/// selector are left out.
pub(super) fn gather(wanted: &BTreeSet<usize>, home: &str, subjects: &Subjects) -> BTreeSet<PolicyPeer> {
    let catalogue = subjects.catalogue();
    let has_selector = |subject: &&usize| subjects.get(**subject).is_some_and(|s| s.selector.is_some());
    let mut left: BTreeSet<usize> = wanted.iter().filter(has_selector).copied().collect();
    let mut groups: BTreeSet<Group> = BTreeSet::new();
    for identity in [true, false] {
        while let Some(best) = catalogue.best(&left, wanted, identity) {
            left.retain(|subject| !best.named.contains(subject));
            groups.extend(best.groups);
        }
    }
    let mut by_namespace: BTreeMap<&str, BTreeSet<usize>> = BTreeMap::new();
    for subject in &left {
        let namespace = subjects.get(*subject).map_or("", |s| s.namespace.as_str());
        by_namespace.entry(namespace).or_default().insert(*subject);
    }
    let mut single: BTreeMap<&LabelSelector, BTreeSet<String>> = BTreeMap::new();
    for (namespace, own) in by_namespace {
        let together = if own.len() > 1 { catalogue.together(namespace, &own) } else { None };
        if let Some(selector) = together {
            groups.insert(Group { namespaces: [namespace.to_owned()].into(), selector });
            continue;
        }
        for selector in own.iter().filter_map(|subject| subjects.get(*subject)?.selector.as_ref()) {
            single.entry(selector).or_default().insert(namespace.to_owned());
        }
    }
    let single = single.into_iter();
    groups.extend(single.map(|(selector, namespaces)| Group { namespaces, selector: selector.clone() }));
    groups.into_iter().map(|group| entry(group, home)).collect()
}

fn entry(group: Group, home: &str) -> PolicyPeer {
    let is_home = group.namespaces.len() == 1 && group.namespaces.contains(home);
    let namespaces = (!is_home).then(|| one_of(NAMESPACE_NAME, group.namespaces));
    PolicyPeer::Pods(PeerSelector { namespaces, pods: Some(group.selector) })
}

/// The selector of one value, or of any of several.
fn one_of(key: &str, values: BTreeSet<String>) -> LabelSelector {
    if values.len() == 1 {
        return LabelSelector::labels(values.into_iter().map(|value| (key, value)));
    }
    let any = Requirement::In(key.to_owned(), values);
    LabelSelector { match_expressions: vec![any], ..LabelSelector::default() }
}
