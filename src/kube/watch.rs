//! Every kind, followed while a capture runs.
//!
//! One task a kind lists and then watches it, with bookmarks; after 410 Gone, or when the API
//! server was away, it lists anew, with growing pauses. Nothing here ever stops a capture: what
//! could not be learnt is told in [`WatchStatus`].

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use flowfence_model::Timestamp;
use futures::{StreamExt, TryStreamExt};
use kube::api::{Api, DynamicObject};
use kube::runtime::WatchStreamExt;
use kube::runtime::watcher::{self, Event};
use kube::{Client, Error};

use super::access::{self, Access, Kubernetes, Unreachable, explain};
use super::history::History;
use super::list::{Missing, PAGE, is_unknown, value, why};
use super::resource::{RESOURCES, Resource};
use crate::manifest::Snapshot;

/// How long the first list of all kinds may take before a capture begins without what is missing.
const FIRST_LIST: Duration = Duration::from_secs(60);

/// A watch is asked to end after this time and begun anew, which costs one request a kind: one
/// whose other end is gone without a word is silent for no longer than `access::SILENCE`.
const WATCH_SECS: u32 = 60;

/// How often an API server that was away is asked whether it is back.
const PULSE: Duration = Duration::from_secs(2);

/// How well the watch goes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WatchStatus {
    /// Since when the API server has been away; `None` while it is there. Names and labels are
    /// those of that moment.
    pub away_since: Option<Timestamp>,
    /// How often the API server was away or a watch broke.
    pub interruptions: u64,
    /// How often a kind was listed anew after the first time.
    pub relists: u64,
    /// What was last said when something went wrong.
    pub last_error: Option<String>,
    /// Kinds that cannot be read.
    pub missing: Vec<Missing>,
}

/// A watch over the cluster; it ends when it is dropped.
#[derive(Debug)]
pub struct Watch {
    access: Access,
    history: Arc<History>,
    shared: Arc<Shared>,
}

/// What the tasks tell.
#[derive(Debug, Default)]
struct Shared {
    status: Mutex<WatchStatus>,
    /// Kinds whose first list is complete, or will never be.
    ready: AtomicU64,
    clock_ahead_secs: i64,
}

impl Watch {
    /// Begins, and waits for the first list of every kind.
    pub fn start(access: Access) -> Result<Self, Unreachable> {
        let history = Arc::new(History::default());
        let shared = Arc::new(Shared { clock_ahead_secs: access.clock_ahead_secs, ..Shared::default() });
        for (kind, resource) in RESOURCES.iter().enumerate() {
            let follower = Follower {
                kind,
                resource,
                client: access.client.clone(),
                history: Arc::clone(&history),
                shared: Arc::clone(&shared),
            };
            access.runtime.spawn(follower.run());
        }
        access.runtime.spawn(pulse(access.client.clone(), Arc::clone(&shared)));
        let until = Instant::now() + FIRST_LIST;
        let wanted = RESOURCES.len() as u64;
        while shared.ready.load(Ordering::Acquire) < wanted && Instant::now() < until {
            std::thread::sleep(Duration::from_millis(20));
        }
        let watch = Watch { access, history, shared };
        let status = watch.status();
        let required = RESOURCES.iter().filter(|resource| !resource.optional).count();
        if status.missing.len() >= required {
            let reason = status.missing.first().map(ToString::to_string).unwrap_or_default();
            return Err(Unreachable::Server { server: watch.access.server.clone(), reason });
        }
        Ok(watch)
    }

    /// Everything that is known by now.
    pub fn snapshot(&self) -> Snapshot {
        self.history.snapshot()
    }

    /// How well it goes.
    pub fn status(&self) -> WatchStatus {
        self.shared.lock().clone()
    }

    /// Objects that were gone and had to be forgotten.
    pub fn forgotten(&self) -> u64 {
        self.history.forgotten()
    }

    /// The way to the API server.
    pub fn access(&self) -> &Access {
        &self.access
    }
}

impl Shared {
    fn lock(&self) -> std::sync::MutexGuard<'_, WatchStatus> {
        self.status.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The moment by the API server's clock, which wrote all other moments of objects.
    fn now(&self) -> Timestamp {
        access::now(self.clock_ahead_secs)
    }

    fn failed(&self, error: String, is_away: bool) {
        let now = self.now();
        let mut status = self.lock();
        status.interruptions += 1;
        status.last_error = Some(error);
        if is_away && status.away_since.is_none() {
            status.away_since = Some(now);
        }
    }
}

