//! Service addresses and the pods behind them.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use flowfence_model::Protocol;
use flowfence_model::object::{EndpointSlice, Pod, Service, ServicePort, TargetPort};

use super::moment::Merged;
use super::{FastMap, FastSet, KnownPod};

/// What stands behind one port of a service address.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Backend {
    /// The service, `NAMESPACE/NAME`.
    pub service: String,
    /// The port of the service.
    pub port: u16,
    /// Address and port of every endpoint that it had at any moment.
    pub endpoints: BTreeSet<(IpAddr, u16)>,
}

/// One service that leads to a port of a pod.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ServiceUse {
    /// The service, `NAMESPACE/NAME`.
    pub service: String,
    /// The port of the service.
    pub port: u16,
    /// Its node port.
    pub node_port: Option<u16>,
    /// Whether NodePort, LoadBalancer or externalIPs publish it outside the cluster.
    pub published: bool,
}

/// Look-ups from service addresses and node ports to endpoints, and back.
#[derive(Clone, Debug, Default)]
pub struct ServiceMap {
    backends: Vec<Backend>,
    by_address: FastMap<(IpAddr, Protocol, u16), usize>,
    by_node_port: FastMap<(Protocol, u16), usize>,
    uses: FastMap<(IpAddr, Protocol, u16), BTreeSet<ServiceUse>>,
    addresses: FastSet<IpAddr>,
}

impl ServiceMap {
    /// From services, every state of their EndpointSlices, and pods that their selectors match.
    pub fn new(merged: &Merged, pods: &[KnownPod]) -> Self {
        let mut slices: BTreeMap<(&str, &str), Vec<&EndpointSlice>> = BTreeMap::new();
        for slice in &merged.slices {
            slices.entry((&slice.meta.namespace, &slice.service)).or_default().push(slice);
        }
        let mut by_namespace: BTreeMap<&str, Vec<&Pod>> = BTreeMap::new();
        for known in pods {
            by_namespace.entry(&known.pod.meta.namespace).or_default().push(&known.pod);
        }
        let mut map = ServiceMap::default();
        for service in merged.services.values() {
            let meta = &service.meta;
            let own =
                slices.get(&(meta.namespace.as_str(), meta.name.as_str())).map_or(&[][..], Vec::as_slice);
            let near = by_namespace.get(meta.namespace.as_str()).map_or(&[][..], Vec::as_slice);
            for port in &service.ports {
                map.add(service, port, own, near);
            }
        }
        map
    }

    /// Whether `address` is a service's.
    pub fn has_address(&self, address: IpAddr) -> bool {
        self.addresses.contains(&address)
    }

    /// What stands behind a service address and port, or a node port where that is `on_node`.
    pub fn backends(
        &self,
        address: IpAddr,
        protocol: Protocol,
        port: u16,
        on_node: impl FnOnce() -> bool,
    ) -> Option<&Backend> {
        let by_node_port = || self.by_node_port.get(&(protocol, port)).filter(|_| on_node());
        let index = self.by_address.get(&(address, protocol, port)).or_else(by_node_port)?;
        self.backends.get(*index)
    }

    /// The services that lead to `port` of any of `addresses`.
    pub fn uses(&self, addresses: &[IpAddr], protocol: Protocol, port: u16) -> Vec<ServiceUse> {
        let found: BTreeSet<&ServiceUse> =
            addresses.iter().filter_map(|ip| self.uses.get(&(*ip, protocol, port))).flatten().collect();
        found.into_iter().cloned().collect()
    }

    fn add(&mut self, service: &Service, port: &ServicePort, slices: &[&EndpointSlice], pods: &[&Pod]) {
        let name = format!("{}/{}", service.meta.namespace, service.meta.name);
        let endpoints = endpoints(service, port, slices, pods);
        let published = port.node_port.is_some() || !service.external_ips.is_empty();
        let service_use =
            ServiceUse { service: name.clone(), port: port.port, node_port: port.node_port, published };
        for (ip, number) in &endpoints {
            self.uses.entry((*ip, port.protocol, *number)).or_default().insert(service_use.clone());
        }
        let index = self.backends.len();
        for ip in service.cluster_ips.iter().chain(&service.external_ips) {
            self.addresses.insert(*ip);
            self.by_address.insert((*ip, port.protocol, port.port), index);
        }
        if let Some(node_port) = port.node_port {
            self.by_node_port.insert((port.protocol, node_port), index);
        }
        self.backends.push(Backend { service: name, port: port.port, endpoints });
    }
}

/// Endpoints by the slices, and by the selector for pods that no slice of the input shows (any more).
fn endpoints(
    service: &Service,
    port: &ServicePort,
    slices: &[&EndpointSlice],
    pods: &[&Pod],
) -> BTreeSet<(IpAddr, u16)> {
    let by_slice = slices.iter().flat_map(|slice| {
        let ports = slice.ports.iter().filter(|p| p.protocol == port.protocol && p.name == port.name);
        ports.flat_map(|p| slice.addresses.iter().map(|ip| (*ip, p.port)))
    });
    let by_selector = pods.iter().filter(|pod| selects(service, pod)).filter_map(|pod| {
        let number = target(pod, port)?;
        Some(pod.ips.iter().map(move |ip| (*ip, number)))
    });
    by_slice.chain(by_selector.flatten()).collect()
}

fn selects(service: &Service, pod: &Pod) -> bool {
    service.selector.as_ref().is_some_and(|selector| {
        !selector.is_empty() && selector.iter().all(|(k, v)| pod.meta.labels.get(k) == Some(v))
    })
}

fn target(pod: &Pod, port: &ServicePort) -> Option<u16> {
    match &port.target {
        TargetPort::Number(number) => Some(*number),
        TargetPort::Name(name) => pod
            .ports
            .iter()
            .find(|p| p.protocol == port.protocol && p.name.as_ref() == Some(name))
            .map(|p| p.port),
    }
}
