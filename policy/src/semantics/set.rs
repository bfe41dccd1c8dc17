//! Compiled policies and the questions they answer.

use fixedbitset::FixedBitSet;
use flowfence_model::policy::Direction;
use flowfence_model::{NetworkPolicy, PortSet, Protocol};

use super::cluster::{Cluster, PodIndex};
use super::compile::Compiler;
use super::connection::{Connection, Party};
use super::decision::{Decision, Entries, Exemption, RuleId, Verdict};
use super::peer::Peers;
use super::port;
use super::region::{Question, Region};

/// NetworkPolicies compiled over the pods of one cluster. Their order changes no verdict: they
/// only ever add.
///
/// Holds one bitset (an eighth of a byte a pod) per policy and per distinct peer selector, and
/// four bytes per pod, direction and policy that selects it.
#[derive(Clone, Debug)]
pub struct PolicySet {
    cluster: Cluster,
    policies: Vec<NetworkPolicy>,
    programs: Vec<Program>,
    /// The policies that select each pod for egress, host-network pods included.
    egress: Vec<Vec<u32>>,
    /// Likewise for ingress.
    ingress: Vec<Vec<u32>>,
}

#[derive(Clone, Debug)]
struct Program {
    subjects: FixedBitSet,
    egress: Vec<Region>,
    ingress: Vec<Region>,
}

impl Program {
    fn regions(&self, direction: Direction) -> &[Region] {
        match direction {
            Direction::Egress => &self.egress,
            Direction::Ingress => &self.ingress,
        }
    }
}

impl PolicySet {
    /// Compiles policies over the pods of a cluster.
    ///
    /// # Panics
    /// Over 2³² policies, which no memory holds.
    pub fn compile(cluster: &Cluster, policies: &[NetworkPolicy]) -> Self {
        let mut compiler = Compiler::new(cluster);
        let count = cluster.pods().len();
        let (mut egress, mut ingress) = (vec![Vec::new(); count], vec![Vec::new(); count]);
        let mut programs = Vec::with_capacity(policies.len());
        for (at, policy) in policies.iter().enumerate() {
            let at = u32::try_from(at).expect("fewer than 2^32 policies fit in memory");
            let subjects = compiler.subjects(&policy.namespace, &policy.pod_selector);
            for (rules, selecting) in [(&policy.egress, &mut egress), (&policy.ingress, &mut ingress)] {
                if rules.is_some() {
                    subjects.ones().for_each(|slot| selecting[slot].push(at));
                }
            }
            let mut regions = |rules: &Option<Vec<_>>| {
                let rules = rules.iter().flatten();
                rules.map(|rule| compiler.region(&policy.namespace, rule)).collect()
            };
            programs.push(Program {
                egress: regions(&policy.egress),
                ingress: regions(&policy.ingress),
                subjects,
            });
        }
        PolicySet { cluster: cluster.clone(), policies: policies.to_vec(), programs, egress, ingress }
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
        let (subject, question) = self.question(connection, direction);
        self.isolating(subject.pod, direction).is_empty()
            || self.exemption(connection, direction).is_some()
            || self.admitting(subject, &question, direction).next().is_some()
    }

    /// The verdict of each direction with the policies and rules behind it, and what is left open.
    pub fn decide(&self, connection: &Connection) -> Decision {
        let egress = self.verdict(connection, Direction::Egress);
        let ingress = self.verdict(connection, Direction::Ingress);
        let unspecified = self.left_open(connection, &egress, &ingress);
        Decision { egress, ingress, unspecified }
    }

