//! One direction judged: Admin tier, NetworkPolicies, Baseline tier.
//!
//! ```text
//! exempt? ─▶ Admin ─ Accept, Deny ─▶ verdict
//!              └ Pass, no match ─▶ isolated by NetworkPolicies? ─ yes ─▶ a rule admits, or not
//!                                                   └ no ─▶ Baseline ─ Deny ─▶ denied
//!                                                                └ else ─▶ allowed
//! ```

use flowfence_model::policy::Direction;
use flowfence_model::tier::{Action, Tier};
use flowfence_model::{PortSet, Protocol};

use super::cluster::PodIndex;
use super::connection::{Connection, Party};
use super::decision::{Exemption, TierRuling, Verdict};
use super::port::Destination;
use super::reading::Reading;
use super::region::Question;
use super::set::PolicySet;
use super::unspecified::Unspecified;

impl PolicySet {
    /// Whether one end allows the connection, under a reading of the open questions.
    pub(super) fn allows_as(&self, connection: &Connection, direction: Direction, reading: Reading) -> bool {
        let (subject, question) = self.question_as(connection, direction, reading);
        let Some(pod) = subject.pod else { return true };
        if self.exemption(connection, direction, reading).is_some() {
            return true;
        }
        let admin = self.tiers.ruling(Tier::Admin, pod, &question, direction, None);
        self.after_admin(admin.map(|ruling| ruling.action), pod, &question, direction)
    }

    /// What follows the Admin tier's action.
    pub(super) fn after_admin(
        &self,
        action: Option<Action>,
        pod: PodIndex,
        question: &Question<'_>,
        direction: Direction,
    ) -> bool {
        match action {
            Some(Action::Accept) => return true,
            Some(Action::Deny) => return false,
            Some(Action::Pass) | None => {}
        }
        if !self.isolating_as(pod, direction, question.reading).is_empty() {
            return self.admits(pod, question, direction);
        }
        if self.is_spared(pod, direction, question.reading) {
            return true;
        }
        let baseline = self.tiers.ruling(Tier::Baseline, pod, question, direction, None);
        baseline.is_none_or(|ruling| ruling.action != Action::Deny)
    }

    /// Whether the NetworkPolicies of a pod that they isolate admit the connection.
    fn admits(&self, pod: PodIndex, question: &Question<'_>, direction: Direction) -> bool {
        self.regions_of(pod, direction, question.reading).any(|region| region.admits(question))
            || self.admits_whole(pod, question, direction)
    }

    /// Whether the Baseline tier is skipped because a NetworkPolicy isolates the pod in the other
    /// direction: the other reading of "pods not selected by a NetworkPolicy".
    pub(super) fn is_spared(&self, pod: PodIndex, direction: Direction, reading: Reading) -> bool {
        let other = match direction {
            Direction::Egress => Direction::Ingress,
            Direction::Ingress => Direction::Egress,
        };
        reading.is_other(Unspecified::BaselineBesideNetworkPolicy)
            && !self.isolating_as(pod, other, reading).is_empty()
    }

    /// The verdict with the rules behind it.
    pub(super) fn verdict(&self, connection: &Connection, direction: Direction) -> Verdict {
        let allowed = self.allows_as(connection, direction, self.reading);
        let (subject, question) = self.question(connection, direction);
        let Some(pod) = subject.pod else { return Verdict { allowed, ..Verdict::default() } };
        let isolated_by: Vec<usize> =
            self.isolating_as(pod, direction, self.reading).iter().map(|at| *at as usize).collect();
        let tiers = self.rulings(pod, &question, direction, !isolated_by.is_empty());
        if isolated_by.is_empty() && tiers.is_empty() {
            return Verdict { allowed, ..Verdict::default() };
        }
        let admitted_by = self.admitting(subject, &question, direction).collect();
        let exemption = self.exemption(connection, direction, self.reading);
        Verdict { allowed, isolated_by, admitted_by, tiers, exemption }
    }

    fn rulings(
        &self,
        pod: PodIndex,
        question: &Question<'_>,
        direction: Direction,
        is_isolated: bool,
    ) -> Vec<TierRuling> {
        let admin = self.tiers.ruling(Tier::Admin, pod, question, direction, None);
        let is_final = admin.is_some_and(|ruling| ruling.action != Action::Pass);
        let reaches = !is_final && !is_isolated && !self.is_spared(pod, direction, self.reading);
        let baseline =
            reaches.then(|| self.tiers.ruling(Tier::Baseline, pod, question, direction, None)).flatten();
        admin.into_iter().chain(baseline).collect()
    }

