//! Whom one workload may reach, of all others: how far trouble in it spreads.
//!
//! Asked of many workloads of a large cluster, so no pair is asked where a set of pods answers: the pods that the rules
//! of one side admit are bitsets, and pairs that neither side decides alone (both name ports) are asked of the engine.
//! Pods that no policy tells apart share an answer.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::net::IpAddr;
use std::rc::Rc;

use fixedbitset::FixedBitSet;
use flowfence_graph::Inventory;
use flowfence_model::address::is_public;
use flowfence_model::policy::Direction;
use flowfence_model::{NodeId, PolicyPeer, PolicyRule, Protocol};
use ipnet::IpNet;

use super::reached::{Internet, Radius};
use crate::judge::Roster;
use crate::semantics::fold::Atoms;
use crate::semantics::{Party, PodIndex, PolicySet, RuleId};

/// One side of the rules of a direction: whom each admits. `None` is everybody.
type Admitted = Option<FixedBitSet>;

/// The answers over one set of policies.
pub struct Radii<'a> {
    set: &'a PolicySet,
    roster: &'a Roster,
    inventory: &'a Inventory,
    numbers: HashMap<&'a NodeId, usize>,
    /// By pod: the workload; pods of their node's network have none.
    workload_of: Vec<Option<usize>>,
    /// Pods with an address of each family.
    families: [FixedBitSet; 2],
    everybody: FixedBitSet,
    /// Pods that let in whoever comes.
    open: FixedBitSet,
    /// By policy: the pods that it selects.
    subjects: Vec<Vec<PodIndex>>,
    /// By policy and rule.
    egress: Vec<Vec<Admitted>>,
    /// The ingress rules, and by pod which of them admit it; those that admit everybody are in none of the rows.
    ingress: Vec<RuleId>,
    admitting: Vec<FixedBitSet>,
    open_rules: Vec<usize>,
    /// An address of each family that no rule names.
    anywhere: Vec<IpAddr>,
    known: HashMap<Key, Rc<Radius>>,
}

/// What tells two pods apart: policies of their own, rules that admit them, families; under tiers the pod.
type Key = (Vec<usize>, FixedBitSet, [bool; 2], Option<PodIndex>);

const FAMILIES: [fn(&IpAddr) -> bool; 2] = [IpAddr::is_ipv4, IpAddr::is_ipv6];

impl<'a> Radii<'a> {
    /// Over the policies of `set`, which was compiled over the roster's cluster.
    pub fn new(inventory: &'a Inventory, roster: &'a Roster, set: &'a PolicySet) -> Self {
        let pods = set.cluster().pods();
        let none = || FixedBitSet::with_capacity(pods.len());
        let mut workload_of = vec![None; pods.len()];
        let mut numbers = HashMap::new();
        let (mut everybody, mut open) = (none(), none());
        for (number, (id, members)) in roster.workloads().iter().enumerate() {
            numbers.insert(id, number);
            for pod in members {
                workload_of[slot(*pod)] = Some(number);
                everybody.insert(slot(*pod));
                open.set(slot(*pod), !set.isolates(*pod, Direction::Ingress));
            }
        }
        let families = FAMILIES.map(|is_of| {
            (0..pods.len()).filter(|pod| pods[*pod].ips.iter().any(is_of)).collect::<FixedBitSet>()
        });
        let mut radii = Radii {
            set,
            roster,
            inventory,
            numbers,
            workload_of,
            families,
            everybody,
            open,
            subjects: (0..set.policies().len()).map(|policy| set.selected(policy).collect()).collect(),
            egress: Vec::new(),
            ingress: Vec::new(),
            admitting: Vec::new(),
            open_rules: Vec::new(),
            anywhere: anywhere(set),
            known: HashMap::new(),
        };
        let addresses = radii.addresses();
        radii.egress = radii.admitted(Direction::Egress, &addresses);
        radii.turn(&addresses);
        radii
    }

    /// How many workloads there are.
    pub fn workloads(&self) -> usize {
        self.numbers.len()
    }

    /// The number of a workload that has a network of its own.
    pub fn number(&self, workload: &NodeId) -> Option<usize> {
        self.numbers.get(workload).copied()
    }

    /// What a workload may reach; `None` of one that has no pod with a network of its own.
    pub fn of(&mut self, workload: &NodeId) -> Option<Radius> {
        let own = self.number(workload)?;
        let roster = self.roster;
        let mut all = Radius::default();
        let mut seen: HashSet<*const Radius> = HashSet::new();
        for pod in roster.pods_of(workload) {
            let radius = self.of_pod(*pod);
            if seen.insert(Rc::as_ptr(&radius)) {
                all.widen(&radius);
            }
        }
        all.workloads.grow(self.workloads());
        all.workloads.set(own, false);
        Some(all)
    }

