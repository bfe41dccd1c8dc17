//! The shape of `readiness`.

use flowfence_model::{NodeId, Timestamp};
use flowfence_policy::readiness::{Coverage, Group, Of, Readiness, Reason, Row, View};
use schemars::JsonSchema;
use serde::Serialize;

use crate::output::recommend::EdgeRow;

/// Whether enough was seen.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct ReadinessRow {
    /// All workloads that policies could select.
    pub all: GroupRow,
    /// By namespace.
    pub namespaces: Vec<NamespaceRow>,
    /// By workload.
    pub workloads: Vec<WorkloadRow>,
    /// Every CronJob with its schedule.
    pub schedules: Vec<ScheduleRow>,
}

/// The workloads of a namespace together.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct NamespaceRow {
    /// Its name.
    pub namespace: String,
    /// What is said of them.
    #[serde(flatten)]
    pub group: GroupRow,
}

/// Workloads together.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct GroupRow {
    /// The worst verdict of its workloads: `ready`, `keep watching` or `blind`.
    pub verdict: &'static str,
    /// How many workloads have which verdict.
    pub workloads: VerdictsRow,
    /// How many workloads have which reason, the gravest first.
    pub reasons: Vec<CountRow>,
    /// What was seen.
    #[serde(flatten)]
    pub view: ViewRow,
}

/// Workloads by verdict.
#[derive(Clone, Copy, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct VerdictsRow {
    /// Enough was seen.
    pub ready: usize,
    /// More would probably be seen.
    pub keep_watching: usize,
    /// No tap can see them wholly.
    pub blind: usize,
}

/// A reason, and how many workloads have it.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct CountRow {
    /// The reason, kebab-case; never changes.
    pub reason: &'static str,
    /// The verdict that it brings; `ready` for a remark.
    pub verdict: &'static str,
    /// How many workloads have it.
    pub workloads: usize,
}

/// A workload.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct WorkloadRow {
    /// The workload.
    #[schemars(with = "String")]
    pub id: NodeId,
    /// `ready`, `keep watching` or `blind`.
    pub verdict: &'static str,
    /// Why, the gravest first.
    pub reasons: Vec<ReasonRow>,
    /// What was seen.
    #[serde(flatten)]
    pub view: ViewRow,
}

/// Why.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct ReasonRow {
    /// The reason, kebab-case; never changes.
    pub reason: &'static str,
    /// The verdict that it brings; `ready` for a remark.
    pub verdict: &'static str,
    /// Half a sentence.
    pub why: String,
}

/// What was seen of one or several workloads.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ViewRow {
    /// From when to when pods ran, within the window; null when none did.
    pub watched: Option<WatchedRow>,
    /// Pods that some tap saw wholly, of those that ran.
    pub replicas: OfRow,
    /// Nodes on which such pods ran, of those on which any did.
    pub nodes: OfRow,
    /// Genuine connections, without probes.
    pub connections: u64,
    /// Distinct edges, as rules tell them apart.
    pub edges: usize,
    /// The last edge that had not been seen before.
    pub last_new_edge: Option<NewEdgeRow>,
    /// Distinct edges that were known by the end of each part of the window.
    pub curve: Vec<usize>,
    /// What a sample of the estimate is: `part` of the window, or `run` of a CronJob.
    pub unit: &'static str,
    /// How many samples there were.
    pub samples: u32,
    /// Share of its traffic, past and future, that belongs to known edges, 0 to 1 (Good-Turing);
    /// null with fewer than two samples.
    pub coverage: Option<f64>,
    /// Edges that were not seen, at least (Chao2); null with fewer than two samples.
    pub unseen: Option<UnseenRow>,
}

/// A span of time.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct WatchedRow {
    /// Its beginning.
    #[schemars(with = "String")]
    pub from: Timestamp,
    /// Its end.
    #[schemars(with = "String")]
    pub to: Timestamp,
    /// Its length.
    pub seconds: f64,
    /// What is used at random, at least once in so many seconds, was seen with 95 %.
    pub horizon_seconds: f64,
}

/// So many of all.
#[derive(Clone, Copy, Debug, Serialize, JsonSchema)]
pub struct OfRow {
    /// So many.
    pub seen: usize,
    /// Of so many.
    pub all: usize,
}

/// An edge that appeared.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct NewEdgeRow {
    /// The edge.
    pub edge: EdgeRow,
    /// When it first connected.
    #[schemars(with = "String")]
    pub at: Timestamp,
    /// Share of the watched time that had passed by then, 0 to 1.
    pub share: f64,
}

