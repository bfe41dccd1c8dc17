//! How well the watch goes, as its tasks tell it.

use std::sync::{Mutex, MutexGuard, PoisonError};

use flowfence_model::Timestamp;
use tokio::sync::Notify;

use super::clock::Clock;
use super::list::Missing;
use super::resource::RESOURCES;

/// How well the watch goes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WatchStatus {
    /// Since when some kind has not been followed, and why; `None` while all are. Names and labels
    /// are those of that moment.
    pub stale: Option<(Timestamp, String)>,
    /// How often a kind could not be followed any more.
    pub interruptions: u64,
    /// How often a kind was listed anew after the first time.
    pub relists: u64,
    /// Kinds that cannot be read.
    pub missing: Vec<Missing>,
}

/// What the tasks tell.
#[derive(Debug)]
pub(super) struct Shared {
    kinds: Mutex<Kinds>,
    /// The API server answers again.
    pub(super) back: Notify,
}

#[derive(Debug)]
struct Kinds {
    each: Vec<Kind>,
    interruptions: u64,
    relists: u64,
}

#[derive(Clone, Debug, Default)]
struct Kind {
    /// Whether its first list is complete, or cannot be had.
    is_settled: bool,
    /// Whether it was ever listed.
    is_known: bool,
    stale: Option<(Timestamp, String)>,
    forbidden: Option<String>,
}

impl Default for Shared {
    fn default() -> Self {
        let each = vec![Kind::default(); RESOURCES.len()];
        Shared { kinds: Mutex::new(Kinds { each, interruptions: 0, relists: 0 }), back: Notify::new() }
    }
}

impl Shared {
    /// A kind is followed, or listed.
    pub(super) fn is_fresh(&self, kind: usize) {
        self.of(kind, |kind| {
            (kind.is_settled, kind.is_known) = (true, true);
            (kind.stale, kind.forbidden) = (None, None);
        });
    }

    /// A kind that this cluster does not have.
    pub(super) fn is_absent(&self, kind: usize) {
        self.of(kind, |kind| kind.is_settled = true);
    }

    /// A kind is listed for a further time.
    pub(super) fn relisted(&self) {
        self.lock().relists += 1;
    }

    /// A kind has not been followed since `last`. `is_forbidden` when the API server said that it will not be.
    pub(super) fn failed(&self, kind: usize, last: Timestamp, why: String, is_forbidden: bool) {
        let mut kinds = self.lock();
        let Some(kind) = kinds.each.get_mut(kind) else { return };
        kind.forbidden = is_forbidden.then(|| why.clone());
        // What was never known gets no older.
        kind.is_settled |= is_forbidden;
        let is_new = kind.stale.is_none();
        if kind.is_known {
            let since = kind.stale.take().map_or(last, |(since, _)| since);
            kind.stale = Some((since, why));
        }
        let counts = kind.is_known && is_new;
        kinds.interruptions += u64::from(counts);
    }

    /// Since when a kind has not been followed.
    pub(super) fn stale_since(&self, kind: usize) -> Option<Timestamp> {
        self.lock().each.get(kind)?.stale.as_ref().map(|(since, _)| *since)
    }

    /// Whether every kind was listed, or cannot be.
    pub(super) fn is_settled(&self) -> bool {
        self.lock().each.iter().all(|kind| kind.is_settled)
    }

    /// Whether some kind waits for the API server.
    pub(super) fn is_waiting(&self) -> bool {
        self.lock().each.iter().any(|kind| kind.stale.is_some() || !kind.is_settled)
    }

    pub(super) fn status(&self) -> WatchStatus {
        let kinds = self.lock();
        let missing = |(kind, resource): (&Kind, &super::Resource)| {
            let unread = (!kind.is_settled).then(|| "its list did not come in time".to_owned());
            let reason = kind.forbidden.clone().or(unread)?;
            Some(Missing { resource: resource.name(), reason })
        };
        WatchStatus {
            stale: kinds.each.iter().filter_map(|kind| kind.stale.clone()).min(),
            interruptions: kinds.interruptions,
            relists: kinds.relists,
            missing: kinds.each.iter().zip(RESOURCES).filter_map(missing).collect(),
        }
    }

    fn of(&self, kind: usize, change: impl FnOnce(&mut Kind)) {
        if let Some(kind) = self.lock().each.get_mut(kind) {
            change(kind);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Kinds> {
        self.kinds.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl WatchStatus {
    /// The moment that names and labels are of.
    pub fn as_of(&self) -> Timestamp {
        self.stale.as_ref().map_or_else(Clock::now, |(since, _)| *since)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(secs: i64) -> Timestamp {
        Timestamp::from_secs(1_800_000_000 + secs, 0)
    }

    #[test]
    fn labels_are_as_of_the_first_failure_until_the_kind_is_followed_again() {
        let shared = Shared::default();
        shared.is_fresh(2);
        shared.failed(2, at(1), "away".to_owned(), false);
        shared.failed(2, at(9), "still away".to_owned(), false);
        assert_eq!(shared.status().stale, Some((at(1), "still away".to_owned())));
        assert_eq!(shared.status().interruptions, 1);
        shared.is_fresh(2);
        assert_eq!(shared.status().stale, None);
    }

    #[test]
    fn what_was_never_read_is_missing_and_not_old() {
        let shared = Shared::default();
        (0..RESOURCES.len()).filter(|kind| *kind != 2).for_each(|kind| shared.is_fresh(kind));
        assert!(!shared.is_settled());
        shared.failed(2, at(1), "forbidden".to_owned(), true);
        let status = shared.status();
        assert!(shared.is_settled());
        assert_eq!((status.stale, status.interruptions, status.missing.len()), (None, 0, 1));
    }
}