    fn of_pod(&mut self, pod: PodIndex) -> Rc<Radius> {
        let key = self.key(pod);
        if let Some(known) = self.known.get(&key) {
            return known.clone();
        }
        let reached = if key.3.is_some() { self.asked(pod) } else { self.folded(pod, &key.1) };
        let mut workloads = FixedBitSet::with_capacity(self.workloads());
        reached.ones().filter_map(|pod| self.workload_of[pod]).for_each(|number| workloads.insert(number));
        let radius = Radius {
            workloads,
            internet: self.internet(pod),
            api_server: self
                .inventory
                .api_server()
                .iter()
                .any(|(ip, port)| self.may_send(pod, *ip, Some(*port))),
        };
        let radius = Rc::new(radius);
        self.known.insert(key, radius.clone());
        radius
    }

    /// Notes for each pod which ingress rules admit it.
    fn turn(&mut self, addresses: &BTreeSet<(IpAddr, PodIndex)>) {
        let admitted = self.admitted(Direction::Ingress, addresses);
        let count = admitted.iter().map(Vec::len).sum();
        self.admitting = vec![FixedBitSet::with_capacity(count); self.everybody.len()];
        for (policy, rules) in admitted.into_iter().enumerate() {
            for (rule, pods) in rules.into_iter().enumerate() {
                let number = self.ingress.len();
                self.ingress.push(RuleId { policy, direction: Direction::Ingress, rule });
                match pods {
                    None => self.open_rules.push(number),
                    Some(pods) => pods.ones().for_each(|pod| self.admitting[pod].insert(number)),
                }
            }
        }
    }

    fn key(&self, pod: PodIndex) -> Key {
        let has_tiers = !self.set.cluster_policies().is_empty();
        let families = [0, 1].map(|family| self.families[family].contains(slot(pod)));
        let egress = self.set.isolated_by(pod, Direction::Egress).collect();
        (egress, self.admitting[slot(pod)].clone(), families, has_tiers.then_some(pod))
    }

    /// The pods that it may reach, by what the rules of both sides admit.
    fn folded(&self, pod: PodIndex, admitting: &FixedBitSet) -> FixedBitSet {
        let none = || FixedBitSet::with_capacity(self.everybody.len());
        // What one side admits on every port, and on some.
        let (mut out_all, mut out_some) = (none(), none());
        if !self.set.isolates(pod, Direction::Egress) {
            out_all.clone_from(&self.everybody);
        }
        for policy in self.set.isolated_by(pod, Direction::Egress) {
            for (rule, admitted) in self.rules(policy, Direction::Egress).iter().zip(&self.egress[policy]) {
                let side = if rule.ports.is_empty() { &mut out_all } else { &mut out_some };
                side.union_with(admitted.as_ref().unwrap_or(&self.everybody));
            }
        }
        let (mut in_all, mut in_some) = (self.open.clone(), none());
        for number in admitting.ones().chain(self.open_rules.iter().copied()) {
            let id = self.ingress[number];
            let rule = self.rules(id.policy, id.direction).get(id.rule);
            let side =
                if rule.is_some_and(|rule| rule.ports.is_empty()) { &mut in_all } else { &mut in_some };
            self.subjects[id.policy].iter().for_each(|subject| side.insert(slot(*subject)));
        }
        let common = self.common_family(pod);
        let mut certain = &out_all & &(&in_all | &in_some);
        certain.union_with(&(&in_all & &out_some));
        certain.intersect_with(&common);
        let mut open = &out_some & &in_some;
        open.intersect_with(&common);
        open.difference_with(&certain);
        self.add_asked(pod, open.ones(), certain)
    }

    /// The pods that it may reach, each asked for.
    fn asked(&self, pod: PodIndex) -> FixedBitSet {
        let none = FixedBitSet::with_capacity(self.everybody.len());
        self.add_asked(pod, self.everybody.ones(), none)
    }

    /// Adds the pods among `open` that the engine says it may reach, one of each workload being enough.
    fn add_asked(
        &self,
        pod: PodIndex,
        open: impl Iterator<Item = usize>,
        mut reached: FixedBitSet,
    ) -> FixedBitSet {
        let mut done: HashSet<usize> = reached.ones().filter_map(|pod| self.workload_of[pod]).collect();
        for other in open {
            let Some(workload) = self.workload_of[other] else { continue };
            if other != slot(pod) && !done.contains(&workload) && self.may_reach(pod, PodIndex::at(other)) {
                done.insert(workload);
                reached.insert(other);
            }
        }
        reached
    }

