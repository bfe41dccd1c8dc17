//! How far outside somebody stands who can talk to a workload.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use flowfence_graph::{Facts, Inventory};
use flowfence_model::address::is_public;
use flowfence_model::object::{Ingress, Service};
use flowfence_model::{Labels, NodeId};

use super::score::{Part, Rank};
use crate::judge::{Judgement, Standing};

/// Published through every node.
const NODE_PORT: u32 = 20;
/// Published by a load balancer, an address of its own, or a proxy at the edge.
const PUBLISHED: u32 = 25;
/// Clients of a private network outside the cluster were seen.
const PRIVATE_CLIENTS: u32 = 15;
/// Clients of the internet were seen.
const INTERNET_CLIENTS: u32 = Rank::MAX_EXPOSURE;

/// A service that is published: how, and what that counts.
type Published<'a> = (&'a Service, String, u32);

/// What publishes workloads, and who came.
pub(super) struct Exposures<'a> {
    /// Services that are published, by namespace and one pair of their selector.
    by_label: BTreeMap<(&'a str, &'a str, &'a str), Vec<Published<'a>>>,
    clients: BTreeMap<&'a NodeId, (bool, BTreeSet<IpAddr>)>,
}

/// Addresses of clients that are kept of one workload; more say no more.
const NAMED: usize = 3;

impl<'a> Exposures<'a> {
    pub(super) fn new(facts: &'a Facts, inventory: &'a Inventory, judgement: &Judgement) -> Self {
        let mut exposures = Exposures { by_label: BTreeMap::new(), clients: BTreeMap::new() };
        let mut led_to: BTreeMap<(&str, &str), &Ingress> = BTreeMap::new();
        for ingress in inventory.ingresses().values() {
            for service in &ingress.services {
                led_to.entry((&ingress.meta.namespace, service)).or_insert(ingress);
            }
        }
        for service in inventory.services().values() {
            let meta = &service.meta;
            let Some((key, value)) = service.selector.as_ref().and_then(|pairs| pairs.first_key_value())
            else {
                continue;
            };
            let ingress = led_to.get(&(&*meta.namespace, &*meta.name)).copied();
            let list = exposures.by_label.entry((&meta.namespace, key, value)).or_default();
            list.extend(published(service, ingress).into_iter().map(|(why, points)| (service, why, points)));
        }
        for (contact, judged) in facts.contacts.iter().zip(&judgement.contacts) {
            if judged.standing == Standing::Attempt || !contact.to.id.is_workload() {
                continue;
            }
            let outside = contact.from.id.external();
            let behind = contact.behind.iter().copied();
            for ip in outside.into_iter().chain(behind.filter(|ip| is_outside(inventory, *ip))) {
                let (is_internet, named) = exposures.clients.entry(&contact.to.id).or_default();
                *is_internet |= is_public(ip);
                if named.len() < NAMED {
                    named.insert(ip);
                }
            }
        }
        exposures
    }

    /// What counts for a workload: the most of what applies.
    pub(super) fn of(&self, id: &NodeId, label_sets: &[Labels]) -> Part {
        let mut found: BTreeSet<(u32, String)> = BTreeSet::new();
        for labels in label_sets {
            for (key, value) in labels {
                let namespace = id.namespace().unwrap_or_default();
                let behind = self.by_label.get(&(namespace, key.as_str(), value.as_str()));
                for (service, why, points) in behind.into_iter().flatten() {
                    let pairs = service.selector.iter().flatten();
                    if pairs.into_iter().all(|(key, value)| labels.get(key) == Some(value)) {
                        found.insert((*points, why.clone()));
                    }
                }
            }
        }
        if let Some((is_internet, clients)) = self.clients.get(id) {
            let named: Vec<String> = clients.iter().map(ToString::to_string).collect();
            let (points, whose) = if *is_internet {
                (INTERNET_CLIENTS, "the internet")
            } else {
                (PRIVATE_CLIENTS, "outside the cluster")
            };
            found.insert((points, format!("clients of {whose} were seen, such as {}", named.join(", "))));
        }
        let most = found.last().map_or(0, |(points, _)| *points);
        Part::new(most, found.into_iter().rev().map(|(_, why)| why))
    }
}

fn published(service: &Service, ingress: Option<&Ingress>) -> Vec<(String, u32)> {
    let name = format!("{}/{}", service.meta.namespace, service.meta.name);
    let of_type = match &*service.kind {
        "LoadBalancer" => Some((format!("service {name} is a LoadBalancer"), PUBLISHED)),
        "NodePort" => Some((format!("service {name} is a NodePort"), NODE_PORT)),
        _ => None,
    };
    let has_addresses = !service.external_ips.is_empty() && service.kind != "LoadBalancer";
    let addresses = has_addresses.then(|| (format!("service {name} has externalIPs"), PUBLISHED));
    let behind = ingress.map(|ingress| {
        (format!("Ingress {}/{} leads to it", ingress.meta.namespace, ingress.meta.name), PUBLISHED)
    });
    of_type.into_iter().chain(addresses).chain(behind).collect()
}

fn is_outside(inventory: &Inventory, ip: IpAddr) -> bool {
    !inventory.is_inside(ip) && inventory.node_of(ip).is_none()
}
