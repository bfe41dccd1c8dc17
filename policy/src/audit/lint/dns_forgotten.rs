//! Workloads that may talk to others by name, and may not ask for the names.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr};

use flowfence_model::label::NAMESPACE_NAME;
use flowfence_model::policy::Direction;
use flowfence_model::{NodeId, PolicyPeer, PolicyPort, PolicyRule, PortName, Protocol};

use super::{block_covers_pods, view, words};
use crate::audit::finding::{Finding, Level};
use crate::audit::scene::{Detector, Scene, Unasked};
use crate::semantics::{Party, PodIndex};

pub(super) const DETECTOR: Detector = Detector {
    id: "dns-forgotten",
    level: Level::Warning,
    title: "egress that lets peers through and not the question for their names",
    meaning: "Policies restrict the workload's egress to some peers, and nothing admits UDP to the cluster's \
              DNS: every name that it looks up times out. Where the input shows no DNS service, it is a note, \
              when no rule at all admits UDP 53.",
    doubt: "A program may reach its peers by address alone. Workloads that may reach nobody, or only blocks of \
            addresses that are no world, are left alone; so are, where traffic was recorded, those that never \
            asked.",
    fix: "Add an egress rule to the pods of the DNS service, for UDP and TCP.",
    unasked: Unasked::Kept,
    silence: "Give its id to `--accept`, or to a decision with who, why and until when.",
    found: &[
        "p: {podSelector: {matchLabels: {app: web}}, policyTypes: [Egress], egress: [{to: [{podSelector: {matchLabels: {app: db}}}]}]}",
    ],
    not_found: &[
        "p: {podSelector: {matchLabels: {app: web}}, policyTypes: [Egress], egress: [{to: [{podSelector: {matchLabels: {app: db}}}]}, {ports: [{port: 53, protocol: UDP}, {port: 53}]}]}",
    ],
    find,
};

/// The port of DNS services (RFC 1035 §4.2).
const DNS: u16 = 53;

/// The address of the node-local DNS cache by default.
const NODE_LOCAL: IpAddr = IpAddr::V4(Ipv4Addr::new(169, 254, 20, 10));

/// Where names are asked for.
struct Servers {
    /// Addresses and ports: pods first, then addresses of services.
    asked: BTreeSet<(IpAddr, u16)>,
    pods: BTreeSet<PodIndex>,
    /// `NAMESPACE/NAME` of the services.
    services: BTreeSet<String>,
}

fn find(scene: &Scene<'_>) -> Vec<Finding> {
    let servers = servers(scene);
    let asking = scene.facts.window.is_some().then(|| asking(scene));
    let mut findings = Vec::new();
    for (workload, pods) in scene.roster.workloads() {
        let never_asked = asking.as_ref().is_some_and(|asking| !asking.contains(workload));
        if never_asked || pods.iter().any(|pod| servers.pods.contains(pod)) {
            continue;
        }
        let lacking =
            pods.iter().copied().find(|pod| needs_names(scene, *pod) && !may_ask(scene, *pod, &servers));
        findings.extend(lacking.map(|pod| describe(scene, workload, pod, &servers)));
    }
    findings
}

fn servers(scene: &Scene<'_>) -> Servers {
    let cluster = scene.roster.cluster();
    let mut servers = Servers { asked: BTreeSet::new(), pods: BTreeSet::new(), services: BTreeSet::new() };
    for ((namespace, name), service) in scene.inventory.services() {
        if !service.ports.iter().any(|port| port.protocol == Protocol::Udp && port.port == DNS) {
            continue;
        }
        servers.services.insert(format!("{namespace}/{name}"));
        for ip in &service.cluster_ips {
            servers.asked.insert((*ip, DNS));
            let backend = scene.inventory.backends(*ip, Protocol::Udp, DNS);
            servers.asked.extend(backend.into_iter().flat_map(|backend| backend.endpoints.iter().copied()));
        }
    }
    for pod in view::pods(scene) {
        let object = cluster.pod(pod);
        let is_dns =
            object.meta.labels.get("k8s-app").is_some_and(|app| app == "kube-dns" || app == "coredns");
        let ports = object.ports.iter().filter(|port| port.protocol == Protocol::Udp);
        let declared: Vec<u16> =
            ports.filter(|port| port.port == DNS || is_dns).map(|port| port.port).collect();
        if is_dns || !declared.is_empty() {
            let ports = if declared.is_empty() { vec![DNS] } else { declared };
            servers.asked.extend(object.ips.iter().flat_map(|ip| ports.iter().map(move |port| (*ip, *port))));
        }
    }
    servers.pods = servers.asked.iter().filter_map(|(ip, _)| cluster.holder(*ip)).collect();
    servers
}

