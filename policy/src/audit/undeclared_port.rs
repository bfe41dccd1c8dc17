//! Ports that answer and that no container declares.

use std::collections::{BTreeMap, BTreeSet};

use flowfence_graph::{Contact, EdgeKey};
use flowfence_model::{NodeId, Orientation, Protocol};

use super::finding::{Finding, Level};
use super::scene::{Detector, Scene, Seen, Unasked};

pub(super) const DETECTOR: Detector = Detector {
    id: "undeclared-port",
    level: Level::Warning,
    title: "a port that answers and that no container declares",
    meaning: "Nothing in the cluster says that the workload listens there: no container port, no probe, no service and \
              no endpoint. An admin interface or debugger that was left on, or somebody else's shell.",
    doubt: "Container ports are documentation: a program may well listen on others. Of connections that began before \
            the capture, and of datagrams, only ports below 32768 count, for above who asked whom may be mistaken. Where no \
            container at all declares a port, nothing is told.",
    fix: "Declare the port when it is meant, else close it.",
    unasked: Unasked::Suspect,
    silence: "Declare the port in `containers[].ports`, or accept its id, which stands for all undeclared ports of the \
              workload.",
    found: &["shop/web-0 -> shop/api-0 4444/TCP"],
    not_found: &["shop/web-0 -> shop/api-0 8080/TCP"],
    find,
};

/// Where systems begin to give ports to clients (Linux: `ip_local_port_range`).
const EPHEMERAL: u16 = 32_768;

fn find(scene: &Scene<'_>) -> Vec<Finding> {
    // Objects that flow logs stand in for declare nothing.
    if scene.inventory.pods().iter().all(|known| known.pod.ports.is_empty()) {
        return Vec::new();
    }
    let mut by_server: BTreeMap<(NodeId, Protocol), Vec<(&EdgeKey, &Seen<'_>)>> = BTreeMap::new();
    for (edge, seen) in scene.connected() {
        let answers = seen.contacts().any(|(contact, _)| {
            contact.tally.connections > 0
                && !contact.own_node
                && is_sure(contact)
                && !is_declared(scene, contact)
        });
        if edge.to.is_workload() && answers {
            by_server.entry((edge.to.clone(), edge.protocol)).or_default().push((edge, seen));
        }
    }
    by_server.into_iter().map(|((to, protocol), edges)| describe(scene, &to, protocol, &edges)).collect()
}

/// Whether it is the server's port.
fn is_sure(contact: &Contact) -> bool {
    let port = contact.port.unwrap_or(0);
    match (contact.orientation, contact.protocol) {
        (Orientation::Seen, Protocol::Tcp | Protocol::Sctp) => true,
        (Orientation::Unknown, _) => false,
        _ => port < EPHEMERAL,
    }
}

/// By a container of the pod or of its template, a probe, a service or an endpoint.
fn is_declared(scene: &Scene<'_>, contact: &Contact) -> bool {
    let Some(port) = contact.port else { return true };
    let Some(pod) = scene.roster.pod(&contact.to) else { return true };
    let object = scene.roster.cluster().pod(pod);
    let listens = |address| scene.inventory.is_listening(address, contact.protocol, port);
    object.host_network
        || object.probe_ports.contains(&port)
        || object.ports.iter().any(|known| known.port == port && known.protocol == contact.protocol)
        || listens(contact.to.address)
        || object.ips.iter().any(|address| listens(*address))
        || !scene.inventory.services_behind(pod.0 as usize, contact.protocol, port).is_empty()
}

fn describe(scene: &Scene<'_>, to: &NodeId, protocol: Protocol, edges: &[(&EdgeKey, &Seen<'_>)]) -> Finding {
    let ports: BTreeSet<u16> = edges.iter().filter_map(|(edge, _)| edge.port).collect();
    let came: BTreeSet<&NodeId> = edges.iter().map(|(edge, _)| &edge.from).collect();
    let pods = scene.roster.pods_of(to).iter().flat_map(|pod| &scene.roster.cluster().pod(*pod).ports);
    let declared: BTreeSet<String> = pods.map(|port| format!("{}/{}", port.port, port.protocol)).collect();
    let list: Vec<String> = ports.iter().map(u16::to_string).collect();
    let title = format!("{to} answers on {protocol} {}, which no container declares", list.join(","));
    let fix = format!("declare the port in the containers of {to} when it is meant, else close it");
    let mut finding = Finding::new(DETECTOR.id, Level::Warning, &format!("{to}:{protocol}"), title)
        .fixed_by(fix)
        .with("ports", list.as_slice())
        .with("came", &came)
        .with("declared", &declared)
        .with("connections", edges.iter().map(|(_, seen)| seen.tally.connections).sum::<u64>());
    finding.to = Some(to.clone());
    finding.protocol = Some(protocol);
    finding.port = if ports.len() == 1 { ports.first().copied() } else { None };
    finding.edges = edges.iter().map(|(edge, _)| EdgeKey::clone(edge)).collect();
    finding
}

#[cfg(test)]
mod tests {
    use super::super::example::{found, of, world};
    use super::*;

    #[test]
    fn all_undeclared_ports_of_a_workload_are_one_finding() {
        let lines = ["shop/web-0 -> shop/api-0 4444-4446/TCP", "ops/scraper-0 -> shop/api-0 9999/TCP"];
        let found = of(&DETECTOR, &world(&lines));
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].evidence["came"].to_string(), "ops/Deployment/scraper, shop/Deployment/web");
        assert_eq!((found[0].edges.len(), found[0].port), (4, None));
    }

    #[test]
    fn a_port_of_another_protocol_is_not_declared() {
        assert_eq!(found(&DETECTOR, &["shop/web-0 -> shop/api-0 8080/UDP"]).len(), 1);
    }

    #[test]
    fn what_a_service_leads_to_or_a_kubelet_probes_is_declared() {
        let lines = ["shop/web-0 -> shop/api-0 9000/TCP"];
        let mut served = world(&lines);
        served.service("shop/api", "app=api", 80, 9000, None);
        let mut probed = world(&lines);
        probed.pods.get_mut("shop/api-0").unwrap().probe_ports.push(9000);
        assert_eq!([of(&DETECTOR, &served), of(&DETECTOR, &probed)], [[], []]);
    }

    #[test]
    fn what_was_not_answered_and_what_goes_outside_is_not_told() {
        let lines = [
            "shop/web-0 -> shop/api-0 4444/TCP refused",
            "shop/web-0 -> 203.0.113.9 4444/TCP",
            "shop/web-0 -> shop/api-0 40000/UDP",
        ];
        assert_eq!(found(&DETECTOR, &lines), [""; 0]);
    }
}
