//! `flowfence graph`: who talks to whom.

mod refuse;

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufWriter, Write as _};

use flowfence_graph::{Edge, EdgeKey, Facts, GraphNode, Numbering, View, edges_of, nodes_of};
use flowfence_model::NodeId;
use flowfence_policy::audit::{self as detect, Finding, Level, Settings, by_edge};
use flowfence_policy::decision::Decisions;
use flowfence_policy::judge::{self, EdgeVerdict, Judgement, Said};

use super::against;
use super::audit;
use super::observed::{self, Observed};
use super::page::{self, Advice, Story};
use crate::cli::{By, GraphArgs, GraphFormat, InputArgs, ViewArgs};
use crate::decision;
use crate::exit::{Ending, Failure};
use crate::output;
use crate::output::graph::{AttemptRow, EdgeRow, GraphReport, NodeRow, Screen, VerdictRow, WindowRow};
use crate::output::page::Tab;
use crate::view::{Filter, Fold, Kept, fold, unknown_namespaces, unused};
use refuse::refuse;

/// Ids of the findings that name the workload edge of each contact.
struct Suspicions<'a> {
    numbering: &'a Numbering,
    /// By the number of the edge.
    ids: Vec<Vec<String>>,
}

impl<'a> Suspicions<'a> {
    fn new(facts: &'a Facts, by_edge: &BTreeMap<EdgeKey, Vec<String>>) -> Self {
        let numbering = facts.numbering();
        let ids = numbering.keys().iter().map(|edge| by_edge.get(edge).cloned().unwrap_or_default());
        Suspicions { ids: ids.collect(), numbering }
    }

    /// Of some contacts, those of one edge mostly side by side.
    fn of(&self, contacts: &[usize]) -> Vec<String> {
        let mut edges: Vec<usize> =
            contacts.iter().filter_map(|contact| self.numbering.number(*contact)).collect();
        edges.dedup();
        let ids: BTreeSet<&String> =
            edges.into_iter().filter_map(|edge| self.ids.get(edge)).flatten().collect();
        ids.into_iter().cloned().collect()
    }
}

/// Shows the graph.
pub fn run(args: &GraphArgs) -> Result<Ending, Failure> {
    refuse(args)?;
    let decisions = decision::load(&args.judge)?;
    let filter = Filter::new(&args.view).map_err(Failure::usage)?;
    let then = if args.against.is_empty() { None } else { Some(past(args, &decisions)?) };
    let observed = observed::observe(&args.input)?;
    let judgement = observed.judge(&decisions);
    let subjects =
        Subjects { namespaces: observed.subjects(&args.judge), filter, fold: Fold::new(&args.view) };
    let now = report(&observed, &judgement, level(args.view.by));
    if args.output == GraphFormat::Html {
        let shown = subjects.show(now, &observed, args);
        write_page(args, &observed, &judgement, &decisions, &subjects.namespaces, shown)?;
        return Ok(observed.ending());
    }
    // Standard output itself is written line by line.
    let mut out = BufWriter::new(std::io::stdout().lock());
    match then {
        None => {
            let shown = subjects.show(now, &observed, args);
            output::graph::write_on(&shown, args.output, Screen::of_terminal(args.view.ascii), &mut out)?;
        }
        Some(then) => {
            let [then, now] = subjects.show_both(then, now);
            output::graph::write_difference(&against::compare(&then, now), args.output, &mut out)?;
        }
    }
    out.flush()?;
    let ending = observed.ending();
    // The process ends: a hundred thousand contacts need not be taken apart one by one.
    std::mem::forget((observed, judgement));
    Ok(ending)
}

/// Writes the page, opened at the map.
fn write_page(
    args: &GraphArgs,
    observed: &Observed,
    judgement: &Judgement,
    decisions: &Decisions,
    namespaces: &[String],
    graph: GraphReport,
) -> Result<(), Failure> {
    let advised = page::advise(observed, judgement, namespaces);
    page::write(Story {
        findings: audit::findings(observed, judgement, decisions, namespaces),
        advice: Advice::of(&advised),
        what_if: args.input.cluster.policies.as_deref(),
        view: level(args.view.by),
        open: Tab::Map,
        observed,
        judgement,
        graph,
    })
}

