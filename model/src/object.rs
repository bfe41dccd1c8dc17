//! Kubernetes objects, with only the fields that flowfence uses.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::time::Duration;

use ipnet::IpNet;

use crate::label::Labels;
use crate::policy::NetworkPolicy;
use crate::privilege::Privilege;
use crate::protocol::Protocol;
use crate::selector::LabelSelector;
use crate::tier::ClusterPolicy;
use crate::time::Timestamp;

/// The controller of an object (`metadata.ownerReferences` with `controller: true`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Owner {
    /// Kind as the API writes it, of any group.
    pub kind: String,
    /// Name.
    pub name: String,
}

/// `metadata` that every object has.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Meta {
    /// Namespace; empty for cluster-wide kinds.
    pub namespace: String,
    /// Name.
    pub name: String,
    /// Unique id; empty in hand-made objects.
    pub uid: String,
    /// `resourceVersion` as a number, 0 when absent or not one: of two states of one object,
    /// the higher is the later.
    pub version: u64,
    /// Labels.
    pub labels: Labels,
    /// Of its annotations those that may say whose it is ([`crate::label::is_owner_annotation`]).
    pub annotations: Labels,
    /// The controlling owner.
    pub owner: Option<Owner>,
    /// Time of creation (whole seconds).
    pub created: Option<Timestamp>,
    /// Time by which a deletion that was asked for ends its grace.
    pub deleted: Option<Timestamp>,
}

/// A named or numbered container port (`containers[].ports[]`).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ContainerPort {
    /// Its name, when it has one.
    pub name: Option<String>,
    /// Its number.
    pub port: u16,
    /// Its protocol, TCP by default.
    pub protocol: Protocol,
}

/// A Pod.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pod {
    /// Metadata.
    pub meta: Meta,
    /// `spec.nodeName`; empty while it is not scheduled.
    pub node: String,
    /// `spec.hostNetwork`.
    pub host_network: bool,
    /// `status.podIPs` (or `podIP`).
    pub ips: Vec<IpAddr>,
    /// Ports of its containers, sidecars (restartable init containers) included.
    pub ports: Vec<ContainerPort>,
    /// Those of `ports` that only sidecars declare.
    pub sidecar_ports: Vec<ContainerPort>,
    /// Ports that the kubelet probes (readiness, liveness, startup), numbers resolved.
    pub probe_ports: Vec<u16>,
    /// What it may do beyond an ordinary pod.
    pub privileges: BTreeSet<Privilege>,
    /// `status.startTime`.
    pub started: Option<Timestamp>,
    /// When its last container began (`state.running.startedAt` and the like): by then it had its address.
    pub running_since: Option<Timestamp>,
    /// When its last container ended, for a pod whose phase is Succeeded or Failed.
    pub finished: Option<Timestamp>,
    /// Whether its phase is Succeeded or Failed.
    pub is_finished: bool,
    /// What a watch saw of it.
    pub watched: Watched,
}

/// What a watch over the cluster saw of a pod, to the fraction of a second; nothing of a pod that was only read once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Watched {
    /// Between which moments it was created.
    pub created: Option<(Timestamp, Timestamp)>,
    /// Until when nobody had asked it to end.
    pub unasked: Option<Timestamp>,
    /// By when it was gone.
    pub gone: Option<Timestamp>,
    /// When addresses that it did not have at first were seen on it, each no sooner than it had it.
    pub addressed: Vec<(IpAddr, Timestamp)>,
    /// By when addresses, which are still among its `ips`, were its own no longer.
    pub left: Vec<(IpAddr, Timestamp)>,
}

const SECOND: Duration = Duration::from_secs(1);

impl Pod {
    /// Whether it had an address of its own and may have run at some moment of a window. Kubernetes tells whole
    /// seconds, so a pod that ended at 10 s may have run until just before 11 s.
    pub fn ran_during(&self, (first, last): (Timestamp, Timestamp)) -> bool {
        !self.host_network
            && !self.ips.is_empty()
            && self.started.or(self.meta.created).is_none_or(|from| from <= last)
            && self.ended().is_none_or(|until| until.plus(SECOND) > first)
    }

    /// When it ended, or will at the end of the grace that a deletion gave it.
    pub fn ended(&self) -> Option<Timestamp> {
        let ends = [self.finished.or(self.meta.deleted), self.watched.gone];
        ends.into_iter().flatten().min()
    }
}

/// A Namespace; `kubernetes.io/metadata.name` is added where the input lacks it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Namespace {
    /// Metadata.
    pub meta: Meta,
}

/// A port of a Service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServicePort {
    /// Its name, when it has one.
    pub name: Option<String>,
    /// Protocol.
    pub protocol: Protocol,
    /// Port of the service's addresses.
    pub port: u16,
    /// Port of the pods.
    pub target: TargetPort,
    /// Port on every node, for NodePort and LoadBalancer.
    pub node_port: Option<u16>,
}

/// `targetPort` of a service port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TargetPort {
    /// A number.
    Number(u16),
    /// A name that each pod resolves for itself.
    Name(String),
}

