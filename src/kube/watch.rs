//! Every kind, followed while a capture runs.
//!
//! One task a kind lists and then watches it, with bookmarks; after 410 Gone it lists anew, after
//! any other failure it goes on where it was, with growing pauses that a task of their own cuts
//! short when the API server answers again. Nothing here ever stops a capture: what could not be
//! learnt is told in [`WatchStatus`].
//!
//! kube's own `watcher` does all but one thing: it does not tell that a watch which broke is
//! established again before something changes, so that "labels as of" could not be said.

use std::sync::Arc;
use std::time::{Duration, Instant};

use flowfence_model::Timestamp;
use futures::{Stream, StreamExt};
use kube::api::{Api, DynamicObject, WatchEvent, WatchParams};
use kube::runtime::utils::Backoff;
use kube::runtime::watcher::DefaultBackoff;
use kube::{Error, core::Status};
use tokio::time::MissedTickBehavior;

use super::access::{Access, Kubernetes, SILENCE, UNKNOWN_CALLER, Unreachable, explain, greet};
use super::clock::Clock;
use super::history::{By, History, Told};
use super::list::{is_served, pages, value, why};
use super::resource::{RESOURCES, Resource};
use super::status::{Shared, WatchStatus};
use crate::manifest::Snapshot;
use crate::output::safe;

/// How long the first list of all kinds may take before a capture begins without what is missing.
const FIRST_LIST: Duration = Duration::from_mins(1);

/// A watch is asked to end after this time and begun anew, which costs one request a kind: one
/// whose other end is gone without a word is silent for no longer than `access::SILENCE`.
const WATCH_SECS: u32 = 60;

/// A watch that ends sooner was cut off.
const LEAST: Duration = Duration::from_secs(50);

/// How often an API server that was away is asked whether it is back.
const PULSE: Duration = Duration::from_secs(2);

/// How long a change may be on its way to us; 250 ms were exceeded on a machine whose processors were busy.
const ON_ITS_WAY: Duration = Duration::from_secs(1);

/// How often is looked whether a watch has nothing more to say: what it says next happened after that.
const LOOK: Duration = Duration::from_millis(25);

/// How long the last changes are waited for.
const LAST_WORDS: Duration = Duration::from_millis(300);

/// A watch over the cluster; it ends when it is dropped.
#[derive(Debug)]
pub struct Watch {
    access: Access,
    history: Arc<History>,
    shared: Arc<Shared>,
}

impl Watch {
    /// Begins, and waits for the first list of every kind.
    pub fn start(access: Access) -> Result<Self, Unreachable> {
        let history = Arc::new(History::new(access.clock));
        let shared = Arc::new(Shared::default());
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
        while !shared.is_settled() && Instant::now() < until {
            std::thread::sleep(Duration::from_millis(20));
        }
        let watch = Watch { access, history, shared };
        let status = watch.status();
        let required = RESOURCES.iter().filter(|resource| !resource.optional);
        let is_missing =
            |resource: &Resource| status.missing.iter().any(|one| one.resource == resource.name());
        if required.clone().all(is_missing) {
            let reason = status.missing.first().map(ToString::to_string).unwrap_or_default();
            return Err(Unreachable::Server { server: watch.access.server.clone(), reason });
        }
        let (server, known) = (&watch.access.server, watch.history.len());
        say!("flowfence: following {known} objects of {}", safe::line(server));
        Ok(watch)
    }

    /// Everything that is known by now.
    pub fn snapshot(&self) -> Snapshot {
        self.history.snapshot()
    }

    /// Waits for changes that took place before now and are on their way.
    pub fn settle(&self) {
        std::thread::sleep(LAST_WORDS);
    }

    /// How well it goes.
    pub fn status(&self) -> WatchStatus {
        self.shared.status()
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
        let mut pauses = DefaultBackoff::default();
        let mut list = 0;
        loop {
            match self.list(list + 1).await {
                Ok(None) => return self.shared.is_absent(self.kind),
                Ok(Some(version)) => {
                    list += 1;
                    pauses.reset();
                    self.follow(version, &mut pauses).await;
                    self.shared.relisted();
                }
                Err(error) => self.failed(&error, "list", Clock::now(), &mut pauses).await,
            }
        }
    }

    /// All objects of the kind; gives the version that they are of, and none when the cluster does
    /// not have the kind, for which a capture need not ask again.
    async fn list(&self, number: u64) -> Result<Option<String>, Error> {
        if self.resource.optional && !is_served(&self.client.client(), self.resource).await? {
            return Ok(None);
        }
        let now = Clock::now();
        let last = self.shared.stale_since(self.kind).unwrap_or(now);
        let told = Told { by: By::List(number), after: last, now };
        let each = |object| self.history.apply(self.kind, &object, told);
        let version = pages(&self.client.client(), self.resource, each).await?;
        self.history.close(self.kind, number, last);
        self.shared.is_fresh(self.kind);
        Ok(Some(version))
    }

