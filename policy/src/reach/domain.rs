//! Names of hosts outside as ends.
//!
//! Policies see addresses, and nobody knows those of a name before a pod resolves it. So each name
//! that a rule accepts is asked about as a host: an address of the widest range that no policy
//! divides, which the pod resolved from that name. What else is said of that range (a Deny of
//! `0.0.0.0/0` that goes before, an `ipBlock`) counts as it does for any address there.

use std::collections::{BTreeSet, HashSet};
use std::net::IpAddr;

use flowfence_model::tier::{DomainName, TierPeer};
use flowfence_model::{ClusterPolicy, policy::Direction};

use super::end::Family;
use crate::semantics::fold::Atoms;
use crate::semantics::{Cluster, Rulebook};

/// Stands for every label of a wildcard: no name that a policy can write has it.
const ANY: &str = "\u{1}";

/// The names in `domainNames` of these policies, sorted.
pub(super) fn domains<'p>(tiers: impl IntoIterator<Item = &'p ClusterPolicy>) -> BTreeSet<&'p DomainName> {
    let rules = tiers.into_iter().flat_map(|policy| policy.rules(Direction::Egress));
    let peers = rules.flat_map(|rule| &rule.peers);
    peers
        .filter_map(|peer| match peer {
            TierPeer::DomainNames(names) => Some(names),
            TierPeer::Pods(_) | TierPeer::Networks(_) | TierPeer::Nodes(_) | TierPeer::Unknown(_) => None,
        })
        .flatten()
        .collect()
}

/// A name that exactly this pattern, and the wider wildcards around it, mean.
pub(super) fn example(pattern: &DomainName) -> String {
    match pattern.as_str().strip_prefix('*') {
        Some(suffix) => format!("{ANY}{suffix}"),
        None => pattern.as_str().to_owned(),
    }
}

/// The cluster with a host of each family for every name that the policies accept. Compile the
/// policies over it before a [`super::Survey`], or it has no names as ends.
#[must_use]
pub fn with_hosts(cluster: Cluster, rules: &[&Rulebook<'_>]) -> Cluster {
    let names = domains(rules.iter().flat_map(|rules| rules.tiers));
    if names.is_empty() {
        return cluster;
    }
    let atoms = Atoms::of(rules);
    let taken: HashSet<IpAddr> = cluster.pods().iter().flat_map(|pod| &pod.ips).copied().collect();
    let is_free =
        |ip: &IpAddr| !taken.contains(ip) && !cluster.is_node(*ip) && !cluster.is_service_address(*ip);
    let mut hosts = Vec::new();
    for family in Family::BOTH {
        let mut ranges: Vec<_> =
            atoms.iter().filter(|(block, _)| Family::of(block.network()) == family).collect();
        ranges.sort_by_key(|(block, _)| block.prefix_len());
        // The first address of a range stands for the range itself.
        let addresses = ranges.iter().flat_map(|(block, inner)| Atoms::addresses_in(*block, inner).skip(1));
        hosts.extend(addresses.filter(is_free).zip(&names).map(|(address, name)| (address, example(name))));
    }
    cluster.with_domain_names(hosts)
}