    fn common_family(&self, pod: PodIndex) -> FixedBitSet {
        let mut common = FixedBitSet::with_capacity(self.everybody.len());
        for pods in self.families.iter().filter(|pods| pods.contains(slot(pod))) {
            common.union_with(pods);
        }
        common
    }

    fn may_reach(&self, from: PodIndex, to: PodIndex) -> bool {
        let address = |pod: PodIndex, is_of: fn(&IpAddr) -> bool| {
            self.set.cluster().pod(pod).ips.iter().copied().find(is_of)
        };
        FAMILIES.into_iter().any(|is_of| {
            let party = |pod| address(pod, is_of).map(|address| Party { pod: Some(pod), address });
            let Some((from, to)) = party(from).zip(party(to)) else { return false };
            Protocol::WITH_PORTS.into_iter().any(|protocol| !self.set.ports(from, to, protocol).is_empty())
        })
    }

    /// Whether its own policies let it send to an address that is no pod: to a port, or to any.
    fn may_send(&self, pod: PodIndex, to: IpAddr, port: Option<u16>) -> bool {
        let own = self.set.cluster().pod(pod).ips.iter().find(|ip| ip.is_ipv4() == to.is_ipv4());
        let Some(own) = own else { return false };
        let (from, to) = (Party { pod: Some(pod), address: *own }, Party { pod: None, address: to });
        let ports = |protocol| self.set.ports_in(from, to, protocol, Direction::Egress);
        match port {
            Some(port) => ports(Protocol::Tcp).contains(port),
            None => Protocol::WITH_PORTS.into_iter().any(|protocol| !ports(protocol).is_empty()),
        }
    }

    fn internet(&self, pod: PodIndex) -> Internet {
        if self.anywhere.iter().any(|address| self.may_send(pod, *address, None)) {
            return Internet::Anywhere;
        }
        let named = self.set.isolated_by(pod, Direction::Egress);
        let named =
            named.flat_map(|policy| self.rules(policy, Direction::Egress)).flat_map(|rule| &rule.peers);
        let mut outside = named.filter_map(|peer| match peer {
            PolicyPeer::Block { cidr, .. } => Some([cidr.network(), cidr.broadcast()]),
            PolicyPeer::Pods(_) => None,
        });
        let is_reached =
            |ip: &IpAddr| is_public(*ip) && !self.inventory.is_inside(*ip) && self.may_send(pod, *ip, None);
        if outside.any(|ends| ends.iter().any(is_reached)) { Internet::Some } else { Internet::None }
    }

    fn rules(&self, policy: usize, direction: Direction) -> &'a [PolicyRule] {
        self.set.policies().get(policy).and_then(|policy| policy.rules(direction)).unwrap_or_default()
    }

    fn addresses(&self) -> BTreeSet<(IpAddr, PodIndex)> {
        let pods = self.everybody.ones().map(PodIndex::at);
        pods.flat_map(|pod| self.set.cluster().pod(pod).ips.iter().map(move |ip| (*ip, pod))).collect()
    }

    fn admitted(&self, direction: Direction, addresses: &BTreeSet<(IpAddr, PodIndex)>) -> Vec<Vec<Admitted>> {
        let of_rule = |policy: usize, rule: usize, written: &PolicyRule| {
            if written.peers.is_empty() {
                return None;
            }
            let mut pods = FixedBitSet::with_capacity(self.everybody.len());
            self.set.peers(RuleId { policy, direction, rule }).for_each(|pod| pods.insert(slot(pod)));
            for peer in &written.peers {
                if let PolicyPeer::Block { cidr, except } = peer {
                    let inside = addresses
                        .range((cidr.network(), PodIndex(0))..=(cidr.broadcast(), PodIndex(u32::MAX)));
                    let is_held = |ip: &IpAddr| !except.iter().any(|part: &IpNet| part.contains(ip));
                    inside.filter(|(ip, _)| is_held(ip)).for_each(|(_, pod)| pods.insert(slot(*pod)));
                }
            }
            Some(pods)
        };
        let policies = 0..self.set.policies().len();
        policies
            .map(|policy| {
                let rules = self.rules(policy, direction).iter().enumerate();
                rules.map(|(rule, written)| of_rule(policy, rule, written)).collect()
            })
            .collect()
    }
}

fn slot(pod: PodIndex) -> usize {
    pod.0 as usize
}

/// An address of each family in no block that a policy names.
fn anywhere(set: &PolicySet) -> Vec<IpAddr> {
    let whole = |block: &IpNet| block.prefix_len() == 0;
    let atoms = Atoms::new(&[set]);
    atoms
        .iter()
        .filter(|(block, _)| whole(block))
        .filter_map(|(block, inner)| Atoms::address_in(block, &inner))
        .collect()
}

#[cfg(test)]
mod tests;
