//! Whom one workload may reach, of all others: how far trouble in it spreads.
//!
//! Asked of many workloads of a large cluster, so no pair is asked where a set of pods answers: the pods that the rules
//! of one side admit are bitsets, and pairs that neither side decides alone (both name ports; a port by its name; a block
//! that holds some addresses of a pod) are asked of the engine. Pods that no policy tells apart share an answer.

mod admitted;
mod entered;
mod side;

use std::collections::{BTreeSet, HashMap, HashSet};
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

use fixedbitset::FixedBitSet;
use flowfence_graph::Inventory;
use flowfence_model::address::is_public;
use flowfence_model::policy::Direction;
use flowfence_model::{NodeId, PolicyPeer, PolicyRule, Protocol};
use foldhash::fast::RandomState;
use ipnet::IpNet;

use super::reached::{Internet, Radius};
use crate::judge::Roster;
use crate::semantics::fold::Atoms;
use crate::semantics::{Party, PodIndex, PolicySet, RuleId};
use admitted::Admitted;
use side::{Side, Tiered};

/// The answers over one set of policies.
pub struct Radii<'a> {
    set: &'a PolicySet,
    roster: &'a Roster,
    inventory: &'a Inventory,
    numbers: HashMap<&'a NodeId, usize, RandomState>,
    /// By pod: the workload; pods of their node's network have none.
    workload_of: Vec<Option<usize>>,
    /// Pods with an address of each family.
    families: [FixedBitSet; 2],
    everybody: FixedBitSet,
    /// Pods whose ingress NetworkPolicies decide.
    isolated: FixedBitSet,
    /// By policy: the pods that it selects.
    subjects: Vec<Vec<PodIndex>>,
    /// By policy and rule.
    egress: Vec<Vec<Admitted>>,
    /// The ingress rules, and by pod which of them admit it: two bits a rule, as [`Admitted`] has them; those that admit
    /// everybody are in none of the rows.
    ingress: Vec<RuleId>,
    admitting: Vec<FixedBitSet>,
    open_rules: Vec<usize>,
    tiered: Tiered,
    /// An address of each family that no rule names.
    anywhere: Vec<IpAddr>,
    known: Mutex<HashMap<Key, Arc<Radius>>>,
}

/// What tells two pods apart: policies of their own, rules that admit them, families, and what tiers take them for.
type Key = (Vec<usize>, FixedBitSet, [bool; 2], FixedBitSet);

const FAMILIES: [fn(&IpAddr) -> bool; 2] = [IpAddr::is_ipv4, IpAddr::is_ipv6];

