//! The proof of an isolation, from what was written and read back.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use flowfence_graph::{Inventory, PodName};
use flowfence_model::object::Pod;
use flowfence_model::{ClusterPolicy, Direction, Labels, NetworkPolicy, Protocol};

use super::plan::Allowed;
use super::suspect::name_of;
use crate::judge::cluster_of;
use crate::semantics::fold::Atoms;
use crate::semantics::{Cluster, Party, PodIndex, PolicySet, RuleId};

/// What the cluster is to become, as the printed text says it.
#[derive(Clone, Debug, Default)]
pub struct After {
    /// Policies that are new.
    pub added: Vec<NetworkPolicy>,
    /// Cluster-wide policies that are new.
    pub overruling: Vec<ClusterPolicy>,
    /// Policies in place of those of the same name.
    pub amended: Vec<NetworkPolicy>,
    /// All labels of pods whose labels change.
    pub labels: BTreeMap<PodName, Labels>,
}

/// What was found of an isolation.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Isolation {
    /// Pods that are cut off in both directions.
    pub isolated: usize,
    /// Other pods, for each of which the same policies say the same as before.
    pub untouched: usize,
    /// What is still let through, and who else is touched; empty when the proof holds.
    pub failures: Vec<String>,
}

impl Isolation {
    /// Whether exactly the suspects are isolated.
    pub fn holds(&self) -> bool {
        self.failures.is_empty() && self.isolated > 0
    }
}

/// Failures that are told at most; one is enough.
const TOLD: usize = 20;

/// Compares the cluster as it is with what it is to become: no suspect may send to or hear anybody but `allowed`, and
/// of every other pod the same policies say the same.
pub fn prove(
    inventory: &Inventory,
    today: &[NetworkPolicy],
    after: &After,
    suspects: &BTreeSet<PodName>,
    allowed: &[Allowed],
) -> Isolation {
    let pods: Vec<Pod> = inventory.pods().iter().map(|known| known.pod.clone()).collect();
    let mut changed = pods.clone();
    for pod in &mut changed {
        if let Some(labels) = after.labels.get(&name_of(pod)) {
            pod.meta.labels.clone_from(labels);
        }
    }
    let replaced: BTreeMap<String, &NetworkPolicy> =
        after.amended.iter().map(|policy| (policy.key(), policy)).collect();
    let mut then: Vec<NetworkPolicy> = today
        .iter()
        .map(|policy| replaced.get(&policy.key()).map_or(policy, |amended| amended).clone())
        .collect();
    then.extend(after.added.iter().cloned());
    let tiers = inventory.cluster_policies();
    let tiers_then: Vec<ClusterPolicy> = tiers.iter().chain(&after.overruling).cloned().collect();
    let comparison = Comparison {
        before: &PolicySet::compile_all(&cluster_of(inventory, pods), today, tiers),
        after: &PolicySet::compile_all(&cluster_of(inventory, changed), &then, &tiers_then),
        suspects,
        inventory,
        allowed,
    };
    let mut isolation = Isolation::default();
    comparison.isolated(&mut isolation);
    comparison.untouched(&mut isolation);
    isolation.failures.truncate(TOLD);
    isolation
}

/// What tells pods apart: policies that isolate them, labels and node.
type Alike<'a> = (Vec<Vec<usize>>, &'a Labels, &'a str);

struct Comparison<'a> {
    before: &'a PolicySet,
    after: &'a PolicySet,
    suspects: &'a BTreeSet<PodName>,
    inventory: &'a Inventory,
    allowed: &'a [Allowed],
}