/// A Service.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Service {
    /// Metadata.
    pub meta: Meta,
    /// `spec.type`: `ClusterIP`, `NodePort`, `LoadBalancer` or `ExternalName`.
    pub kind: String,
    /// `clusterIPs`; empty for headless services.
    pub cluster_ips: Vec<IpAddr>,
    /// `externalIPs` and the addresses of `status.loadBalancer.ingress`.
    pub external_ips: Vec<IpAddr>,
    /// Ports.
    pub ports: Vec<ServicePort>,
    /// `spec.selector`; `None` when its endpoints are made by hand.
    pub selector: Option<Labels>,
}

/// An EndpointSlice.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EndpointSlice {
    /// Metadata.
    pub meta: Meta,
    /// The service that it belongs to (label `kubernetes.io/service-name`).
    pub service: String,
    /// Addresses of the endpoints.
    pub addresses: Vec<IpAddr>,
    /// Name, number and protocol of the ports. A port without a number is left out.
    pub ports: Vec<ContainerPort>,
}

/// A Node.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Node {
    /// Metadata.
    pub meta: Meta,
    /// `status.addresses` of type InternalIP.
    pub internal_ips: Vec<IpAddr>,
    /// `status.addresses` of type ExternalIP.
    pub external_ips: Vec<IpAddr>,
    /// `spec.podCIDRs`.
    pub pod_cidrs: Vec<IpNet>,
}

impl Node {
    /// The addresses by which the node itself speaks to pods inside their own ranges: the first
    /// host of each pod CIDR (the bridge of most plugins) and the network address (the tunnel
    /// device of VXLAN plugins). No plugin gives either to a pod.
    pub fn gateways(&self) -> impl Iterator<Item = IpAddr> + '_ {
        self.pod_cidrs.iter().flat_map(|cidr| {
            let network = cidr.network();
            [Some(network), cidr.hosts().find(|host| *host != network)].into_iter().flatten()
        })
    }

    /// Every address that is the node: internal, external and its pod gateways.
    pub fn addresses(&self) -> impl Iterator<Item = IpAddr> + '_ {
        self.internal_ips.iter().chain(&self.external_ips).copied().chain(self.gateways())
    }
}

/// An object that makes pods or owns one that does (ReplicaSet, Deployment, StatefulSet,
/// DaemonSet, Job, CronJob).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Controller {
    /// Metadata.
    pub meta: Meta,
    /// Kind as the API writes it.
    pub kind: String,
    /// Labels of its pod template.
    pub template_labels: Labels,
    /// Container ports of its pod template.
    pub template_ports: Vec<ContainerPort>,
    /// Whether its pods use the node's network.
    pub host_network: bool,
    /// What its pods may do beyond ordinary ones.
    pub privileges: BTreeSet<Privilege>,
    /// `spec.replicas`, where it says so.
    pub replicas: Option<u32>,
    /// `spec.selector`, where the kind has one.
    pub selector: Option<LabelSelector>,
    /// When it makes Jobs, for a CronJob that says so.
    pub schedule: Option<Schedule>,
}

/// When a CronJob runs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Schedule {
    /// `spec.schedule` as written: five fields, or a word such as `@daily`.
    pub cron: String,
    /// `spec.timeZone`, an IANA name; without one the controller manager's own zone counts.
    pub time_zone: Option<String>,
    /// `spec.suspend`: no further run until somebody resumes it.
    pub suspended: bool,
}

/// An Ingress: what a proxy at the edge of the cluster leads to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ingress {
    /// Metadata.
    pub meta: Meta,
    /// The services of its own namespace that its default backend and rules name.
    pub services: BTreeSet<String>,
}

/// One object of a snapshot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Object {
    /// A Pod.
    Pod(Pod),
    /// A Namespace.
    Namespace(Namespace),
    /// A Service.
    Service(Service),
    /// An EndpointSlice.
    EndpointSlice(EndpointSlice),
    /// A Node.
    Node(Node),
    /// A workload's controller.
    Controller(Controller),
    /// An Ingress.
    Ingress(Ingress),
    /// A NetworkPolicy.
    NetworkPolicy(NetworkPolicy),
    /// A cluster-wide policy of any of its kinds.
    ClusterPolicy(ClusterPolicy),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pod_that_ended_in_the_second_in_which_a_window_began_ran_during_it() {
        let ended = |at: Timestamp| Pod {
            ips: vec!["10.244.1.2".parse().unwrap()],
            finished: Some(at),
            ..Pod::default()
        };
        let window = (Timestamp::from_secs(10, 300_000_000), Timestamp::from_secs(20, 0));
        assert!(ended(Timestamp::from_secs(10, 0)).ran_during(window));
        assert!(!ended(Timestamp::from_secs(9, 0)).ran_during(window));
    }

    #[test]
    fn a_node_speaks_as_the_first_addresses_of_its_pod_ranges() {
        let node = Node {
            pod_cidrs: vec!["10.244.1.0/24".parse().unwrap(), "fd00:10:244:1::/64".parse().unwrap()],
            ..Node::default()
        };
        let gateways: Vec<String> = node.gateways().map(|ip| ip.to_string()).collect();
        assert!(gateways.contains(&"10.244.1.1".to_owned()) && gateways.contains(&"10.244.1.0".to_owned()));
        assert!(gateways.contains(&"fd00:10:244:1::1".to_owned()), "{gateways:?}");
    }
}
