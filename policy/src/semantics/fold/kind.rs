//! Parties that no policy of the sets can tell apart.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use fixedbitset::FixedBitSet;
use flowfence_model::Protocol;
use flowfence_model::policy::Direction;
use flowfence_model::tier::{DomainName, Tier};
use ipnet::IpNet;

use super::atom::Atoms;
use crate::semantics::peer::{Peer, Peers};
use crate::semantics::port::Destination;
use crate::semantics::reading::Reading;
use crate::semantics::set::PolicySet;
use crate::semantics::tier::Scope;
use crate::semantics::unspecified::Unspecified;
use crate::semantics::{Party, PodIndex};

/// The kind of each party, and a party of each kind.
pub(super) struct Kinds {
    /// By party, in the order given.
    pub(super) of: Vec<u32>,
    /// By kind.
    pub(super) examples: Vec<Party>,
    /// By kind: a number for what the port names of the rules mean on it. Equal meanings have
    /// equal numbers.
    pub(super) names: Vec<u32>,
}

/// What all parties of a kind have in common: the bitsets that hold them, whether they are pods
/// with labels, the atom, the nodes and domain names of rules that hold them, and what port
/// names mean on them.
type Signature = (Vec<u32>, bool, IpNet, [Vec<u32>; 2], u32);

/// Folds parties. Two are of one kind when the same policies select them, the same selectors
/// match them, the same blocks and nodes hold their addresses, and the port names that any rule
/// uses mean the same numbers on them.
pub(super) fn fold(sets: &[&PolicySet], atoms: &Atoms, parties: &[Party]) -> Kinds {
    let traits = Traits::new(sets);
    let mut numbers: HashMap<Signature, u32> = HashMap::new();
    let mut meanings: HashMap<Vec<u16>, u32> = HashMap::new();
    let mut kinds = Kinds { of: Vec::with_capacity(parties.len()), examples: Vec::new(), names: Vec::new() };
    for party in parties {
        let pod = party.pod.filter(|pod| traits.is_labelled(*pod));
        let selected = pod.map_or_else(Vec::new, |pod| traits.of_pod[pod.slot()].clone());
        let next = number(meanings.len());
        let names = *meanings.entry(traits.numbers(pod)).or_insert(next);
        // A pod that nothing selects is no address either: a plugin may match only these by blocks.
        let held = [traits.nodes(party, pod), traits.domains(party, pod)];
        let signature = (selected, pod.is_some(), atoms.around(party.address), held, names);
        let next = number(kinds.examples.len());
        let kind = *numbers.entry(signature).or_insert(next);
        if kind == next {
            kinds.examples.push(*party);
            kinds.names.push(names);
        }
        kinds.of.push(kind);
    }
    kinds
}

fn number(count: usize) -> u32 {
    u32::try_from(count).expect("fewer than 2^32 kinds")
}

/// What tells pods apart.
struct Traits<'a> {
    sets: &'a [&'a PolicySet],
    /// By pod: the bitsets, of selectors and of subjects, that hold it; ascending.
    of_pod: Vec<Vec<u32>>,
    nodes: Vec<&'a FixedBitSet>,
    domains: BTreeSet<&'a DomainName>,
    names: BTreeSet<(Protocol, &'a str)>,
}

