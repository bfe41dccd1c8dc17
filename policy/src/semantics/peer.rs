//! The peers of one rule, compiled.

use std::net::IpAddr;
use std::sync::Arc;

use fixedbitset::FixedBitSet;
use ipnet::IpNet;

use super::cluster::PodIndex;

/// What the `from` or `to` of a rule admits.
#[derive(Clone, Debug)]
pub(super) enum Peers {
    /// The rule has no peers: every pod and every address.
    Every,
    /// Some peers.
    Some {
        /// The pods of all selectors together, host-network pods included.
        pods: Arc<FixedBitSet>,
        /// Each entry as the policy lists it.
        entries: Vec<Peer>,
    },
}

/// One entry of `from` or `to`.
#[derive(Clone, Debug)]
pub(super) enum Peer {
    /// Pods by labels, host-network pods included.
    Pods(Arc<FixedBitSet>),
    /// Addresses.
    Block(Block),
}

/// An `ipBlock`. What its `except` takes out, another block or rule may still admit.
#[derive(Clone, Debug)]
pub(super) struct Block {
    pub(super) cidr: IpNet,
    pub(super) except: Vec<IpNet>,
}

impl Block {
    /// Whether it holds an address. An IPv4 block never holds an IPv6 address, nor the reverse.
    pub(super) fn contains(&self, ip: IpAddr) -> bool {
        self.cidr.contains(&ip) && !self.except.iter().any(|part| part.contains(&ip))
    }
}

impl Peer {
    /// Whether it admits a pod by its labels.
    pub(super) fn selects(&self, pod: Option<PodIndex>) -> bool {
        match (self, pod) {
            (Peer::Pods(pods), Some(pod)) => pods.contains(pod.slot()),
            (Peer::Pods(_), None) | (Peer::Block(_), _) => false,
        }
    }

    /// Whether it admits an address by a block.
    pub(super) fn holds(&self, ip: IpAddr) -> bool {
        match self {
            Peer::Pods(_) => false,
            Peer::Block(block) => block.contains(ip),
        }
    }
}

impl Peers {
    /// Whether a selector admits the pod by its labels. Selectors never admit an address.
    pub(super) fn select(&self, pod: Option<PodIndex>) -> bool {
        match self {
            Peers::Every => true,
            Peers::Some { pods, .. } => pod.is_some_and(|pod| pods.contains(pod.slot())),
        }
    }

    /// Whether a block admits the address.
    pub(super) fn hold(&self, ip: IpAddr) -> bool {
        match self {
            Peers::Every => true,
            Peers::Some { entries, .. } => entries.iter().any(|peer| peer.holds(ip)),
        }
    }
}
