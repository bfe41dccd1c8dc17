//! Places that replicas go to, by name.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv6Addr};

use flowfence_model::NodeId;

use crate::audit::scene::Scene;

/// Where each edge leads.
pub(super) struct Places {
    names: Vec<String>,
    /// By the number of the edge: the rank of the name.
    of_edges: Vec<usize>,
}

impl Places {
    pub(super) fn of(scene: &Scene<'_>) -> Self {
        let keys = scene.facts.numbering().keys();
        let mut ends: BTreeMap<&NodeId, String> = BTreeMap::new();
        // Nobody else has replicas.
        for edge in keys.iter().filter(|edge| edge.from.is_workload()) {
            ends.entry(&edge.to).or_insert_with(|| name(scene, &edge.to));
        }
        let distinct: BTreeSet<&String> = ends.values().collect();
        let names: Vec<String> = distinct.into_iter().cloned().collect();
        let rank = |name: &String| names.binary_search(name).unwrap_or_default();
        let ranks: BTreeMap<&NodeId, usize> = ends.iter().map(|(id, name)| (*id, rank(name))).collect();
        let of_edges = keys.iter().map(|edge| ranks.get(&edge.to).copied().unwrap_or_default()).collect();
        Places { names, of_edges }
    }

    /// The rank of the name of the place that an edge leads to.
    pub(super) fn of_edge(&self, edge: usize) -> usize {
        self.of_edges.get(edge).copied().unwrap_or_default()
    }

    /// The name of a rank.
    pub(super) fn name(&self, rank: usize) -> &str {
        self.names.get(rank).map_or("", String::as_str)
    }
}

fn name(scene: &Scene<'_>, to: &NodeId) -> String {
    match to {
        NodeId::External(address) => match scene.facts.names.of(*address).next() {
            Some(name) => name.to_owned(),
            None => neighbourhood(*address),
        },
        // Which node it is follows from where the pod runs.
        NodeId::Node(_) => "nodes".to_owned(),
        inside => inside.to_string(),
    }
}

/// The /24 or /48 of an address.
fn neighbourhood(address: IpAddr) -> String {
    match address {
        IpAddr::V4(ip) => {
            let [a, b, c, _] = ip.octets();
            format!("external/{a}.{b}.{c}.0/24")
        }
        IpAddr::V6(ip) => {
            let [a, b, c, ..] = ip.segments();
            format!("external/{}/48", Ipv6Addr::new(a, b, c, 0, 0, 0, 0, 0))
        }
    }
}
