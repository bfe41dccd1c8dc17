//! Cluster-wide policies compiled: per tier an ordered list of regions for each pod.

use std::sync::Arc;

use fixedbitset::FixedBitSet;
use flowfence_model::PortSet;
use flowfence_model::policy::Direction;
use flowfence_model::tier::{Action, ClusterPolicy, ClusterPolicyKind, DomainName, Tier};
use ipnet::IpNet;

use super::cluster::PodIndex;
use super::decision::TierRuling;
use super::port::Ports;
use super::region::Question;
use super::unspecified::Unspecified;

/// The cluster-wide policies of a set.
#[derive(Clone, Debug, Default)]
pub(super) struct Tiers {
    pub(super) policies: Vec<ClusterPolicy>,
    pub(super) programs: Vec<TierProgram>,
    /// By [`Tier`]: the policies that select each pod, strongest first. Empty without policies.
    pub(super) of_pod: [Vec<Vec<u32>>; 2],
}

/// One policy.
#[derive(Clone, Debug)]
pub(super) struct TierProgram {
    /// The pods that it speaks of; never host-network ones.
    pub(super) subjects: FixedBitSet,
    pub(super) egress: Vec<TierRegion>,
    pub(super) ingress: Vec<TierRegion>,
}

/// One rule.
#[derive(Clone, Debug)]
pub(super) struct TierRegion {
    pub(super) action: Action,
    pub(super) scope: Scope,
    pub(super) ports: Ports,
    /// Whether a port name may be read as any port (v1alpha1).
    pub(super) has_loose_names: bool,
}

/// Whom a rule matches.
#[derive(Clone, Debug)]
pub(super) enum Scope {
    /// Nobody: an Accept with a peer of an unknown kind.
    Nobody,
    /// Everybody, on every port: a Deny or Pass with a peer of an unknown kind.
    Everybody,
    /// These.
    Peers(TierPeers),
}

/// The known peers of a rule.
#[derive(Clone, Debug)]
pub(super) struct TierPeers {
    /// Pods by labels, host-network ones included.
    pub(super) pods: Arc<FixedBitSet>,
    /// Addresses, of pods too.
    pub(super) networks: Vec<IpNet>,
    /// Nodes by labels.
    pub(super) nodes: FixedBitSet,
    /// Names.
    pub(super) domains: Vec<DomainName>,
}

impl TierProgram {
    pub(super) fn regions(&self, direction: Direction) -> &[TierRegion] {
        match direction {
            Direction::Egress => &self.egress,
            Direction::Ingress => &self.ingress,
        }
    }
}

impl TierPeers {
    fn hold(&self, question: &Question<'_>) -> bool {
        question.peer.pod.is_some_and(|pod| self.pods.contains(pod.slot()))
            // Unlike ipBlock, networks say that they match pods too.
            || self.networks.iter().any(|network| network.contains(&question.peer.address))
            || self.hold_node(question)
            || self.hold_name(question)
    }

    fn hold_node(&self, question: &Question<'_>) -> bool {
        if self.nodes.is_clear() {
            return false;
        }
        let node = if question.reading.is_other(Unspecified::NodePeer) {
            question.peer.pod.and_then(|pod| question.cluster.node_under(pod))
        } else {
            question.cluster.node_at(question.peer.address)
        };
        node.is_some_and(|node| self.nodes.contains(node))
    }

    fn hold_name(&self, question: &Question<'_>) -> bool {
        if self.domains.is_empty() || question.peer.pod.is_some() {
            return false;
        }
        let names = question.cluster.names_of(question.peer.address);
        question.reading.is_other(Unspecified::DomainNamePeer)
            || names.iter().any(|name| self.domains.iter().any(|domain| domain.matches(name)))
    }
}

impl TierRegion {
    /// Whether the other end is among its peers.
    pub(super) fn has_peer(&self, question: &Question<'_>) -> bool {
        match &self.scope {
            Scope::Nobody => false,
            Scope::Everybody => true,
            Scope::Peers(peers) => peers.hold(question),
        }
    }

    /// Whether it matches the connection.
    pub(super) fn matches(&self, question: &Question<'_>) -> bool {
        self.has_peer(question) && self.has_port(question)
    }

    /// Whether the port is among its ports.
    pub(super) fn has_port(&self, question: &Question<'_>) -> bool {
        self.ports.admit(question.protocol, question.port, question.destination) || self.is_loose(question)
    }

    /// The ports of the connection's destination that it matches.
    pub(super) fn ports(&self, question: &Question<'_>) -> PortSet {
        if self.is_loose(question) {
            return PortSet::all();
        }
        self.ports.set(question.protocol, question.destination)
    }

    fn is_loose(&self, question: &Question<'_>) -> bool {
        self.has_loose_names
            && question.reading.is_other(Unspecified::AdminNamedPort)
            && self.ports.is_name_owned(question.destination)
    }
}

/// What one tier says of ports.
pub(super) struct TierPorts {
    /// Accepted.
    pub(super) accepted: PortSet,
    /// Left to the next tier.
    pub(super) rest: PortSet,
}