    /// Takes changes as they come, until the API server no longer knows where we were.
    async fn follow(&self, mut version: String, pauses: &mut DefaultBackoff) {
        let resource = self.resource.api();
        let params = WatchParams::default().timeout(WATCH_SECS);
        // What comes next happened after that.
        let mut since = Clock::now();
        loop {
            let began = Instant::now();
            let api: Api<DynamicObject> = Api::all_with(self.client.client(), &resource);
            match api.watch(&params, &version).await {
                Ok(events) => {
                    self.shared.is_fresh(self.kind);
                    let (last, broken) = self.hear(events, &mut version, &mut since).await;
                    match broken {
                        Some(error) if is_expired(&error) => return,
                        Some(error) => self.failed(&error, "watch", last, pauses).await,
                        None if began.elapsed() < LEAST => self.cut_off(began.elapsed(), last, pauses).await,
                        None => pauses.reset(),
                    }
                }
                Err(error) if is_expired(&error) => return,
                Err(error) => self.failed(&error, "watch", Clock::now(), pauses).await,
            }
        }
    }

    /// A watch ended before its time. The API server also ends those that cannot keep up, which go on at once.
    async fn cut_off(&self, after: Duration, last: Timestamp, pauses: &mut DefaultBackoff) {
        self.shared.failed(self.kind, last, "a watch ended before its time".to_owned(), false);
        if after < Duration::from_secs(1) {
            wait(pauses, &self.shared).await;
        }
    }

    /// Takes the changes of one watch; tells until when it was followed, and what broke it. `empty` is when it was last
    /// found to have nothing more to say.
    async fn hear(
        &self,
        events: impl Stream<Item = Result<WatchEvent<DynamicObject>, Error>>,
        version: &mut String,
        empty: &mut Timestamp,
    ) -> (Timestamp, Option<Error>) {
        let mut events = std::pin::pin!(events);
        let mut heard = (Clock::now(), Instant::now());
        let mut look = tokio::time::interval(if self.resource.kind == "Pod" { LOOK } else { PULSE });
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let event = tokio::select! {
                biased;
                event = events.next() => event,
                _ = look.tick() => {
                    *empty = Clock::now();
                    if heard.1.elapsed() < SILENCE {
                        continue;
                    }
                    return (heard.0, Some(silence()));
                }
            };
            match event {
                Some(Ok(WatchEvent::Error(status))) => return (Clock::now(), Some(Error::Api(status))),
                Some(Ok(event)) => self.take(event, version, *empty),
                Some(Err(error)) => return (Clock::now(), Some(error)),
                None => return (Clock::now(), None),
            }
            heard = (Clock::now(), Instant::now());
        }
    }

    fn take(&self, event: WatchEvent<DynamicObject>, version: &mut String, empty: Timestamp) {
        let now = Clock::now();
        let told = |by| Told { by, after: empty.minus(ON_ITS_WAY), now };
        let of = |object: &DynamicObject| object.metadata.resource_version.clone();
        let next = match event {
            WatchEvent::Added(object) => {
                self.history.apply(self.kind, &value(&object, self.resource), told(By::Creation));
                of(&object)
            }
            WatchEvent::Modified(object) => {
                self.history.apply(self.kind, &value(&object, self.resource), told(By::Change));
                of(&object)
            }
            WatchEvent::Deleted(object) => {
                self.history.delete(self.kind, &value(&object, self.resource), told(By::Change).after, now);
                of(&object)
            }
            WatchEvent::Bookmark(bookmark) => Some(bookmark.metadata.resource_version),
            WatchEvent::Error(_) => None,
        };
        if let Some(next) = next {
            *version = next;
        }
    }

    /// Notes that the kind could not be followed since `last`, and waits for the next trial.
    async fn failed(&self, error: &Error, verb: &str, last: Timestamp, pauses: &mut DefaultBackoff) {
        let is_forbidden = matches!(error, Error::Api(status) if status.code == 403);
        let is_unknown = matches!(error, Error::Api(status) if status.code == 401);
        let reason = match error {
            _ if is_unknown => UNKNOWN_CALLER.to_owned(),
            Error::Api(_) => why(error, self.resource, verb),
            other => explain(other),
        };
        self.shared.failed(self.kind, last, reason, is_forbidden);
        wait(pauses, &self.shared).await;
    }
}

/// Whether the API server no longer knows where we were.
fn is_expired(error: &Error) -> bool {
    matches!(error, Error::Api(status) if status.code == 410)
}

/// A watch whose other end is gone without a word.
fn silence() -> Error {
    let said = format!("nothing was heard for {} s", SILENCE.as_secs());
    Error::Api(Status::failure(&said, "Timeout").with_code(504).boxed())
}

async fn wait(pauses: &mut DefaultBackoff, shared: &Shared) {
    let pause = pauses.next().unwrap_or(PULSE);
    tokio::select! {
        () = tokio::time::sleep(pause) => {}
        () = shared.back.notified() => {}
    }
}

/// While kinds wait for the API server, asks whether it is there, and tells them when it is back. When it no longer
/// knows who asks, a new token may be where the old one was.
async fn pulse(client: Kubernetes, shared: Arc<Shared>) {
    let mut was_away = false;
    loop {
        tokio::time::sleep(PULSE).await;
        if !shared.is_waiting() {
            was_away = false;
            continue;
        }
        let mut answer = greet(&client.client()).await;
        if answer.as_ref().is_err_and(|error| error == UNKNOWN_CALLER) {
            was_away = true;
            client.renew().await;
            answer = greet(&client.client()).await;
        }
        if answer.is_ok() && was_away {
            shared.back.notify_waiters();
        }
        was_away = answer.is_err();
    }
}
