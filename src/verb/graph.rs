//! `flowfence graph`: who talks to whom.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufWriter, Write as _};

use flowfence_graph::{CommunicationGraph, Edge, EdgeKey, Facts, GraphNode, Numbering, Tally, View};
use flowfence_model::NodeId;
use flowfence_policy::audit::{self as detect, Finding, Level, Settings, by_edge};
use flowfence_policy::decision::Decisions;
use flowfence_policy::judge::{EdgeVerdict, Judgement, Said};

use super::against::{self, Past};
use super::audit;
use super::observed::{self, Observed};
use super::page::{self, Advice, Story};
use crate::cli::{By, GraphArgs, GraphFormat, InputArgs};
use crate::decision;
use crate::exit::{Ending, Failure};
use crate::output;
use crate::output::graph::{AttemptRow, EdgeRow, GraphReport, NodeRow, VerdictRow, WindowRow};
use crate::output::page::Tab;

/// Ids of the findings that name the workload edge of each contact.
struct Suspicions {
    numbering: Numbering,
    /// By the number of the edge.
    ids: Vec<Vec<String>>,
}

impl Suspicions {
    fn new(facts: &Facts, by_edge: &BTreeMap<EdgeKey, Vec<String>>) -> Self {
        let numbering = Numbering::of(&facts.contacts);
        let ids = numbering.keys().iter().map(|edge| by_edge.get(edge).cloned().unwrap_or_default());
        Suspicions { ids: ids.collect(), numbering }
    }

    fn of(&self, contact: usize) -> &[String] {
        self.numbering.number(contact).and_then(|edge| self.ids.get(edge)).map_or(&[], Vec::as_slice)
    }
}

/// Shows the graph.
pub fn run(args: &GraphArgs) -> Result<Ending, Failure> {
    if args.output == GraphFormat::Html {
        page::refuse_terminal()?;
    }
    let decisions = decision::load(&args.judge)?;
    let view = match args.by {
        By::Workload => View::Workload,
        By::Pod => View::Pod,
        By::Namespace => View::Namespace,
    };
    let then = if args.against.is_empty() { None } else { Some(past(args, &decisions, view)?) };
    let observed = observed::observe(&args.input)?;
    let judgement = observed.judge(&decisions);
    let namespaces = observed.subjects(&args.judge);
    let report = report(&observed, &judgement, view, &namespaces);
    if args.output == GraphFormat::Html {
        let advised = page::advise(&observed, &judgement, &namespaces);
        page::write(Story {
            findings: audit::findings(&observed, &judgement, &decisions, &namespaces),
            advice: Advice::of(&advised),
            what_if: args.input.cluster.policies.as_deref(),
            observed: &observed,
            judgement: &judgement,
            graph: report,
            view,
            open: Tab::Map,
        })?;
        return Ok(observed.ending());
    }
    // Standard output itself is written line by line.
    let mut out = BufWriter::new(std::io::stdout().lock());
    match then {
        None => output::graph::write(&report, args.output, &mut out)?,
        Some(then) => {
            let difference = against::compare(&then, report, &|id| is_subject(id, &namespaces));
            output::graph::write_difference(&difference, args.output, &mut out)?;
        }
    }
    out.flush()?;
    Ok(observed.ending())
}

/// What `--against` names: a graph, or a recording that is read as the other is.
fn past(args: &GraphArgs, decisions: &Decisions, view: View) -> Result<Past, Failure> {
    if !matches!(args.output, GraphFormat::Table | GraphFormat::Json | GraphFormat::Yaml) {
        return Err(Failure::usage("--against has -o table, json and yaml"));
    }
    if args.against.iter().any(|source| source.contains("://") || source.starts_with("live:")) {
        return Err(Failure::usage("--against takes files: a recording, or what graph -o json wrote"));
    }
    if let [path] = args.against.as_slice()
        && let Some(past) = against::read_graph(path)?
    {
        return Ok(past);
    }
    let earlier = InputArgs { sources: args.against.clone(), ..args.input.clone() };
    let observed = observed::observe(&earlier)?;
    let judgement = observed.judge(decisions);
    Ok(Past::from(&report(&observed, &judgement, view, &[])))
}

fn is_subject(id: &NodeId, namespaces: &[String]) -> bool {
    namespaces.is_empty() || id.namespace().is_some_and(|ns| namespaces.iter().any(|wanted| wanted == ns))
}

pub(super) fn report(
    observed: &Observed,
    judgement: &Judgement,
    view: View,
    namespaces: &[String],
) -> GraphReport {
    let graph = CommunicationGraph::build(&observed.facts, &observed.cluster.inventory, view);
    let findings = detect::audit(
        &observed.facts,
        &observed.cluster.inventory,
        judgement,
        &observed.cluster.policies,
        &Settings::default(),
    );
    let serious: Vec<Finding> = findings.into_iter().filter(|finding| finding.level != Level::Note).collect();
    let suspicions = Suspicions::new(&observed.facts, &by_edge(&serious));
    let is_subject = |id: &NodeId| is_subject(id, namespaces);
    let edges: Vec<EdgeRow> = graph
        .edges()
        .filter(|edge| is_subject(&edge.key.from) || is_subject(&edge.key.to))
        .map(|edge| edge_row(edge, judgement, &suspicions))
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
fn edge_row(edge: &Edge, judgement: &Judgement, suspicions: &Suspicions) -> EdgeRow {
    let mut tally = Tally::empty();
    let mut verdict = EdgeVerdict::default();
    let mut findings: BTreeSet<String> = BTreeSet::new();
    for index in &edge.contacts {
        let Some(judged) = judgement.of(*index) else { continue };
        tally.merge(&judged.tally);
        verdict = verdict.worst(judged.verdict);
        findings.extend(suspicions.of(*index).iter().cloned());
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
