//! The layer beside what was seen: what today's policies allow between workloads, and nobody used.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use flowfence_graph::Inventory;
use flowfence_model::{NodeId, Protocol};
use flowfence_policy::reach::{EndName, Selection, Survey};
use flowfence_policy::semantics::PolicySet;

use super::Filter;
use crate::output::graph::{GraphReport, NodeRow, UnusedRow};

/// Pairs that are told at most: more is no picture, and `--by namespace`, `--from` and `--to` make it fewer.
const MOST: usize = 1_000;

/// The layer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Unused {
    /// By from and to.
    pub rows: Vec<UnusedRow>,
    /// How many pairs more there are.
    pub left_out: u64,
}

/// An end that is of a workload of the graph.
struct WorkloadEnd<'a> {
    id: &'a NodeId,
    node: &'a NodeRow,
    ports: Option<&'a Ports>,
    is_subject: bool,
}

type Ports = BTreeSet<(u16, Protocol)>;

/// What `policies` allow between workloads of `inventory` on ports that are known of them (declared by a container, or
/// somebody reached them there), and that no edge of the graph of workloads used.
///
/// `is_subject` and `filter` say which pairs are of interest.
pub fn unused(
    report: &GraphReport,
    inventory: &Inventory,
    policies: &PolicySet,
    is_subject: &dyn Fn(&NodeId) -> bool,
    filter: &Filter,
) -> Unused {
    let (known, used) = (known(report, inventory), used(report));
    let nodes: BTreeMap<&NodeId, &NodeRow> = report.nodes.iter().map(|node| (&node.id, node)).collect();
    let mut survey = Survey::new(inventory, &[policies]);
    // By end: names are compared once, and not for every pair.
    let ends: Vec<Option<WorkloadEnd<'_>>> = survey
        .ends()
        .iter()
        .map(|end| {
            let (id, node) = nodes.get_key_value(&workload(&end.name, inventory)?)?;
            Some(WorkloadEnd { id, node, ports: known.get(*id), is_subject: is_subject(id) })
        })
        .collect();
    let mut found = Unused::default();
    let mut from = 0;
    while from < ends.len() {
        // Pods of one workload that are not alike stand side by side.
        let Some(id) = ends[from].as_ref().map(|end| end.id) else {
            from += 1;
            continue;
        };
        let alike =
            ends[from..].iter().take_while(|next| next.as_ref().is_some_and(|next| next.id == id)).count();
        for (to, mut ports) in open(&mut survey, &ends, from..from + alike, filter) {
            if let Some(used) = used.get(&(id, to)) {
                ports.retain(|port| !used.contains(port));
            }
            found.add(id, to, &ports);
        }
        from += alike;
    }
    found
}

impl Unused {
    fn add(&mut self, from: &NodeId, to: &NodeId, ports: &Ports) {
        if ports.is_empty() {
            return;
        }
        if self.rows.len() == MOST {
            self.left_out += 1;
            return;
        }
        let ports = ports.iter().map(|(port, protocol)| format!("{port}/{protocol}")).collect();
        self.rows.push(UnusedRow { from: from.clone(), to: to.clone(), ports });
    }
}

/// The known ports of every workload that the ends of one may reach, of those that are of interest.
fn open<'a>(
    survey: &mut Survey,
    ends: &[Option<WorkloadEnd<'a>>],
    of_one: Range<usize>,
    filter: &Filter,
) -> BTreeMap<&'a NodeId, Ports> {
    let mut pairs: BTreeMap<&NodeId, Ports> = BTreeMap::new();
    let Some(source) = ends.get(of_one.start).and_then(Option::as_ref) else { return pairs };
    let mut selection = Selection::everything(ends.len());
    for (is_wanted, to) in selection.to.iter_mut().zip(ends) {
        *is_wanted = to.as_ref().is_some_and(|to| {
            to.ports.is_some()
                && (source.is_subject || to.is_subject)
                && filter.shows_unused(source.node, to.node)
        });
    }
    let mut rows = Vec::new();
    of_one.for_each(|end| rows.extend(survey.rows_from(end, &selection)));
    for row in rows {
        let Some((to, ports)) = ends[row.to].as_ref().and_then(|to| Some((to.id, to.ports?))) else {
            continue;
        };
        let profile = survey.profile(row.allowed);
        let open = ports.iter().filter(|(port, protocol)| profile.ports(*protocol).contains(*port));
        let open: Vec<_> = open.filter(|(port, protocol)| filter.shows_port(*protocol, *port)).collect();
        if !open.is_empty() {
            pairs.entry(to).or_default().extend(open);
        }
    }
    pairs
}

/// The workload that an end is of, when it is of one.
fn workload(name: &EndName, inventory: &Inventory) -> Option<NodeId> {
    match name {
        EndName::Workload(id) => Some(id.clone()),
        EndName::Pod { namespace, name } => inventory
            .pods()
            .iter()
            .find(|known| known.pod.meta.namespace == *namespace && known.pod.meta.name == *name)
            .map(|known| known.workload.clone()),
        EndName::Node(_) | EndName::ApiServer | EndName::External { .. } | EndName::Domain(_) => None,
    }
}

/// Ports that are known of each workload.
fn known(report: &GraphReport, inventory: &Inventory) -> BTreeMap<NodeId, Ports> {
    let mut known: BTreeMap<NodeId, Ports> = BTreeMap::new();
    for pod in inventory.pods() {
        let ports = pod.pod.ports.iter().map(|port| (port.port, port.protocol));
        known.entry(pod.workload.clone()).or_default().extend(ports);
    }
    for edge in report.edges.iter().filter(|edge| edge.connections > 0) {
        if let Some(port) = edge.port {
            known.entry(edge.to.clone()).or_default().insert((port, edge.protocol));
        }
    }
    known
}

fn used(report: &GraphReport) -> BTreeMap<(&NodeId, &NodeId), Ports> {
    let mut used: BTreeMap<(&NodeId, &NodeId), Ports> = BTreeMap::new();
    for edge in report.edges.iter().filter(|edge| edge.connections > 0) {
        if let Some(port) = edge.port {
            used.entry((&edge.from, &edge.to)).or_default().insert((port, edge.protocol));
        }
    }
    used
}