/// What filters and folds begin with.
fn level(by: By) -> View {
    match by {
        By::Pod => View::Pod,
        By::Workload | By::Namespace | By::App | By::Owner => View::Workload,
    }
}

/// What is shown of a graph, and how.
struct Subjects {
    namespaces: Vec<String>,
    filter: Filter,
    fold: Fold,
}

impl Subjects {
    fn is_subject(&self, id: &NodeId) -> bool {
        self.namespaces.is_empty()
            || id.namespace().is_some_and(|ns| self.namespaces.iter().any(|wanted| wanted == ns))
    }

    /// Which edges are shown, by their places.
    fn keep(&self, report: &GraphReport) -> Kept {
        let mut kept = self.filter.keep(report);
        for (edge, is_kept) in report.edges.iter().zip(&mut kept.edges) {
            *is_kept = *is_kept && (self.is_subject(&edge.from) || self.is_subject(&edge.to));
        }
        kept
    }

    /// Leaves a graph the edges that are kept, and the nodes that are of interest without any.
    fn narrow(&self, mut report: GraphReport, kept: &[bool]) -> GraphReport {
        let mut kept = kept.iter();
        report.edges.retain(|_| kept.next().is_some_and(|is_kept| *is_kept));
        if self.filter.is_everything() && self.namespaces.is_empty() {
            return report;
        }
        let seen = report.edges.iter().flat_map(|edge| [&edge.from, &edge.to]);
        let allowed = report.unused.iter().flat_map(|row| [&row.from, &row.to]);
        let ends: BTreeSet<&NodeId> = seen.chain(allowed).collect();
        let is_lone = self.filter.is_everything();
        report.nodes.retain(|node| ends.contains(&node.id) || (is_lone && self.is_subject(&node.id)));
        report
    }

    fn show(&self, mut now: GraphReport, observed: &Observed, args: &GraphArgs) -> GraphReport {
        let kept = self.keep(&now);
        unknown_namespaces(&now, &self.namespaces)
            .iter()
            .chain(&kept.notes)
            .for_each(|note| say!("flowfence: {note}"));
        if args.view.reach {
            self.lay_beside(&mut now, observed);
        }
        let mut shown = fold(self.narrow(now, &kept.edges), &self.fold);
        if args.view.by == By::Namespace {
            self.describe_namespaces(&mut shown, observed);
        }
        shown
    }

    /// Adds what policies allow and nobody used.
    fn lay_beside(&self, now: &mut GraphReport, observed: &Observed) {
        let inventory = &observed.cluster.inventory;
        let pods = judge::cluster(inventory);
        let policies = observed.cluster.rules(None).compile(&pods);
        let found = unused(now, inventory, &policies, &|id| self.is_subject(id), &self.filter);
        if found.left_out > 0 {
            say!(
                "flowfence: of the pairs that policies allow and nobody used {} are shown and {} left out: fold them \
                 (--by namespace) or narrow them (--from, --to, -n)",
                found.rows.len(),
                found.left_out
            );
        }
        (now.unused, now.unused_left_out) = (found.rows, Some(found.left_out));
    }

    /// Namespaces have labels of their own, and those that nobody is in are shown too.
    fn describe_namespaces(&self, shown: &mut GraphReport, observed: &Observed) {
        let known = observed.cluster.inventory.namespaces();
        for node in &mut shown.nodes {
            if let NodeId::Namespace(name) = &node.id {
                node.labels = known
                    .get(name.as_str())
                    .map(|namespace| namespace.meta.labels.clone())
                    .unwrap_or_default();
            }
        }
        if !self.filter.is_everything() {
            return;
        }
        for (name, namespace) in known {
            let id = NodeId::Namespace(name.into());
            if let Err(at) = shown.nodes.binary_search_by(|node| node.id.cmp(&id))
                && self.is_subject(&id)
            {
                shown.nodes.insert(at, NodeRow::new(id, namespace.meta.labels.clone(), Vec::new()));
            }
        }
    }

