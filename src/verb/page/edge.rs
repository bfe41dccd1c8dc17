//! What is told of each edge beside what `graph -o json` says.

use std::collections::{BTreeMap, BTreeSet};

use flowfence_graph::{CommunicationGraph, Contact, EdgeKey, Facts, Parts, View};
use flowfence_model::Direction;
use flowfence_policy::grounds::{Grounds, Side, grounds};
use flowfence_policy::judge::{JudgedContact, Judgement, Said};

use super::force::InForce;
use super::withheld::Reasons;
use crate::output::graph::{EdgeRow, VerdictRow, WindowRow};
use crate::output::page::{DenialsRow, GroundRow, GroundsRow, PageEdgeRow, RuleRow, SlicesRow};
use crate::verb::observed::Observed;
use crate::verb::recommend::Proved;

/// Where edges and contacts stand on the page.
pub(super) struct Places {
    /// The contacts of each row.
    contacts: Vec<Vec<usize>>,
    /// The rows that hold each edge between workloads.
    rows: BTreeMap<EdgeKey, Vec<usize>>,
}

/// What edges are told from.
pub(super) struct Seen<'a> {
    pub(super) observed: &'a Observed,
    pub(super) judgement: &'a Judgement,
    pub(super) places: &'a Places,
    pub(super) advised: Option<&'a Proved>,
}

impl Places {
    /// Finds the contacts of rows of `view`. A row that folds otherwise has none.
    pub(super) fn of(rows: &[EdgeRow], observed: &Observed, view: View) -> Self {
        let graph = CommunicationGraph::build(&observed.facts, &observed.cluster.inventory, view);
        let by_key: BTreeMap<&EdgeKey, &Vec<usize>> =
            graph.edges().map(|edge| (&edge.key, &edge.contacts)).collect();
        let contacts: Vec<Vec<usize>> = rows
            .iter()
            .map(|row| by_key.get(&key(row)).map(|contacts| (*contacts).clone()).unwrap_or_default())
            .collect();
        let numbering = observed.facts.numbering();
        let mut of_edge: Vec<BTreeSet<usize>> = vec![BTreeSet::new(); numbering.keys().len()];
        for (row, contacts) in contacts.iter().enumerate() {
            for number in contacts.iter().filter_map(|contact| numbering.number(*contact)) {
                if let Some(rows) = of_edge.get_mut(number) {
                    rows.insert(row);
                }
            }
        }
        let of_edge = of_edge.into_iter().map(|rows| rows.into_iter().collect());
        Places { contacts, rows: numbering.keys().iter().cloned().zip(of_edge).collect() }
    }

    /// The rows that hold an edge between workloads.
    pub(super) fn of_edge(&self, edge: &EdgeKey) -> &[usize] {
        self.rows.get(edge).map_or(&[], Vec::as_slice)
    }

    /// The rows that hold any of some edges, in order.
    pub(super) fn of_edges<'e>(&self, edges: impl Iterator<Item = &'e EdgeKey>) -> Vec<usize> {
        let rows: BTreeSet<usize> = edges.flat_map(|edge| self.of_edge(edge)).copied().collect();
        rows.into_iter().collect()
    }
}

impl Seen<'_> {
    /// The contacts of a row with what was concluded of each.
    pub(super) fn contacts(&self, row: usize) -> impl Iterator<Item = (&Contact, &JudgedContact)> {
        let contacts = self.places.contacts.get(row).map_or(&[][..], Vec::as_slice);
        contacts
            .iter()
            .filter_map(|index| Some((self.observed.facts.contacts.get(*index)?, self.judgement.of(*index)?)))
    }
}

fn key(row: &EdgeRow) -> EdgeKey {
    let (from, to) = (row.from.clone(), row.to.clone());
    EdgeKey { from, to, protocol: row.protocol, port: row.port, icmp: row.icmp }
}

/// The parts of the window that are counted.
pub(super) fn slices(facts: &Facts) -> Option<SlicesRow> {
    let (start, end) = facts.window?;
    Some(SlicesRow { window: WindowRow { start, end }, count: Parts::COUNT })
}

