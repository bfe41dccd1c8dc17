//! How sure one can be that enough was seen.
//!
//! ```text
//! Facts + Judgement ─▶ sighting   genuine edges as rules tell them apart, and when each was seen
//! Inventory ─────────▶ watch      pods that ran, and whether a tap saw them
//!                      schedule   when a CronJob runs next
//!                      view       time, replicas, nodes, learning curve ─▶ estimate of what is missing
//!                      rule       reasons ─▶ ready, keep watching or blind
//! ```
//!
//! It is advice: policies are written whatever it says. `docs/readiness.md` has the words for people.

mod answer;
mod estimate;
mod reason;
mod rule;
mod schedule;
mod sighting;
mod view;
mod watch;

use std::collections::{BTreeMap, BTreeSet};

use flowfence_graph::facts::SAMPLED;
use flowfence_graph::{Facts, Inventory, Workload};
use flowfence_model::NodeId;

use crate::judge::Judgement;
use crate::recommend::{Options, has_own_network};

pub use answer::{Coverage, Group, NewEdge, Of, Readiness, Row, Unit, View};
pub use estimate::{Estimate, Incidence};
pub use reason::{Cause, Reason, Verdict};
pub use rule::{MAX_LOSS, MAX_UNSEEN, MIN_COVERAGE, MIN_PARTS, MIN_RUNS, QUIET_FROM};
pub use schedule::ScheduleError;

use rule::Case;
use sighting::{Sighting, Sightings};
use watch::Watch;

/// Says of every workload that policies could select, of its namespace and of all together whether
/// enough was seen. `loss` is the share of packets and flows that was lost, 0 to 1.
///
/// Left out are other namespaces than the options name, system ones unless they ask for them, and
/// Jobs and bare pods that did not run while somebody watched: they do not come again.
pub fn readiness(
    facts: &Facts,
    inventory: &Inventory,
    judgement: &Judgement,
    options: &Options,
    loss: f64,
) -> Readiness {
    let by_plan: BTreeSet<&NodeId> = inventory.schedules().iter().map(|s| &s.workload).collect();
    let by_schedule = |id: &NodeId| by_plan.contains(id) || id.kind() == "CronJob";
    let workloads: BTreeMap<&NodeId, Watch<'_>> = inventory
        .workloads()
        .values()
        .filter(|workload| is_concerned(workload, inventory, options))
        .map(|workload| (&workload.id, Watch::new(workload, facts, inventory)))
        .filter(|(id, watch)| !matches!(id.kind(), "Job" | "Pod") || watch.replicas.all > 0)
        .collect();
    let runners: BTreeSet<&NodeId> = workloads.keys().copied().filter(|id| by_schedule(id)).collect();
    let sightings = Sightings::new(facts, judgement, inventory, options, &runners);
    let mut of_workload: BTreeMap<&NodeId, Vec<&Sighting<'_>>> = BTreeMap::new();
    for edge in &sightings.edges {
        for end in &edge.ends {
            of_workload.entry(end).or_default().push(edge);
        }
    }
    let edges_of = |id: &NodeId| of_workload.get(id).map_or(&[][..], Vec::as_slice);
    let schedules = coverage(facts, inventory, &workloads, edges_of);
    let sampled = facts.completeness.counts.get(SAMPLED);
    let rows: Vec<Row> = workloads
        .iter()
        .map(|(id, watch)| {
            let edges = edges_of(id);
            let view = if runners.contains(id) { view::by_runs } else { view::by_parts };
            let view = view(watch, edges, facts.window, loss);
            let own: Vec<&Coverage> =
                schedules.iter().filter(|(workload, _)| workload == id).map(|(_, c)| c).collect();
            let (sightings, schedules) = (&sightings, own.as_slice());
            let case = Case { id, watch, view: &view, edges, sightings, schedules, loss, sampled };
            let reasons = rule::reasons(&case);
            Row { id: (*id).clone(), verdict: reason::worst(&reasons), reasons, view }
        })
        .collect();
    let group = |is_member: &dyn Fn(&NodeId) -> bool| {
        let members = rows.iter().filter(|row| is_member(&row.id));
        group(members, &workloads, &sightings, facts, loss, is_member)
    };
    let names: BTreeSet<&str> = rows.iter().filter_map(|row| row.id.namespace()).collect();
    let of_namespace = |name: &str| group(&|id: &NodeId| id.namespace() == Some(name));
    Readiness {
        all: group(&|_| true),
        namespaces: names.into_iter().map(|name| (name.to_owned(), of_namespace(name))).collect(),
        schedules: schedules.into_iter().map(|(_, coverage)| coverage).collect(),
        workloads: rows,
    }
}

fn is_concerned(workload: &Workload, inventory: &Inventory, options: &Options) -> bool {
    let namespace = workload.id.namespace().unwrap_or_default();
    options.is_subject(namespace)
        && (options.system || !options.is_system(namespace))
        && has_own_network(workload, inventory)
}

/// Every schedule of the workloads, with the runs that were seen.
fn coverage<'a>(
    facts: &Facts,
    inventory: &'a Inventory,
    workloads: &BTreeMap<&NodeId, Watch<'_>>,
    edges_of: impl Fn(&NodeId) -> &'a [&'a Sighting<'a>],
) -> Vec<(&'a NodeId, Coverage)> {
    let known = inventory.schedules().iter().filter_map(|s| Some((s, workloads.get(&s.workload)?)));
    let rows = known.map(|(scheduled, watch)| {
        let edges = edges_of(&scheduled.workload);
        let end = facts.window.map(|(_, end)| end);
        let coverage = Coverage {
            cron_job: scheduled.cron_job.clone(),
            schedule: scheduled.schedule.clone(),
            runs: view::runs(watch, edges).len(),
            next: end
                .filter(|_| !scheduled.schedule.suspended)
                .map(|end| schedule::next_run(&scheduled.schedule, end)),
        };
        (&scheduled.workload, coverage)
    });
    rows.collect()
}

/// Workloads together: the worst verdict, and the numbers of all their edges.
fn group<'r>(
    members: impl Iterator<Item = &'r Row>,
    workloads: &BTreeMap<&NodeId, Watch<'_>>,
    sightings: &Sightings<'_>,
    facts: &Facts,
    loss: f64,
    is_member: &dyn Fn(&NodeId) -> bool,
) -> Group {
    let mut group = Group::default();
    let mut causes: BTreeMap<Cause, usize> = BTreeMap::new();
    let mut watch = Watch::default();
    for row in members {
        group.verdict = group.verdict.max(row.verdict);
        group.workloads[row.verdict as usize] += 1;
        let distinct: BTreeSet<Cause> = row.reasons.iter().map(|reason| reason.cause).collect();
        for cause in distinct {
            *causes.entry(cause).or_default() += 1;
        }
        if let Some(of_workload) = workloads.get(&row.id) {
            watch.merge(of_workload);
        }
    }
    let is_ours = |end: &NodeId| is_member(end) && workloads.contains_key(end);
    let edges: Vec<&Sighting<'_>> =
        sightings.edges.iter().filter(|edge| edge.ends.iter().any(|end| is_ours(end))).collect();
    group.view = view::by_parts(&watch, &edges, facts.window, loss);
    group.causes = causes.into_iter().collect();
    group
}

#[cfg(test)]
mod tests;
