//! When enough was seen: the rule, with its numbers.
//!
//! Blind is what no tap saw wholly. Ready is what no test below speaks against. Nothing here
//! depends on a length of time: how rare a thing may be and still have been seen follows from the
//! time watched ([`View::horizon`]), and whether that is rare enough is for a person to say.

use std::time::Duration;

use flowfence_graph::Parts;
use flowfence_model::object::Schedule;
use flowfence_model::{NodeId, Timestamp};

use super::answer::{Coverage, Unit, View};
use super::reason::{Cause, Reason};
use super::sighting::{Sighting, Sightings};
use super::view::{is_in, runs};
use super::watch::Watch;

/// Sightings that must belong to edges which are known. With less, one connection in twenty would
/// be a new edge: policies would cut it.
pub const MIN_COVERAGE: f64 = 0.95;

/// Edges that may be estimated to be missing: none, to the nearest number. The point and not the
/// end of the interval counts, for with one edge seen once the interval reaches over several edges
/// however long one watches; people see both.
pub const MAX_UNSEEN: f64 = 0.5;

/// The share of the watched time after which no edge may appear for the first time: the last
/// quarter brought nothing new.
pub const QUIET_FROM: f64 = 0.75;

/// Parts of the window in which a workload must have run: enough that the last quarter is one.
pub const MIN_PARTS: u32 = 4;

/// Runs of a CronJob that can be compared.
pub const MIN_RUNS: u32 = 2;

/// Loss above which nothing is ready, as `--allow-loss` has it by default.
pub const MAX_LOSS: f64 = 0.01;

/// Names that one reason lists at most.
const NAMED: usize = 3;

impl View {
    /// The time between two connections of an edge that would have been seen nonetheless, with
    /// 95 %, if they come at random: a third of the watched time (the rule of three, e⁻³ = 0.05).
    pub fn horizon(&self) -> Option<Duration> {
        self.watched.map(|(first, last)| last.since(first) / 3)
    }
}

/// One workload, with everything that speaks for a verdict.
pub(super) struct Case<'a> {
    pub id: &'a NodeId,
    pub watch: &'a Watch<'a>,
    pub view: &'a View,
    pub edges: &'a [&'a Sighting<'a>],
    pub sightings: &'a Sightings<'a>,
    pub schedules: &'a [&'a Coverage],
    pub loss: f64,
    /// Records and lines of the whole run that look at a sample.
    pub sampled: u64,
}

/// Every reason, the gravest first.
pub(super) fn reasons(case: &Case<'_>) -> Vec<Reason> {
    let mut reasons: Vec<Reason> =
        [unseen_pods(case), loss(case), sampled(case)].into_iter().flatten().collect();
    let idle = idle(case);
    let is_idle = !idle.is_empty();
    reasons.extend(idle);
    if !is_idle {
        reasons.extend(not_whole(case));
        if !case.is_job() {
            reasons.extend(unsettled(case));
        }
    }
    reasons.extend(listed(case));
    if !is_idle && !case.runs_by_job() && !case.watch.saw_a_start {
        let why = "none of its pods began while it was watched: what they need only then was not seen";
        reasons.push(Reason::new(Cause::NoStart, why));
    }
    reasons.sort_by_key(|reason| reason.cause);
    reasons
}

impl Case<'_> {
    /// A Job by itself runs once: there is no next run to compare with.
    fn is_job(&self) -> bool {
        self.id.kind() == "Job"
    }

    fn runs_by_job(&self) -> bool {
        self.is_job() || self.view.unit == Unit::Run
    }
}

fn unseen_pods(case: &Case<'_>) -> Option<Reason> {
    let replicas = case.watch.replicas;
    let nodes = case.watch.nodes.iter().filter(|(_, is_seen)| !**is_seen).map(|(node, _)| (*node).to_owned());
    let nodes: Vec<String> = nodes.filter(|node| !node.is_empty()).collect();
    let place = if nodes.is_empty() { String::new() } else { format!(", on {}", some(&nodes)) };
    let why = format!(
        "{} of {} pods ran where no tap saw all their traffic{place}",
        replicas.all - replicas.seen,
        replicas.all
    );
    (replicas.seen < replicas.all).then(|| Reason::new(Cause::PodsUnseen, why))
}

fn loss(case: &Case<'_>) -> Option<Reason> {
    let why = format!("{:.1} % of the packets and flows were lost", case.loss * 100.0);
    (case.loss > MAX_LOSS).then(|| Reason::new(Cause::Loss, why))
}

/// Pods that some tap saw wholly were not seen by a sample alone.
fn sampled(case: &Case<'_>) -> Option<Reason> {
    let replicas = case.watch.replicas;
    let why =
        format!("{} records look at a sample of the packets: what it does rarely was missed", case.sampled);
    (case.sampled > 0 && replicas.seen < replicas.all).then(|| Reason::new(Cause::Sampled, why))
}

