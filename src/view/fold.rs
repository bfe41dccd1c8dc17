//! What one node stands for: nodes that have something in common become one.

use std::collections::{BTreeMap, BTreeSet};

use flowfence_graph::EdgeKey;
use flowfence_model::{Fold as Common, Labels, NodeId};
use ipnet::IpNet;

use crate::cli::{By, Externals, ViewArgs};
use crate::output::graph::{EdgeRow, GraphReport, NodeRow, UnusedRow, VerdictRow};

/// Labels that name an application, the first that is there.
const APP: [&str; 3] = ["app.kubernetes.io/name", "app", "k8s-app"];
/// Labels that name who owns it, the first that is there.
const OWNER: [&str; 3] = ["app.kubernetes.io/part-of", "team", "owner"];
/// Blocks of `--externals cidr`, unless others are named: what a site has of either family.
const BLOCKS: (u8, u8) = (24, 64);

/// What is folded.
#[derive(Clone, Debug, Default)]
pub struct Fold {
    by: By,
    externals: Externals,
    blocks: Vec<IpNet>,
}

impl Fold {
    /// What the command line asks for.
    pub fn new(args: &ViewArgs) -> Self {
        let mut blocks: Vec<IpNet> = args.cidr.iter().map(IpNet::trunc).collect();
        blocks.sort_by_key(|block| std::cmp::Reverse(block.prefix_len()));
        Fold { by: args.by, externals: args.externals, blocks }
    }

    /// Whether it leaves every node as it is.
    pub fn is_none(&self) -> bool {
        matches!(self.by, By::Workload | By::Pod)
            && self.externals == Externals::Address
            && self.blocks.is_empty()
    }

    /// The node that a node becomes part of; itself where it has nothing of what is folded by.
    fn of(&self, node: &NodeRow) -> NodeId {
        match &node.id {
            NodeId::Workload(workload) => match self.by {
                By::Workload | By::Pod => node.id.clone(),
                By::Namespace => NodeId::Namespace(workload.namespace.clone()),
                By::App => label(&APP, &node.labels).map_or_else(
                    || node.id.clone(),
                    |name| NodeId::workload(&workload.namespace, "App", name),
                ),
                By::Owner => label(&OWNER, &node.labels)
                    .map_or_else(|| node.id.clone(), |name| NodeId::Folded(Common::Owner(name.into()))),
            },
            NodeId::External(ip) => {
                if let Some(block) = self.blocks.iter().find(|block| block.contains(ip)) {
                    return NodeId::outside(*block);
                }
                match self.externals {
                    Externals::Address => node.id.clone(),
                    Externals::Cidr => {
                        let length = if ip.is_ipv4() { BLOCKS.0 } else { BLOCKS.1 };
                        IpNet::new(*ip, length)
                            .map_or_else(|_| node.id.clone(), |net| NodeId::outside(net.trunc()))
                    }
                    Externals::Name => match node.fqdns.iter().min() {
                        Some(name) => NodeId::Folded(Common::Domain(name.into())),
                        None => node.id.clone(),
                    },
                    Externals::One => NodeId::Folded(Common::Outside),
                }
            }
            _ => node.id.clone(),
        }
    }
}

fn label<'l>(keys: &[&str], labels: &'l Labels) -> Option<&'l str> {
    let mut found = keys.iter().filter_map(|key| labels.get(*key));
    // A slash would make another id of it.
    found.find(|value| !value.is_empty() && !value.contains('/')).map(String::as_str)
}

/// Folds a graph. Counts add, times widen, and labels are those that all have. Of verdicts the worst counts, of those that
/// connected where any did: what one was denied is not said of what another does.
pub fn fold(report: GraphReport, fold: &Fold) -> GraphReport {
    if fold.is_none() {
        return report;
    }
    let becomes: BTreeMap<NodeId, NodeId> =
        report.nodes.iter().map(|node| (node.id.clone(), fold.of(node))).collect();
    let new = |id: &NodeId| becomes.get(id).unwrap_or(id).clone();
    let mut nodes: BTreeMap<NodeId, NodeRow> = BTreeMap::new();
    for mut node in report.nodes {
        let id = new(&node.id);
        match nodes.get_mut(&id) {
            Some(known) => {
                known.labels.retain(|key, value| node.labels.get(key) == Some(value));
                known.fqdns.append(&mut node.fqdns);
                known.fqdns.sort();
                known.fqdns.dedup();
            }
            None => {
                nodes.insert(id.clone(), NodeRow::new(id, node.labels, node.fqdns));
            }
        }
    }
    for node in nodes.values_mut() {
        // Labels of workloads are no labels of their namespace, and a name says itself.
        match &node.id {
            NodeId::Namespace(_) => node.labels.clear(),
            NodeId::Folded(_) => node.fqdns.clear(),
            _ => {}
        }
    }
    let mut edges: BTreeMap<EdgeKey, EdgeRow> = BTreeMap::new();
    for edge in report.edges {
        let edge = EdgeRow { from: new(&edge.from), to: new(&edge.to), ..edge };
        match edges.get_mut(&edge.key()) {
            Some(known) => merge(known, edge),
            None => {
                edges.insert(edge.key(), edge);
            }
        }
    }
    let edges: Vec<EdgeRow> = edges.into_values().collect();
    let unused = fold_unused(&report.unused, &edges, new);
    GraphReport { nodes: nodes.into_values().collect(), edges, unused, ..report }
}

