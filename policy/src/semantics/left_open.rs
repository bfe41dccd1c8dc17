//! When a question has no single answer.

use flowfence_model::Protocol;
use flowfence_model::policy::Direction;

use super::connection::Connection;
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
        if connection.protocol == Protocol::Icmp {
            reasons.push(Unspecified::Icmp);
        }
        for (direction, verdict) in [(Direction::Egress, egress), (Direction::Ingress, ingress)] {
            self.left_open_in(connection, direction, verdict, &mut reasons);
        }
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
        if verdict.isolated_by.is_empty() || verdict.exemption.is_some() {
            return;
        }
        let regions: Vec<&Region> = self.regions_of(pod, direction).collect();
        if question.peer.pod.is_some() {
            if verdict.allowed && !regions.iter().any(|region| region.admits_by_selector(&question)) {
                reasons.push(Unspecified::PodAddressInBlock);
            }
        } else if !verdict.allowed && regions.iter().any(|region| region.admits_by_label(&question)) {
            reasons.push(Unspecified::HostNetworkPeer);
        }
        if direction == Direction::Egress {
            if !verdict.allowed && self.cluster().is_own_node(pod, connection.to.address) {
                reasons.push(Unspecified::OwnNodeEgress);
            }
            if question.labelled.is_none() && self.cluster().is_service_address(connection.to.address) {
                reasons.extend(service_address(&regions, &question, verdict.allowed));
            }
        }
    }
}

/// Translation changes address and port, so that only a rule without peers and ports certainly
/// admits a service's address both before and after it.
fn service_address(regions: &[&Region], question: &Question<'_>, allowed: bool) -> Option<Unspecified> {
    let opens_all = |region: &&Region| matches!((&region.peers, &region.ports), (Peers::Every, Ports::Every));
    if regions.iter().any(opens_all) {
        None
    } else if allowed && !regions.iter().any(|region| region.admits_by_selector(question)) {
        Some(Unspecified::ServiceAddressInBlock)
    } else {
        Some(Unspecified::ServiceAddress)
    }
}
