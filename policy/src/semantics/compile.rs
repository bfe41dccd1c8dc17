//! From objects to bitsets: each distinct selector is evaluated once.

use std::collections::HashMap;
use std::sync::Arc;

use fixedbitset::FixedBitSet;
use flowfence_model::policy::Direction;
use flowfence_model::tier::{Action, ClusterPolicy, TierPeer, TierRule};
use flowfence_model::{LabelSelector, NetworkPolicy, PeerSelector, PolicyPeer, PolicyRule};

use super::cluster::Cluster;
use super::peer::{Block, Peer, Peers};
use super::port::Ports;
use super::postings::Postings;
use super::region::Region;
use super::set::Program;
use super::tier::{Scope, TierPeers, TierProgram, TierRegion, Tiers};

/// Label indices of one cluster.
#[derive(Clone, Debug)]
pub(super) struct Index {
    pub(super) pods: Postings,
    namespaces: Postings,
    nodes: Postings,
    /// Pods of each namespace, in the order of [`Cluster::namespaces`].
    members: Vec<FixedBitSet>,
    by_name: HashMap<String, usize>,
    host_network: FixedBitSet,
}

impl Index {
    /// Indexes the labels of a cluster.
    pub(super) fn new(cluster: &Cluster) -> Self {
        let count = cluster.pods().len();
        let by_name: HashMap<String, usize> =
            cluster.namespaces().keys().enumerate().map(|(at, name)| (name.clone(), at)).collect();
        let mut members = vec![FixedBitSet::with_capacity(count); by_name.len()];
        let mut host_network = FixedBitSet::with_capacity(count);
        for (slot, pod) in cluster.pods().iter().enumerate() {
            let at = by_name[pod.meta.namespace.as_str()];
            members[at].insert(slot);
            host_network.set(slot, pod.host_network);
        }
        Index {
            pods: Postings::new(cluster.pods().iter().map(|pod| &pod.meta.labels)),
            namespaces: Postings::new(cluster.namespaces().values()),
            nodes: Postings::new(cluster.nodes().iter().map(|node| &node.meta.labels)),
            members,
            by_name,
            host_network,
        }
    }
}

/// An index and the selectors that were already answered over it.
pub(super) struct Compiler<'a> {
    index: &'a Index,
    pod_selectors: HashMap<LabelSelector, Arc<FixedBitSet>>,
    namespace_selectors: HashMap<LabelSelector, Arc<FixedBitSet>>,
    peers: HashMap<(Option<String>, PeerSelector), Arc<FixedBitSet>>,
}

impl<'a> Compiler<'a> {
    /// Nothing was answered yet.
    pub(super) fn new(index: &'a Index) -> Self {
        let (pod_selectors, namespace_selectors, peers) = Default::default();
        Compiler { index, pod_selectors, namespace_selectors, peers }
    }

    /// A NetworkPolicy.
    pub(super) fn program(&mut self, policy: &NetworkPolicy) -> Program {
        let subjects = self.in_namespace(&policy.namespace, &policy.pod_selector);
        let mut regions = |direction| {
            let rules = policy.rules(direction).unwrap_or_default();
            rules.iter().map(|rule| self.region(&policy.namespace, rule)).collect()
        };
        Program { egress: regions(Direction::Egress), ingress: regions(Direction::Ingress), subjects }
    }

    /// A cluster-wide policy.
    pub(super) fn tier_program(&mut self, policy: &ClusterPolicy) -> TierProgram {
        let mut subjects = FixedBitSet::clone(&self.selected_peers("", &policy.subject));
        subjects.difference_with(&self.index.host_network);
        let has_loose_names = Tiers::has_loose_names(policy.kind);
        let mut regions =
            |rules: &[TierRule]| rules.iter().map(|rule| self.tier_region(rule, has_loose_names)).collect();
        TierProgram { egress: regions(&policy.egress), ingress: regions(&policy.ingress), subjects }
    }

