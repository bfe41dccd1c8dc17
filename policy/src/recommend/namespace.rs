//! One policy a namespace: default deny, and DNS for all.
//!
//! An empty podSelector isolates every pod of the namespace. Both are therefore written only where
//! every workload of it is isolated anyway; elsewhere they would cut off, without a word, what
//! nobody knows the needs of. DNS for all is DNS for a suspect too, and then not written.

use std::collections::{BTreeMap, BTreeSet};

use flowfence_graph::EdgeKey;
use flowfence_model::policy::Direction;
use flowfence_model::{
    LabelSelector, NetworkPolicy, NodeId, PolicyPeer, PolicyPort, PolicyRule, PortName, PortRange, Protocol,
};

use super::MANAGED_BY;
use super::evidence::Witness;
use super::name;
use super::options::{DefaultDeny, Options};
use super::recommendation::{Declared, Evidence, Recommendation, RecommendedPolicy, Width};
use super::scope::Standing;

/// A policy for a whole namespace.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ForAll {
    /// Isolates both directions and admits nothing.
    DefaultDeny,
    /// Admits DNS to the servers that anybody of the namespace asked.
    Dns,
}

impl ForAll {
    /// The token in our outputs, and the name of the object behind `flowfence-`.
    pub const fn token(self) -> &'static str {
        match self {
            ForAll::DefaultDeny => "default-deny",
            ForAll::Dns => "dns",
        }
    }
}

/// Why a policy for a whole namespace is not safe.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum WhyNot {
    /// It would isolate workloads of which nobody knows what they need.
    Open,
    /// It would admit what is withheld from suspects.
    Suspect,
}

impl WhyNot {
    /// The token in our outputs.
    pub const fn token(self) -> &'static str {
        match self {
            WhyNot::Open => "open",
            WhyNot::Suspect => "suspect",
        }
    }
}

/// What became of a policy for a namespace in which not everything is isolated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Namespaced {
    /// The namespace.
    pub namespace: String,
    /// Which policy.
    pub policy: ForAll,
    /// Why that matters.
    pub why: WhyNot,
    /// The workloads that it is about.
    pub others: Vec<NodeId>,
    /// Whether it is written all the same.
    pub is_written: bool,
}

/// Adds what the options ask for to the policies of the workloads.
pub(super) fn apply(
    answer: &mut Recommendation,
    standings: &BTreeMap<NodeId, Standing>,
    today: &[NetworkPolicy],
    options: &Options,
    witness: &Witness<'_>,
) {
    let namespaces: BTreeSet<String> =
        answer.policies.iter().map(|policy| policy.policy.namespace.clone()).collect();
    for namespace in &namespaces {
        let own = standings.keys().filter(|id| id.namespace() == Some(namespace));
        let members: Vec<NodeId> = own.cloned().collect();
        let names = Names { namespace, today, options };
        if options.dns_per_namespace {
            dns(answer, &members, &names, witness);
        }
        if let Some(mode) = options.default_deny {
            default_deny(answer, &members, &names, mode);
        }
    }
}

/// Names of objects that are free in a namespace.
struct Names<'a> {
    namespace: &'a str,
    today: &'a [NetworkPolicy],
    options: &'a Options,
}

