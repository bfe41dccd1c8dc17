//! Compiled policies and the questions they answer.

use fixedbitset::FixedBitSet;
use flowfence_model::policy::Direction;
use flowfence_model::{ClusterPolicy, NetworkPolicy, PortSet, Protocol};

use super::cluster::{Cluster, PodIndex};
use super::compile::{Compiler, Index};
use super::connection::{Connection, Party};
use super::decision::{Decision, Entries, RuleId, Verdict};
use super::peer::Peers;
use super::plugin::Plugin;
use super::port;
use super::reading::Reading;
use super::region::{Question, Region};
use super::tier::Tiers;

/// Policies compiled over the pods of one cluster. The order of NetworkPolicies changes no
/// verdict: they only ever add. That of cluster-wide policies is by tier and priority.
///
/// Holds one bitset (an eighth of a byte a pod) per policy and per distinct peer selector, four
/// bytes per pod, direction and policy that selects it, and four per label of a pod.
#[derive(Clone, Debug)]
pub struct PolicySet {
    pub(super) cluster: Cluster,
    pub(super) index: Index,
    pub(super) policies: Vec<NetworkPolicy>,
    pub(super) programs: Vec<Program>,
    /// The policies that select each pod for egress, host-network pods included.
    pub(super) egress: Vec<Vec<u32>>,
    /// Likewise for ingress.
    pub(super) ingress: Vec<Vec<u32>>,
    pub(super) tiers: Tiers,
    pub(super) reading: Reading,
    pub(super) plugin: Option<Plugin>,
}

/// One NetworkPolicy.
#[derive(Clone, Debug)]
pub(super) struct Program {
    pub(super) subjects: FixedBitSet,
    pub(super) egress: Vec<Region>,
    pub(super) ingress: Vec<Region>,
}

impl Program {
    pub(super) fn regions(&self, direction: Direction) -> &[Region] {
        match direction {
            Direction::Egress => &self.egress,
            Direction::Ingress => &self.ingress,
        }
    }
}

impl PolicySet {
    /// Compiles NetworkPolicies over the pods of a cluster.
    ///
    /// # Panics
    /// Over 2³² policies, which no memory holds.
    pub fn compile(cluster: &Cluster, policies: &[NetworkPolicy]) -> Self {
        Self::compile_all(cluster, policies, &[])
    }

    /// Compiles NetworkPolicies and cluster-wide policies over the pods of a cluster.
    ///
    /// # Panics
    /// Over 2³² policies, which no memory holds.
    pub fn compile_all(cluster: &Cluster, policies: &[NetworkPolicy], tiers: &[ClusterPolicy]) -> Self {
        let index = Index::new(cluster);
        let mut compiler = Compiler::new(&index);
        let programs = policies.iter().map(|policy| compiler.program(policy)).collect();
        let tier_programs = tiers.iter().map(|policy| compiler.tier_program(policy)).collect();
        let mut set = PolicySet {
            cluster: cluster.clone(),
            policies: policies.to_vec(),
            programs,
            egress: Vec::new(),
            ingress: Vec::new(),
            tiers: Tiers { policies: tiers.to_vec(), programs: tier_programs, of_pod: Default::default() },
            reading: Reading::default(),
            plugin: None,
            index,
        };
        set.list_policies();
        set.list_tiers();
        set
    }

    /// Notes for each pod which NetworkPolicies select it.
    pub(super) fn list_policies(&mut self) {
        for direction in Direction::BOTH {
            let mut lists = vec![Vec::new(); self.cluster.pods().len()];
            for (at, (policy, program)) in self.policies.iter().zip(&self.programs).enumerate() {
                let at = u32::try_from(at).expect("fewer than 2^32 policies fit in memory");
                if policy.rules(direction).is_some() {
                    program.subjects.ones().for_each(|slot| lists[slot].push(at));
                }
            }
            match direction {
                Direction::Egress => self.egress = lists,
                Direction::Ingress => self.ingress = lists,
            }
        }
    }

    /// Notes for each pod which cluster-wide policies select it, strongest first.
    pub(super) fn list_tiers(&mut self) {
        if self.tiers.policies.is_empty() {
            self.tiers.of_pod = Default::default();
            return;
        }
        let empty = || vec![Vec::new(); self.cluster.pods().len()];
        let mut lists = [empty(), empty()];
        for at in Tiers::rank(&self.tiers.policies) {
            let tier = self.tiers.policies[at as usize].tier;
            let subjects = &self.tiers.programs[at as usize].subjects;
            subjects.ones().for_each(|slot| lists[tier as usize][slot].push(at));
        }
        self.tiers.of_pod = lists;
    }

