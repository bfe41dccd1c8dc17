//! What several lints ask of a scene.

use std::collections::BTreeSet;

use flowfence_model::policy::Direction;
use flowfence_model::{LabelSelector, NetworkPolicy, PeerSelector, PolicyPeer, PolicyPort, PolicyRule};

use crate::audit::scene::Scene;
use crate::semantics::fold::Atoms;
use crate::semantics::{Party, PodIndex, RuleId};

/// A rule with its policy.
#[derive(Clone, Copy)]
pub(super) struct Rule<'a> {
    pub id: RuleId,
    pub policy: &'a NetworkPolicy,
    pub object: &'a PolicyRule,
}

impl<'a> Rule<'a> {
    /// Its peers by their place.
    pub(super) fn peers(self) -> impl Iterator<Item = (usize, &'a PolicyPeer)> {
        self.object.peers.iter().enumerate()
    }

    /// Its ports by their place.
    pub(super) fn ports(self) -> impl Iterator<Item = (usize, &'a PolicyPort)> {
        self.object.ports.iter().enumerate()
    }
}

/// Every rule of every policy that is in force for its direction.
pub(super) fn rules<'a>(scene: &Scene<'a>) -> impl Iterator<Item = Rule<'a>> {
    let policies = scene.policies.policies().iter().enumerate();
    policies.flat_map(|(at, policy)| {
        Direction::BOTH.into_iter().flat_map(move |direction| {
            let rules = policy.rules(direction).unwrap_or_default().iter().enumerate();
            rules.map(move |(rule, object)| Rule {
                id: RuleId { policy: at, direction, rule },
                policy,
                object,
            })
        })
    })
}

/// Whether the input shows anything that policies could select; a folder of policies alone does
/// not, and then nothing can be said of what they select.
pub(super) fn has_workloads(scene: &Scene<'_>) -> bool {
    scene.inventory.workloads().values().any(|workload| !workload.host_network)
}

/// Whether a peer selects a pod of today, or one that a template will make.
pub(super) fn selects_any(scene: &Scene<'_>, peer: &PeerSelector, home: &str) -> bool {
    let in_namespace = |name: &str| match &peer.namespaces {
        None => name == home,
        Some(selector) => {
            let known = scene.inventory.namespaces().get(name);
            known.is_some_and(|namespace| selector.matches(&namespace.meta.labels))
        }
    };
    let everything = LabelSelector::everything();
    let pods = peer.pods.as_ref().unwrap_or(&everything);
    scene.inventory.workloads().values().any(|workload| {
        !workload.host_network
            && workload.id.namespace().is_some_and(in_namespace)
            && workload.label_sets.iter().any(|labels| pods.matches(labels))
    })
}

/// Whether a peer selects pods on their nodes' network, which no policy knows by labels.
pub(super) fn selects_host_network(scene: &Scene<'_>, peer: &PeerSelector, home: &str) -> bool {
    let cluster = scene.roster.cluster();
    cluster.pods().iter().filter(|pod| pod.host_network && !pod.is_finished).any(|pod| {
        let in_namespace = match &peer.namespaces {
            None => pod.meta.namespace == home,
            Some(selector) => {
                cluster.namespaces().get(&pod.meta.namespace).is_some_and(|labels| selector.matches(labels))
            }
        };
        in_namespace && peer.pods.as_ref().is_none_or(|pods| pods.matches(&pod.meta.labels))
    })
}

/// The pods of today: neither finished nor on their node's network, with an address of their own.
pub(super) fn pods(scene: &Scene<'_>) -> Vec<PodIndex> {
    let cluster = scene.roster.cluster();
    let is_current = |pod: &PodIndex| {
        let object = cluster.pod(*pod);
        !object.is_finished
            && !object.host_network
            && object.ips.iter().any(|ip| cluster.holder(*ip) == Some(*pod))
    };
    cluster.indices().filter(is_current).collect()
}

/// An end of connections of each sort: pods of today, nodes, the API server, and an address in
/// every block that policies tell apart.
pub(super) fn parties(scene: &Scene<'_>) -> Vec<Party> {
    let cluster = scene.roster.cluster();
    let of_pods = pods(scene).into_iter().flat_map(|pod| {
        let ips = cluster.pod(pod).ips.iter();
        ips.map(move |address| Party { pod: Some(pod), address: *address })
    });
    let nodes = cluster.nodes().iter().flat_map(|node| node.internal_ips.iter().copied());
    let servers = scene.inventory.api_server().iter().map(|(ip, _)| *ip);
    let atoms = Atoms::new(&[scene.policies]);
    let outside = atoms.iter().filter_map(|(block, inner)| Atoms::address_in(block, &inner));
    let outside = outside.filter(|address| cluster.holder(*address).is_none());
    let addresses: BTreeSet<_> = nodes.chain(servers).chain(outside).collect();
    of_pods.chain(addresses.into_iter().map(|address| Party { pod: None, address })).collect()
}