/// Follows one kind.
struct Follower {
    kind: usize,
    resource: &'static Resource,
    client: Kubernetes,
    history: Arc<History>,
    shared: Arc<Shared>,
}

impl Follower {
    async fn run(self) {
        let api: Api<DynamicObject> = Api::all_with(self.client.0.clone(), &self.resource.api());
        let config = watcher::Config::default().page_size(PAGE).timeout(WATCH_SECS);
        let mut events = watcher::watcher(api, config).default_backoff().into_stream().boxed();
        let mut list = 0_u64;
        let mut is_ready = false;
        let mut is_told = false;
        while let Some(event) = events.next().await {
            match event {
                Ok(Event::Init) => {
                    list += 1;
                    if list > 1 {
                        self.shared.lock().relists += 1;
                    }
                }
                Ok(Event::InitApply(object) | Event::Apply(object)) => {
                    self.history.apply(self.kind, &value(&object, self.resource), list);
                }
                Ok(Event::Delete(object)) => {
                    self.history.delete(self.kind, &value(&object, self.resource), self.shared.now());
                }
                Ok(Event::InitDone) => {
                    self.history.close(self.kind, list, self.shared.now());
                    self.settle(&mut is_ready);
                    if std::mem::take(&mut is_told) {
                        let name = self.resource.name();
                        self.shared.lock().missing.retain(|missing| missing.resource != name);
                    }
                }
                Err(error) => {
                    let refused = refusal(&error);
                    if let Some(status) = refused
                        && self.resource.optional
                        && is_unknown(status)
                    {
                        // The cluster does not have the kind, and a capture need not ask for it again.
                        return self.settle(&mut is_ready);
                    }
                    self.note(&error, refused, &mut is_told);
                    if refused.is_some() {
                        self.settle(&mut is_ready);
                    }
                }
            }
        }
    }

    /// Counts the kind as ready, once.
    fn settle(&self, is_ready: &mut bool) {
        if !std::mem::replace(is_ready, true) {
            self.shared.ready.fetch_add(1, Ordering::Release);
        }
    }

    fn note(&self, error: &watcher::Error, refused: Option<&Error>, is_told: &mut bool) {
        match refused {
            // 410 Gone is how an API server says that it no longer knows where we were.
            Some(Error::Api(status)) if status.code != 410 && status.code != 429 && status.code < 500 => {
                let reason = why(&Error::Api(status.clone()), self.resource, verb(error));
                self.shared.failed(reason.clone(), false);
                if !std::mem::replace(is_told, true) {
                    self.shared.lock().missing.push(Missing { resource: self.resource.name(), reason });
                }
            }
            Some(Error::Api(status)) if status.code == 410 => self.shared.failed(error.to_string(), false),
            _ => self.shared.failed(spell(error), true),
        }
    }
}

/// What the API server itself answered.
fn refusal(error: &watcher::Error) -> Option<&Error> {
    match error {
        watcher::Error::InitialListFailed(inner)
        | watcher::Error::WatchStartFailed(inner)
        | watcher::Error::WatchFailed(inner) => matches!(inner, Error::Api(_)).then_some(inner),
        watcher::Error::WatchError(_) | watcher::Error::NoResourceVersion => None,
    }
}

fn verb(error: &watcher::Error) -> &'static str {
    if matches!(error, watcher::Error::InitialListFailed(_)) { "list" } else { "watch" }
}

fn spell(error: &watcher::Error) -> String {
    match error {
        watcher::Error::InitialListFailed(inner)
        | watcher::Error::WatchStartFailed(inner)
        | watcher::Error::WatchFailed(inner) => explain(inner),
        other => other.to_string(),
    }
}

/// While the API server is away, asks whether it is back: a watch that goes on where it was says
/// nothing until something changes.
async fn pulse(client: Kubernetes, shared: Arc<Shared>) {
    loop {
        tokio::time::sleep(PULSE).await;
        let before = {
            let status = shared.lock();
            status.away_since.map(|_| status.interruptions)
        };
        let Some(before) = before else { continue };
        if is_there(&client.0).await {
            let mut status = shared.lock();
            if status.interruptions == before {
                status.away_since = None;
            }
        }
    }
}

async fn is_there(client: &Client) -> bool {
    client.apiserver_version().await.is_ok()
}