/// The workloads that were seen asking, answered or not.
fn asking(scene: &Scene<'_>) -> BTreeSet<NodeId> {
    let is_question = |protocol, port| matches!(protocol, Protocol::Udp | Protocol::Tcp) && port == Some(DNS);
    let contacts = scene.facts.contacts.iter().filter(|contact| is_question(contact.protocol, contact.port));
    contacts.map(|contact| contact.from.id.clone()).collect()
}

fn egress_rules<'s>(scene: &Scene<'s>, pod: PodIndex) -> Vec<&'s PolicyRule> {
    let policies = scene.policies.isolated_by(pod, Direction::Egress);
    policies
        .flat_map(|at| scene.policies.policies()[at].rules(Direction::Egress).unwrap_or_default())
        .collect()
}

/// Whether the pod may send to peers that are reached by name.
fn needs_names(scene: &Scene<'_>, pod: PodIndex) -> bool {
    let by_name = |peer: &PolicyPeer| match peer {
        PolicyPeer::Pods(_) => true,
        PolicyPeer::Block { cidr, .. } => block_covers_pods::is_world(cidr),
    };
    egress_rules(scene, pod).iter().any(|rule| rule.peers.is_empty() || rule.peers.iter().any(by_name))
}

fn may_ask(scene: &Scene<'_>, pod: PodIndex, servers: &Servers) -> bool {
    let cluster = scene.roster.cluster();
    let Some(address) = cluster.pod(pod).ips.first().copied() else { return true };
    let rules = egress_rules(scene, pod);
    // A block with the very port is meant for a resolver, wherever it is.
    let is_resolver = |rule: &&PolicyRule| {
        rule.peers.iter().any(|peer| matches!(peer, PolicyPeer::Block { .. }))
            && rule.ports.iter().any(is_dns)
    };
    if rules.iter().any(is_resolver) {
        return true;
    }
    if servers.asked.is_empty() {
        return rules.iter().any(|rule| rule.ports.is_empty() || rule.ports.iter().any(is_dns));
    }
    let from = Party { pod: Some(pod), address };
    let admits = |(ip, port): (IpAddr, u16)| {
        let to = cluster.party(ip);
        ip.is_ipv4() == address.is_ipv4()
            && scene.policies.ports_in(from, to, Protocol::Udp, Direction::Egress).contains(port)
    };
    servers.asked.iter().copied().chain([(NODE_LOCAL, DNS)]).any(admits)
}

/// Whether an entry of `ports` admits questions; a name may stand for any number.
fn is_dns(port: &PolicyPort) -> bool {
    port.protocol == Protocol::Udp
        && match &port.port {
            None | Some(PortName::Name(_)) => true,
            Some(PortName::Range(range)) => range.contains(DNS),
        }
}

fn describe(scene: &Scene<'_>, workload: &NodeId, pod: PodIndex, servers: &Servers) -> Finding {
    let policies = scene.policies.policies();
    let isolating = scene.policies.isolated_by(pod, Direction::Egress).map(|at| policies[at].key());
    let isolating: BTreeSet<String> = isolating.collect();
    let first = isolating.first().cloned().unwrap_or_default();
    let level = if servers.asked.is_empty() { Level::Note } else { Level::Warning };
    let title = format!(
        "{workload} may send to others and may not ask DNS: {} restrict it",
        words::some_of(&isolating)
    );
    let mut finding = Finding::new(DETECTOR.id, level, &workload.to_string(), title)
        .about(&first, Direction::Egress.token())
        .fixed_by(format!("add to spec.egress of NetworkPolicy {first}: {}", rule(scene, servers)))
        .with("isolatedBy", &isolating)
        .with("dns", &servers.services);
    finding.from = Some(workload.clone());
    finding
}

/// The rule that is missing, as YAML on one line.
fn rule(scene: &Scene<'_>, servers: &Servers) -> String {
    let cluster = scene.roster.cluster();
    let pod = servers.pods.first().map(|pod| cluster.pod(*pod));
    let namespace = pod.map_or("kube-system", |pod| &pod.meta.namespace);
    let labels = pod.map(|pod| &pod.meta.labels);
    let keys = ["k8s-app", "app.kubernetes.io/name", "app", "dns.operator.openshift.io/daemonset-dns"];
    let label = keys.iter().find_map(|key| Some((*key, labels?.get(*key)?.as_str())));
    let (key, value) = label.unwrap_or(("k8s-app", "kube-dns"));
    let number = pod.and_then(|pod| {
        let of_pod = servers.asked.iter().find(|(ip, _)| pod.ips.contains(ip));
        of_pod.map(|(_, port)| *port)
    });
    let number = number.unwrap_or(DNS);
    format!(
        "{{to: [{{namespaceSelector: {{matchLabels: {{{NAMESPACE_NAME}: {namespace}}}}}, \
         podSelector: {{matchLabels: {{{key}: {value}}}}}}}], \
         ports: [{{protocol: UDP, port: {number}}}, {{protocol: TCP, port: {number}}}]}}"
    )
}
