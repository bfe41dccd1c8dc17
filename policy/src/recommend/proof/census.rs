//! Pods folded to classes that no policy of a set can tell apart, and what they may reach.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::IpAddr;

use flowfence_model::object::ContainerPort;
use flowfence_model::policy::Direction;
use flowfence_model::{Labels, NodeId, PolicyPeer, PortSet, Protocol};

use super::Universe;
use super::tiered::Tiered;
use crate::judge::Roster;
use crate::semantics::{Party, PodIndex, PolicySet, RuleId};

/// Pods of one workload with the same policies, rules that admit them, ports and families.
#[derive(Clone, Debug)]
pub(in crate::recommend) struct Class {
    /// One of them.
    pub pod: PodIndex,
    /// Another one, when there is one: a pod to itself is no question.
    pub other: Option<PodIndex>,
}

/// A workload and its classes.
#[derive(Clone, Debug)]
pub(in crate::recommend) struct Group<'a> {
    pub id: &'a NodeId,
    pub classes: Vec<Class>,
    /// Whether some pod is certainly open, by direction: egress, ingress.
    open: [bool; 2],
}

/// All workloads as one set of policies sees them.
#[derive(Debug)]
pub(in crate::recommend) struct Census<'a> {
    pub set: &'a PolicySet,
    pub groups: Vec<Group<'a>>,
    by_id: BTreeMap<&'a NodeId, usize>,
    group_of: HashMap<PodIndex, usize>,
    /// The pods that each rule admits as peers, by labels or block.
    peers: BTreeMap<RuleId, Vec<PodIndex>>,
    tiered: Option<Tiered>,
}

/// Policies that isolate, rules that admit, ports (those of sidecars once more, for plugins
/// differ in them), families; under tiers, which read labels, addresses and nodes anew, these too.
type ClassKey<'p> = (
    [Vec<usize>; 2],
    Vec<RuleId>,
    [Vec<ContainerPort>; 2],
    Vec<bool>,
    Option<(&'p Labels, &'p [IpAddr], &'p str)>,
);

impl<'a> Census<'a> {
    pub(in crate::recommend) fn new(set: &'a PolicySet, roster: &'a Roster) -> Self {
        let peers = admitted_pods(set);
        let mut admitting: HashMap<PodIndex, Vec<RuleId>> = HashMap::new();
        for (rule, pods) in &peers {
            for pod in pods {
                admitting.entry(*pod).or_default().push(*rule);
            }
        }
        let mut census = Census {
            set,
            groups: Vec::new(),
            by_id: BTreeMap::new(),
            group_of: HashMap::new(),
            peers,
            tiered: Tiered::new(set, roster),
        };
        for (id, pods) in roster.workloads() {
            let index = census.groups.len();
            let mut classes: BTreeMap<ClassKey<'_>, usize> = BTreeMap::new();
            let mut group = Group { id, classes: Vec::new(), open: [false; 2] };
            for pod in pods {
                census.group_of.insert(*pod, index);
                let object = set.cluster().pod(*pod);
                let isolated = Direction::BOTH.map(|d| set.isolated_by(*pod, d).collect::<Vec<_>>());
                for (open, isolated) in group.open.iter_mut().zip(&isolated) {
                    *open |= isolated.is_empty() && census.tiered.is_none();
                }
                let mut ports = [object.ports.clone(), object.sidecar_ports.clone()];
                for ports in &mut ports {
                    ports.sort();
                }
                let families = object.ips.iter().map(IpAddr::is_ipv4).collect();
                let seen_by_tiers =
                    census.tiered.as_ref().map(|_| (&object.meta.labels, &*object.ips, &*object.node));
                let rules = admitting.get(pod).cloned().unwrap_or_default();
                let key = (isolated, rules, ports, families, seen_by_tiers);
                let next = group.classes.len();
                let class = *classes.entry(key).or_insert(next);
                match group.classes.get_mut(class) {
                    Some(known) => known.other = known.other.or(Some(*pod)),
                    None => group.classes.push(Class { pod: *pod, other: None }),
                }
            }
            census.by_id.insert(id, index);
            census.groups.push(group);
        }
        census
    }

    /// The classes of a workload.
    pub(in crate::recommend) fn classes(&self, id: &NodeId) -> &[Class] {
        self.by_id.get(id).and_then(|i| self.groups.get(*i)).map_or(&[], |group| &group.classes)
    }

    /// Pairs of pods that stand for all pairs of pods of two workloads, never a pod and itself.
    pub(super) fn pairs(&self, from: usize, to: usize) -> Vec<(PodIndex, PodIndex)> {
        let classes = |index: usize| self.groups.get(index).map_or(&[][..], |group| &group.classes);
        pairs(classes(from), classes(to))
    }

    /// The ports that some pod of `from` may reach on some pod of `to`.
    pub(super) fn admitted(&self, from: usize, to: usize, protocol: Protocol) -> PortSet {
        if let (Some(tiered), true) = (&self.tiered, from != to) {
            return tiered.admitted(from, to, protocol);
        }
        let mut all = PortSet::empty();
        for (source, destination) in self.pairs(from, to) {
            for (source, destination) in families(self.set, source, destination) {
                all = all.union(&self.set.ports(source, destination, protocol));
            }
        }
        all
    }