impl Tiers {
    /// The policies of a tier that select a pod, strongest first.
    pub(super) fn selecting(&self, tier: Tier, pod: PodIndex) -> &[u32] {
        self.of_pod[tier as usize].get(pod.slot()).map_or(&[], Vec::as_slice)
    }

    /// Whether a policy of either tier that selects the pod has a rule that denies.
    pub(super) fn deny_to(&self, pod: PodIndex, direction: Direction) -> bool {
        let policies = Tier::BOTH.into_iter().flat_map(|tier| self.selecting(tier, pod));
        let mut regions = policies.flat_map(|policy| self.programs[*policy as usize].regions(direction));
        regions.any(|region| region.action == Action::Deny)
    }

    /// The first rule of a tier that matches. The policies of one priority that follow the one
    /// that won are asked too: `rivals` gets each other action that they would take.
    pub(super) fn ruling(
        &self,
        tier: Tier,
        pod: PodIndex,
        question: &Question<'_>,
        direction: Direction,
        rivals: Option<&mut Vec<Action>>,
    ) -> Option<TierRuling> {
        let selecting = self.selecting(tier, pod);
        let (at, ruling) = selecting
            .iter()
            .enumerate()
            .find_map(|(at, policy)| Some((at, self.first_match(*policy, question, direction)?)))?;
        if let Some(rivals) = rivals {
            let priority = self.policies[ruling.policy].priority;
            let equal = selecting[at + 1..]
                .iter()
                .take_while(|policy| self.policies[**policy as usize].priority == priority);
            let others = equal.filter_map(|policy| self.first_match(*policy, question, direction));
            rivals.extend(others.map(|other| other.action).filter(|action| *action != ruling.action));
        }
        Some(ruling)
    }

    fn first_match(&self, policy: u32, question: &Question<'_>, direction: Direction) -> Option<TierRuling> {
        let policy = policy as usize;
        let regions = self.programs[policy].regions(direction);
        let rule = regions.iter().position(|region| region.matches(question))?;
        Some(TierRuling { policy, direction, rule, action: regions[rule].action })
    }

    /// What a tier says of the ports of `rest`, first match first.
    pub(super) fn ports(
        &self,
        tier: Tier,
        pod: PodIndex,
        question: &Question<'_>,
        direction: Direction,
        rest: PortSet,
    ) -> TierPorts {
        let mut undecided = rest;
        let (mut accepted, mut passed) = (PortSet::empty(), PortSet::empty());
        let policies = self.selecting(tier, pod).iter();
        let regions = policies.flat_map(|policy| self.programs[*policy as usize].regions(direction));
        for region in regions.filter(|region| region.has_peer(question)) {
            let hit = region.ports(question).intersection(&undecided);
            undecided = undecided.difference(&hit);
            match region.action {
                Action::Accept => accepted = accepted.union(&hit),
                Action::Pass => passed = passed.union(&hit),
                Action::Deny => {}
            }
            if undecided.is_empty() {
                break;
            }
        }
        TierPorts { accepted, rest: undecided.union(&passed) }
    }

    /// The ports that a tier accepts in some order of its policies of equal priority: each of them may be asked first, and what
    /// it matches is then decided.
    pub(super) fn may_accept(
        &self,
        tier: Tier,
        pod: PodIndex,
        question: &Question<'_>,
        direction: Direction,
    ) -> PortSet {
        let (mut undecided, mut accepted) = (PortSet::all(), PortSet::empty());
        let priority = |policy: &u32| self.policies[*policy as usize].priority;
        let equal = self.selecting(tier, pod).chunk_by(|one, other| priority(one) == priority(other));
        for group in equal {
            let mut matched = PortSet::empty();
            for policy in group {
                let regions = self.programs[*policy as usize].regions(direction);
                let mut own = undecided.clone();
                for region in regions.iter().filter(|region| region.has_peer(question)) {
                    let hit = region.ports(question).intersection(&own);
                    own = own.difference(&hit);
                    if region.action == Action::Accept {
                        accepted = accepted.union(&hit);
                    }
                    matched = matched.union(&hit);
                }
            }
            undecided = undecided.difference(&matched);
        }
        accepted
    }

    /// The order in which the policies of one tier are asked: by priority; equal ones, whose
    /// order the API leaves open, by name and kind.
    pub(super) fn rank(policies: &[ClusterPolicy]) -> Vec<u32> {
        let mut order: Vec<u32> = (0..policies.len())
            .map(|at| u32::try_from(at).expect("fewer than 2^32 policies fit in memory"))
            .collect();
        let key = |at: &u32| {
            let policy = &policies[*at as usize];
            (policy.tier, policy.priority, policy.name.as_str(), policy.kind)
        };
        order.sort_by(|a, b| key(a).cmp(&key(b)));
        order
    }

    /// Whether a kind reads port names loosely in some plugin.
    pub(super) fn has_loose_names(kind: ClusterPolicyKind) -> bool {
        kind != ClusterPolicyKind::ClusterNetworkPolicy
    }
}