    /// The ports of the destination on which one end allows the peer.
    pub(super) fn port_set(&self, connection: &Connection, direction: Direction) -> PortSet {
        let (subject, question) = self.question(connection, direction);
        let Some(pod) = subject.pod else { return PortSet::all() };
        if self.exemption(connection, direction, self.reading).is_some() {
            return PortSet::all();
        }
        let admin = self.tiers.ports(Tier::Admin, pod, &question, direction, PortSet::all());
        if admin.rest.is_empty() {
            return admin.accepted;
        }
        let rest = admin.rest;
        let allowed = if !self.isolating_as(pod, direction, self.reading).is_empty() {
            if self.admits_whole(pod, &question, direction) {
                rest
            } else {
                let regions = self.regions_of(pod, direction, self.reading);
                let admitted: PortSet =
                    regions.flat_map(|region| region.ports(&question).ranges().to_vec()).collect();
                admitted.intersection(&rest)
            }
        } else if self.is_spared(pod, direction, self.reading) {
            rest
        } else {
            // What no Baseline rule matches, or one passes, is allowed.
            let baseline = self.tiers.ports(Tier::Baseline, pod, &question, direction, rest);
            baseline.accepted.union(&baseline.rest)
        };
        admin.accepted.union(&allowed)
    }

    /// The ports that the Admin tier accepts at one end in some order of its policies of equal priority, which the API leaves
    /// open; [`PolicySet::ports_in`] tells one order.
    pub fn ports_accepted_in_some_order(
        &self,
        from: Party,
        to: Party,
        protocol: Protocol,
        direction: Direction,
    ) -> PortSet {
        let (subject, question) = self.question(&Connection { from, to, protocol, port: 0 }, direction);
        let Some(pod) = subject.pod else { return PortSet::empty() };
        self.tiers.may_accept(Tier::Admin, pod, &question, direction)
    }

    /// Whether another reading admits every port at once.
    pub(super) fn admits_whole(&self, pod: PodIndex, question: &Question<'_>, direction: Direction) -> bool {
        let reading = question.reading;
        (reading.is_other(Unspecified::OwnNodeEgress)
            && direction == Direction::Egress
            && self.cluster.is_own_node(pod, question.peer.address))
            || (reading.is_other(Unspecified::Icmp) && !question.protocol.has_ports())
    }

    /// The end whose policies are asked, and the connection as they see it.
    pub(super) fn question_as(
        &self,
        connection: &Connection,
        direction: Direction,
        reading: Reading,
    ) -> (Party, Question<'_>) {
        let (subject, peer) = match direction {
            Direction::Egress => (connection.from, connection.to),
            Direction::Ingress => (connection.to, connection.from),
        };
        let peer_pod =
            if reading.is_other(Unspecified::HostNetworkPeer) { peer.pod } else { self.by_label(peer.pod) };
        let question = Question {
            cluster: &self.cluster,
            peer: Party { pod: peer_pod, address: peer.address },
            labelled: peer.pod,
            destination: Destination {
                pod: self.by_label(connection.to.pod).map(|pod| self.cluster.pod(pod)),
                with_sidecars: !reading.is_other(Unspecified::SidecarNamedPort),
            },
            protocol: connection.protocol,
            port: connection.port,
            reading,
        };
        (subject, question)
    }

    /// The pod as selectors see it: a host-network pod is its node's address to them.
    fn by_label(&self, pod: Option<PodIndex>) -> Option<PodIndex> {
        pod.filter(|pod| !self.cluster.pod(*pod).host_network)
    }

    /// The policies that isolate a pod. A policy that selects a host-network pod has no defined
    /// effect on it; most plugins give it none.
    pub(super) fn isolating_as(&self, pod: PodIndex, direction: Direction, reading: Reading) -> &[u32] {
        if self.cluster.pod(pod).host_network && !reading.is_other(Unspecified::HostNetworkSubject) {
            return &[];
        }
        self.selecting(pod, direction)
    }

    fn exemption(
        &self,
        connection: &Connection,
        direction: Direction,
        reading: Reading,
    ) -> Option<Exemption> {
        let is_self = connection.from.pod.is_some() && connection.from.pod == connection.to.pod;
        if is_self && !reading.is_other(Unspecified::SelfTraffic) {
            return Some(Exemption::SelfTraffic);
        }
        // The kubelet's probes come from the pod's own node and always pass.
        let from_node = direction == Direction::Ingress
            && connection.to.pod.is_some_and(|pod| self.cluster.is_own_node(pod, connection.from.address));
        from_node.then_some(Exemption::OwnNode)
    }
}