impl<'a> Radii<'a> {
    /// Over the policies of `set`, which was compiled over the roster's cluster.
    pub fn new(inventory: &'a Inventory, roster: &'a Roster, set: &'a PolicySet) -> Self {
        let pods = set.cluster().pods();
        let none = || FixedBitSet::with_capacity(pods.len());
        let mut workload_of = vec![None; pods.len()];
        let mut numbers = HashMap::default();
        let (mut everybody, mut isolated) = (none(), none());
        for (number, (id, members)) in roster.workloads().iter().enumerate() {
            numbers.insert(id, number);
            for pod in members {
                workload_of[slot(*pod)] = Some(number);
                everybody.insert(slot(*pod));
                isolated.set(slot(*pod), set.isolates(*pod, Direction::Ingress));
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
            isolated,
            subjects: (0..set.policies().len()).map(|policy| set.selected(policy).collect()).collect(),
            egress: Vec::new(),
            ingress: Vec::new(),
            admitting: Vec::new(),
            open_rules: Vec::new(),
            tiered: Tiered::new(set),
            anywhere: anywhere(set),
            known: Mutex::default(),
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
    pub fn of(&self, workload: &NodeId) -> Option<Radius> {
        let own = self.number(workload)?;
        let roster = self.roster;
        let mut all = Radius::default();
        // Held until the end, for two that are there at once are never at one place.
        let mut seen: HashMap<*const Radius, Arc<Radius>> = HashMap::new();
        for pod in roster.pods_of(workload) {
            let radius = self.of_pod(*pod);
            seen.entry(Arc::as_ptr(&radius)).or_insert_with(|| {
                all.widen(&radius);
                radius
            });
        }
        all.workloads.grow(self.workloads());
        all.workloads.set(own, false);
        Some(all)
    }

    fn of_pod(&self, pod: PodIndex) -> Arc<Radius> {
        let key = self.key(pod);
        let known = || self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = known().get(&key) {
            return known.clone();
        }
        let (reached, is_shared) = self.folded(pod, &key.1);
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
        let radius = Arc::new(radius);
        if is_shared {
            known().insert(key, radius.clone());
        }
        radius
    }

    /// Notes for each pod which ingress rules admit it.
    fn turn(&mut self, addresses: &BTreeSet<(IpAddr, PodIndex)>) {
        let admitted = self.admitted(Direction::Ingress, addresses);
        let count: usize = admitted.iter().map(Vec::len).sum();
        self.admitting = vec![FixedBitSet::with_capacity(2 * count); self.everybody.len()];
        for (policy, rules) in admitted.into_iter().enumerate() {
            for (rule, pods) in rules.into_iter().enumerate() {
                let number = self.ingress.len();
                self.ingress.push(RuleId { policy, direction: Direction::Ingress, rule });
                match pods {
                    None => self.open_rules.push(number),
                    Some(pods) => {
                        for (part, pods) in pods.iter().enumerate() {
                            pods.ones().for_each(|pod| self.admitting[pod].insert(2 * number + part));
                        }
                    }
                }
            }
        }
    }

    fn key(&self, pod: PodIndex) -> Key {
        let families = [0, 1].map(|family| self.families[family].contains(slot(pod)));
        let egress = self.set.isolated_by(pod, Direction::Egress).collect();
        (egress, self.admitting[slot(pod)].clone(), families, self.tiered.kind_of(slot(pod)))
    }

    /// The pods that it may reach, by what the rules of both sides admit, and whether others like it may reach the same:
    /// where the pod itself would have to be asked of, they may reach it or not.
    fn folded(&self, pod: PodIndex, admitting: &FixedBitSet) -> (FixedBitSet, bool) {
        let (out, back) = (self.out_of(pod), self.entering(pod, admitting));
        let common = self.common_family(pod);
        let mut certain = out.shared(&back);
        certain.intersect_with(&common);
        let mut open = out.open(&back);
        open.intersect_with(&common);
        open.difference_with(&certain);
        let is_shared = !open.contains(slot(pod));
        (self.add_asked(pod, open.ones(), certain), is_shared)
    }

    /// Whom the policies of a pod let it send to.
    fn out_of(&self, pod: PodIndex) -> Side {
        let mut inner = Side::nobody(self.everybody.len());
        for policy in self.set.isolated_by(pod, Direction::Egress) {
            for (rule, admitted) in self.rules(policy, Direction::Egress).iter().zip(&self.egress[policy]) {
                let Some([sure, part]) = admitted else {
                    inner.of_rule(rule).union_with(&self.everybody);
                    continue;
                };
                inner.of_rule(rule).union_with(sure);
                inner.unsure.union_with(part);
            }
        }
        let nobody = FixedBitSet::with_capacity(self.everybody.len());
        let is_isolated = self.set.isolates(pod, Direction::Egress);
        let isolated = if is_isolated { &self.everybody } else { &nobody };
        self.tiered.around(Direction::Egress, slot(pod), &self.everybody, isolated, &inner)
    }

    /// Who lets a pod in that these ingress rules admit.
    fn entering(&self, pod: PodIndex, admitting: &FixedBitSet) -> Side {
        let mut inner = Side::nobody(self.everybody.len());
        let open = self.open_rules.iter().map(|number| 2 * number);
        for bit in admitting.ones().chain(open) {
            let id = self.ingress[bit / 2];
            let rule = self.rules(id.policy, id.direction).get(id.rule);
            let side = match rule {
                Some(rule) if bit % 2 == 0 => inner.of_rule(rule),
                _ => &mut inner.unsure,
            };
            self.subjects[id.policy].iter().for_each(|subject| side.insert(slot(*subject)));
        }
        self.tiered.around(Direction::Ingress, slot(pod), &self.everybody, &self.isolated, &inner)
    }

    /// The pods that it may reach, each asked for.
    #[cfg(test)]
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