impl Names<'_> {
    /// `flowfence-KIND`, unless a user's object or a workload's policy is called so.
    fn free(&self, kind: ForAll, answer: &Recommendation) -> String {
        let plain = format!("flowfence-{}", kind.token());
        let numbered = (2..).map(|n| format!("{plain}-namespace-{n}"));
        let mut all = [plain.clone(), format!("{plain}-namespace")].into_iter().chain(numbered);
        let is_taken = |name: &String| {
            let key = format!("{}/{name}", self.namespace);
            let users = self.today.iter().any(|p| p.key() == key && !self.options.ours.contains(&key));
            users || answer.policies.iter().any(|policy| policy.policy.key() == key)
        };
        all.find(|name| !is_taken(name)).unwrap_or(plain)
    }

    fn policy(
        &self,
        kind: ForAll,
        answer: &Recommendation,
        members: &[NodeId],
        (ingress, egress): (Option<Vec<PolicyRule>>, Option<Vec<PolicyRule>>),
        evidence: Vec<Evidence>,
    ) -> RecommendedPolicy {
        let name = self.free(kind, answer);
        RecommendedPolicy {
            subjects: members.to_vec(),
            file: name::file(self.namespace, &name),
            policy: NetworkPolicy {
                namespace: self.namespace.to_owned(),
                name,
                pod_selector: LabelSelector::everything(),
                ingress,
                egress,
            },
            annotations: BTreeMap::new(),
            labels: BTreeMap::from([(MANAGED_BY.0.to_owned(), MANAGED_BY.1.to_owned())]),
            evidence,
        }
    }
}

fn default_deny(answer: &mut Recommendation, members: &[NodeId], names: &Names<'_>, mode: DefaultDeny) {
    let others = open(answer, members, &Direction::BOTH);
    let is_written = others.is_empty() || mode == DefaultDeny::All;
    if is_written {
        let nothing = (Some(Vec::new()), Some(Vec::new()));
        let policy = names.policy(ForAll::DefaultDeny, answer, members, nothing, Vec::new());
        answer.policies.push(policy);
    }
    if !others.is_empty() {
        let namespace = names.namespace.to_owned();
        let policy = ForAll::DefaultDeny;
        answer.namespaced.push(Namespaced { namespace, policy, why: WhyNot::Open, others, is_written });
    }
}

/// Members that no policy isolates in some of the directions.
fn open(answer: &Recommendation, members: &[NodeId], directions: &[Direction]) -> Vec<NodeId> {
    let isolates = |id: &NodeId, direction: &Direction| {
        let own = answer.policies.iter().filter(|policy| policy.subjects.contains(id));
        own.into_iter().any(|policy| policy.policy.rules(*direction).is_some())
    };
    let is_open = |id: &&NodeId| !directions.iter().all(|direction| isolates(id, direction));
    members.iter().filter(is_open).cloned().collect()
}

/// Peers and edges by the ports that they share.
type Servers = BTreeMap<Vec<PolicyPort>, (BTreeSet<PolicyPeer>, BTreeSet<EdgeKey>)>;

fn dns(answer: &mut Recommendation, members: &[NodeId], names: &Names<'_>, witness: &Witness<'_>) {
    let others = open(answer, members, &[Direction::Egress]);
    let servers = servers(answer, names.namespace);
    if servers.is_empty() {
        return;
    }
    let suspects: Vec<NodeId> = members.iter().filter(|id| answer.suspects.contains(id)).cloned().collect();
    let faults = [(WhyNot::Open, others), (WhyNot::Suspect, suspects)];
    if let Some((why, others)) = faults.into_iter().find(|(_, others)| !others.is_empty()) {
        let namespace = names.namespace.to_owned();
        let policy = ForAll::Dns;
        return answer.namespaced.push(Namespaced { namespace, policy, why, others, is_written: false });
    }
    let own = answer.policies.iter_mut().filter(|policy| policy.policy.namespace == names.namespace);
    own.for_each(|policy| take_out(policy, &servers));
    declare(answer, members, &servers);
    let mut rules: Vec<(PolicyRule, BTreeSet<EdgeKey>)> = servers
        .into_iter()
        .map(|(ports, (peers, edges))| (PolicyRule { peers: peers.into_iter().collect(), ports }, edges))
        .collect();
    rules.sort();
    let evidence = rules
        .iter()
        .enumerate()
        .map(|(rule, (_, edges))| witness.evidence(Direction::Egress, rule, edges.iter().cloned().collect()));
    let evidence = evidence.collect();
    let egress = rules.into_iter().map(|(rule, _)| rule).collect();
    let policy = names.policy(ForAll::Dns, answer, members, (None, Some(egress)), evidence);
    answer.policies.push(policy);
}

