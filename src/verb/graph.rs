//! `flowfence graph`: who talks to whom.

use std::collections::{BTreeMap, BTreeSet};

use flowfence_graph::{CommunicationGraph, Edge, EdgeKey, Facts, GraphNode, Tally, View};
use flowfence_model::NodeId;
use flowfence_policy::audit::{Finding, Level, Settings, audit, by_edge};
use flowfence_policy::judge::{EdgeVerdict, Judgement, Said};

use super::observed::{self, Observed};
use crate::cli::{By, GraphArgs};
use crate::decision;
use crate::exit::{Ending, Failure};
use crate::output;
use crate::output::graph::{AttemptRow, EdgeRow, GraphReport, NodeRow, VerdictRow, WindowRow};

/// Ids of the findings that name each workload edge.
type Suspicions = BTreeMap<EdgeKey, Vec<String>>;

/// Shows the graph.
pub fn run(args: &GraphArgs) -> Result<Ending, Failure> {
    let decisions = decision::load(&args.judge)?;
    let observed = observed::observe(&args.input)?;
    let judgement = observed.judge(&decisions);
    let view = match args.by {
        By::Workload => View::Workload,
        By::Pod => View::Pod,
        By::Namespace => View::Namespace,
    };
    let report = report(&observed, &judgement, view, &observed.subjects(&args.judge));
    output::graph::write(&report, args.output, &mut std::io::stdout().lock())?;
    Ok(observed.ending())
}

fn report(observed: &Observed, judgement: &Judgement, view: View, namespaces: &[String]) -> GraphReport {
    let graph = CommunicationGraph::build(&observed.facts, &observed.cluster.inventory, view);
    let findings = audit(
        &observed.facts,
        &observed.cluster.inventory,
        judgement,
        &observed.cluster.policies,
        &Settings::default(),
    );
    let serious: Vec<Finding> = findings.into_iter().filter(|finding| finding.level != Level::Note).collect();
    let suspicions = by_edge(&serious);
    let is_subject = |id: &NodeId| {
        namespaces.is_empty() || id.namespace().is_some_and(|ns| namespaces.iter().any(|wanted| wanted == ns))
    };
    let edges: Vec<EdgeRow> = graph
        .edges()
        .filter(|edge| is_subject(&edge.key.from) || is_subject(&edge.key.to))
        .map(|edge| edge_row(edge, judgement, &observed.facts, &suspicions))
        .collect();
    let ends: BTreeSet<&NodeId> = edges.iter().flat_map(|edge| [&edge.from, &edge.to]).collect();
    let nodes = graph.nodes().filter(|n| is_subject(&n.id) || ends.contains(&n.id)).map(node_row).collect();
    GraphReport {
        api_version: output::API_VERSION,
        kind: "CommunicationGraph",
        window: observed.facts.window.map(|(start, end)| WindowRow { start, end }),
        nodes,
        edges,
        completeness: observed.completeness.clone(),
    }
}

fn node_row(node: &GraphNode) -> NodeRow {
    let name = match &node.id {
        NodeId::Workload { name, .. } | NodeId::Namespace(name) | NodeId::Node(name) => name.clone(),
        NodeId::ApiServer => "apiserver".to_owned(),
        NodeId::External(ip) | NodeId::Unknown(ip) => ip.to_string(),
    };
    NodeRow {
        kind: node.id.kind().to_owned(),
        namespace: node.id.namespace().map(str::to_owned),
        name,
        labels: node.labels.clone(),
        fqdns: node.fqdns.clone(),
        id: node.id.clone(),
    }
}

/// The counts of an edge after judgement: silent datagrams are connections or attempts by now.
fn edge_row(edge: &Edge, judgement: &Judgement, facts: &Facts, suspicions: &Suspicions) -> EdgeRow {
    let mut tally = Tally::empty();
    let mut verdict = EdgeVerdict::default();
    let mut findings: BTreeSet<String> = BTreeSet::new();
    for index in &edge.contacts {
        let (Some(judged), Some(contact)) = (judgement.of(*index), facts.contacts.get(*index)) else {
            continue;
        };
        tally.merge(&judged.tally);
        verdict = verdict.worst(judged.verdict);
        findings.extend(suspicions.get(&EdgeKey::of(contact)).into_iter().flatten().cloned());
    }
    let key = &edge.key;
    EdgeRow {
        from: key.from.clone(),
        to: key.to.clone(),
        protocol: key.protocol,
        port: key.port,
        icmp: key.icmp,
        services: edge.services.clone(),
        behind: edge.behind.clone(),
        connections: tally.connections + tally.one_way,
        attempts: AttemptRow { unanswered: tally.unanswered, refused: tally.refused },
        packets: tally.packets,
        octets: tally.octets,
        first: tally.first,
        last: tally.last,
        established: tally.connections > 0,
        orientation: edge.orientation,
        probe: edge.probe,
        verdict: VerdictRow {
            egress: verdict.egress.map(Said::token),
            ingress: verdict.ingress.map(Said::token),
        },
        suspicious: findings.into_iter().collect(),
    }
}