    /// Pairs of workloads, one of which `counts`, between which a rule may admit something.
    pub(super) fn ruled_pairs(&self, counts: impl Fn(usize) -> bool) -> BTreeSet<(usize, usize)> {
        let mut pairs = BTreeSet::new();
        if self.tiered.is_some() {
            let all = || 0..self.groups.len();
            let every = all().flat_map(|from| all().map(move |to| (from, to)));
            return every.filter(|(from, to)| counts(*from) || counts(*to)).collect();
        }
        for (rule, pods) in &self.peers {
            let subjects = self.groups_of(self.set.selected(rule.policy));
            let peers = self.groups_of(pods.iter().copied());
            for subject in subjects.iter().filter(|subject| counts(**subject)) {
                for peer in &peers {
                    pairs.insert(match rule.direction {
                        Direction::Egress => (*subject, *peer),
                        Direction::Ingress => (*peer, *subject),
                    });
                }
            }
        }
        pairs
    }

    /// Workload pairs × ports of the asked one that get through. Between two open ends all do;
    /// elsewhere only pairs that a rule names can.
    pub(super) fn reachable(&self, ports: &Universe) -> u64 {
        let universe = |group: &Group<'_>| ports.get(group.id).map_or(0, |own| own.len() as u64);
        let senders = self.groups.iter().filter(|group| group.open[0]).count() as u64;
        let takers = self.groups.iter().filter(|group| group.open[1]);
        let between_open: u64 =
            takers.map(|group| universe(group) * (senders - u64::from(group.open[0]))).sum();
        let is_open = |from: usize, to: usize| {
            self.groups.get(from).is_some_and(|g| g.open[0]) && self.groups.get(to).is_some_and(|g| g.open[1])
        };
        let pairs = self.ruled_pairs(|_| true);
        let ruled = pairs.into_iter().filter(|(from, to)| from != to && !is_open(*from, *to));
        between_open
            + ruled
                .map(|(from, to)| {
                    let Some(own) = self.groups.get(to).and_then(|g| ports.get(g.id)) else { return 0 };
                    let admitted = Protocol::WITH_PORTS.map(|p| (p, self.admitted(from, to, p)));
                    own.iter()
                        .filter(|(protocol, port)| {
                            admitted.iter().any(|(p, set)| p == protocol && set.contains(*port))
                        })
                        .count() as u64
                })
                .sum::<u64>()
    }

    fn groups_of(&self, pods: impl Iterator<Item = PodIndex>) -> BTreeSet<usize> {
        pods.filter_map(|pod| self.group_of.get(&pod).copied()).collect()
    }
}

/// Pairs of the classes of two workloads.
pub(super) fn pairs(from: &[Class], to: &[Class]) -> Vec<(PodIndex, PodIndex)> {
    let all = from.iter().flat_map(|source| to.iter().map(move |destination| (source, destination)));
    all.filter_map(|(source, destination)| {
        if source.pod == destination.pod {
            source.other.map(|other| (source.pod, other))
        } else {
            Some((source.pod, destination.pod))
        }
    })
    .collect()
}

/// The two pods by each family that both have.
pub(super) fn families(set: &PolicySet, from: PodIndex, to: PodIndex) -> Vec<(Party, Party)> {
    let address =
        |pod: PodIndex, v4: bool| set.cluster().pod(pod).ips.iter().find(|ip| ip.is_ipv4() == v4).copied();
    [true, false]
        .into_iter()
        .filter_map(|v4| {
            let party = |pod: PodIndex| address(pod, v4).map(|ip| Party { pod: Some(pod), address: ip });
            Some((party(from)?, party(to)?))
        })
        .collect()
}

fn admitted_pods(set: &PolicySet) -> BTreeMap<RuleId, Vec<PodIndex>> {
    let mut by_address: Vec<(IpAddr, PodIndex)> = set
        .cluster()
        .indices()
        .filter(|pod| !set.cluster().pod(*pod).host_network)
        .flat_map(|pod| set.cluster().pod(pod).ips.iter().map(move |ip| (*ip, pod)))
        .collect();
    by_address.sort_unstable();
    let mut admitted = BTreeMap::new();
    for (policy, object) in set.policies().iter().enumerate() {
        for direction in Direction::BOTH {
            for (rule, written) in object.rules(direction).unwrap_or_default().iter().enumerate() {
                let id = RuleId { policy, direction, rule };
                let mut pods: Vec<PodIndex> = set.peers(id).collect();
                for peer in &written.peers {
                    let PolicyPeer::Block { cidr, except } = peer else { continue };
                    let start = by_address.partition_point(|(ip, _)| *ip < cidr.network());
                    let inside = by_address[start..].iter().take_while(|(ip, _)| cidr.contains(ip));
                    pods.extend(
                        inside.filter(|(ip, _)| !except.iter().any(|e| e.contains(ip))).map(|(_, pod)| *pod),
                    );
                }
                pods.sort_unstable();
                pods.dedup();
                admitted.insert(id, pods);
            }
        }
    }
    admitted
}
