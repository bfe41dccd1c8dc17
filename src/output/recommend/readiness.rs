//! The shape of `readiness`, and its rows for people.

use std::io::{self, Write};
use std::time::Duration;

use flowfence_model::{NodeId, Timestamp};
use flowfence_policy::readiness::{Coverage, Group, Of, Readiness, Reason, Row, Verdict, View};
use schemars::JsonSchema;
use serde::Serialize;

use super::report::EdgeRow;
use crate::output::{safe, table};

/// Rows of one list that are shown; the JSON output has them all.
const SHOWN: usize = 12;

/// Whether enough was seen.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct ReadinessRow {
    /// All workloads that policies could select.
    pub all: GroupRow,
    /// By namespace.
    pub namespaces: Vec<NamespaceRow>,
    /// By workload.
    pub workloads: Vec<WorkloadRow>,
    /// CronJobs with their schedules.
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

/// One line over all, a row a namespace, and the workloads that are not ready.
pub(super) fn write(row: &ReadinessRow, out: &mut dyn Write) -> io::Result<()> {
    let VerdictsRow { ready, keep_watching, blind } = row.all.workloads;
    if ready + keep_watching + blind == 0 {
        return Ok(());
    }
    let counts = [(ready, "ready"), (keep_watching, "to be watched on"), (blind, "blind")];
    let counts = counts.iter().filter(|(n, _)| *n > 0).map(|(n, what)| format!("{n} {what}"));
    let counts = counts.collect::<Vec<String>>().join(", ");
    let watched = row.all.view.watched.as_ref().map_or_else(String::new, |watched| {
        let (all, horizon) = (spoken(watched.seconds), spoken(watched.horizon_seconds));
        format!("; watched for {all}, which shows what is used at least every {horizon}")
    });
    writeln!(out, "readiness: {} ({counts}){watched}", row.all.verdict)?;
    let mut text = Vec::new();
    let rows: Vec<Vec<String>> = row.namespaces.iter().take(SHOWN).map(namespace).collect();
    table::write(
        &mut text,
        &["NAMESPACE", "VERDICT", "READY", "EDGES", "COVERED", "MISSING", "LAST NEW"],
        &rows,
    )?;
    for line in String::from_utf8_lossy(&text).lines() {
        writeln!(out, "  {line}")?;
    }
    rest(out, row.namespaces.len())?;
    let waiting = row.workloads.iter().filter(|row| row.verdict != Verdict::Ready.token());
    for row in waiting.clone().take(SHOWN) {
        let Some(first) = row.reasons.first() else { continue };
        let grave = row.reasons.iter().filter(|reason| reason.verdict != Verdict::Ready.token()).count();
        let more = if grave > 1 { format!(" (and {} more)", grave - 1) } else { String::new() };
        writeln!(out, "  {}", safe::line(&format!("{}: {}: {}{more}", row.id, row.verdict, first.why)))?;
    }
    rest(out, waiting.count())
}

fn rest(out: &mut dyn Write, rows: usize) -> io::Result<()> {
    if rows > SHOWN {
        writeln!(out, "  and {} more (-o json has them all)", rows - SHOWN)?;
    }
    Ok(())
}

fn namespace(row: &NamespaceRow) -> Vec<String> {
    let GroupRow { verdict, workloads, view, .. } = &row.group;
    let all = workloads.ready + workloads.keep_watching + workloads.blind;
    let missing =
        view.unseen.map(|unseen| format!("{:.0} ({:.0} to {:.0})", unseen.estimate, unseen.low, unseen.high));
    let last = view.last_new_edge.as_ref().map(|new| format!("after {:.0} %", new.share * 100.0));
    vec![
        row.namespace.clone(),
        (*verdict).to_owned(),
        format!("{} of {all}", workloads.ready),
        view.edges.to_string(),
        view.coverage.map_or_else(String::new, |coverage| format!("{:.1} %", coverage * 100.0)),
        missing.unwrap_or_default(),
        last.unwrap_or_default(),
    ]
}

/// A length of time as people say it, to the second.
fn spoken(seconds: f64) -> String {
    let whole = Duration::try_from_secs_f64(seconds.max(0.0)).unwrap_or(Duration::MAX).as_secs();
    let (days, hours, minutes, seconds) = (whole / 86_400, whole / 3_600 % 24, whole / 60 % 60, whole % 60);
    let units = [(days, "d"), (hours, "h"), (minutes, "min"), (seconds, "s")];
    let said = units.iter().skip_while(|(n, _)| *n == 0).take(2).filter(|(n, _)| *n > 0);
    let said: Vec<String> = said.map(|(n, unit)| format!("{n} {unit}")).collect();
    if said.is_empty() { "0 s".to_owned() } else { said.join(" ") }
}

#[cfg(test)]
mod tests {
    use super::spoken;

    #[test]
    fn lengths_of_time_are_said_in_two_units() {
        let cases =
            [(0.0, "0 s"), (70.2, "1 min 10 s"), (3600.0, "1 h"), (90_061.0, "1 d 1 h"), (-4.0, "0 s")];
        for (seconds, expected) in cases {
            assert_eq!(spoken(seconds), expected);
        }
        assert!(spoken(f64::MAX).ends_with(" h") || spoken(f64::MAX).ends_with(" d"));
    }
}