/// An estimate with its 95 % interval.
#[derive(Clone, Copy, Debug, Serialize, JsonSchema)]
pub struct UnseenRow {
    /// The estimate.
    pub estimate: f64,
    /// Lower end.
    pub low: f64,
    /// Upper end.
    pub high: f64,
}

/// A CronJob and its schedule.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ScheduleRow {
    /// The CronJob.
    #[schemars(with = "String")]
    pub cron_job: NodeId,
    /// As written.
    pub schedule: String,
    /// The zone that it is written in; null for that of the controller manager, taken for UTC.
    pub time_zone: Option<String>,
    /// Whether it does not run until somebody resumes it.
    pub suspended: bool,
    /// Whether a run was seen with traffic.
    pub covered: bool,
    /// How many were.
    pub runs: usize,
    /// Its first run after the window; null when it is suspended, or cannot be said.
    #[schemars(with = "Option<String>")]
    pub next: Option<Timestamp>,
    /// Why it cannot be said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
}

impl From<&Readiness> for ReadinessRow {
    fn from(readiness: &Readiness) -> Self {
        let namespaces = readiness.namespaces.iter();
        ReadinessRow {
            all: (&readiness.all).into(),
            namespaces: namespaces
                .map(|(name, group)| NamespaceRow { namespace: name.clone(), group: group.into() })
                .collect(),
            workloads: readiness.workloads.iter().map(workload).collect(),
            schedules: readiness.schedules.iter().map(schedule).collect(),
        }
    }
}

impl From<&Group> for GroupRow {
    fn from(group: &Group) -> Self {
        let [ready, keep_watching, blind] = group.workloads;
        let reasons = group.causes.iter().map(|(cause, workloads)| CountRow {
            reason: cause.token(),
            verdict: cause.verdict().token(),
            workloads: *workloads,
        });
        GroupRow {
            verdict: group.verdict.token(),
            workloads: VerdictsRow { ready, keep_watching, blind },
            reasons: reasons.collect(),
            view: (&group.view).into(),
        }
    }
}

impl From<&View> for ViewRow {
    fn from(view: &View) -> Self {
        let of = |of: Of| OfRow { seen: of.seen, all: of.all };
        ViewRow {
            watched: view.watched.map(|(from, to)| WatchedRow {
                from,
                to,
                seconds: rounded(to.since(from).as_secs_f64()),
                horizon_seconds: rounded(view.horizon().unwrap_or_default().as_secs_f64()),
            }),
            replicas: of(view.replicas),
            nodes: of(view.nodes),
            connections: view.connections,
            edges: view.edges,
            last_new_edge: view.last_new.as_ref().map(|new| NewEdgeRow {
                edge: (&new.edge).into(),
                at: new.at,
                share: rounded(new.share),
            }),
            curve: view.curve.clone(),
            unit: view.unit.token(),
            samples: view.samples,
            coverage: view.estimate.map(|estimate| rounded(estimate.coverage)),
            unseen: view.estimate.map(|estimate| UnseenRow {
                estimate: rounded(estimate.unseen),
                low: rounded(estimate.unseen_between.0),
                high: rounded(estimate.unseen_between.1),
            }),
        }
    }
}

fn workload(row: &Row) -> WorkloadRow {
    let reasons = row.reasons.iter().map(|Reason { cause, why }| ReasonRow {
        reason: cause.token(),
        verdict: cause.verdict().token(),
        why: why.clone(),
    });
    WorkloadRow {
        id: row.id.clone(),
        verdict: row.verdict.token(),
        reasons: reasons.collect(),
        view: (&row.view).into(),
    }
}

fn schedule(coverage: &Coverage) -> ScheduleRow {
    let (next, problem) = match &coverage.next {
        Some(Ok(next)) => (Some(*next), None),
        Some(Err(error)) => (None, Some(error.to_string())),
        None => (None, None),
    };
    ScheduleRow {
        cron_job: coverage.cron_job.clone(),
        schedule: coverage.schedule.cron.clone(),
        time_zone: coverage.schedule.time_zone.clone(),
        suspended: coverage.schedule.suspended,
        covered: coverage.runs > 0,
        runs: coverage.runs,
        next,
        problem,
    }
}

/// Four digits: enough for people, the same on every machine.
fn rounded(number: f64) -> f64 {
    (number * 10_000.0).round() / 10_000.0
}
