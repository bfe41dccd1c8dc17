//! Short words for cluster-wide policies in tests.

use flowfence_model::tier::{Action, ClusterPolicy, ClusterPolicyKind, Tier, TierPeer, TierPort, TierRule};

use super::*;

pub(super) fn everybody() -> PeerSelector {
    PeerSelector { namespaces: Some(LabelSelector::everything()), pods: None }
}

pub(super) fn app(name: &str) -> TierPeer {
    TierPeer::Pods(PeerSelector {
        namespaces: Some(LabelSelector::everything()),
        pods: Some(labelled("app", name)),
    })
}

pub(super) fn anybody() -> TierPeer {
    TierPeer::Pods(everybody())
}

pub(super) fn networks(blocks: &[&str]) -> TierPeer {
    TierPeer::Networks(blocks.iter().map(|block| block.parse().unwrap()).collect())
}

pub(super) fn on(number: u16) -> TierPort {
    TierPort::Numbers { protocol: Protocol::Tcp, range: PortRange::single(number) }
}

pub(super) fn when(action: Action, peers: &[TierPeer], ports: &[TierPort]) -> TierRule {
    TierRule { name: String::new(), action, peers: peers.to_vec(), ports: ports.to_vec() }
}

/// A policy for every pod, without rules.
pub(super) fn tier(tier: Tier, priority: u16) -> ClusterPolicy {
    ClusterPolicy {
        kind: ClusterPolicyKind::ClusterNetworkPolicy,
        name: format!("p{priority}"),
        tier,
        priority,
        subject: everybody(),
        ingress: Vec::new(),
        egress: Vec::new(),
    }
}

pub(super) trait TierWords {
    fn inward(self, rules: &[TierRule]) -> Self;
    fn outward(self, rules: &[TierRule]) -> Self;
    fn named(self, name: &str) -> Self;
}

impl TierWords for ClusterPolicy {
    fn inward(mut self, rules: &[TierRule]) -> Self {
        self.ingress = rules.to_vec();
        self
    }

    fn outward(mut self, rules: &[TierRule]) -> Self {
        self.egress = rules.to_vec();
        self
    }

    fn named(mut self, name: &str) -> Self {
        self.name = name.to_owned();
        self
    }
}

pub(super) fn deny_in() -> TierRule {
    when(Action::Deny, &[anybody()], &[])
}
