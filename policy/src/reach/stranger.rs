//! Pods that might come: one for every way in which policies speak of pods.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use flowfence_model::label::NAMESPACE_NAME;
use flowfence_model::object::{Meta, Namespace, Pod};
use flowfence_model::tier::TierPeer;
use flowfence_model::{
    ClusterPolicy, LabelSelector, Labels, NetworkPolicy, PeerSelector, PolicyPeer, Requirement,
};

use crate::semantics::Cluster;

/// A pod that is not there yet, named by what is known of it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Stranger {
    /// Any pod of a namespace that policies do not know, without labels that they know.
    Anybody,
    /// Any pod of this namespace, without labels that policies know.
    Neighbour(String),
    /// A pod that a peer of a rule selects.
    Selected {
        /// The namespace of the policy when the peer speaks of it alone.
        home: Option<String>,
        /// The peer.
        peer: PeerSelector,
    },
}

/// Strangers as pods and namespaces, to be added to a cluster.
pub(super) struct Crowd {
    pub(super) strangers: Vec<Stranger>,
    pub(super) pods: Vec<Pod>,
    pub(super) namespaces: Vec<Namespace>,
    /// Where strangers stand, an address a family.
    addresses: Vec<IpAddr>,
}

/// Every stranger of these policies. A peer that no labels satisfy gives none.
pub(super) fn crowd(cluster: &Cluster, policies: &[NetworkPolicy], tiers: &[ClusterPolicy]) -> Crowd {
    let mut crowd = Crowd {
        strangers: Vec::new(),
        pods: Vec::new(),
        namespaces: Vec::new(),
        addresses: [true, false].map(|is_v4| address(cluster, is_v4)).to_vec(),
    };
    let unknown = crowd.namespace(cluster, Labels::new());
    crowd.push(Stranger::Anybody, unknown, Labels::new());
    for name in cluster.namespaces().keys() {
        crowd.push(Stranger::Neighbour(name.clone()), name.clone(), Labels::new());
    }
    for (home, peer) in peers(policies, tiers) {
        let Some(labels) = peer.pods.as_ref().map_or(Some(Labels::new()), satisfying) else { continue };
        let namespace = match (&home, &peer.namespaces) {
            (_, Some(selector)) => crowd.namespace_of(cluster, selector),
            (home, None) => home.clone(),
        };
        if let Some(namespace) = namespace {
            crowd.push(Stranger::Selected { home, peer }, namespace, labels);
        }
    }
    crowd
}

/// An address among those of pods, so that blocks for the world outside do not hold it: the last
/// of a node's range, which no pod gets, or that of some pod.
fn address(cluster: &Cluster, is_v4: bool) -> IpAddr {
    let ranges = cluster.nodes().iter().flat_map(|node| &node.pod_cidrs).map(ipnet::IpNet::broadcast);
    let pods = cluster.pods().iter().filter(|pod| !pod.host_network).flat_map(|pod| pod.ips.clone());
    let fallback = if is_v4 { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() };
    ranges.chain(pods).find(|ip| ip.is_ipv4() == is_v4).unwrap_or(fallback)
}

/// The peers of ingress rules that select pods by more than their being there.
fn peers(policies: &[NetworkPolicy], tiers: &[ClusterPolicy]) -> BTreeSet<(Option<String>, PeerSelector)> {
    let of_policies = policies.iter().flat_map(|policy| {
        let rules = policy.ingress.iter().flatten();
        rules.flat_map(|rule| &rule.peers).filter_map(|peer| match peer {
            PolicyPeer::Pods(peer) => {
                Some((peer.namespaces.is_none().then(|| policy.namespace.clone()), peer.clone()))
            }
            PolicyPeer::Block { .. } => None,
        })
    });
    let of_tiers = tiers.iter().flat_map(|policy| {
        policy.ingress.iter().flat_map(|rule| &rule.peers).filter_map(|peer| match peer {
            TierPeer::Pods(peer) => Some((None, peer.clone())),
            TierPeer::Networks(_) | TierPeer::Nodes(_) | TierPeer::DomainNames(_) | TierPeer::Unknown(_) => {
                None
            }
        })
    });
    of_policies.chain(of_tiers).collect()
}

/// The fewest labels that satisfy a selector; `None` when none do.
fn satisfying(selector: &LabelSelector) -> Option<Labels> {
    let mut labels: Labels = selector.match_labels.clone();
    for requirement in &selector.match_expressions {
        let fits = |value: &String| {
            let of_key = selector.match_expressions.iter().filter(|other| other.key() == requirement.key());
            let labels: Labels = [(requirement.key().to_owned(), value.clone())].into();
            of_key.into_iter().all(|other| other.matches(&labels))
        };
        let value = match requirement {
            Requirement::In(_, values) => values.iter().find(|value| fits(value)).cloned(),
            Requirement::Exists(_) => {
                // Some value that NotIn does not rule out.
                (0..).map(|n| if n == 0 { "x".to_owned() } else { format!("x{n}") }).take(64).find(fits)
            }
            Requirement::NotIn(..) | Requirement::DoesNotExist(_) => continue,
        };
        if let Some(value) = value {
            labels.entry(requirement.key().to_owned()).or_insert(value);
        }
    }
    selector.matches(&labels).then_some(labels)
}

impl Crowd {
    fn push(&mut self, stranger: Stranger, namespace: String, labels: Labels) {
        let name = format!("stranger-{}", self.pods.len());
        self.pods.push(Pod {
            meta: Meta { namespace, name, labels, ..Meta::default() },
            ips: self.addresses.clone(),
            ..Pod::default()
        });
        self.strangers.push(stranger);
    }

    /// The name of a namespace that satisfies a selector; one of the cluster when the selector
    /// names it.
    fn namespace_of(&mut self, cluster: &Cluster, selector: &LabelSelector) -> Option<String> {
        let mut labels = satisfying(selector)?;
        let Some(name) = labels.remove(NAMESPACE_NAME) else { return Some(self.namespace(cluster, labels)) };
        if let Some(known) = cluster.namespaces().get(&name) {
            return selector.matches(known).then_some(name);
        }
        self.add_namespace(name.clone(), labels);
        Some(name)
    }

    fn namespace(&mut self, cluster: &Cluster, labels: Labels) -> String {
        let is_free = |name: &String| !cluster.namespaces().contains_key(name);
        // One of so many names is free: each namespace of the cluster takes one at most.
        let first = self.namespaces.len();
        let names = first..=first + cluster.namespaces().len();
        let name = names.map(|n| format!("unseen-{n}")).find(is_free).unwrap_or_default();
        self.add_namespace(name.clone(), labels);
        name
    }

    fn add_namespace(&mut self, name: String, labels: BTreeMap<String, String>) {
        self.namespaces.push(Namespace { meta: Meta { name, labels, ..Meta::default() } });
    }
}