    /// The cluster-wide policies, in the order given.
    pub fn cluster_policies(&self) -> &[ClusterPolicy] {
        &self.tiers.policies
    }

    /// The cluster that it was compiled over.
    pub fn cluster(&self) -> &Cluster {
        &self.cluster
    }

    /// The policies, in the order given.
    pub fn policies(&self) -> &[NetworkPolicy] {
        &self.policies
    }

    /// Whether the connection is allowed, in both directions.
    pub fn allows(&self, connection: &Connection) -> bool {
        Direction::BOTH.into_iter().all(|direction| self.allows_in(connection, direction))
    }

    /// Whether the end that one direction speaks of allows the connection.
    pub fn allows_in(&self, connection: &Connection, direction: Direction) -> bool {
        self.allows_as(connection, direction, self.reading)
    }

    /// The verdict of each direction with the policies and rules behind it, and what is left open.
    pub fn decide(&self, connection: &Connection) -> Decision {
        let egress = self.verdict(connection, Direction::Egress);
        let ingress = self.verdict(connection, Direction::Ingress);
        let unspecified = self.left_open(connection, &egress, &ingress);
        Decision { egress, ingress, unspecified }
    }

    /// The verdict of one direction with the policies and rules behind it.
    pub fn verdict_of(&self, connection: &Connection, direction: Direction) -> Verdict {
        self.verdict(connection, direction)
    }

