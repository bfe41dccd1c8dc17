//! What was seen of one or several workloads, in numbers.

use flowfence_graph::Parts;
use flowfence_model::Timestamp;

use super::answer::{NewEdge, Unit, View};
use super::estimate::{Estimate, Incidence};
use super::sighting::Sighting;
use super::watch::{Run, Watch};

/// What `edges` tell, where parts of the window are the samples.
pub(super) fn by_parts(
    watch: &Watch<'_>,
    edges: &[&Sighting<'_>],
    window: Option<(Timestamp, Timestamp)>,
    loss: f64,
) -> View {
    // Clocks of nodes and API server differ: traffic tells too that a workload ran.
    let ran = edges.iter().fold(watch.parts(window), |all, edge| all.union(edge.parts));
    let counts = edges.iter().map(|edge| edge.parts.len()).collect();
    let incidence = Incidence { samples: ran.len(), counts };
    view(watch, edges, window, Unit::Part, &incidence, loss)
}

/// The same, where the runs of a CronJob are the samples.
pub(super) fn by_runs(
    watch: &Watch<'_>,
    edges: &[&Sighting<'_>],
    window: Option<(Timestamp, Timestamp)>,
    loss: f64,
) -> View {
    let runs = runs(watch, edges);
    let of = |edge: &&Sighting<'_>| runs.iter().filter(|run| is_in(edge, run)).count();
    let counts = edges.iter().map(|edge| u32::try_from(of(edge)).unwrap_or(u32::MAX)).collect();
    let samples = u32::try_from(runs.len()).unwrap_or(u32::MAX);
    view(watch, edges, window, Unit::Run, &Incidence { samples, counts }, loss)
}

/// Runs that had any of the edges, the earliest first.
pub(super) fn runs<'w, 'a>(watch: &'w Watch<'a>, edges: &[&Sighting<'_>]) -> Vec<&'w Run<'a>> {
    let runs = watch.runs_in_order().into_iter();
    runs.filter(|run| edges.iter().any(|edge| is_in(edge, run))).collect()
}

/// Whether a run had an edge.
pub(super) fn is_in(edge: &Sighting<'_>, run: &Run<'_>) -> bool {
    edge.runs.iter().any(|pod| run.pods.contains(pod.name.as_str()))
}

fn view(
    watch: &Watch<'_>,
    edges: &[&Sighting<'_>],
    window: Option<(Timestamp, Timestamp)>,
    unit: Unit,
    incidence: &Incidence,
    loss: f64,
) -> View {
    View {
        connections: edges.iter().map(|edge| edge.connections).sum(),
        edges: edges.len(),
        last_new: last_new(watch, edges),
        curve: window.map(|window| curve(edges, window)).unwrap_or_default(),
        unit,
        samples: incidence.samples,
        estimate: Estimate::of(incidence).map(|estimate| estimate.with_loss(loss)),
        ..watch.view()
    }
}

fn last_new(watch: &Watch<'_>, edges: &[&Sighting<'_>]) -> Option<NewEdge> {
    let newest = edges.iter().max_by(|x, y| (x.found, &y.edge).cmp(&(y.found, &x.edge)))?;
    let (first, last) = watch.span?;
    let whole = last.since(first).as_secs_f64();
    let passed = newest.found.since(first).as_secs_f64();
    let share = if whole > 0.0 { (passed / whole).min(1.0) } else { 0.0 };
    Some(NewEdge { edge: newest.edge.clone(), at: newest.found, share })
}

/// How many edges were known by the end of each part.
fn curve(edges: &[&Sighting<'_>], window: (Timestamp, Timestamp)) -> Vec<usize> {
    let mut found: Vec<u32> = edges.iter().map(|edge| Parts::index(window, edge.found)).collect();
    found.sort_unstable();
    (0..Parts::COUNT).map(|part| found.partition_point(|at| *at <= part)).collect()
}
