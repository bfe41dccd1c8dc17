//! From objects to bitsets: each distinct selector is evaluated once.

use std::collections::HashMap;
use std::sync::Arc;

use fixedbitset::FixedBitSet;
use flowfence_model::{LabelSelector, PeerSelector, PolicyPeer, PolicyRule};

use super::cluster::Cluster;
use super::peer::{Block, Peer, Peers};
use super::port::Ports;
use super::postings::Postings;
use super::region::Region;

/// Label indices of one cluster, and the selectors that were already answered over it.
pub(super) struct Compiler<'a> {
    cluster: &'a Cluster,
    pods: Postings<'a>,
    namespaces: Postings<'a>,
    /// Pods of each namespace, in the order of [`Cluster::namespaces`].
    members: Vec<FixedBitSet>,
    by_name: HashMap<&'a str, usize>,
    pod_selectors: HashMap<LabelSelector, Arc<FixedBitSet>>,
    namespace_selectors: HashMap<LabelSelector, Arc<FixedBitSet>>,
    peers: HashMap<(Option<String>, PeerSelector), Arc<FixedBitSet>>,
}

impl<'a> Compiler<'a> {
    /// Indexes the labels of a cluster.
    pub(super) fn new(cluster: &'a Cluster) -> Self {
        let count = cluster.pods().len();
        let by_name: HashMap<&str, usize> =
            cluster.namespaces().keys().enumerate().map(|(at, name)| (name.as_str(), at)).collect();
        let mut members = vec![FixedBitSet::with_capacity(count); by_name.len()];
        for (slot, pod) in cluster.pods().iter().enumerate() {
            let at = by_name[pod.meta.namespace.as_str()];
            members[at].insert(slot);
        }
        Compiler {
            cluster,
            pods: Postings::new(cluster.pods().iter().map(|pod| &pod.meta.labels)),
            namespaces: Postings::new(cluster.namespaces().values()),
            members,
            by_name,
            pod_selectors: HashMap::new(),
            namespace_selectors: HashMap::new(),
            peers: HashMap::new(),
        }
    }

    /// The pods of one namespace that a selector selects; the empty selector selects them all.
    pub(super) fn subjects(&mut self, namespace: &str, selector: &LabelSelector) -> FixedBitSet {
        let Some(at) = self.by_name.get(namespace).copied() else { return self.none() };
        let mut selected = self.members[at].clone();
        if !selector.is_everything() {
            selected.intersect_with(&self.pods_by(selector));
        }
        selected
    }

    /// One rule of a policy of `namespace`.
    pub(super) fn region(&mut self, namespace: &str, rule: &PolicyRule) -> Region {
        Region { peers: self.peers(namespace, &rule.peers), ports: Ports::compile(&rule.ports) }
    }

    fn peers(&mut self, namespace: &str, peers: &[PolicyPeer]) -> Peers {
        if peers.is_empty() {
            return Peers::Every;
        }
        let entries: Vec<Peer> = peers.iter().map(|peer| self.peer(namespace, peer)).collect();
        let mut selectors = entries.iter().filter_map(|entry| match entry {
            Peer::Pods(pods) => Some(pods),
            Peer::Block(_) => None,
        });
        let pods = match (selectors.next(), selectors.next()) {
            (None, _) => Arc::new(self.none()),
            (Some(only), None) => Arc::clone(only),
            (Some(first), Some(second)) => {
                let mut union = FixedBitSet::clone(first);
                union.union_with(second);
                selectors.for_each(|more| union.union_with(more));
                Arc::new(union)
            }
        };
        Peers::Some { pods, entries }
    }

    fn peer(&mut self, namespace: &str, peer: &PolicyPeer) -> Peer {
        match peer {
            PolicyPeer::Block { cidr, except } => Peer::Block(Block {
                cidr: cidr.trunc(),
                except: except.iter().map(ipnet::IpNet::trunc).collect(),
            }),
            PolicyPeer::Pods(selector) => Peer::Pods(self.selected_peers(namespace, selector)),
        }
    }

    /// A peer with both selectors means pods that satisfy the one in namespaces that satisfy
    /// the other; without a namespaceSelector, the policy's own namespace.
    fn selected_peers(&mut self, namespace: &str, selector: &PeerSelector) -> Arc<FixedBitSet> {
        let home = selector.namespaces.is_none().then(|| namespace.to_owned());
        let key = (home, selector.clone());
        if let Some(known) = self.peers.get(&key) {
            return Arc::clone(known);
        }
        let mut selected = match &selector.namespaces {
            None => self.subjects(namespace, &LabelSelector::everything()),
            Some(namespaces) => FixedBitSet::clone(&self.namespaces_by(namespaces)),
        };
        if let Some(pods) = selector.pods.as_ref().filter(|pods| !pods.is_everything()) {
            selected.intersect_with(&self.pods_by(pods));
        }
        let selected = Arc::new(selected);
        self.peers.insert(key, Arc::clone(&selected));
        selected
    }

    fn pods_by(&mut self, selector: &LabelSelector) -> Arc<FixedBitSet> {
        if let Some(known) = self.pod_selectors.get(selector) {
            return Arc::clone(known);
        }
        let selected = Arc::new(self.pods.select(selector));
        self.pod_selectors.insert(selector.clone(), Arc::clone(&selected));
        selected
    }

    fn namespaces_by(&mut self, selector: &LabelSelector) -> Arc<FixedBitSet> {
        if let Some(known) = self.namespace_selectors.get(selector) {
            return Arc::clone(known);
        }
        let mut selected = self.none();
        for at in self.namespaces.select(selector).ones() {
            selected.union_with(&self.members[at]);
        }
        let selected = Arc::new(selected);
        self.namespace_selectors.insert(selector.clone(), Arc::clone(&selected));
        selected
    }

    fn none(&self) -> FixedBitSet {
        FixedBitSet::with_capacity(self.cluster.pods().len())
    }
}
