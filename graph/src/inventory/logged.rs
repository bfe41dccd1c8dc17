//! Objects that flow logs tell of, for when nobody gives those of the cluster.
//!
//! What comes out is as good as the log: pods that were silent are missing, and labels may be fewer
//! than the pods have. It names everything that the log named, and no more.

use std::collections::{BTreeMap, BTreeSet};

use flowfence_model::logged::{Identity, PodIdentity};
use flowfence_model::object::{Meta, Namespace, Object, Owner, Pod};
use flowfence_model::{Labels, Logged};

/// The pods and namespaces that `logged` names.
pub fn objects_of(logged: &Logged) -> Vec<Object> {
    let mut pods: BTreeMap<(&str, &str), Pod> = BTreeMap::new();
    let mut labels_of: BTreeMap<(&str, &str), Labels> = BTreeMap::new();
    let mut namespaces: BTreeMap<&str, Labels> = BTreeMap::new();
    let mut addresses: BTreeMap<u32, BTreeSet<std::net::IpAddr>> = BTreeMap::new();
    for known in &logged.addresses {
        addresses.entry(known.identity.0).or_default().insert(known.address);
    }
    let named: BTreeSet<(&str, &(String, String))> = logged
        .identities
        .iter()
        .filter_map(|identity| match identity {
            Identity::Pod(pod) if pod.pod.is_some() => Some((pod.namespace.as_str(), pod.workload.as_ref()?)),
            _ => None,
        })
        .collect();
    for (i, identity) in (0_u32..).zip(&logged.identities) {
        let Identity::Pod(pod) = identity else { continue };
        let labels = namespaces.entry(&pod.namespace).or_default();
        labels.extend(pod.namespace_labels.iter().map(|(key, value)| (key.clone(), value.clone())));
        // Of pods that a log tells by their group one stands for all, where it names none of them.
        let group = pod.workload.as_ref().filter(|workload| !named.contains(&(&pod.namespace, workload)));
        let group = group.map(|(_, name)| name.as_str());
        let Some(name) = pod.pod.as_deref().or(group) else { continue };
        let known = pods.entry((&pod.namespace, name)).or_insert_with(|| new_pod(pod, name));
        // Of several writings of one pod the labels that all of them have are sure. One without any is of a log that
        // tells none.
        if !pod.labels.is_empty() {
            let told = labels_of.entry((&pod.namespace, name)).or_insert_with(|| pod.labels.clone());
            told.retain(|key, value| pod.labels.get(key) == Some(value));
        }
        // Only the node that it runs on need know its controller.
        known.meta.owner = known.meta.owner.take().or_else(|| owner(pod));
        for address in addresses.get(&i).into_iter().flatten() {
            if !known.ips.contains(address) {
                known.ips.push(*address);
            }
        }
    }
    for (name, labels) in labels_of {
        if let Some(pod) = pods.get_mut(&name) {
            pod.meta.labels = labels;
        }
    }
    let pods = pods.into_values().map(Object::Pod);
    let namespaces = namespaces.into_iter().map(|(name, labels)| {
        Object::Namespace(Namespace { meta: Meta { name: name.to_owned(), labels, ..Meta::default() } })
    });
    pods.chain(namespaces).collect()
}

fn new_pod(pod: &PodIdentity, name: &str) -> Pod {
    Pod {
        meta: Meta {
            namespace: pod.namespace.clone(),
            name: name.to_owned(),
            uid: format!("{}/{name}", pod.namespace),
            owner: owner(pod),
            ..Meta::default()
        },
        node: pod.node.clone().unwrap_or_default(),
        ..Pod::default()
    }
}

fn owner(pod: &PodIdentity) -> Option<Owner> {
    // A group of pods whose controller nothing tells is called one of pods.
    let told = pod.workload.as_ref().filter(|(kind, _)| kind != "Pod");
    told.map(|(kind, name)| Owner { kind: kind.clone(), name: name.clone() })
}
