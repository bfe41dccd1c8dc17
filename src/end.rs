//! Ends of a connection as people name them: a pod, a node id or an address.

use std::net::{IpAddr, Ipv4Addr};

use flowfence_graph::Inventory;
use flowfence_model::{NodeId, Protocol};
use flowfence_policy::semantics::{Cluster, Connection, Party, PodIndex};

mod suggest;

pub use suggest::services_at;

/// One end that was named: a pod, or an address without one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct End {
    /// The pod, as an index of the cluster, whose order is the inventory's.
    pub pod: Option<PodIndex>,
    /// The address that was named, or that a node or the API server has.
    pub address: Option<IpAddr>,
}

/// Every end that `text` names: `NAMESPACE/POD`, an address, or a node id
/// (`NAMESPACE/KIND/NAME`, `node/NAME`, `external/ADDRESS`, `apiserver`). A workload names all
/// of its pods that are not finished.
pub fn ends(text: &str, inventory: &Inventory, cluster: &Cluster) -> Result<Vec<End>, String> {
    if let Ok(ip) = text.parse::<IpAddr>() {
        return Ok(vec![End { pod: cluster.holder(ip), address: Some(ip) }]);
    }
    if let Some((namespace, name)) = text.split_once('/')
        && let Some(pod) = cluster.pod_named(namespace, name)
    {
        return Ok(vec![End { pod: Some(pod), address: None }]);
    }
    let id: NodeId = text.parse().map_err(|_| suggest::unknown(text, inventory))?;
    match &id {
        NodeId::External(ip) | NodeId::Unknown(ip) => {
            Ok(vec![End { pod: cluster.holder(*ip), address: Some(*ip) }])
        }
        NodeId::Node(name) => {
            let node =
                inventory.nodes().get(name.as_str()).ok_or_else(|| suggest::unknown(text, inventory))?;
            let address = node.addresses().next().ok_or_else(|| format!("node {name:?} has no address"))?;
            Ok(vec![End { pod: None, address: Some(address) }])
        }
        NodeId::ApiServer => {
            let address = inventory.api_server().first().map(|(ip, _)| *ip);
            let address =
                address.ok_or("the cluster that was given has no EndpointSlice default/kubernetes")?;
            Ok(vec![End { pod: None, address: Some(address) }])
        }
        NodeId::Namespace(name) => Err(format!(
            "a namespace is no end of one connection; ask for a pod or a workload of {name}, or for all of it with reach"
        )),
        NodeId::Folded(_) => Err(suggest::unknown(text, inventory)),
        NodeId::Workload(_) => workload(&id, inventory, cluster),
    }
}

fn workload(id: &NodeId, inventory: &Inventory, cluster: &Cluster) -> Result<Vec<End>, String> {
    // The id of a pod in the graph's view by pods.
    if let NodeId::Workload(named) = id
        && named.kind == "Pod"
        && let Some(pod) = cluster.pod_named(&named.namespace, &named.name)
    {
        return Ok(vec![End { pod: Some(pod), address: None }]);
    }
    let known = inventory.workload(id).ok_or_else(|| suggest::unknown(&id.to_string(), inventory))?;
    let running = |pod: &usize| inventory.pods().get(*pod).is_some_and(|known| !known.pod.is_finished);
    let pods: Vec<usize> = known.pods.iter().copied().filter(running).collect();
    let chosen = if pods.is_empty() { &known.pods } else { &pods };
    if chosen.is_empty() {
        return Err(format!("{id} has no pod in the cluster that was given"));
    }
    Ok(chosen.iter().map(|pod| End { pod: Some(PodIndex::at(*pod)), address: None }).collect())
}

/// A connection between two ends, with addresses of one family where both have one.
pub fn connection(from: End, to: End, protocol: Protocol, port: u16, cluster: &Cluster) -> Connection {
    Connection { from: from.towards(to, cluster), to: to.towards(from, cluster), protocol, port }
}

impl End {
    fn addresses(self, cluster: &Cluster) -> Vec<IpAddr> {
        match (self.address, self.pod) {
            (Some(address), _) => vec![address],
            (None, Some(pod)) => cluster.pod(pod).ips.clone(),
            (None, None) => Vec::new(),
        }
    }

    /// A pod that has no address yet is judged by its labels, as some IPv4 address.
    fn towards(self, other: End, cluster: &Cluster) -> Party {
        let (own, theirs) = (self.addresses(cluster), other.addresses(cluster));
        let shared = own.iter().find(|ip| theirs.iter().any(|other| other.is_ipv4() == ip.is_ipv4()));
        let address = shared.or(own.first()).copied().unwrap_or(Ipv4Addr::UNSPECIFIED.into());
        Party { pod: self.pod, address }
    }
}

/// `PORT[/PROTOCOL]`, TCP by default; `icmp` alone for ICMP.
pub fn port(text: &str) -> Result<(u16, Protocol), String> {
    if text.eq_ignore_ascii_case("icmp") {
        return Ok((0, Protocol::Icmp));
    }
    let (number, protocol) = text.split_once('/').unwrap_or((text, "TCP"));
    let protocol: Protocol = protocol.parse().map_err(|error| format!("{error}"))?;
    match number.parse::<u16>() {
        Ok(port) if port > 0 => Ok((port, protocol)),
        _ => Err(format!("{number:?} is not a port number (1 to 65535)")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_name_their_protocol_or_are_tcp() {
        assert_eq!(port("80"), Ok((80, Protocol::Tcp)));
        assert_eq!(port("53/udp"), Ok((53, Protocol::Udp)));
        assert_eq!(port("ICMP"), Ok((0, Protocol::Icmp)));
        assert!(port("0").is_err() && port("80/quic").is_err() && port("http").is_err());
    }
}
