//! The graph of one view: workloads, pods or namespaces, and the edges between them.

use std::collections::BTreeMap;

use flowfence_model::{Labels, NodeId};
use hashbrown::HashSet;
use petgraph::Direction;
use petgraph::graph::{DiGraph, EdgeReference, NodeIndex};

use crate::contact::{Contact, Party};
use crate::edge::{Edge, EdgeKey};
use crate::facts::Facts;
use crate::inventory::Inventory;

/// What a node of the graph stands for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum View {
    /// Topmost controllers and bare pods.
    #[default]
    Workload,
    /// Single pods.
    Pod,
    /// Whole namespaces.
    Namespace,
}

/// A node with what is known of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GraphNode {
    /// Its identity.
    pub id: NodeId,
    /// Labels: of a workload those that all its pods share, of a pod its own, of a namespace its own.
    pub labels: Labels,
    /// Names of an outside address.
    pub fqdns: Vec<String>,
}

/// A directed multigraph with nodes and edges in a fixed order.
#[derive(Debug)]
pub struct CommunicationGraph {
    graph: DiGraph<GraphNode, Edge>,
    index: BTreeMap<NodeId, NodeIndex>,
}

impl CommunicationGraph {
    /// Folds the contacts of `facts` to `view`. Nodes are the ends of contacts and, with an
    /// inventory, everything in it that could have been one.
    pub fn build(facts: &Facts, inventory: &Inventory, view: View) -> Self {
        let edges: Vec<Edge> = edges_of(facts, view).collect();
        let ends = edges.iter().flat_map(|e| [&e.key.from, &e.key.to]);
        let nodes = nodes_of(ends, facts, inventory, view);
        let mut graph = DiGraph::with_capacity(nodes.len(), edges.len());
        let index: BTreeMap<NodeId, NodeIndex> =
            nodes.into_iter().map(|node| (node.id.clone(), graph.add_node(node))).collect();
        for edge in edges {
            if let (Some(from), Some(to)) = (index.get(&edge.key.from), index.get(&edge.key.to)) {
                graph.add_edge(*from, *to, edge);
            }
        }
        CommunicationGraph { graph, index }
    }

    /// Nodes by identity.
    pub fn nodes(&self) -> impl Iterator<Item = &GraphNode> {
        self.index.values().filter_map(|i| self.graph.node_weight(*i))
    }

    /// Edges by from, to, protocol and port.
    pub fn edges(&self) -> impl Iterator<Item = &Edge> {
        self.graph.edge_weights()
    }

    /// One node.
    pub fn node(&self, id: &NodeId) -> Option<&GraphNode> {
        self.graph.node_weight(*self.index.get(id)?)
    }

    /// Edges that `id` opened.
    pub fn outgoing(&self, id: &NodeId) -> Vec<&Edge> {
        self.directed(id, Direction::Outgoing)
    }

    /// Edges that were opened to `id`.
    pub fn incoming(&self, id: &NodeId) -> Vec<&Edge> {
        self.directed(id, Direction::Incoming)
    }

    fn directed(&self, id: &NodeId, direction: Direction) -> Vec<&Edge> {
        let Some(node) = self.index.get(id) else { return Vec::new() };
        let mut edges: Vec<&Edge> = self
            .graph
            .edges_directed(*node, direction)
            .map(|e: EdgeReference<'_, Edge>| e.weight())
            .collect();
        edges.sort_by(|x, y| x.key.cmp(&y.key));
        edges
    }
}

/// The nodes of a view, in order: the ends of its edges and everything in the inventory that could have been one.
pub fn nodes_of<'a>(
    ends: impl Iterator<Item = &'a NodeId>,
    facts: &Facts,
    inventory: &Inventory,
    view: View,
) -> Vec<GraphNode> {
    let known = known_ids(inventory, view);
    // One end has many edges: told apart before they are put in order.
    let mut ids: HashSet<&NodeId, foldhash::fast::RandomState> = ends.collect();
    ids.extend(&known);
    let mut ids: Vec<&NodeId> = ids.into_iter().collect();
    ids.sort_unstable();
    ids.into_iter().map(|id| describe(id.clone(), facts, inventory)).collect()
}