impl<'a> Traits<'a> {
    fn new(sets: &'a [&'a PolicySet]) -> Self {
        let pods = sets.first().map_or(0, |set| set.cluster.pods().len());
        let mut traits = Traits {
            sets,
            of_pod: vec![Vec::new(); pods],
            nodes: Vec::new(),
            domains: BTreeSet::new(),
            names: BTreeSet::new(),
        };
        let mut seen: BTreeSet<usize> = BTreeSet::new();
        let mut next = 0;
        let mut add = |of_pod: &mut Vec<Vec<u32>>, set: &FixedBitSet| {
            set.ones().for_each(|slot| of_pod[slot].push(next));
            next += 1;
        };
        for set in sets {
            for program in &set.programs {
                add(&mut traits.of_pod, &program.subjects);
            }
            for program in &set.tiers.programs {
                add(&mut traits.of_pod, &program.subjects);
            }
            let mut shared: Vec<&Arc<FixedBitSet>> = Vec::new();
            for direction in Direction::BOTH {
                for region in set.programs.iter().flat_map(|program| program.regions(direction)) {
                    traits.names.extend(region.ports.names().iter().map(|(p, name)| (*p, name.as_str())));
                    if let Peers::Some { pods, entries } = &region.peers {
                        let is_any = entries.iter().any(|entry| matches!(entry, Peer::Pods(_)));
                        shared.extend(is_any.then_some(pods));
                    }
                }
                for region in set.tiers.programs.iter().flat_map(|program| program.regions(direction)) {
                    traits.names.extend(region.ports.names().iter().map(|(p, name)| (*p, name.as_str())));
                    if let Scope::Peers(peers) = &region.scope {
                        shared.push(&peers.pods);
                        traits.nodes.extend((!peers.nodes.is_clear()).then_some(&peers.nodes));
                        traits.domains.extend(&peers.domains);
                    }
                }
            }
            for bits in shared {
                if seen.insert(Arc::as_ptr(bits) as usize) {
                    add(&mut traits.of_pod, bits);
                }
            }
        }
        traits
    }

    fn reading(&self) -> Reading {
        self.sets.first().map_or_else(Reading::default, |set| set.reading)
    }

    fn is_labelled(&self, pod: PodIndex) -> bool {
        let is_host = self.sets.first().is_some_and(|set| set.cluster.pod(pod).host_network);
        !is_host
            || self.reading().is_other(Unspecified::HostNetworkPeer)
            || self.reading().is_other(Unspecified::HostNetworkSubject)
    }

    /// The `nodes` peers that hold a party.
    fn nodes(&self, party: &Party, pod: Option<PodIndex>) -> Vec<u32> {
        let Some(set) = self.sets.first().filter(|_| !self.nodes.is_empty()) else { return Vec::new() };
        let node = if self.reading().is_other(Unspecified::NodePeer) {
            pod.and_then(|pod| set.cluster.node_under(pod))
        } else {
            set.cluster.node_at(party.address)
        };
        let Some(node) = node else { return Vec::new() };
        let holding = (0u32..).zip(&self.nodes).filter(|(_, nodes)| nodes.contains(node));
        holding.map(|(at, _)| at).collect()
    }

    /// The domain names of rules that mean a party that is no pod.
    fn domains(&self, party: &Party, pod: Option<PodIndex>) -> Vec<u32> {
        let set = self.sets.first().filter(|_| pod.is_none() && !self.domains.is_empty());
        let known = set.map_or(&[][..], |set| set.cluster.names_of(party.address));
        let is_meant = |domain: &DomainName| known.iter().any(|name| domain.matches(name));
        (0u32..).zip(&self.domains).filter(|(_, domain)| is_meant(domain)).map(|(at, _)| at).collect()
    }

    /// What the names that rules use mean on a pod, names parted by 0.
    fn numbers(&self, pod: Option<PodIndex>) -> Vec<u16> {
        let Some((set, pod)) = self.sets.first().zip(pod) else { return Vec::new() };
        let with_sidecars = !self.reading().is_other(Unspecified::SidecarNamedPort);
        let destination = Destination { pod: Some(set.cluster.pod(pod)), with_sidecars };
        let mut numbers = Vec::new();
        for (protocol, name) in &self.names {
            numbers.extend(destination.resolve(name, *protocol));
            numbers.push(0);
        }
        numbers
    }
}

/// The lists of policies that speak of a pod in a direction; the same lists, the same rules.
pub(super) type Speakers<'a> = (&'a [u32], &'a [u32], &'a [u32], bool);

/// Who speaks of a pod: Admin tier, NetworkPolicies, Baseline tier, and whether Baseline is
/// skipped for it.
pub(super) fn speakers(set: &PolicySet, pod: PodIndex, direction: Direction) -> Speakers<'_> {
    (
        set.tiers.selecting(Tier::Admin, pod),
        set.isolating_as(pod, direction, set.reading),
        set.tiers.selecting(Tier::Baseline, pod),
        set.is_spared(pod, direction, set.reading),
    )
}
