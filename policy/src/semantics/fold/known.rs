//! What was found out of one direction, so that no stance asks it again.

use std::collections::HashMap;

use flowfence_model::policy::Direction;
use flowfence_model::{PortSet, Protocol};
use foldhash::fast::RandomState;

use super::profile::{Profile, ProfileId, Profiles};
use crate::semantics::port::{Destination, Ports};
use crate::semantics::region::{Question, Region};
use crate::semantics::set::PolicySet;
use crate::semantics::tier::TierRegion;
use crate::semantics::{Connection, Party};

/// Answers that many stances share. Rules are told apart by their address in the set.
pub(super) struct Known<'a> {
    /// By kind: it as the other end. Whether a rule holds a peer depends neither on the subject
    /// nor on the port.
    peers: Vec<Question<'a>>,
    /// The kinds among the peers of each rule.
    matches: HashMap<usize, Vec<u32>, RandomState>,
    /// A number for the ports of each rule; rules of equal ports have equal numbers.
    classes: HashMap<usize, u32, RandomState>,
    numbers: HashMap<Ports, u32, RandomState>,
    /// What several ports together admit, by their numbers and by what port names mean on the
    /// destination.
    unions: HashMap<(Vec<u32>, u32), ProfileId, RandomState>,
}

impl<'a> Known<'a> {
    /// Nothing yet, of these kinds.
    pub(super) fn new(set: &'a PolicySet, kinds: &[Party], direction: Direction) -> Self {
        let ask = |peer: &Party| {
            let asked = Connection { from: *peer, to: *peer, protocol: Protocol::Tcp, port: 0 };
            set.question(&asked, direction).1
        };
        let (matches, classes, numbers, unions) = Default::default();
        Known { peers: kinds.iter().map(ask).collect(), matches, classes, numbers, unions }
    }

    /// The kinds among the peers of a rule of a NetworkPolicy.
    pub(super) fn policy(&mut self, region: &Region) -> &[u32] {
        self.find(std::ptr::from_ref(region) as usize, |peer| region.has_peer(peer))
    }

    /// The kinds among the peers of a rule of a tier.
    pub(super) fn tier(&mut self, region: &TierRegion) -> &[u32] {
        self.find(std::ptr::from_ref(region) as usize, |peer| region.has_peer(peer))
    }

    fn find(&mut self, region: usize, holds: impl Fn(&Question<'_>) -> bool) -> &[u32] {
        let peers = &self.peers;
        self.matches.entry(region).or_insert_with(|| {
            (0u32..).zip(peers).filter(|(_, peer)| holds(peer)).map(|(kind, _)| kind).collect()
        })
    }

    fn class(&mut self, region: &Region) -> u32 {
        let numbers = &mut self.numbers;
        *self.classes.entry(std::ptr::from_ref(region) as usize).or_insert_with(|| {
            let next = u32::try_from(numbers.len()).expect("fewer than 2^32 rules");
            *numbers.entry(region.ports.clone()).or_insert(next)
        })
    }

    /// What any of these ports admits on a destination on which port names mean `names`.
    pub(super) fn union(
        &mut self,
        ports: &[(u32, &Ports)],
        names: u32,
        destination: Destination<'_>,
        profiles: &mut Profiles,
    ) -> ProfileId {
        let has_names = ports.iter().any(|(_, ports)| !ports.names().is_empty());
        let key = (ports.iter().map(|(class, _)| *class).collect(), if has_names { names } else { 0 });
        *self.unions.entry(key).or_insert_with(|| {
            profiles.number(Profile::new(|protocol| {
                let mut ranges = Vec::new();
                for (_, ports) in ports {
                    ports.extend(protocol, destination, &mut ranges);
                }
                ranges.into_iter().collect::<PortSet>()
            }))
        })
    }
}

/// The rules of NetworkPolicies of one stance by their ports: which of them admits a peer on the
/// same ports makes no difference.
pub(super) struct Columns<'a> {
    /// By rule.
    pub(super) of: Vec<usize>,
    /// By column: the number of the ports, ascending, and the ports.
    pub(super) ports: Vec<(u32, &'a Ports)>,
    /// The column of rules without `ports`.
    every: Option<usize>,
}

impl<'a> Columns<'a> {
    /// The columns of some rules.
    pub(super) fn new(rules: &[&'a Region], known: &mut Known<'_>) -> Self {
        let classes: Vec<u32> = rules.iter().map(|region| known.class(region)).collect();
        let mut ports: Vec<(u32, &Ports)> =
            classes.iter().zip(rules).map(|(class, region)| (*class, &region.ports)).collect();
        ports.sort_unstable_by_key(|(class, _)| *class);
        ports.dedup_by_key(|(class, _)| *class);
        let place = |class: &u32| ports.partition_point(|(known, _)| known < class);
        Columns {
            of: classes.iter().map(place).collect(),
            every: ports.iter().position(|(_, ports)| matches!(ports, Ports::Every)),
            ports,
        }
    }

    /// Clears the other columns of whoever is admitted on every port: they add nothing, and fewer
    /// masks differ. The columns begin at `first`.
    pub(super) fn forget_what_every_port_covers(&self, first: usize, masks: &mut [u64], words: usize) {
        let Some(every) = self.every.map(|every| first + every) else { return };
        let mut others = vec![0u64; words];
        for column in (first..first + self.ports.len()).filter(|column| *column != every) {
            others[column / 64] |= 1 << (column % 64);
        }
        for mask in masks.chunks_mut(words) {
            if mask[every / 64] & (1 << (every % 64)) != 0 {
                mask.iter_mut().zip(&others).for_each(|(word, others)| *word &= !others);
            }
        }
    }
}
