//! What somebody may have meant by a name that no end of a connection has.

use std::collections::BTreeSet;
use std::net::IpAddr;

use flowfence_graph::Inventory;
use flowfence_model::object::{Service, TargetPort};

use crate::near::nearest;

/// Names that are shown at most.
const SHOWN: usize = 3;

/// Why `text` is no end, and what is one.
pub(super) fn unknown(text: &str, inventory: &Inventory) -> String {
    if let Some(service) = service(text, inventory) {
        return of_service(service, inventory);
    }
    let meant = if text.contains('/') { spelled_shorter(text, inventory) } else { bare(text, inventory) };
    let (near, what) = if meant.is_empty() {
        (nearest(text, names(inventory).into_iter()), "nearest")
    } else {
        (meant, "did you mean")
    };
    let advice = if near.is_empty() { String::new() } else { format!("; {what}: {}", list(&near)) };
    format!(
        "{text:?} is no pod (NAMESPACE/NAME), no node id (NAMESPACE/KIND/NAME, node/NAME) and no address of the \
         cluster that was given{advice}"
    )
}

/// The services with this address among their own.
pub fn services_at(address: IpAddr, inventory: &Inventory) -> Vec<String> {
    let all = inventory.services().values();
    let here = all
        .filter(|service| service.cluster_ips.iter().chain(&service.external_ips).any(|ip| *ip == address));
    here.map(|service| of_service(service, inventory)).collect()
}

/// A service by `NAMESPACE/NAME`, `NAMESPACE/Service/NAME` or `svc/NAME` of the only namespace
/// that has it.
fn service<'i>(text: &str, inventory: &'i Inventory) -> Option<&'i Service> {
    let parts: Vec<&str> = text.split('/').collect();
    let named =
        |namespace: &str, name: &str| inventory.services().get(&(namespace.to_owned(), name.to_owned()));
    match parts[..] {
        ["svc" | "service" | "services", name] => {
            let mut all = inventory.services().values().filter(|service| service.meta.name == name);
            all.next().filter(|_| all.next().is_none())
        }
        [namespace, name] | [namespace, "Service" | "service" | "svc", name] => named(namespace, name),
        _ => None,
    }
}

/// Policies speak of pods: who stands behind a service, and where its ports lead.
fn of_service(service: &Service, inventory: &Inventory) -> String {
    let mut behind = BTreeSet::new();
    if let Some(selector) = &service.selector {
        let pods = inventory.pods().iter().filter(|known| {
            known.pod.meta.namespace == service.meta.namespace
                && selector.iter().all(|(key, value)| known.pod.meta.labels.get(key) == Some(value))
        });
        behind.extend(pods.map(|known| known.workload.to_string()));
    }
    let ports = service.ports.iter().map(|port| {
        let target = match &port.target {
            TargetPort::Number(number) => number.to_string(),
            TargetPort::Name(name) => format!("the port named {name:?}"),
        };
        format!("its port {}/{} is {target} of the pods", port.port, port.protocol)
    });
    let ports: Vec<String> = ports.take(SHOWN).collect();
    let name = format!("{}/{}", service.meta.namespace, service.meta.name);
    let asked = if behind.is_empty() {
        "no pod of the cluster that was given is behind it".to_owned()
    } else {
        format!("ask for {}", list(&behind.into_iter().collect::<Vec<_>>()))
    };
    let ports = if ports.is_empty() { String::new() } else { format!("; {}", ports.join(", ")) };
    format!("{name} is a service: policies speak of the pods behind it, on their own ports; {asked}{ports}")
}

/// Pods, workloads and nodes with exactly this name, in any namespace.
fn bare(text: &str, inventory: &Inventory) -> Vec<String> {
    let is_meant = |name: &String| name.rsplit('/').next() == Some(text);
    names(inventory).into_iter().filter(is_meant).collect()
}

/// `NAMESPACE/NAME` of a workload without its kind, or with one that it does not have.
fn spelled_shorter(text: &str, inventory: &Inventory) -> Vec<String> {
    let mut parts = text.split('/');
    let (namespace, name) = (parts.next(), parts.next_back());
    let ids = inventory.workloads().keys().map(ToString::to_string);
    ids.filter(|id| id.split('/').next() == namespace && id.rsplit('/').next() == name).collect()
}

/// Everything that can be an end, as it is spelled.
fn names(inventory: &Inventory) -> BTreeSet<String> {
    let pods = inventory.pods().iter().filter(|known| !known.pod.is_finished);
    let pods = pods.map(|known| format!("{}/{}", known.pod.meta.namespace, known.pod.meta.name));
    let workloads = inventory.workloads().keys().map(ToString::to_string);
    let nodes = inventory.nodes().keys().map(|name| format!("node/{name}"));
    let services = inventory.services().keys().map(|(namespace, name)| format!("{namespace}/{name}"));
    pods.chain(workloads).chain(nodes).chain(services).collect()
}

/// A few names, and how many more there are.
fn list(names: &[String]) -> String {
    let shown = names.iter().take(SHOWN).cloned().collect::<Vec<_>>().join(", ");
    let more = names.len().saturating_sub(SHOWN);
    if more == 0 { shown } else { format!("{shown} and {more} more") }
}