    /// The pods that a policy isolates, ascending. Host-network pods are never among them.
    pub fn selected(&self, policy: usize) -> impl Iterator<Item = PodIndex> + '_ {
        let subjects = self.programs.get(policy).map(|policy| &policy.subjects);
        self.without_host_network(subjects)
    }

    /// The pods that a cluster-wide policy speaks of, ascending.
    pub fn tier_selected(&self, policy: usize) -> impl Iterator<Item = PodIndex> + '_ {
        let subjects = self.tiers.programs.get(policy).map(|policy| &policy.subjects);
        self.without_host_network(subjects)
    }

    /// Whether any policy isolates the pod in a direction.
    pub fn isolates(&self, pod: PodIndex, direction: Direction) -> bool {
        !self.isolating(Some(pod), direction).is_empty()
    }

    /// Whether a pod is closed in a direction to what is not admitted: a NetworkPolicy isolates
    /// it, or a cluster-wide policy that selects it denies something.
    pub fn restricts(&self, pod: PodIndex, direction: Direction) -> bool {
        self.isolates(pod, direction) || self.tiers.deny_to(pod, direction)
    }

    /// The policies that isolate a pod in a direction, ascending.
    pub fn isolated_by(&self, pod: PodIndex, direction: Direction) -> impl Iterator<Item = usize> + '_ {
        self.isolating(Some(pod), direction).iter().map(|at| *at as usize)
    }

    /// The rules of one direction that admit the connection, ascending.
    pub fn admitted_by(&self, connection: &Connection, direction: Direction) -> Vec<RuleId> {
        let (subject, question) = self.question(connection, direction);
        self.admitting(subject, &question, direction).collect()
    }

    /// The ports of a protocol on which `from` may reach `to`, both directions considered.
    /// For ICMP either every port or none.
    pub fn ports(&self, from: Party, to: Party, protocol: Protocol) -> PortSet {
        let egress = self.ports_in(from, to, protocol, Direction::Egress);
        if egress.is_empty() {
            return egress;
        }
        egress.intersection(&self.ports_in(from, to, protocol, Direction::Ingress))
    }

    /// The ports on which the end that one direction speaks of allows the connection.
    pub fn ports_in(&self, from: Party, to: Party, protocol: Protocol, direction: Direction) -> PortSet {
        let connection = Connection { from, to, protocol, port: 0 };
        self.port_set(&connection, direction)
    }

    /// Which entries of one rule match the connection; `None` when the rule does not admit it.
    /// Whether the policy selects the subject is not asked.
    pub fn entries(&self, rule: RuleId, connection: &Connection) -> Option<Entries> {
        let object = self.rule(rule)?;
        let found = self.matching(rule, connection)?;
        let admits = (object.peers.is_empty() || !found.peers.is_empty())
            && (object.ports.is_empty() || !found.ports.is_empty());
        admits.then_some(found)
    }

    /// Whether one entry of a rule's `from` or `to` matches the other end of the connection.
    pub fn peer_matches(&self, rule: RuleId, peer: usize, connection: &Connection) -> bool {
        let (_, question) = self.question(connection, rule.direction);
        let in_block = question.may_be_in_block();
        match self.region(rule).map(|region| &region.peers) {
            Some(Peers::Some { entries, .. }) => entries.get(peer).is_some_and(|entry| {
                entry.selects(question.peer.pod) || (in_block && entry.holds(question.peer.address))
            }),
            Some(Peers::Every) | None => false,
        }
    }

    /// Whether one entry of a rule's `ports` matches the connection.
    pub fn port_matches(&self, rule: RuleId, port: usize, connection: &Connection) -> bool {
        let (_, question) = self.question(connection, rule.direction);
        self.rule(rule).and_then(|rule| rule.ports.get(port)).is_some_and(|entry| {
            port::entry_admits(entry, question.protocol, question.port, question.destination)
        })
    }

    /// The pods that the selectors of a rule admit as peers, ascending; every pod when the rule
    /// has no peers. Blocks are not considered.
    pub fn peers(&self, rule: RuleId) -> impl Iterator<Item = PodIndex> + '_ {
        let peers = self.region(rule).map(|region| &region.peers);
        let everybody = matches!(peers, Some(Peers::Every)).then(|| self.cluster.indices());
        let listed = match peers {
            Some(Peers::Some { pods, .. }) => Some(&**pods),
            Some(Peers::Every) | None => None,
        };
        let everybody = everybody.into_iter().flatten().filter(|pod| !self.cluster.pod(*pod).host_network);
        everybody.chain(self.without_host_network(listed))
    }

    /// The compiled rules of every policy that isolates a pod in a direction.
    pub(super) fn regions_of(
        &self,
        pod: PodIndex,
        direction: Direction,
        reading: Reading,
    ) -> impl Iterator<Item = &Region> {
        let policies = self.isolating_as(pod, direction, reading);
        policies.iter().flat_map(move |at| self.programs[*at as usize].regions(direction))
    }

    pub(super) fn rule(&self, id: RuleId) -> Option<&flowfence_model::PolicyRule> {
        self.policies.get(id.policy)?.rules(id.direction)?.get(id.rule)
    }

    fn region(&self, id: RuleId) -> Option<&Region> {
        self.programs.get(id.policy)?.regions(id.direction).get(id.rule)
    }

    pub(super) fn admitting<'s>(
        &'s self,
        subject: Party,
        question: &'s Question<'s>,
        direction: Direction,
    ) -> impl Iterator<Item = RuleId> + 's {
        self.isolating(subject.pod, direction).iter().flat_map(move |at| {
            let policy = *at as usize;
            let regions = self.programs[policy].regions(direction).iter().enumerate();
            regions.filter(|(_, region)| region.admits(question)).map(move |(rule, _)| RuleId {
                policy,
                direction,
                rule,
            })
        })
    }

    /// The policies that isolate a pod.
    fn isolating(&self, pod: Option<PodIndex>, direction: Direction) -> &[u32] {
        pod.map_or(&[], |pod| self.isolating_as(pod, direction, self.reading))
    }

    /// The policies that select a pod in a direction, host-network or not.
    pub(super) fn selecting(&self, pod: PodIndex, direction: Direction) -> &[u32] {
        match direction {
            Direction::Egress => &self.egress[pod.slot()],
            Direction::Ingress => &self.ingress[pod.slot()],
        }
    }

    /// The end whose policies are asked, and the connection as they see it.
    pub(super) fn question(&self, connection: &Connection, direction: Direction) -> (Party, Question<'_>) {
        self.question_as(connection, direction, self.reading)
    }

    fn without_host_network<'s>(
        &'s self,
        pods: Option<&'s FixedBitSet>,
    ) -> impl Iterator<Item = PodIndex> + 's {
        let slots = pods.into_iter().flat_map(FixedBitSet::ones).map(PodIndex::at);
        slots.filter(|pod| !self.cluster.pod(*pod).host_network)
    }
}
