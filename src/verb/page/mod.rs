//! The page of `-o html`, the same for every verb that has it: what was seen, what was found, what is recommended and
//! its proof, and what to look at first.
//!
//! ```text
//! Observed, Judgement ─▶ graph, findings ────────────┐
//!                     └▶ advise ─▶ proved policies ──┼▶ edge, node, rule, policy, breaks ─▶ review ─▶ PageReport
//!                              └▶ why there are none ┘
//! ```

mod breaks;
mod edge;
mod force;
mod node;
mod policy;
mod review;
mod rule;
mod withheld;

use std::io::{BufWriter, IsTerminal as _, Write as _};
use std::path::Path;

use flowfence_graph::View;
use flowfence_policy::audit::Finding;
use flowfence_policy::judge::Judgement;
use flowfence_policy::recommend::proof::unused;

use super::observed::Observed;
use super::recommend::{Proved, by_default};
use crate::exit::Failure;
use crate::output::audit::AuditReport;
use crate::output::graph::GraphReport;
use crate::output::page::{self, PageFindingRow, PageReport, Tab, UnusedRow};

use edge::Places;
use force::InForce;

/// As many rows of what was never used are listed; a rule that admits everybody has one for each pair.
const UNUSED: usize = 5_000;

/// What the page says of policies.
pub(super) enum Advice<'a> {
    /// The recommended set, which was proved.
    Proved(&'a Proved),
    /// Why there is none, in words.
    Refused(String),
}

impl<'a> Advice<'a> {
    /// What came of [`advise`].
    pub(super) fn of(advised: &'a Result<Proved, String>) -> Self {
        match advised {
            Ok(proved) => Advice::Proved(proved),
            Err(why) => Advice::Refused(why.clone()),
        }
    }
}

/// All that a page is made of.
pub(super) struct Story<'a> {
    /// The traffic and the cluster.
    pub observed: &'a Observed,
    /// What was concluded.
    pub judgement: &'a Judgement,
    /// The graph that is shown.
    pub graph: GraphReport,
    /// What its nodes stand for.
    pub view: View,
    /// What was found, the worst first.
    pub findings: Vec<Finding>,
    /// What is recommended.
    pub advice: Advice<'a>,
    /// The policies that a person put in place of the cluster's.
    pub what_if: Option<&'a Path>,
    /// The view at which it opens.
    pub open: Tab,
}

/// A page is no text for a terminal: refused before anything is read.
pub(super) fn refuse_terminal() -> Result<(), Failure> {
    if std::io::stdout().is_terminal() {
        return Err(Failure::usage(
            "-o html writes a page of a megabyte or more, which is for a browser and not for a terminal: say > page.html",
        ));
    }
    Ok(())
}

/// Builds and writes the page.
pub(super) fn write(story: Story<'_>) -> Result<(), Failure> {
    let report = build(story)?;
    // Standard output itself is written line by line.
    let mut out = BufWriter::new(std::io::stdout().lock());
    page::write(&report, &mut out)?;
    out.flush()?;
    Ok(())
}

/// What `recommend` would give of the same input without further options; why not, where it would give nothing.
pub(super) fn advise(
    observed: &Observed,
    judgement: &Judgement,
    namespaces: &[String],
) -> Result<Proved, String> {
    if observed.is_partial {
        return Err(partial());
    }
    if observed.facts.window.is_none() {
        return Err("No policies are recommended, for no traffic was seen: give a SOURCE.".to_owned());
    }
    let proved = by_default(observed, judgement, namespaces).map_err(|failure| {
        format!("No policies are shown, for they could not be proved: {:#}.", failure.error)
    })?;
    refusal(&proved).map_or(Ok(proved), Err)
}

/// Why nothing is recommended from partial data.
pub(super) fn partial() -> String {
    "No policies are recommended from partial data: more was lost than --allow-loss allows, or an input could not be \
     used; see completeness. Mend the input, or say --allow-loss 1 to accept what is missing."
        .to_owned()
}

/// Why a set is not shown, where its proof fails.
pub(super) fn refusal(proved: &Proved) -> Option<String> {
    let (cut, open) = (proved.proof.alone.cut.len(), proved.open.len());
    (!proved.holds()).then(|| {
        format!(
            "No policies are shown, for the proof failed: as written they would cut {cut} edges that were seen, and leave \
             {open} directions open that they are meant to close."
        )
    })
}

fn build(story: Story<'_>) -> Result<PageReport, Failure> {
    let Story { observed, judgement, graph, view, findings, advice, what_if, open } = story;
    let (inventory, rules) = (&observed.cluster.inventory, observed.cluster.rules(None));
    let places = Places::of(&graph.edges, observed, view);
    let mut report = PageReport::from(graph);
    report.open = open;
    let advised = match &advice {
        Advice::Proved(proved) => Some(*proved),
        Advice::Refused(why) => {
            report.refused = Some(why.clone());
            None
        }
    };
    let today = InForce::today(observed);
    let after = advised.map(|proved| InForce::after(proved, observed));
    report.slices = edge::slices(&observed.facts);
    if let Some(proved) = advised {
        report.rules = rule::rows(proved);
        report.policies = policy::rows(proved, observed)?;
        report.proof = Some(proved.report.proof.clone());
        report.readiness = Some(proved.report.readiness.clone());
    }
    let seen = edge::Seen { observed, judgement, places: &places, advised };
    edge::tell(&mut report.edges, &report.rules, &seen, &today, after.as_ref());
    node::tell(&mut report.nodes, &today, after.as_ref());
    if observed.facts.window.is_some() {
        let beyond = unused(&observed.facts, inventory, judgement, &rules);
        report.unused_more = beyond.len().saturating_sub(UNUSED);
        report.unused = beyond
            .into_iter()
            .take(UNUSED)
            .map(|row| UnusedRow {
                ports: format!("{}/{}", row.ports, row.protocol),
                from: row.from,
                to: row.to,
            })
            .collect();
        report.breaks = breaks::rows(&seen, &report.edges, what_if);
    }
    let of_findings: Vec<Vec<usize>> =
        findings.iter().map(|finding| places.of_edges(finding.edges.iter())).collect();
    let has_traffic = observed.facts.window.is_some();
    let rows =
        AuditReport::new(findings, &observed.cluster, observed.completeness.clone(), has_traffic).findings;
    report.findings =
        rows.into_iter().zip(of_findings).map(|(finding, edges)| PageFindingRow { finding, edges }).collect();
    report.review = review::rows(&report, advised.map(|proved| &proved.report));
    Ok(report)
}
