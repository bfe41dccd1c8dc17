//! The cluster as narrowing asks about it: who is admitted by a peer, and how workloads are called.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use flowfence_graph::{Inventory, Workload};
use flowfence_model::label::NAMESPACE_NAME;
use flowfence_model::{LabelSelector, Labels, NetworkPolicy, NodeId, PeerSelector, PolicyPeer};
use ipnet::IpNet;

use crate::judge::Roster;
use crate::recommend::options::{Exposed, Options};
use crate::recommend::peer::Widths;
use crate::recommend::scope::has_own_network;
use crate::recommend::subject::{Subject, Subjects};
use crate::semantics::{Party, PodIndex};

/// The cluster behind one narrowing.
pub(super) struct Field<'a> {
    pub inventory: &'a Inventory,
    pub roster: &'a Roster,
    pub exposed: Exposed,
    subjects: Subjects,
    /// The workloads that have a network of their own, by namespace.
    workloads: BTreeMap<&'a str, Vec<&'a Workload>>,
    /// Where pods live.
    pub pod_ranges: Vec<IpNet>,
    /// Addresses by which nodes speak to pods, among those of pods.
    pub gateways: BTreeSet<IpAddr>,
    /// Every address of every node, gateways included.
    pub nodes: BTreeSet<IpAddr>,
}

impl<'a> Field<'a> {
    pub(super) fn new(inventory: &'a Inventory, roster: &'a Roster, exposed: Exposed) -> Self {
        let subjects = Subjects::new(inventory);
        let widths = Widths::new(inventory, &Options::default());
        let mut workloads: BTreeMap<&str, Vec<&Workload>> = BTreeMap::new();
        for workload in inventory.workloads().values().filter(|w| has_own_network(w, inventory)) {
            workloads.entry(workload.id.namespace().unwrap_or_default()).or_default().push(workload);
        }
        Field {
            workloads,
            pod_ranges: widths.pod_ranges().to_vec(),
            gateways: widths.gateways().clone(),
            nodes: widths.nodes().clone(),
            inventory,
            roster,
            exposed,
            subjects,
        }
    }

    /// The workloads that a policy selects, those without a running pod by their templates.
    pub(super) fn selected(&self, policy: &NetworkPolicy) -> BTreeSet<NodeId> {
        let home = LabelSelector::labels([(NAMESPACE_NAME, policy.namespace.as_str())]);
        let selector = PeerSelector { namespaces: Some(home), pods: Some(policy.pod_selector.clone()) };
        self.admitted(&selector, &policy.namespace)
    }

    /// The workloads of which a selector of a policy in `home` admits any pod or template.
    pub(super) fn admitted(&self, selector: &PeerSelector, home: &str) -> BTreeSet<NodeId> {
        let is_selected = |labels: &Labels| selector.pods.as_ref().is_none_or(|pods| pods.matches(labels));
        let namespaces = self.workloads.iter();
        let own = namespaces.filter(|(namespace, _)| self.is_namespace_of(selector, home, namespace));
        let admitted = own.flat_map(|(_, workloads)| workloads);
        let admitted = admitted.filter(|workload| workload.label_sets.iter().any(is_selected));
        admitted.map(|workload| workload.id.clone()).collect()
    }

    /// The pods whose addresses a block holds.
    pub(super) fn inside(&self, cidr: IpNet, except: &[IpNet]) -> BTreeSet<PodIndex> {
        let holds = |ip: &IpAddr| cidr.contains(ip) && !except.iter().any(|part| part.contains(ip));
        let pods = self.roster.workloads().values().flatten().copied();
        pods.filter(|pod| self.roster.cluster().pod(*pod).ips.iter().any(holds)).collect()
    }

    /// The workloads that one peer of a policy in `home` admits.
    pub(super) fn workloads_of(&self, peer: &PolicyPeer, home: &str) -> BTreeSet<NodeId> {
        match peer {
            PolicyPeer::Pods(selector) => self.admitted(selector, home),
            PolicyPeer::Block { cidr, except } => self.names(self.inside(*cidr, except)),
        }
    }