fn merge(known: &mut EdgeRow, other: EdgeRow) {
    known.verdict = match (known.connections > 0, other.connections > 0) {
        (true, false) => known.verdict,
        (false, true) => other.verdict,
        _ => VerdictRow {
            egress: worst(known.verdict.egress, other.verdict.egress),
            ingress: worst(known.verdict.ingress, other.verdict.ingress),
        },
    };
    known.services.extend(other.services);
    known.behind.extend(other.behind);
    known.connections += other.connections;
    known.attempts.unanswered += other.attempts.unanswered;
    known.attempts.refused += other.attempts.refused;
    for way in 0..2 {
        known.packets[way] += other.packets[way];
        known.octets[way] += other.octets[way];
    }
    known.first = known.first.min(other.first);
    known.last = known.last.max(other.last);
    known.parts = known.parts.union(other.parts);
    known.established |= other.established;
    known.orientation = known.orientation.min(other.orientation);
    known.probe &= other.probe;
    let findings: BTreeSet<String> = known.suspicious.drain(..).chain(other.suspicious).collect();
    known.suspicious = findings.into_iter().collect();
}

fn worst(one: Option<&'static str>, other: Option<&'static str>) -> Option<&'static str> {
    let rank = |said: Option<&str>| match said {
        None => 0,
        Some("allowed") => 1,
        Some("unspecified") => 2,
        Some(_) => 3,
    };
    if rank(other) > rank(one) { other } else { one }
}

/// A port that one of several used is not unused between them.
fn fold_unused(rows: &[UnusedRow], edges: &[EdgeRow], new: impl Fn(&NodeId) -> NodeId) -> Vec<UnusedRow> {
    let used: BTreeSet<(&NodeId, &NodeId, String)> = edges
        .iter()
        .filter(|edge| edge.connections > 0)
        .filter_map(|edge| Some((&edge.from, &edge.to, format!("{}/{}", edge.port?, edge.protocol))))
        .collect();
    let mut pairs: BTreeMap<(NodeId, NodeId), BTreeMap<(u16, String), String>> = BTreeMap::new();
    for row in rows {
        let ends = (new(&row.from), new(&row.to));
        for port in &row.ports {
            if !used.contains(&(&ends.0, &ends.1, port.clone())) {
                let (number, protocol) = port.split_once('/').unwrap_or((port, ""));
                let key = (number.parse().unwrap_or(0), protocol.to_owned());
                pairs.entry(ends.clone()).or_default().insert(key, port.clone());
            }
        }
    }
    let rows = pairs.into_iter();
    rows.map(|((from, to), ports)| UnusedRow { from, to, ports: ports.into_values().collect() }).collect()
}

#[cfg(test)]
mod tests {
    use super::super::testing::{edge, graph, node};
    use super::*;

    fn shop() -> GraphReport {
        let nodes = vec![
            node("shop/Deployment/web", &[("app", "front"), ("team", "blue"), ("tier", "x")]),
            node("shop/Deployment/web-canary", &[("app", "front"), ("team", "blue")]),
            node("data/StatefulSet/db", &[("k8s-app", "db"), ("app.kubernetes.io/part-of", "ledger")]),
        ];
        let mut denied = edge("shop/Deployment/web-canary -> data/StatefulSet/db 5432/TCP", 2);
        denied.verdict.ingress = Some("denied");
        let edges = vec![
            edge("shop/Deployment/web -> data/StatefulSet/db 5432/TCP", 5),
            denied,
            edge("shop/Deployment/web -> external/203.0.113.9/32 443/TCP", 1),
            edge("shop/Deployment/web -> external/203.0.113.10/32 443/TCP", 1),
            edge("shop/Deployment/web -> external/198.51.100.7/32 443/TCP", 0),
        ];
        let mut report = graph(nodes, edges);
        for node in &mut report.nodes {
            if node.id.to_string().starts_with("external/203") {
                node.fqdns = vec!["pay.example.net".to_owned()];
            }
        }
        report
    }