    /// Of two graphs what is shown of either: an edge that passes a filter on one side is compared on both.
    fn show_both(&self, then: GraphReport, now: GraphReport) -> [GraphReport; 2] {
        let both = [&then, &now].map(|report| (report, self.keep(report)));
        let shown = both.iter().flat_map(|(report, kept)| report.edges.iter().zip(&kept.edges));
        let edges: BTreeSet<EdgeKey> =
            shown.filter(|(_, is_kept)| **is_kept).map(|(edge, _)| edge.key()).collect();
        if edges.is_empty() {
            both.iter().flat_map(|(_, kept)| &kept.notes).for_each(|note| say!("flowfence: {note}"));
        }
        [then, now].map(|report| {
            let kept: Vec<bool> = report.edges.iter().map(|edge| edges.contains(&edge.key())).collect();
            fold(self.narrow(report, &kept), &self.fold)
        })
    }
}

/// What `--against` names: a graph, or a recording that is read as the other is.
fn past(args: &GraphArgs, decisions: &Decisions) -> Result<GraphReport, Failure> {
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
    Ok(report(&observed, &judgement, level(args.view.by)))
}

/// The graph of what was observed, in one view.
pub(super) fn report(observed: &Observed, judgement: &Judgement, view: View) -> GraphReport {
    let suspicions = suspicions(observed, judgement);
    let facts = &observed.facts;
    // An edge becomes a row at once: there may be as many as contacts.
    let all = edges_of(facts, view);
    let mut edges: Vec<EdgeRow> = Vec::with_capacity(all.size_hint().1.unwrap_or_default());
    edges.extend(all.map(|edge| edge_row(edge, facts, judgement, &suspicions)));
    let ends = edges.iter().flat_map(|edge| [&edge.from, &edge.to]);
    let nodes = nodes_of(ends, facts, &observed.cluster.inventory, view);
    GraphReport {
        window: facts.window.map(|(start, end)| WindowRow { start, end }),
        nodes: nodes.into_iter().map(node_row).collect(),
        edges,
        completeness: observed.completeness.clone(),
        ..GraphReport::empty()
    }
}

/// What detectors make of it, notes left out.
fn suspicions<'a>(observed: &'a Observed, judgement: &Judgement) -> Suspicions<'a> {
    let findings = detect::audit(
        &observed.facts,
        &observed.cluster.inventory,
        judgement,
        observed.prepared(),
        &Settings::default(),
        &observed.hands,
    );
    let serious: Vec<Finding> = findings.into_iter().filter(|finding| finding.level != Level::Note).collect();
    Suspicions::new(&observed.facts, &by_edge(&serious))
}

/// The graph of workloads, of these namespaces.
pub(super) fn of_namespaces(
    observed: &Observed,
    judgement: &Judgement,
    namespaces: &[String],
) -> GraphReport {
    let now = report(observed, judgement, View::Workload);
    let subjects = Subjects {
        namespaces: namespaces.to_vec(),
        filter: Filter::default(),
        fold: Fold::new(&ViewArgs::default()),
    };
    let kept = subjects.keep(&now);
    subjects.narrow(now, &kept.edges)
}

fn node_row(node: GraphNode) -> NodeRow {
    NodeRow::new(node.id, node.labels, node.fqdns)
}

/// The counts of an edge after judgement: silent datagrams are connections or attempts by now.
fn edge_row(edge: Edge, facts: &Facts, judgement: &Judgement, suspicions: &Suspicions<'_>) -> EdgeRow {
    let Edge { key, mut tally, contacts, .. } = edge;
    let mut verdict = EdgeVerdict::default();
    for index in &contacts {
        let (Some(contact), Some(judged)) = (facts.contacts.get(*index), judgement.of(*index)) else {
            continue;
        };
        verdict = verdict.worst(judged.verdict);
        if judged.one_way_failed {
            tally.one_way -= contact.tally.one_way;
            tally.unanswered += contact.tally.one_way;
        }
    }
    EdgeRow {
        from: key.from,
        to: key.to,
        protocol: key.protocol,
        port: key.port,
        icmp: key.icmp,
        services: edge.services,
        behind: edge.behind,
        connections: tally.connections + tally.one_way,
        attempts: AttemptRow { unanswered: tally.unanswered, refused: tally.refused },
        packets: tally.packets,
        octets: tally.octets,
        first: tally.first,
        last: tally.last,
        parts: tally.parts,
        established: tally.connections > 0,
        orientation: edge.orientation,
        probe: edge.probe,
        verdict: VerdictRow {
            egress: verdict.egress.map(Said::token),
            ingress: verdict.ingress.map(Said::token),
        },
        suspicious: suspicions.of(&contacts),
    }
}