    /// The pods of one namespace that a selector selects; the empty selector selects them all.
    fn in_namespace(&mut self, namespace: &str, selector: &LabelSelector) -> FixedBitSet {
        let Some(at) = self.index.by_name.get(namespace).copied() else { return self.none() };
        let mut selected = self.index.members[at].clone();
        if !selector.is_everything() {
            selected.intersect_with(&self.pods_by(selector));
        }
        selected
    }

    /// One rule of a policy of `namespace`.
    fn region(&mut self, namespace: &str, rule: &PolicyRule) -> Region {
        Region { peers: self.peers(namespace, &rule.peers), ports: Ports::compile(&rule.ports) }
    }

    /// A peer of an unknown kind fails closed: an Accept then matches nothing, and a Deny or Pass
    /// denies everything on every port, whatever else the rule says.
    pub(super) fn tier_region(&mut self, rule: &TierRule, has_loose_names: bool) -> TierRegion {
        let is_unknown = rule.peers.iter().any(|peer| matches!(peer, TierPeer::Unknown(_)));
        let (action, scope, ports) = match rule.action {
            Action::Accept if is_unknown => (Action::Accept, Scope::Nobody, Ports::Every),
            Action::Deny | Action::Pass if is_unknown => (Action::Deny, Scope::Everybody, Ports::Every),
            action => (action, Scope::Peers(self.tier_peers(&rule.peers)), Ports::compile_tier(&rule.ports)),
        };
        TierRegion { action, scope, ports, has_loose_names }
    }

    fn tier_peers(&mut self, peers: &[TierPeer]) -> TierPeers {
        let mut nodes = FixedBitSet::with_capacity(self.index.nodes.len());
        let (mut pods, mut networks, mut domains) = (Vec::new(), Vec::new(), Vec::new());
        for peer in peers {
            match peer {
                TierPeer::Pods(selector) => pods.push(self.selected_peers("", selector)),
                TierPeer::Networks(blocks) => networks.extend(blocks.iter().map(ipnet::IpNet::trunc)),
                TierPeer::Nodes(selector) => nodes.union_with(&self.index.nodes.select(selector)),
                TierPeer::DomainNames(names) => domains.extend(names.iter().cloned()),
                TierPeer::Unknown(_) => {}
            }
        }
        TierPeers { pods: self.union(&pods), networks, nodes, domains }
    }

    fn peers(&mut self, namespace: &str, peers: &[PolicyPeer]) -> Peers {
        if peers.is_empty() {
            return Peers::Every;
        }
        let entries: Vec<Peer> = peers.iter().map(|peer| self.peer(namespace, peer)).collect();
        let selected = entries.iter().filter_map(|entry| match entry {
            Peer::Pods(pods) => Some(Arc::clone(pods)),
            Peer::Block(_) => None,
        });
        Peers::Some { pods: self.union(&selected.collect::<Vec<_>>()), entries }
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
            None => self.in_namespace(namespace, &LabelSelector::everything()),
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
        let selected = Arc::new(self.index.pods.select(selector));
        self.pod_selectors.insert(selector.clone(), Arc::clone(&selected));
        selected
    }

    fn namespaces_by(&mut self, selector: &LabelSelector) -> Arc<FixedBitSet> {
        if let Some(known) = self.namespace_selectors.get(selector) {
            return Arc::clone(known);
        }
        let mut selected = self.none();
        for at in self.index.namespaces.select(selector).ones() {
            selected.union_with(&self.index.members[at]);
        }
        let selected = Arc::new(selected);
        self.namespace_selectors.insert(selector.clone(), Arc::clone(&selected));
        selected
    }

    /// Several sets together; a single one is shared and not copied.
    fn union(&self, sets: &[Arc<FixedBitSet>]) -> Arc<FixedBitSet> {
        match sets {
            [] => Arc::new(self.none()),
            [only] => Arc::clone(only),
            [first, rest @ ..] => {
                let mut union = FixedBitSet::clone(first);
                for more in rest {
                    union.union_with(more);
                }
                Arc::new(union)
            }
        }
    }

    fn none(&self) -> FixedBitSet {
        FixedBitSet::with_capacity(self.index.pods.len())
    }
}