/// Fills in when each edge was active, by which rules it stands or falls, and what is recommended for it.
pub(super) fn tell(
    edges: &mut [PageEdgeRow],
    rules: &[RuleRow],
    seen: &Seen<'_>,
    today: &InForce,
    after: Option<&InForce>,
) {
    let ask = |set: &InForce| {
        let contacts = seen.places.contacts.iter().map(Vec::as_slice);
        grounds(&seen.observed.facts, &set.roster, &set.policies, contacts)
    };
    let now = ask(today);
    let then = after.map(ask);
    let numbers: BTreeMap<(&str, &str), usize> = rules
        .iter()
        .enumerate()
        .map(|(number, rule)| ((rule.policy.as_str(), rule.field.as_str()), number))
        .collect();
    let needed = needed(seen, &numbers);
    let reasons = Reasons::of(seen);
    for (row, edge) in edges.iter_mut().enumerate() {
        edge.slices = activity(seen, row);
        if let Some(grounds) = now.get(row) {
            edge.admitted_by = admitted(grounds, today);
            edge.denied_by = denied(grounds, today);
        }
        let mut own: BTreeSet<usize> = needed.get(row).cloned().unwrap_or_default();
        if let (Some(set), Some(grounds)) = (after, then.as_ref().and_then(|all| all.get(row)))
            && seen.contacts(row).next().is_some()
        {
            let said = |said: Option<Said>| said.map(Said::token);
            edge.after = Some(VerdictRow {
                egress: said(grounds.verdict.egress),
                ingress: said(grounds.verdict.ingress),
            });
            if seen.advised.is_some_and(|proved| !proved.candidate.is_foreign) {
                let admitting = Direction::BOTH.into_iter().flat_map(|d| &grounds.side(d).admitted_by);
                let named = admitting.filter_map(|rule| set.rule(rule));
                own.extend(
                    named
                        .filter_map(|GroundRow { policy, field }| numbers.get(&(&*policy, &*field)).copied()),
                );
            }
        }
        edge.rules = own.into_iter().collect();
        edge.withheld = if edge.rules.is_empty() { reasons.why(seen, row) } else { None };
    }
}

/// The rules that each row was seen to need.
fn needed(seen: &Seen<'_>, numbers: &BTreeMap<(&str, &str), usize>) -> Vec<BTreeSet<usize>> {
    let mut needed = vec![BTreeSet::new(); seen.places.contacts.len()];
    let reasons = seen.advised.into_iter().flat_map(|proved| &proved.files).flat_map(|file| &file.reasons);
    for reason in reasons {
        let field = format!("{}[{}]", reason.evidence.direction, reason.evidence.rule);
        let Some(number) = numbers.get(&(reason.object.as_str(), field.as_str())) else { continue };
        for row in seen.places.of_edges(reason.evidence.edges.iter()) {
            if let Some(rules) = needed.get_mut(row) {
                rules.insert(*number);
            }
        }
    }
    needed
}

/// In how many of its pairs something was open, by part of the window. Of attempts only the first and the last are known.
fn activity(seen: &Seen<'_>, row: usize) -> Vec<u32> {
    let Some(window) = seen.observed.facts.window else { return Vec::new() };
    let mut slices = vec![0u32; Parts::COUNT as usize];
    for (contact, _) in seen.contacts(row) {
        let tally = &contact.tally;
        let ends = Parts::touched(window, tally.first, tally.first)
            .union(Parts::touched(window, tally.last, tally.last));
        let active = if tally.parts.is_empty() { ends } else { tally.parts };
        for part in active.iter() {
            if let Some(count) = slices.get_mut(part as usize) {
                *count = count.saturating_add(1);
            }
        }
    }
    slices
}

fn admitted(grounds: &Grounds, set: &InForce) -> Option<GroundsRow> {
    let rules = |side: &Side| {
        let rules = side.admitted_by.iter().filter_map(|rule| set.rule(rule));
        rules.chain(side.accepted_by.iter().filter_map(|ruling| set.ruling(ruling))).collect()
    };
    let row = GroundsRow { egress: rules(&grounds.egress), ingress: rules(&grounds.ingress) };
    (row != GroundsRow::default()).then_some(row)
}

fn denied(grounds: &Grounds, set: &InForce) -> Option<DenialsRow> {
    let policies = |side: &Side| {
        let policies = side.denied_by.iter().filter_map(|index| set.policy(*index));
        let rulings = side.refused_by.iter().filter_map(|ruling| set.ruling(ruling));
        let names: BTreeSet<String> = policies.chain(rulings.map(|rule| rule.policy)).collect();
        names.into_iter().collect()
    };
    let row = DenialsRow { egress: policies(&grounds.egress), ingress: policies(&grounds.ingress) };
    (row != DenialsRow::default()).then_some(row)
}
