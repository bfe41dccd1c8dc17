//! Workloads as policies can tell them apart.

use std::collections::BTreeMap;

use fixedbitset::FixedBitSet;
use flowfence_graph::{Inventory, Workload};
use flowfence_model::{LabelSelector, Labels, NodeId};

use super::gather::Catalogue;
use super::scope::has_own_network;
use super::selector::Shelf;

/// One workload, or several that labels cannot tell apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Subject {
    /// Its namespace.
    pub namespace: String,
    /// Its workloads, sorted.
    pub members: Vec<NodeId>,
    /// What selects exactly its members among all pods and pod templates of the namespace.
    /// `None` when no label does: it is then never selected, least of all by `{}`.
    pub selector: Option<LabelSelector>,
}

/// The subjects of a cluster.
#[derive(Clone, Debug, Default)]
pub(super) struct Subjects {
    all: Vec<Subject>,
    of: BTreeMap<NodeId, usize>,
    catalogue: Catalogue,
}

impl Subjects {
    /// Finds the selectors of every workload that has a network of its own.
    pub(super) fn new(inventory: &Inventory) -> Self {
        let mut by_namespace: BTreeMap<&str, Vec<&Workload>> = BTreeMap::new();
        for workload in inventory.workloads().values().filter(|workload| has_own_network(workload, inventory))
        {
            by_namespace.entry(workload.id.namespace().unwrap_or_default()).or_default().push(workload);
        }
        let mut subjects = Subjects::default();
        for (namespace, workloads) in by_namespace {
            for subject in of_namespace(namespace, &workloads, inventory) {
                let index = subjects.all.len();
                subjects.of.extend(subject.members.iter().map(|id| (id.clone(), index)));
                subjects.all.push(subject);
            }
            let sets = workloads.iter().flat_map(|workload| {
                let subject = subjects.of.get(&workload.id).copied();
                label_sets(workload, inventory).filter_map(move |labels| Some((labels.clone(), subject?)))
            });
            let sets: Vec<(Labels, usize)> = sets.collect();
            subjects.catalogue.add(namespace, sets);
        }
        subjects
    }

    /// Who carries which labels.
    pub(super) fn catalogue(&self) -> &Catalogue {
        &self.catalogue
    }

    /// The subject of a workload, by index.
    pub(super) fn index_of(&self, workload: &NodeId) -> Option<usize> {
        self.of.get(workload).copied()
    }

    /// A subject by its index.
    pub(super) fn get(&self, index: usize) -> Option<&Subject> {
        self.all.get(index)
    }

    /// Subjects by namespace, then by their first member.
    pub(super) fn iter(&self) -> impl Iterator<Item = (usize, &Subject)> {
        self.all.iter().enumerate()
    }
}

/// Starts with a subject a workload. One without an exact selector joins all that its labels
/// select, and the search begins anew for what they have in common.
fn of_namespace(namespace: &str, workloads: &[&Workload], inventory: &Inventory) -> Vec<Subject> {
    let mut sets: Vec<&Labels> = Vec::new();
    let mut owner: Vec<usize> = Vec::new();
    for (index, workload) in workloads.iter().enumerate() {
        for labels in label_sets(workload, inventory) {
            sets.push(labels);
            owner.push(index);
        }
    }
    let shelf = Shelf::new(sets);
    let mut group: Vec<usize> = (0..workloads.len()).collect();
    let mut selectors: BTreeMap<usize, Option<LabelSelector>> = BTreeMap::new();
    let mut open: Vec<usize> = group.clone();
    while let Some(leader) = open.pop() {
        if group.get(leader) != Some(&leader) {
            continue;
        }
        let mut own = FixedBitSet::with_capacity(owner.len());
        own.extend((0..owner.len()).filter(|set| group.get(owner[*set]) == Some(&leader)));
        let exact = if own.is_clear() { None } else { shelf.exact(&own) };
        let reached = if exact.is_none() { shelf.reach(&own) } else { None };
        selectors.insert(leader, exact);
        let Some(reached) = reached else { continue };
        let joined: Vec<usize> = reached.ones().filter_map(|set| group.get(owner[set]).copied()).collect();
        let least = joined.iter().copied().chain([leader]).min().unwrap_or(leader);
        if joined.iter().any(|other| *other != leader) {
            for of in &mut group {
                if joined.contains(of) || *of == leader {
                    *of = least;
                }
            }
            open.push(least);
        }
    }
    let mut subjects: BTreeMap<usize, Subject> = BTreeMap::new();
    for (workload, leader) in workloads.iter().zip(&group) {
        let subject = subjects.entry(*leader).or_insert_with(|| Subject {
            namespace: namespace.to_owned(),
            members: Vec::new(),
            selector: selectors.get(leader).cloned().flatten(),
        });
        subject.members.push(workload.id.clone());
    }
    subjects.into_values().collect()
}

/// A template without labels beside pods with some is an object that was not read in full.
fn label_sets<'a>(workload: &'a Workload, inventory: &Inventory) -> impl Iterator<Item = &'a Labels> {
    let pods = workload.pods.iter().filter_map(|index| inventory.pods().get(*index));
    let bare_pod = pods.into_iter().any(|known| known.pod.meta.labels.is_empty());
    workload.label_sets.iter().filter(move |set| bare_pod || !set.is_empty())
}