impl Comparison<'_> {
    fn cluster(&self) -> &Cluster {
        self.after.cluster()
    }

    fn is_suspect(&self, pod: PodIndex) -> bool {
        self.suspects.contains(&name_of(self.cluster().pod(pod)))
    }

    /// Asks for every suspect about every other end, in the direction that its own policies decide.
    fn isolated(&self, isolation: &mut Isolation) {
        let outside = self.outside();
        let running = |pod: &PodIndex| {
            let pod = self.cluster().pod(*pod);
            !pod.is_finished && !pod.ips.is_empty()
        };
        let all: Vec<PodIndex> = self.cluster().indices().filter(running).collect();
        // Of pods with the same policies, labels and node one speaks for all.
        let mut known: BTreeMap<Alike<'_>, Option<String>> = BTreeMap::new();
        for pod in all.iter().copied().filter(|pod| self.is_suspect(*pod)) {
            let object = self.cluster().pod(pod);
            let lists =
                Direction::BOTH.map(|direction| self.after.isolated_by(pod, direction).collect()).to_vec();
            let key = (lists, &object.meta.labels, object.node.as_str());
            let leak = known.entry(key).or_insert_with(|| self.leak(pod, &all, &outside));
            match leak {
                None => isolation.isolated += 1,
                Some(leak) => isolation.failures.push(format!(
                    "pod {}/{} is not cut off: {leak}",
                    object.meta.namespace, object.meta.name
                )),
            }
        }
    }

    /// Something that a pod may still send or hear.
    fn leak(&self, pod: PodIndex, all: &[PodIndex], outside: &[IpAddr]) -> Option<String> {
        let own_node = self.cluster().pod(pod).node.clone();
        let is_own = |ip: &IpAddr| self.inventory.node_of(*ip) == Some(own_node.as_str());
        let pods = all.iter().filter(|other| **other != pod).flat_map(|other| {
            let object = self.cluster().pod(*other);
            object.ips.iter().map(move |ip| (Some(*other).filter(|_| !object.host_network), *ip))
        });
        let others = pods.chain(outside.iter().map(|ip| (None, *ip))).filter(|(_, ip)| !is_own(ip));
        for (other, ip) in others {
            let own = self.cluster().pod(pod).ips.iter().find(|own| own.is_ipv4() == ip.is_ipv4());
            let Some(own) = own else { continue };
            let (suspect, other) =
                (Party { pod: Some(pod), address: *own }, Party { pod: other, address: ip });
            for protocol in Protocol::WITH_PORTS {
                if self.may_pass(suspect, other, protocol, Direction::Egress) {
                    return Some(format!("it may send {protocol} to {ip}"));
                }
                if !self.is_allowed(other.pod) && self.may_pass(other, suspect, protocol, Direction::Ingress)
                {
                    return Some(format!("{ip} may send {protocol} to it"));
                }
            }
        }
        None
    }

    /// Whether something is let through, in whatever order policies of equal priority are asked.
    fn may_pass(&self, from: Party, to: Party, protocol: Protocol, direction: Direction) -> bool {
        !self.after.ports_in(from, to, protocol, direction).is_empty()
            || !self.after.ports_accepted_in_some_order(from, to, protocol, direction).is_empty()
    }

    fn is_allowed(&self, pod: Option<PodIndex>) -> bool {
        let Some(pod) = pod.map(|pod| self.cluster().pod(pod)) else { return false };
        self.allowed.iter().any(|allowed| {
            allowed.namespace == pod.meta.namespace
                && allowed.pods.as_ref().is_none_or(|pods| pods.matches(&pod.meta.labels))
        })
    }

    /// Addresses that are no pod: an address of each range that policies tell apart, the API server, nodes.
    fn outside(&self) -> Vec<IpAddr> {
        let atoms = Atoms::new(&[self.after]);
        let ranges = atoms.iter().filter_map(|(block, inner)| Atoms::address_in(block, &inner));
        let api_server = self.inventory.api_server().iter().map(|(ip, _)| *ip);
        let nodes = self.inventory.nodes().values().flat_map(|node| node.internal_ips.iter().copied());
        let all: BTreeSet<IpAddr> = ranges.chain(api_server).chain(nodes).collect();
        all.into_iter().filter(|ip| self.cluster().holder(*ip).is_none()).collect()
    }

    /// What policies say of a pair of others follows from which of them select each, and whom their rules admit: both
    /// must be as before but for the suspects.
    fn untouched(&self, isolation: &mut Isolation) {
        let mut touched: BTreeSet<PodIndex> = BTreeSet::new();
        for (at, policy) in self.after.policies().iter().enumerate() {
            let others = |set: &PolicySet, at: usize| -> BTreeSet<PodIndex> {
                set.selected(at).filter(|pod| !self.is_suspect(*pod)).collect()
            };
            let Some(before) = self.before.policies().get(at) else {
                for pod in others(self.after, at) {
                    touched.insert(pod);
                    isolation.failures.push(format!("{} selects {}", policy.key(), self.spelled(pod)));
                }
                continue;
            };
            let differing: Vec<PodIndex> =
                others(self.before, at).symmetric_difference(&others(self.after, at)).copied().collect();
            for pod in differing {
                touched.insert(pod);
                isolation.failures.push(format!("{} selects {} otherwise", policy.key(), self.spelled(pod)));
            }
            if (&before.ingress, &before.egress) != (&policy.ingress, &policy.egress) {
                isolation.failures.push(format!("the rules of {} are others", policy.key()));
            }
            self.same_peers(at, policy, isolation, &mut touched);
        }
        self.same_tiers(isolation, &mut touched);
        let others = self.cluster().indices().filter(|pod| !self.is_suspect(*pod) && !touched.contains(pod));
        isolation.untouched = others.count();
    }

    fn same_peers(
        &self,
        policy: usize,
        written: &NetworkPolicy,
        isolation: &mut Isolation,
        touched: &mut BTreeSet<PodIndex>,
    ) {
        for direction in Direction::BOTH {
            for rule in 0..written.rules(direction).map_or(0, <[_]>::len) {
                let id = RuleId { policy, direction, rule };
                let peers = |set: &PolicySet| -> BTreeSet<PodIndex> {
                    set.peers(id).filter(|pod| !self.is_suspect(*pod)).collect()
                };
                for pod in peers(self.before).symmetric_difference(&peers(self.after)) {
                    touched.insert(*pod);
                    let name = self.spelled(*pod);
                    isolation
                        .failures
                        .push(format!("{direction}[{rule}] of {} admits {name} otherwise", written.key()));
                }
            }
        }
    }

    /// Cluster-wide policies speak of the same others as before, and new ones of none.
    fn same_tiers(&self, isolation: &mut Isolation, touched: &mut BTreeSet<PodIndex>) {
        let others = |set: &PolicySet, at: usize| -> BTreeSet<PodIndex> {
            set.tier_selected(at).filter(|pod| !self.is_suspect(*pod)).collect()
        };
        for (at, policy) in self.after.cluster_policies().iter().enumerate() {
            let (before, after) = (others(self.before, at), others(self.after, at));
            for pod in before.symmetric_difference(&after) {
                touched.insert(*pod);
                isolation.failures.push(format!("{} selects {}", policy.key(), self.spelled(*pod)));
            }
        }
    }

    fn spelled(&self, pod: PodIndex) -> String {
        let meta = &self.cluster().pod(pod).meta;
        format!("pod {}/{}", meta.namespace, meta.name)
    }
}
