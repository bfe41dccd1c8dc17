//! Pods that may come tomorrow: one for each way in which policies speak of pods.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr};

use flowfence_model::label::NAMESPACE_NAME;
use flowfence_model::object::{Meta, Namespace, Pod};
use flowfence_model::policy::Direction;
use flowfence_model::{Labels, NodeId, PeerSelector, PolicyPeer};

use crate::audit::scene::Scene;
use crate::semantics::PodIndex;
use crate::semantics::within::{example, in_namespaces};

/// Pods with no more labels than a selector wants: in each namespace one without labels and one
/// for each policy, and one for each peer. A policy whose only purpose is to hold those who are
/// not there yet has an effect on them. And a second pod of each workload that has one only: what
/// lets it reach its siblings has no effect on a pod that is open to itself.
pub(super) fn newcomers(scene: &Scene<'_>) -> (Vec<Pod>, Vec<Namespace>) {
    let mut wanted: BTreeSet<(String, Labels)> = BTreeSet::new();
    let mut namespaces: Vec<Namespace> = Vec::new();
    for name in scene.roster.cluster().namespaces().keys() {
        wanted.insert((name.clone(), Labels::new()));
    }
    let mut peers: BTreeSet<(&str, &PeerSelector)> = BTreeSet::new();
    for policy in scene.policies.policies() {
        wanted.extend(example(&policy.pod_selector).map(|labels| (policy.namespace.clone(), labels)));
        let rules = Direction::BOTH.iter().flat_map(|direction| policy.rules(*direction).unwrap_or_default());
        peers.extend(rules.flat_map(|rule| &rule.peers).filter_map(|peer| match peer {
            PolicyPeer::Pods(peer) => Some((policy.namespace.as_str(), peer)),
            PolicyPeer::Block { .. } => None,
        }));
    }
    for (home, peer) in peers {
        let pods = peer.pods.as_ref().map_or(Some(Labels::new()), example);
        let (Some(pods), Some(namespace)) = (pods, namespace(scene, peer, home, &mut namespaces)) else {
            continue;
        };
        wanted.insert((namespace, pods));
    }
    let pods = wanted.into_iter().enumerate().map(|(at, (namespace, labels))| Pod {
        meta: Meta { namespace, name: format!("newcomer-{at}"), labels, ..Meta::default() },
        ips: vec![IpAddr::V4(Ipv4Addr::UNSPECIFIED)],
        ..Pod::default()
    });
    (pods.chain(siblings(scene)).collect(), namespaces)
}

fn siblings<'a>(scene: &'a Scene<'_>) -> impl Iterator<Item = Pod> + 'a {
    let cluster = scene.roster.cluster();
    let mut pods: BTreeMap<&NodeId, Vec<PodIndex>> = BTreeMap::new();
    for pod in cluster.indices().filter(|pod| !cluster.pod(*pod).host_network) {
        if let Some(workload) = scene.roster.workload_of(pod) {
            pods.entry(workload).or_default().push(pod);
        }
    }
    pods.into_values().filter_map(move |pods| {
        let [only] = pods.as_slice() else { return None };
        let only = cluster.pod(*only);
        let meta = Meta { name: format!("{}-sibling", only.meta.name), ..only.meta.clone() };
        let ips = vec![IpAddr::V4(Ipv4Addr::UNSPECIFIED)];
        Some(Pod { meta, ips, node: String::new(), ..only.clone() })
    })
}

/// A namespace that the peer selects: one of the cluster, else a new one.
fn namespace(
    scene: &Scene<'_>,
    peer: &PeerSelector,
    home: &str,
    made: &mut Vec<Namespace>,
) -> Option<String> {
    let Some(selector) = &peer.namespaces else { return Some(home.to_owned()) };
    let known = scene.roster.cluster().namespaces();
    if let Some((name, _)) = known.iter().find(|(_, labels)| selector.matches(labels)) {
        return Some(name.clone());
    }
    let labels = example(&in_namespaces(peer, home))?;
    let name = labels.get(NAMESPACE_NAME).cloned().unwrap_or_default();
    let name = if known.contains_key(&name) { format!("{name}-{}", made.len()) } else { name };
    let namespace = Namespace { meta: Meta { name: name.clone(), labels, ..Meta::default() } };
    made.push(namespace);
    selector.matches(&made.last()?.meta.labels).then_some(name)
}