/// The egress rules of a namespace that admit DNS and nothing else, put together.
fn servers(answer: &Recommendation, namespace: &str) -> Servers {
    let mut servers = Servers::new();
    for policy in answer.policies.iter().filter(|policy| policy.policy.namespace == namespace) {
        let dns = dns_ports(answer, &policy.subjects);
        for (at, rule) in policy.policy.egress.iter().flatten().enumerate() {
            if !rule.ports.is_empty() && rule.ports.iter().all(|port| dns.contains(port)) {
                let (peers, edges) = servers.entry(rule.ports.clone()).or_default();
                peers.extend(rule.peers.iter().cloned());
                let own = policy.evidence.iter().filter(|e| (e.direction, e.rule) == (Direction::Egress, at));
                edges.extend(own.flat_map(|evidence| evidence.edges.iter().cloned()));
            }
        }
    }
    servers
}

/// The ports of DNS as these subjects' rules name them: DNS seen on one protocol is declared on
/// the other.
fn dns_ports(answer: &Recommendation, subjects: &[NodeId]) -> BTreeSet<PolicyPort> {
    let of_dns = answer.declared.iter().filter(|width| {
        width.kind == Width::Dns && width.direction == Direction::Egress && subjects.contains(&width.subject)
    });
    let numbers = of_dns.filter_map(|width| width.port.parse::<u16>().ok());
    numbers
        .flat_map(|number| {
            [Protocol::Tcp, Protocol::Udp].map(|protocol| PolicyPort {
                protocol,
                port: Some(PortName::Range(PortRange::single(number))),
            })
        })
        .collect()
}

/// Takes out of a workload's rules what the namespace's admit.
fn take_out(policy: &mut RecommendedPolicy, servers: &Servers) {
    let Some(rules) = policy.policy.egress.take() else { return };
    let mut kept = Vec::new();
    let (mut evidence, egress): (Vec<Evidence>, Vec<Evidence>) =
        policy.evidence.drain(..).partition(|evidence| evidence.direction != Direction::Egress);
    let mut of_egress = Vec::new();
    for (at, mut rule) in rules.into_iter().enumerate() {
        for (ports, (peers, _)) in servers {
            if rule.peers.iter().all(|peer| peers.contains(peer))
                && ports.iter().all(|p| rule.ports.contains(p))
            {
                rule.ports.retain(|port| !ports.contains(port));
                break;
            }
        }
        if rule.ports.is_empty() {
            continue;
        }
        let own = egress.iter().filter(|evidence| evidence.rule == at);
        of_egress.extend(own.map(|evidence| Evidence { rule: kept.len(), ..evidence.clone() }));
        kept.push(rule);
    }
    of_egress.append(&mut evidence);
    policy.policy.egress = Some(kept);
    policy.evidence = of_egress;
}

/// Every workload of the namespace may now ask.
fn declare(answer: &mut Recommendation, members: &[NodeId], servers: &Servers) {
    let mut all: BTreeSet<Declared> = std::mem::take(&mut answer.declared).into_iter().collect();
    for (ports, (_, edges)) in servers {
        let asked: BTreeSet<&NodeId> = edges.iter().map(|edge| &edge.to).collect();
        for (subject, peer) in members.iter().flat_map(|id| asked.iter().map(move |peer| (id, *peer))) {
            all.extend(ports.iter().map(|port| Declared {
                kind: Width::Dns,
                subject: subject.clone(),
                direction: Direction::Egress,
                peer: Some(peer.clone()),
                protocol: port.protocol,
                port: port.port.as_ref().map(PortName::to_string).unwrap_or_default(),
                network: None,
            }));
        }
    }
    answer.declared = all.into_iter().collect();
}