    fn folded(change: impl Fn(&mut ViewArgs)) -> Vec<String> {
        let mut args = ViewArgs::default();
        change(&mut args);
        let report = fold(shop(), &Fold::new(&args));
        let ids: BTreeSet<&NodeId> = report.nodes.iter().map(|node| &node.id).collect();
        assert!(report.edges.iter().all(|edge| ids.contains(&edge.from) && ids.contains(&edge.to)));
        report.edges.iter().map(|edge| format!("{} {}", edge.key(), edge.connections)).collect()
    }

    #[test]
    fn workloads_are_folded_by_label_and_namespace() {
        let app = folded(|args| args.by = By::App);
        assert_eq!(app[0], "shop/App/front -> data/App/db 5432/TCP 7");
        let owner = folded(|args| args.by = By::Owner);
        assert!(owner.contains(&"owner/blue -> owner/ledger 5432/TCP 7".to_owned()), "{owner:?}");
        let namespace = folded(|args| args.by = By::Namespace);
        assert_eq!(namespace[0], "namespace/shop -> namespace/data 5432/TCP 7");
        assert_eq!(folded(|_| {}).len(), 5);
    }

    #[test]
    fn of_folded_edges_the_worst_verdict_counts() {
        let report = fold(shop(), &Fold::new(&ViewArgs { by: By::App, ..ViewArgs::default() }));
        assert_eq!(report.edges[0].verdict.ingress, Some("denied"));
        let front = report.nodes.iter().find(|node| node.name == "front").unwrap();
        assert_eq!(front.labels.keys().collect::<Vec<_>>(), ["app", "team"], "what both have");
    }

    #[test]
    fn an_attempt_that_was_denied_says_nothing_of_those_who_connected() {
        let mut report = shop();
        let denied = report.edges.iter_mut().find(|edge| edge.verdict.ingress == Some("denied")).unwrap();
        (denied.connections, denied.attempts.refused) = (0, 3);
        let report = fold(report, &Fold::new(&ViewArgs { by: By::App, ..ViewArgs::default() }));
        let edge = &report.edges[0];
        assert_eq!((edge.verdict.ingress, edge.connections, edge.attempts.refused), (Some("allowed"), 5, 3));
    }

    #[test]
    fn addresses_are_folded_by_block_name_or_into_one() {
        let last = |change: fn(&mut ViewArgs)| -> Vec<String> {
            folded(change)
                .iter()
                .filter_map(|edge| edge.split_once(" -> "))
                .map(|(_, to)| to.to_owned())
                .skip(1)
                .collect()
        };
        assert_eq!(
            last(|args| args.externals = Externals::Cidr),
            [
                "external/198.51.100.0/24 443/TCP 0",
                "external/203.0.113.0/24 443/TCP 2",
                "data/StatefulSet/db 5432/TCP 2"
            ]
        );
        let name = last(|args| args.externals = Externals::Name);
        assert!(name.contains(&"domain/pay.example.net 443/TCP 2".to_owned()), "{name:?}");
        assert!(name.contains(&"external/198.51.100.7/32 443/TCP 0".to_owned()), "without a name it stays");
        assert!(last(|args| args.externals = Externals::One).contains(&"external 443/TCP 2".to_owned()));
        let own = last(|args| {
            args.cidr = vec!["203.0.113.8/31".parse().unwrap(), "203.0.113.0/25".parse().unwrap()];
        });
        assert!(own.contains(&"external/203.0.113.8/31 443/TCP 1".to_owned()), "the narrowest: {own:?}");
        assert!(own.contains(&"external/203.0.113.0/25 443/TCP 1".to_owned()));
    }

    #[test]
    fn a_port_that_one_of_them_used_is_not_unused() {
        let mut report = shop();
        let row = |from: &str, port: &str| UnusedRow {
            from: from.parse().unwrap(),
            to: "data/StatefulSet/db".parse().unwrap(),
            ports: vec![port.to_owned()],
        };
        report.unused = vec![row("shop/Deployment/web", "9187/TCP"), row("shop/Deployment/api", "5432/TCP")];
        report.nodes.push(node("shop/Deployment/api", &[("app", "front")]));
        let report = fold(report, &Fold::new(&ViewArgs { by: By::App, ..ViewArgs::default() }));
        assert_eq!(report.unused.len(), 1);
        assert_eq!(report.unused[0].ports, ["9187/TCP"]);
    }
}
