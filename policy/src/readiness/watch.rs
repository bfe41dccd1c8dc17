//! When the pods of workloads ran, and whether taps could see them.

use std::collections::{BTreeMap, BTreeSet};

use flowfence_graph::{Facts, Inventory, Parts, PodName, Workload};
use flowfence_model::Timestamp;
use flowfence_model::object::Pod;

use super::answer::{Of, View};

/// The pods of one or several workloads that ran during the window.
#[derive(Clone, Debug, Default)]
pub(super) struct Watch<'a> {
    /// From when to when any of them ran, within the window.
    pub span: Option<(Timestamp, Timestamp)>,
    /// Pods that some tap saw wholly, of all.
    pub replicas: Of,
    /// Nodes on which pods ran, and whether pods of them were seen there.
    pub nodes: BTreeMap<&'a str, bool>,
    /// Whether one of them began while somebody watched.
    pub saw_a_start: bool,
    /// Runs by when they began, where pods belong to Jobs.
    pub runs: BTreeMap<&'a str, Run<'a>>,
}

/// The pods of one Job.
#[derive(Clone, Debug)]
pub(super) struct Run<'a> {
    /// When the first began.
    pub began: Timestamp,
    /// Whether one of them both began and ended while somebody watched.
    pub is_whole: bool,
    /// Their names.
    pub pods: BTreeSet<&'a str>,
}

impl<'a> Watch<'a> {
    /// The pods of a workload.
    pub(super) fn new(workload: &Workload, facts: &Facts, inventory: &'a Inventory) -> Self {
        let mut watch = Watch::default();
        let Some(window) = facts.window else { return watch };
        let pods = workload.pods.iter().filter_map(|index| inventory.pods().get(*index));
        for pod in pods.map(|known| &known.pod).filter(|pod| pod.ran_during(window)) {
            watch.add(pod, window, facts);
        }
        watch
    }

    fn add(&mut self, pod: &'a Pod, window: (Timestamp, Timestamp), facts: &Facts) {
        let begun = pod.started.or(pod.meta.created);
        let first = begun.unwrap_or(window.0).clamp(window.0, window.1);
        let last = pod.ended().unwrap_or(window.1).clamp(first, window.1);
        self.span = Some(self.span.map_or((first, last), |(from, to)| (from.min(first), to.max(last))));
        let name = PodName { namespace: pod.meta.namespace.clone(), name: pod.meta.name.clone() };
        let is_seen = facts.visible.contains(&name);
        self.replicas.all += 1;
        self.replicas.seen += usize::from(is_seen);
        *self.nodes.entry(&pod.node).or_default() |= is_seen;
        let saw_start = begun.is_some_and(|begun| begun >= window.0);
        self.saw_a_start |= saw_start;
        let job = pod.meta.owner.as_ref().map_or(&pod.meta.name, |owner| &owner.name);
        let run = self.runs.entry(job).or_insert_with(|| Run {
            began: first,
            is_whole: false,
            pods: BTreeSet::new(),
        });
        run.began = run.began.min(first);
        run.is_whole |= saw_start && pod.finished.is_some_and(|ended| ended <= window.1);
        run.pods.insert(&pod.meta.name);
    }

    /// Adds the pods of other workloads.
    pub(super) fn merge(&mut self, other: &Watch<'a>) {
        if let Some((first, last)) = other.span {
            self.span = Some(self.span.map_or((first, last), |(from, to)| (from.min(first), to.max(last))));
        }
        self.replicas.seen += other.replicas.seen;
        self.replicas.all += other.replicas.all;
        for (node, is_seen) in &other.nodes {
            *self.nodes.entry(node).or_default() |= is_seen;
        }
    }

    /// The parts of the window in which they ran.
    pub(super) fn parts(&self, window: Option<(Timestamp, Timestamp)>) -> Parts {
        match (window, self.span) {
            (Some(window), Some((first, last))) => Parts::touched(window, first, last),
            _ => Parts::NONE,
        }
    }

    /// What it tells of time and place.
    pub(super) fn view(&self) -> View {
        let seen = self.nodes.values().filter(|is_seen| **is_seen).count();
        View {
            watched: self.span,
            replicas: self.replicas,
            nodes: Of { seen, all: self.nodes.len() },
            ..View::default()
        }
    }

    /// Runs, the earliest first.
    pub(super) fn runs_in_order(&self) -> Vec<&Run<'a>> {
        let mut runs: Vec<(&&str, &Run<'_>)> = self.runs.iter().collect();
        runs.sort_by_key(|(name, run)| (run.began, **name));
        runs.into_iter().map(|(_, run)| run).collect()
    }
}