    /// The workloads of pods.
    pub(super) fn names(&self, pods: impl IntoIterator<Item = PodIndex>) -> BTreeSet<NodeId> {
        pods.into_iter().filter_map(|pod| self.roster.workload_of(pod)).cloned().collect()
    }

    /// Every workload that has a network of its own.
    pub(super) fn everybody(&self) -> BTreeSet<NodeId> {
        let everywhere = PeerSelector { namespaces: Some(LabelSelector::everything()), pods: None };
        self.admitted(&everywhere, "")
    }

    /// Whether a peer of a policy in `home` admits the party; as a pod by its labels, and by its
    /// address.
    pub(super) fn admits(&self, peer: &PolicyPeer, home: &str, party: Party) -> bool {
        match peer {
            PolicyPeer::Block { cidr, except } => {
                cidr.contains(&party.address) && !except.iter().any(|part| part.contains(&party.address))
            }
            PolicyPeer::Pods(selector) => self.pod(party).is_some_and(|pod| {
                let meta = &self.roster.cluster().pod(pod).meta;
                self.is_namespace_of(selector, home, &meta.namespace)
                    && selector.pods.as_ref().is_none_or(|pods| pods.matches(&meta.labels))
            }),
        }
    }

    /// Whether an address is a node's, or the API server's: rules for these name all of them.
    pub(super) fn is_infrastructure(&self, ip: IpAddr) -> bool {
        self.nodes.contains(&ip) || self.inventory.api_server().iter().any(|(server, _)| *server == ip)
    }

    /// The pod of a party, unless it is on its node's network and so an address to every policy.
    pub(super) fn pod(&self, party: Party) -> Option<PodIndex> {
        party.pod.filter(|pod| !self.roster.cluster().pod(*pod).host_network)
    }

    /// The selector of exactly the workload, and of those that labels cannot tell from it, for a
    /// policy in `home`. Where `within` admits only some of their pods, both must match. `None`
    /// when no stable label selects it.
    pub(super) fn exact(&self, id: &NodeId, within: Option<&PeerSelector>, home: &str) -> Option<PolicyPeer> {
        let subject = self.subjects.get(self.subjects.index_of(id)?)?;
        let own = subject.selector.as_ref()?;
        let is_whole = within.is_none_or(|within| self.is_whole(within, home, subject));
        let pods = match within.and_then(|within| within.pods.as_ref()) {
            Some(within) if !is_whole => both(within, own),
            _ => own.clone(),
        };
        let namespaces = (subject.namespace != home)
            .then(|| LabelSelector::labels([(NAMESPACE_NAME, subject.namespace.as_str())]));
        Some(PolicyPeer::Pods(PeerSelector { namespaces, pods: Some(pods) }))
    }

    fn is_whole(&self, within: &PeerSelector, home: &str, subject: &Subject) -> bool {
        let members = subject.members.iter().filter_map(|id| self.inventory.workload(id));
        let mut sets = members.flat_map(|workload| &workload.label_sets);
        self.is_namespace_of(within, home, &subject.namespace)
            && sets.all(|labels| within.pods.as_ref().is_none_or(|pods| pods.matches(labels)))
    }

    fn is_namespace_of(&self, selector: &PeerSelector, home: &str, namespace: &str) -> bool {
        match &selector.namespaces {
            None => namespace == home,
            Some(namespaces) => {
                let known: Option<&BTreeMap<String, String>> =
                    self.roster.cluster().namespaces().get(namespace);
                known.is_some_and(|labels| namespaces.matches(labels))
            }
        }
    }
}

/// What satisfies two selectors that some labels satisfy together.
fn both(one: &LabelSelector, other: &LabelSelector) -> LabelSelector {
    let mut merged = one.clone();
    merged.match_labels.extend(other.match_labels.clone());
    for requirement in &other.match_expressions {
        if !merged.match_expressions.contains(requirement) {
            merged.match_expressions.push(requirement.clone());
        }
    }
    merged
}
