//! A look at what was seen so far, while packets still come.
//!
//! It is the same work as the report's, on a copy, in a thread of its own that the readers do not
//! wait for; and it is done so seldom that it takes at most a tenth of the time.

use std::collections::BTreeMap;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::{Duration, Instant};

use flowfence_graph::{EdgeKey, Facts, attribute};
use flowfence_model::{Recording, Timestamp};
use flowfence_policy::decision::Decisions;
use flowfence_policy::judge::{Judgement, judge_by};
use flowfence_policy::readiness::{Verdict, readiness};
use flowfence_policy::recommend::Options;

use crate::cluster::{Cluster, Objects};
use crate::exit::Failure;

/// Flow records beyond which no look is taken: it holds a copy of them all.
pub const MAX_FLOWS: usize = 4_000_000;
/// Edges that are named at most.
const NAMED: usize = 5;
/// The least time from one look to the next.
const PAUSE: Duration = Duration::from_secs(1);
/// A look's own time is at most one part in so many.
const SHARE: u32 = 10;

/// What a look showed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Glance {
    /// Distinct edges that connected.
    pub edges: usize,
    /// The newest edges that today's policies deny, or that are new since the last look.
    pub unexpected: Vec<Unexpected>,
    /// Workloads that are ready, to be watched on, and blind.
    pub workloads: [usize; 3],
}

/// An edge that somebody may not know of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unexpected {
    /// The edge.
    pub edge: EdgeKey,
    /// When it was first seen.
    pub first: Timestamp,
    /// Whether today's policies deny it.
    pub is_denied: bool,
}

impl Glance {
    /// Whether nobody is to be watched on. Workloads that no tap here can see wholly do not count:
    /// watching on helps them nothing.
    pub fn is_ready(&self) -> bool {
        let [ready, watched_on, _] = self.workloads;
        ready > 0 && watched_on == 0
    }

    fn of(recording: Recording, loss: f64, cluster: &Cluster, last: Timestamp) -> (Self, Timestamp) {
        let facts = attribute(recording, &cluster.inventory);
        let judgement = judge_by(&facts, &cluster.inventory, &cluster.rules(None), &Decisions::default());
        let ready = readiness(&facts, &cluster.inventory, &judgement, &Options::default(), loss);
        let (edges, mut unexpected) = edges(&facts, &judgement, last);
        unexpected.sort_by(|x, y| y.first.cmp(&x.first).then_with(|| x.edge.cmp(&y.edge)));
        unexpected.truncate(NAMED);
        let mut workloads = [0; 3];
        for (verdict, count) in Verdict::ALL.into_iter().zip(&mut workloads) {
            *count = ready.workloads.iter().filter(|row| row.verdict == verdict).count();
        }
        let end = facts.window.map_or(last, |(_, end)| end);
        (Glance { edges, unexpected, workloads }, end)
    }
}

fn edges(facts: &Facts, judgement: &Judgement, last: Timestamp) -> (usize, Vec<Unexpected>) {
    // First seen, connected, denied.
    let mut edges: BTreeMap<EdgeKey, (Timestamp, bool, bool)> = BTreeMap::new();
    for (contact, judged) in facts.contacts.iter().zip(&judgement.contacts) {
        let edge = edges.entry(EdgeKey::of(contact)).or_insert((Timestamp::MAX, false, false));
        edge.0 = edge.0.min(contact.tally.first);
        edge.1 |= judged.is_connected();
        edge.2 |= judged.verdict.is_denied();
    }
    let connected = edges.values().filter(|(_, connected, _)| *connected).count();
    let unexpected = edges
        .into_iter()
        .filter(|(_, (first, connected, denied))| *denied || (*connected && *first > last))
        .map(|(edge, (first, _, is_denied))| Unexpected { edge, first, is_denied })
        .collect();
    (connected, unexpected)
}

/// Takes looks, one after the other.
#[derive(Debug)]
pub struct Looker {
    /// One at a time: whoever asks while a look is taken is told to come back.
    ask: SyncSender<(Recording, f64)>,
    answers: Receiver<(Glance, Duration)>,
    is_looking: bool,
    /// What the copy took.
    copying: Duration,
    next: Instant,
}

impl Looker {
    /// A thread that takes looks. It is not waited for in the end.
    pub fn start(objects: Objects) -> Result<Self, Failure> {
        let (ask, asked) = sync_channel::<(Recording, f64)>(1);
        let (answer, answers) = sync_channel(1);
        super::spawn("glance", move || {
            let mut last = Timestamp::MIN;
            for (recording, loss) in asked {
                let began = Instant::now();
                let Some(cluster) = objects() else {
                    let _ = answer.send((Glance::default(), began.elapsed()));
                    continue;
                };
                let glance;
                (glance, last) = Glance::of(recording, loss, &cluster, last);
                if answer.send((glance, began.elapsed())).is_err() {
                    return;
                }
            }
        })?;
        Ok(Looker { ask, answers, is_looking: false, copying: Duration::ZERO, next: Instant::now() + PAUSE })
    }

    /// The answer to the last look, once.
    pub fn answer(&mut self) -> Option<Glance> {
        let (glance, took) = self.answers.try_recv().ok()?;
        self.is_looking = false;
        self.next = Instant::now() + PAUSE.max((took + self.copying) * (SHARE - 1));
        Some(glance)
    }

    /// Whether it is time for another look.
    pub fn is_due(&self) -> bool {
        !self.is_looking && Instant::now() >= self.next
    }

    /// Looks at a copy of what was seen, which took a time to make. `loss` is the share that was lost,
    /// 0 to 1.
    pub fn look(&mut self, recording: Recording, loss: f64, copying: Duration) {
        self.copying = copying;
        self.is_looking = self.ask.try_send((recording, loss)).is_ok();
    }
}
