//! Several moments of one cluster as one set of objects.

use std::collections::BTreeMap;

use flowfence_model::object::{
    Controller, EndpointSlice, Ingress, Meta, Namespace, Node, Object, Pod, Service,
};
use flowfence_model::{ClusterPolicy, NetworkPolicy};

/// Every object of all moments, each in its latest state.
#[derive(Debug, Default)]
pub struct Merged {
    /// Pods by namespace, name and uid: a name may be used again.
    pub pods: Vec<Pod>,
    /// Controllers by kind, namespace and name.
    pub controllers: BTreeMap<(String, String, String), Controller>,
    /// Namespaces by name.
    pub namespaces: BTreeMap<String, Namespace>,
    /// Nodes by name.
    pub nodes: BTreeMap<String, Node>,
    /// Services by namespace and name.
    pub services: BTreeMap<(String, String), Service>,
    /// Ingresses by namespace and name.
    pub ingresses: BTreeMap<(String, String), Ingress>,
    /// Every state of every EndpointSlice: an endpoint that has gone since still explains packets.
    pub slices: Vec<EndpointSlice>,
    /// Policies of the latest moment that holds any.
    pub policies: Vec<NetworkPolicy>,
    /// Cluster-wide policies of the latest moment that holds any.
    pub cluster_policies: Vec<ClusterPolicy>,
}

impl Merged {
    /// Merges moments given in any order.
    pub fn from_moments(mut moments: Vec<Vec<Object>>) -> Self {
        // `resourceVersion` grows over the whole cluster; hand-made moments without it fall back
        // to their content, so that the order of the arguments never matters.
        moments.sort_by_cached_key(|objects| {
            (objects.iter().map(version).max().unwrap_or(0), format!("{:?}", objects.first()), objects.len())
        });
        let mut merged = Merged::default();
        let mut pods: BTreeMap<(String, String, String), Pod> = BTreeMap::new();
        for objects in moments {
            let mut policies: BTreeMap<String, NetworkPolicy> = BTreeMap::new();
            let mut cluster_policies: BTreeMap<String, ClusterPolicy> = BTreeMap::new();
            for object in objects {
                match object {
                    Object::Pod(pod) => {
                        let key = (pod.meta.namespace.clone(), pod.meta.name.clone(), pod.meta.uid.clone());
                        keep_latest(&mut pods, key, pod, |p| &p.meta);
                    }
                    Object::Namespace(n) => {
                        keep_latest(&mut merged.namespaces, n.meta.name.clone(), n, |n| &n.meta);
                    }
                    Object::Node(n) => keep_latest(&mut merged.nodes, n.meta.name.clone(), n, |n| &n.meta),
                    Object::Service(s) => {
                        let key = (s.meta.namespace.clone(), s.meta.name.clone());
                        keep_latest(&mut merged.services, key, s, |s| &s.meta);
                    }
                    Object::Controller(c) => {
                        let key = (c.kind.clone(), c.meta.namespace.clone(), c.meta.name.clone());
                        keep_latest(&mut merged.controllers, key, c, |c| &c.meta);
                    }
                    Object::Ingress(i) => {
                        let key = (i.meta.namespace.clone(), i.meta.name.clone());
                        keep_latest(&mut merged.ingresses, key, i, |i| &i.meta);
                    }
                    Object::EndpointSlice(slice) => merged.slices.push(slice),
                    Object::NetworkPolicy(policy) => {
                        policies.insert(policy.key(), policy);
                    }
                    Object::ClusterPolicy(policy) => {
                        cluster_policies.insert(policy.key(), policy);
                    }
                }
            }
            if !policies.is_empty() {
                merged.policies = policies.into_values().collect();
            }
            if !cluster_policies.is_empty() {
                merged.cluster_policies = cluster_policies.into_values().collect();
            }
        }
        merged.pods = pods.into_values().collect();
        merged
    }
}

fn keep_latest<K: Ord, T>(map: &mut BTreeMap<K, T>, key: K, object: T, meta: fn(&T) -> &Meta) {
    match map.get(&key) {
        Some(known) if meta(known).version > meta(&object).version => {}
        _ => {
            map.insert(key, object);
        }
    }
}

fn version(object: &Object) -> u64 {
    match object {
        Object::Pod(o) => o.meta.version,
        Object::Namespace(o) => o.meta.version,
        Object::Service(o) => o.meta.version,
        Object::EndpointSlice(o) => o.meta.version,
        Object::Node(o) => o.meta.version,
        Object::Controller(o) => o.meta.version,
        Object::Ingress(o) => o.meta.version,
        Object::NetworkPolicy(_) | Object::ClusterPolicy(_) => 0,
    }
}