    /// The pods that a policy isolates, ascending. Host-network pods are never among them.
    pub fn selected(&self, policy: usize) -> impl Iterator<Item = PodIndex> + '_ {
        let subjects = self.programs.get(policy).map(|policy| &policy.subjects);
        self.without_host_network(subjects)
    }

    /// Whether any policy isolates the pod in a direction.
    pub fn isolates(&self, pod: PodIndex, direction: Direction) -> bool {
        !self.isolating(Some(pod), direction).is_empty()
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
        let (subject, question) = self.question(&connection, direction);
        let isolated = subject.pod.filter(|pod| self.isolates(*pod, direction));
        match isolated {
            Some(pod) if self.exemption(&connection, direction).is_none() => {
                let regions = self.regions_of(pod, direction);
                regions.flat_map(|region| region.ports(&question).ranges().to_vec()).collect()
            }
            Some(_) | None => PortSet::all(),
        }
    }

    /// Which entries of one rule match the connection; `None` when the rule does not admit it.
    /// Whether the policy selects the subject is not asked.
    pub fn entries(&self, rule: RuleId, connection: &Connection) -> Option<Entries> {
        let object = self.rule(rule)?;
        let peers: Vec<usize> =
            (0..object.peers.len()).filter(|at| self.peer_matches(rule, *at, connection)).collect();
        let ports: Vec<usize> =
            (0..object.ports.len()).filter(|at| self.port_matches(rule, *at, connection)).collect();
        let admits =
            (object.peers.is_empty() || !peers.is_empty()) && (object.ports.is_empty() || !ports.is_empty());
        admits.then_some(Entries { peers, ports })
    }

    /// Whether one entry of a rule's `from` or `to` matches the other end of the connection.
    pub fn peer_matches(&self, rule: RuleId, peer: usize, connection: &Connection) -> bool {
        let (_, question) = self.question(connection, rule.direction);
        match self.region(rule).map(|region| &region.peers) {
            Some(Peers::Some { entries, .. }) => entries
                .get(peer)
                .is_some_and(|entry| entry.selects(question.peer.pod) || entry.holds(question.peer.address)),
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
    pub(super) fn regions_of(&self, pod: PodIndex, direction: Direction) -> impl Iterator<Item = &Region> {
        let policies = self.isolating(Some(pod), direction);
        policies.iter().flat_map(move |at| self.programs[*at as usize].regions(direction))
    }

    fn rule(&self, id: RuleId) -> Option<&flowfence_model::PolicyRule> {
        self.policies.get(id.policy)?.rules(id.direction)?.get(id.rule)
    }

    fn region(&self, id: RuleId) -> Option<&Region> {
        self.programs.get(id.policy)?.regions(id.direction).get(id.rule)
    }

    fn verdict(&self, connection: &Connection, direction: Direction) -> Verdict {
        let (subject, question) = self.question(connection, direction);
        let isolated_by: Vec<usize> =
            self.isolating(subject.pod, direction).iter().map(|at| *at as usize).collect();
        if isolated_by.is_empty() {
            return Verdict { allowed: true, ..Verdict::default() };
        }
        let admitted_by: Vec<RuleId> = self.admitting(subject, &question, direction).collect();
        let exemption = self.exemption(connection, direction);
        let allowed = exemption.is_some() || !admitted_by.is_empty();
        Verdict { allowed, isolated_by, admitted_by, exemption }
    }

    fn admitting<'s>(
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

    /// The policies that isolate a pod. A policy that selects a host-network pod has no defined
    /// effect on it; most plugins give it none.
    fn isolating(&self, pod: Option<PodIndex>, direction: Direction) -> &[u32] {
        pod.filter(|pod| !self.cluster.pod(*pod).host_network)
            .map_or(&[], |pod| self.selecting(pod, direction))
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
        let (subject, peer) = match direction {
            Direction::Egress => (connection.from, connection.to),
            Direction::Ingress => (connection.to, connection.from),
        };
        let destination = self.by_label(connection.to.pod).map(|pod| self.cluster.pod(pod));
        let question = Question {
            peer: Party { pod: self.by_label(peer.pod), address: peer.address },
            labelled: peer.pod,
            destination,
            protocol: connection.protocol,
            port: connection.port,
        };
        (subject, question)
    }

    /// The pod as selectors see it: a host-network pod is its node's address to them.
    fn by_label(&self, pod: Option<PodIndex>) -> Option<PodIndex> {
        pod.filter(|pod| !self.cluster.pod(*pod).host_network)
    }

    fn exemption(&self, connection: &Connection, direction: Direction) -> Option<Exemption> {
        if connection.from.pod.is_some() && connection.from.pod == connection.to.pod {
            return Some(Exemption::SelfTraffic);
        }
        // The kubelet's probes come from the pod's own node and always pass.
        let from_node = direction == Direction::Ingress
            && connection.to.pod.is_some_and(|pod| self.cluster.is_own_node(pod, connection.from.address));
        from_node.then_some(Exemption::OwnNode)
    }

    fn without_host_network<'s>(
        &'s self,
        pods: Option<&'s FixedBitSet>,
    ) -> impl Iterator<Item = PodIndex> + 's {
        let slots = pods.into_iter().flat_map(FixedBitSet::ones).map(PodIndex::at);
        slots.filter(|pod| !self.cluster.pod(*pod).host_network)
    }
}
