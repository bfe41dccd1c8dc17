//! What may enter a workload from where nobody stands yet.

use flowfence_graph::Inventory;
use flowfence_model::{ClusterPolicy, NetworkPolicy};

use super::end::{self, EndName};
use super::stranger::{Stranger, crowd};
use crate::semantics::fold::{Atoms, Matrix, Profile};
use crate::semantics::{Cluster, Party, Plugin, PolicySet};

/// What the policies of a workload let in, whatever those of the other end say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exposure {
    /// The workload.
    pub to: EndName,
    /// From any address outside: what all ranges together may.
    pub outside: Profile,
    /// From any pod of any namespace that policies do not know.
    pub anybody: Profile,
    /// From any pod of its own namespace that policies do not know.
    pub neighbours: Profile,
    /// What peers with labels may beyond those two: they need not be there yet.
    pub selected: Vec<Entry>,
}

/// A peer and what it may.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Who.
    pub from: Stranger,
    /// What is let in.
    pub allowed: Profile,
}

/// What may enter each workload, by its id; workloads whose pods differ, by their pods. Only the
/// policies of the workload are asked: nobody knows those of a pod that is not there.
pub fn exposure(
    inventory: &Inventory,
    cluster: &Cluster,
    policies: &[NetworkPolicy],
    tiers: &[ClusterPolicy],
    plugin: Option<Plugin>,
) -> Vec<Exposure> {
    let crowd = crowd(cluster, policies, tiers);
    let first = cluster.pods().len();
    let extended = cluster.extended(crowd.pods, crowd.namespaces);
    let set = PolicySet::compile_all(&extended, policies, tiers).with_plugin(plugin);
    let mut parties: Vec<Party> = Vec::new();
    let mut ends = Vec::new();
    for (workload, pods) in end::pods_by_workload(inventory, cluster) {
        for pod in pods {
            if let Some(party) = end::of_pod(&extended, pod).into_iter().flatten().next() {
                ends.push((workload, pod, parties.len()));
                parties.push(party);
            }
        }
    }
    let strangers: Vec<usize> = (0..crowd.strangers.len())
        .map(|at| {
            let pod = crate::semantics::PodIndex::at(first + at);
            parties.push(Party { pod: Some(pod), address: extended.pod(pod).ips[0] });
            parties.len() - 1
        })
        .collect();
    let atoms = Atoms::new(&[&set]);
    let addresses = atoms.iter().filter_map(|(block, inner)| Atoms::address_in(block, &inner));
    let outside = parties.len();
    parties.extend(addresses.map(|address| Party { pod: None, address }));
    let told = Told { matrix: Matrix::new(&[&set], &parties), strangers, outside, parties: &parties };
    let mut exposures: Vec<Exposure> = Vec::new();
    for of_workload in ends.chunk_by(|(one, ..), (other, ..)| one == other) {
        let meta = |at: usize| &extended.pod(of_workload[at].1).meta;
        let told = of_workload.iter().map(|(_, _, party)| {
            told.exposure(
                EndName::Workload(of_workload[0].0.clone()),
                *party,
                &meta(0).namespace,
                &crowd.strangers,
            )
        });
        let told: Vec<Exposure> = told.collect();
        if told.iter().all(|exposure| *exposure == told[0]) {
            exposures.extend(told.into_iter().next());
        } else {
            exposures.extend(told.into_iter().enumerate().map(|(at, exposure)| Exposure {
                to: EndName::Pod { namespace: meta(at).namespace.clone(), name: meta(at).name.clone() },
                ..exposure
            }));
        }
    }
    exposures
}

/// Everything that was judged.
struct Told<'a> {
    matrix: Matrix,
    /// The parties of the strangers.
    strangers: Vec<usize>,
    /// The first party that is an address outside; the rest are too.
    outside: usize,
    parties: &'a [Party],
}

impl Told<'_> {
    fn exposure(&self, to: EndName, party: usize, namespace: &str, strangers: &[Stranger]) -> Exposure {
        let from = |other: usize| {
            let id = self.matrix.let_in(0, self.matrix.kind(other), self.matrix.kind(party));
            self.matrix.profile(id)
        };
        let outside = (self.outside..self.parties.len()).map(from);
        let outside = outside.fold(Profile::default(), |all, more| all.union(more));
        let mut anybody = Profile::default();
        let mut neighbours = Profile::default();
        for (stranger, at) in strangers.iter().zip(&self.strangers) {
            match stranger {
                Stranger::Anybody => anybody = from(*at).clone(),
                Stranger::Neighbour(name) if name == namespace => neighbours = from(*at).clone(),
                Stranger::Neighbour(_) | Stranger::Selected { .. } => {}
            }
        }
        let mut selected = Vec::new();
        for (stranger, at) in strangers.iter().zip(&self.strangers) {
            if let Stranger::Selected { home, .. } = stranger {
                let is_home = home.as_deref() == Some(namespace);
                let known = if is_home { &neighbours } else { &anybody };
                let allowed = from(*at);
                if !allowed.difference(known).is_empty() {
                    selected.push(Entry { from: stranger.clone(), allowed: allowed.clone() });
                }
            }
        }
        Exposure { to, outside, anybody, neighbours, selected }
    }
}