/// The edges of a view one after another, by from, to, protocol and port. Its upper bound is how many there are.
///
/// Contacts of one edge are put side by side, then each run is folded. Of edges between workloads the numbers are known.
pub fn edges_of(facts: &Facts, view: View) -> Box<dyn Iterator<Item = Edge> + '_> {
    let contacts = &facts.contacts;
    if view == View::Workload {
        let numbering = facts.numbering();
        let all = numbering.keys().iter().zip(numbering.contacts());
        return Box::new(all.filter_map(|(key, indices)| {
            edge_of(key.clone(), contacts, indices.iter().map(|i| *i as usize).collect())
        }));
    }
    let key = |contact: &Contact| EdgeKey {
        from: id_in(&contact.from, view),
        to: id_in(&contact.to, view),
        ..EdgeKey::of(contact)
    };
    let mut order: Vec<usize> = (0..contacts.len()).collect();
    order.sort_by_cached_key(|i| contacts.get(*i).map(key));
    let mut edges: Vec<(EdgeKey, Vec<usize>)> = Vec::new();
    for (i, contact) in order.into_iter().filter_map(|i| Some((i, contacts.get(i)?))) {
        let key = key(contact);
        match edges.last_mut() {
            Some((known, indices)) if *known == key => indices.push(i),
            _ => edges.push((key, vec![i])),
        }
    }
    Box::new(edges.into_iter().filter_map(|(key, indices)| edge_of(key, contacts, indices)))
}

fn id_in(party: &Party, view: View) -> NodeId {
    match (view, &party.pod, &party.id) {
        (View::Pod, Some(pod), _) => NodeId::workload(&pod.namespace, "Pod", &pod.name),
        (View::Namespace, _, NodeId::Workload(workload)) => NodeId::Namespace(workload.namespace.clone()),
        _ => party.id.clone(),
    }
}

fn known_ids(inventory: &Inventory, view: View) -> Vec<NodeId> {
    match view {
        View::Workload => {
            inventory.workloads().values().filter(|w| !w.host_network).map(|w| w.id.clone()).collect()
        }
        View::Pod => inventory
            .pods()
            .iter()
            .filter(|known| !known.pod.host_network)
            .map(|known| NodeId::workload(&known.pod.meta.namespace, "Pod", &known.pod.meta.name))
            .collect(),
        View::Namespace => inventory.namespaces().keys().map(|name| NodeId::Namespace(name.into())).collect(),
    }
}

fn describe(id: NodeId, facts: &Facts, inventory: &Inventory) -> GraphNode {
    let labels = match &id {
        NodeId::Workload(named) => match inventory.workload(&id) {
            Some(workload) => shared_labels(&workload.label_sets),
            None if named.kind == "Pod" => inventory
                .pods()
                .iter()
                .find(|k| k.pod.meta.namespace == named.namespace && k.pod.meta.name == named.name)
                .map(|k| k.pod.meta.labels.clone())
                .unwrap_or_default(),
            None => Labels::new(),
        },
        NodeId::Namespace(name) => {
            inventory.namespaces().get(name.as_str()).map(|n| n.meta.labels.clone()).unwrap_or_default()
        }
        NodeId::Node(name) => {
            inventory.nodes().get(name.as_str()).map(|n| n.meta.labels.clone()).unwrap_or_default()
        }
        NodeId::ApiServer | NodeId::External(_) | NodeId::Unknown(_) | NodeId::Folded(_) => Labels::new(),
    };
    let fqdns = match &id {
        NodeId::External(ip) => facts.names.of(*ip).map(str::to_owned).collect(),
        _ => Vec::new(),
    };
    GraphNode { id, labels, fqdns }
}

fn shared_labels(sets: &[Labels]) -> Labels {
    let Some((first, rest)) = sets.split_first() else { return Labels::new() };
    first
        .iter()
        .filter(|(k, v)| rest.iter().all(|set| set.get(*k) == Some(v)))
        .map(|(k, v)| (k.clone(), v.clone()))
        .collect()
}

/// The edge of these contacts, which are some.
fn edge_of(key: EdgeKey, contacts: &[Contact], indices: Vec<usize>) -> Option<Edge> {
    let mut all = indices.iter().filter_map(|i| contacts.get(*i));
    let first = all.next()?;
    let mut edge = Edge {
        key,
        services: first.services.clone(),
        behind: first.behind.clone(),
        orientation: first.orientation,
        probe: first.probe,
        tally: first.tally.clone(),
        contacts: Vec::new(),
    };
    all.for_each(|contact| fold(&mut edge, contact));
    edge.contacts = indices;
    Some(edge)
}

fn fold(edge: &mut Edge, contact: &Contact) {
    edge.services.extend(contact.services.iter().cloned());
    edge.behind.extend(contact.behind.iter().copied());
    edge.orientation = edge.orientation.min(contact.orientation);
    edge.probe &= contact.probe;
    edge.tally.merge(&contact.tally);
}
