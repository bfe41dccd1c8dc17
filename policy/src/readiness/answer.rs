//! What is answered.

use flowfence_graph::EdgeKey;
use flowfence_model::object::Schedule;
use flowfence_model::{NodeId, Timestamp};

use super::estimate::Estimate;
use super::reason::{Cause, Reason, Verdict};
use super::schedule::ScheduleError;

/// How sure one can be that enough was seen.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Readiness {
    /// Over all workloads that policies could select.
    pub all: Group,
    /// By namespace.
    pub namespaces: Vec<(String, Group)>,
    /// By workload.
    pub workloads: Vec<Row>,
    /// Every CronJob that tells its schedule.
    pub schedules: Vec<Coverage>,
}

/// A workload, whether policies could fence it by now, and why.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// The workload.
    pub id: NodeId,
    /// Whether enough was seen.
    pub verdict: Verdict,
    /// Why, the gravest first; those of the verdict `ready` are remarks.
    pub reasons: Vec<Reason>,
    /// What was seen.
    pub view: View,
}

/// Workloads together.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Group {
    /// The worst of its workloads.
    pub verdict: Verdict,
    /// Workloads by their verdict, in the order of [`Verdict::ALL`].
    pub workloads: [usize; 3],
    /// How many workloads have a reason, the gravest first.
    pub causes: Vec<(Cause, usize)>,
    /// What was seen.
    pub view: View,
}

/// What was seen of one or several workloads.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct View {
    /// From when the first pod ran, or the window began, to when the last one ended, or the window
    /// did. `None` when no pod ran.
    pub watched: Option<(Timestamp, Timestamp)>,
    /// Pods that some tap saw wholly, of those that ran.
    pub replicas: Of,
    /// Nodes on which such pods ran, of those on which any did.
    pub nodes: Of,
    /// Genuine connections, without probes.
    pub connections: u64,
    /// Distinct edges, as rules tell them apart.
    pub edges: usize,
    /// The last edge that had not been seen before.
    pub last_new: Option<NewEdge>,
    /// Distinct edges by the end of each part of the window.
    pub curve: Vec<usize>,
    /// What a sample is.
    pub unit: Unit,
    /// How many samples there were.
    pub samples: u32,
    /// What is estimated of the rest; `None` with fewer than two samples.
    pub estimate: Option<Estimate>,
}

/// So many of all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Of {
    /// So many.
    pub seen: usize,
    /// Of so many.
    pub all: usize,
}

/// An edge that appeared.
#[derive(Clone, Debug, PartialEq)]
pub struct NewEdge {
    /// The edge.
    pub edge: EdgeKey,
    /// When it first connected.
    pub at: Timestamp,
    /// The share of the watched time that had passed by then, 0 to 1.
    pub share: f64,
}

/// What a sample of the estimate is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Unit {
    /// One of the equal parts of the window ([`flowfence_graph::Parts::COUNT`]).
    #[default]
    Part,
    /// One run of a CronJob.
    Run,
}

impl Unit {
    /// As outputs have it.
    pub const fn token(self) -> &'static str {
        match self {
            Unit::Part => "part",
            Unit::Run => "run",
        }
    }
}

/// Whether a CronJob ran while somebody watched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Coverage {
    /// The CronJob.
    pub cron_job: NodeId,
    /// When it runs.
    pub schedule: Schedule,
    /// Runs that were seen with traffic.
    pub runs: usize,
    /// Its first run after the window; `None` while it is suspended.
    pub next: Option<Result<Timestamp, ScheduleError>>,
}
