//! An inventory as the policy engine's cluster.

use flowfence_graph::Inventory;
use flowfence_model::Protocol;
use flowfence_model::object::{Pod, ServicePort, TargetPort};

use crate::semantics::{Cluster, PodIndex};

/// The pods of an inventory as policies see them; a pod's index is the inventory's.
pub fn cluster(inventory: &Inventory) -> Cluster {
    cluster_of(inventory, inventory.pods().iter().map(|known| known.pod.clone()).collect())
}

/// The same with more pods behind those of the inventory.
pub(crate) fn cluster_of(inventory: &Inventory, pods: Vec<Pod>) -> Cluster {
    let services = inventory.services().values();
    let services =
        services.flat_map(|service| service.cluster_ips.iter().chain(&service.external_ips)).copied();
    let published = published(inventory, &pods);
    Cluster::new(pods, inventory.namespaces().values().cloned(), inventory.nodes().values().cloned())
        .with_service_addresses(services)
        .with_published_ports(published)
}

/// The pod ports behind services that nodes or load balancers publish, where a client may arrive
/// as a node's address.
fn published(inventory: &Inventory, pods: &[Pod]) -> Vec<(PodIndex, Protocol, u16)> {
    let mut published = Vec::new();
    for service in inventory.services().values() {
        let is_published =
            matches!(&*service.kind, "NodePort" | "LoadBalancer") || !service.external_ips.is_empty();
        let Some(selector) = service.selector.as_ref().filter(|_| is_published) else { continue };
        for (at, pod) in pods.iter().enumerate() {
            let is_behind = pod.meta.namespace == service.meta.namespace
                && selector.iter().all(|(key, value)| pod.meta.labels.get(key) == Some(value));
            if is_behind {
                let ports = service.ports.iter().flat_map(|port| targets(port, pod));
                published.extend(ports.map(|(protocol, port)| (PodIndex::at(at), protocol, port)));
            }
        }
    }
    published
}

/// The ports of a pod that a port of a service leads to.
fn targets(port: &ServicePort, pod: &Pod) -> Vec<(Protocol, u16)> {
    match &port.target {
        TargetPort::Number(number) => vec![(port.protocol, *number)],
        TargetPort::Name(name) => pod
            .ports
            .iter()
            .filter(|own| own.protocol == port.protocol && own.name.as_deref() == Some(name))
            .map(|own| (own.protocol, own.port))
            .collect(),
    }
}