/// Why there is nothing to count.
fn idle(case: &Case<'_>) -> Vec<Reason> {
    if case.watch.replicas.all == 0 {
        let missed =
            case.schedules.iter().map(|coverage| Reason::new(Cause::ScheduleUncovered, missed(coverage)));
        let missed: Vec<Reason> = missed.collect();
        if !missed.is_empty() {
            return missed;
        }
    }
    let replicas = case.watch.replicas.all;
    let reason = if replicas == 0 {
        Reason::new(Cause::NotRunning, "none of its pods ran while it was watched")
    } else if !case.sightings.active.contains(case.id) {
        let pods = count(replicas, "pod");
        Reason::new(Cause::Unobserved, format!("{pods} ran, and nothing but probes was seen"))
    } else if case.edges.is_empty() && case.sightings.withheld.contains_key(case.id) {
        Reason::new(Cause::Unobserved, "no connection was seen but those that are withheld")
    } else if case.edges.is_empty() {
        Reason::new(Cause::Unobserved, "no genuine connection was seen")
    } else {
        return Vec::new();
    };
    vec![reason]
}

fn missed(coverage: &Coverage) -> String {
    let Schedule { cron, time_zone, .. } = &coverage.schedule;
    let zone = time_zone.as_deref().unwrap_or("UTC");
    match &coverage.next {
        None => format!("no run was seen, and \"{cron}\" is suspended until somebody resumes it"),
        Some(Ok(next)) => format!("no run was seen; \"{cron}\" ({zone}) runs next at {}", seconds(*next)),
        Some(Err(error)) => format!("no run was seen; when the next one comes cannot be said: {error}"),
    }
}

fn not_whole(case: &Case<'_>) -> Option<Reason> {
    let whole = case.watch.runs.values().any(|run| run.is_whole);
    let why = "no run was seen from its beginning to its end";
    (case.runs_by_job() && !whole).then(|| Reason::new(Cause::RunNotWhole, why))
}

/// What says that more will come.
fn unsettled(case: &Case<'_>) -> Vec<Reason> {
    let view = case.view;
    let few = match view.unit {
        Unit::Part if view.samples < MIN_PARTS => {
            let parts = count(view.samples as usize, "part");
            Some(format!("it ran in {parts} of the window's {}: too few to compare", Parts::COUNT))
        }
        Unit::Run if view.samples < MIN_RUNS => {
            Some("one run was seen: whether the next does the same is not known".to_owned())
        }
        Unit::Part | Unit::Run => None,
    };
    if let Some(why) = few {
        return vec![Reason::new(Cause::FewSamples, why)];
    }
    let mut reasons: Vec<Reason> = new_edge(case).into_iter().collect();
    let Some(estimate) = view.estimate else { return reasons };
    if estimate.coverage < MIN_COVERAGE {
        let why =
            format!("{:.1} % of its traffic belongs to edges that are known", estimate.coverage * 100.0);
        reasons.push(Reason::new(Cause::Coverage, why));
    }
    if estimate.unseen >= MAX_UNSEEN {
        let (low, high) = estimate.unseen_between;
        let why =
            format!("some {:.1} edges more are to be expected ({low:.1} to {high:.1})", estimate.unseen);
        reasons.push(Reason::new(Cause::UnseenEdges, why));
    }
    reasons
}

fn new_edge(case: &Case<'_>) -> Option<Reason> {
    let newest = case.view.last_new.as_ref()?;
    let why = match case.view.unit {
        Unit::Part => (newest.share > QUIET_FROM)
            .then(|| format!("{} was new after {:.0} % of the time", newest.edge, newest.share * 100.0)),
        Unit::Run => {
            let runs = runs(case.watch, case.edges);
            let (last, before) = runs.split_last()?;
            let is_new =
                |edge: &&&Sighting<'_>| is_in(edge, last) && !before.iter().any(|run| is_in(edge, run));
            let found = case.edges.iter().find(is_new);
            found.map(|edge| format!("{} was new in the last run", edge.edge))
        }
    };
    why.map(|why| Reason::new(Cause::NewEdge, why))
}

/// What a person should look at.
fn listed(case: &Case<'_>) -> Vec<Reason> {
    let sightings = case.sightings;
    let lists = [
        (Cause::DirectionUnknown, &sightings.undirected, "of which nobody knows who opened"),
        (Cause::Unanswered, &sightings.unanswered, "tried in vain, so that no rule admits"),
        (Cause::Undecided, &sightings.withheld, "withheld until a person decides:"),
    ];
    let found = lists.into_iter().filter_map(|(cause, by_workload, words)| {
        let edges: Vec<String> = by_workload.get(case.id)?.iter().map(ToString::to_string).collect();
        let first = edges.first()?;
        let more = if edges.len() > 1 { format!(" and {} more", edges.len() - 1) } else { String::new() };
        Some(Reason::new(cause, format!("{} {words} {first}{more}", count(edges.len(), "edge"))))
    });
    found.collect()
}

fn some(names: &[String]) -> String {
    let shown = names.iter().take(NAMED).cloned().collect::<Vec<_>>().join(", ");
    let more = names.len().saturating_sub(NAMED);
    if more > 0 { format!("{shown} and {more} more") } else { shown }
}

fn count(n: usize, what: &str) -> String {
    format!("{n} {what}{}", if n == 1 { "" } else { "s" })
}

/// To the second: schedules know no less.
fn seconds(at: Timestamp) -> String {
    let text = at.to_string();
    text.split_once('.').map_or(text.clone(), |(whole, _)| format!("{whole}Z"))
}
