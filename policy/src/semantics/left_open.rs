//! When a question has no single answer.
//!
//! Most reasons are found by asking again with the other answer to one open question: where the
//! verdict stays, the question does not matter.

use flowfence_model::policy::Direction;
use flowfence_model::tier::{Action, Tier};

use super::cluster::PodIndex;
use super::connection::{Connection, Party};
use super::decision::Verdict;
use super::peer::Peers;
use super::port::Ports;
use super::region::{Question, Region};
use super::set::PolicySet;
use super::unspecified::Unspecified;

impl PolicySet {
    /// Why plugins may differ on a connection whose verdicts are known; sorted, each once.
    pub(super) fn left_open(
        &self,
        connection: &Connection,
        egress: &Verdict,
        ingress: &Verdict,
    ) -> Vec<Unspecified> {
        let mut reasons = Vec::new();
        if connection.from.pod.is_some() && connection.from.pod == connection.to.pod {
            reasons.push(Unspecified::SelfTraffic);
        }
        if !connection.protocol.has_ports() && !is_icmp_said(connection, egress, ingress) {
            reasons.push(Unspecified::Icmp);
        }
        for (direction, verdict) in [(Direction::Egress, egress), (Direction::Ingress, ingress)] {
            self.left_open_in(connection, direction, verdict, &mut reasons);
        }
        reasons.retain(|reason| !self.is_settled(*reason));
        reasons.sort_unstable();
        reasons.dedup();
        reasons
    }

    fn left_open_in(
        &self,
        connection: &Connection,
        direction: Direction,
        verdict: &Verdict,
        reasons: &mut Vec<Unspecified>,
    ) {
        let (subject, question) = self.question(connection, direction);
        let Some(pod) = subject.pod else { return };
        if self.cluster().pod(pod).host_network {
            if !self.selecting(pod, direction).is_empty() {
                reasons.push(Unspecified::HostNetworkSubject);
            }
            return;
        }
        if verdict.exemption.is_some() {
            return;
        }
        let mut try_other = |reason: Unspecified, is_possible: bool| {
            let differs = || {
                let other = self.reading.flipped(reason);
                self.allows_as(connection, direction, other) != verdict.allowed
            };
            if is_possible && differs() {
                reasons.push(reason);
            }
        };
        let is_pod = question.peer.pod.is_some();
        let has_tiers = !self.tiers.policies.is_empty();
        let is_outward = direction == Direction::Egress;
        try_other(Unspecified::PodAddressInBlock, is_pod);
        try_other(Unspecified::HostNetworkPeer, !is_pod && question.labelled.is_some());
        let has_sidecars = question.destination.pod.is_some_and(|pod| !pod.sidecar_ports.is_empty());
        try_other(Unspecified::SidecarNamedPort, has_sidecars);
        try_other(Unspecified::OwnNodeEgress, is_outward && self.is_own_node(pod, connection));
        try_other(Unspecified::BaselineBesideNetworkPolicy, has_tiers);
        try_other(Unspecified::AdminNamedPort, has_tiers);
        try_other(Unspecified::NodePeer, has_tiers && is_outward);
        try_other(Unspecified::DomainNamePeer, has_tiers && is_outward && !is_pod);
        if has_tiers && self.has_equal_rivals(pod, &question, direction, verdict) {
            reasons.push(Unspecified::EqualPriority);
        }
        if !is_outward && self.may_hide(connection, pod, verdict) {
            reasons.push(Unspecified::SnatSource);
        }
        if is_outward && is_judged_by_policies(verdict) {
            reasons.extend(self.service_address(pod, &question, verdict.allowed));
        }
    }

    fn is_own_node(&self, pod: PodIndex, connection: &Connection) -> bool {
        self.cluster().is_own_node(pod, connection.to.address)
    }

    /// Whether a policy of equal priority would lead elsewhere if it were asked first.
    pub(super) fn has_equal_rivals(
        &self,
        pod: PodIndex,
        question: &Question<'_>,
        direction: Direction,
        verdict: &Verdict,
    ) -> bool {
        let rivals = |tier| {
            let mut rivals = Vec::new();
            self.tiers.ruling(tier, pod, question, direction, Some(&mut rivals));
            rivals
        };
        let mut admin = rivals(Tier::Admin).into_iter();
        let reached =
            |ruling: &super::decision::TierRuling| self.tiers.policies[ruling.policy].tier == Tier::Baseline;
        let is_allowed = |action: Action| action != Action::Deny;
        admin.any(|action| self.after_admin(Some(action), pod, question, direction) != verdict.allowed)
            || (verdict.tiers.iter().any(reached)
                && rivals(Tier::Baseline).into_iter().any(|action| is_allowed(action) != verdict.allowed))
    }

    /// Whether the source may arrive as a node's address, and that is judged otherwise.
    fn may_hide(&self, connection: &Connection, pod: PodIndex, verdict: &Verdict) -> bool {
        let cluster = self.cluster();
        let is_outside = connection.from.pod.is_none() && !cluster.is_node(connection.from.address);
        if !is_outside || !cluster.is_published(pod, connection.protocol, connection.port) {
            return false;
        }
        let nodes = cluster.nodes().iter().flat_map(|node| &node.internal_ips);
        let of_family = nodes.filter(|ip| ip.is_ipv4() == connection.from.address.is_ipv4());
        of_family.map(|address| Party { pod: None, address: *address }).any(|from| {
            let hidden = Connection { from, ..*connection };
            self.allows_as(&hidden, Direction::Ingress, self.reading) != verdict.allowed
        })
    }

    /// Translation changes address and port, so that only a rule without peers and ports
    /// certainly admits a service's address both before and after it.
    fn service_address(&self, pod: PodIndex, question: &Question<'_>, allowed: bool) -> Option<Unspecified> {
        let is_service =
            question.labelled.is_none() && self.cluster().is_service_address(question.peer.address);
        if !is_service {
            return None;
        }
        let opens_all =
            |region: &Region| matches!((&region.peers, &region.ports), (Peers::Every, Ports::Every));
        if self.regions_of(pod, Direction::Egress, self.reading).any(opens_all) {
            None
        } else if allowed
            && !self
                .regions_of(pod, Direction::Egress, self.reading)
                .any(|region| region.admits_by_selector(question))
        {
            Some(Unspecified::ServiceAddressInBlock)
        } else {
            Some(Unspecified::ServiceAddress)
        }
    }
}

/// Whether rules of tiers decide ICMP: their text says what they do to it, NetworkPolicy's does
/// not. A Deny of either end is enough, else both ends that are pods must have been decided.
fn is_icmp_said(connection: &Connection, egress: &Verdict, ingress: &Verdict) -> bool {
    let decided = |verdict: &Verdict, action| verdict.tiers.iter().any(|ruling| ruling.action == action);
    let is_denied = [egress, ingress].into_iter().any(|verdict| decided(verdict, Action::Deny));
    let ends = [(connection.from.pod, egress), (connection.to.pod, ingress)];
    let is_accepted = ends.iter().all(|(pod, verdict)| pod.is_none() || decided(verdict, Action::Accept));
    is_denied || (is_accepted && ends.iter().any(|(pod, _)| pod.is_some()))
}

/// Whether the NetworkPolicies of an isolated pod had the last word.
fn is_judged_by_policies(verdict: &Verdict) -> bool {
    !verdict.isolated_by.is_empty() && verdict.tiers.iter().all(|ruling| ruling.action == Action::Pass)
}
