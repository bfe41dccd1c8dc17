//! When a live capture ends: a time, a signal, or enough was seen.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use flowfence_model::Timestamp;
use nix::sys::signal::{SigSet, Signal};

/// Whether capturing is to end, and at which moment: what arrived before it still counts.
#[derive(Debug, Default)]
pub struct Stop {
    asked: AtomicBool,
    at: AtomicI64,
}

impl Stop {
    /// Asks every reader to end. Only the first time counts.
    pub fn ask(&self) {
        if !self.is_asked() {
            self.at.store(now().as_nanos(), Ordering::Relaxed);
            self.asked.store(true, Ordering::Release);
        }
    }

    /// Whether it was asked for.
    pub fn is_asked(&self) -> bool {
        self.asked.load(Ordering::Acquire)
    }

    /// The moment at which it was asked for.
    pub fn at(&self) -> Option<Timestamp> {
        self.is_asked().then(|| Timestamp::from_nanos(self.at.load(Ordering::Relaxed)))
    }
}

/// The moment by the clock that also stamps packets.
pub fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_nanos(i64::try_from(since.as_nanos()).unwrap_or(i64::MAX))
}

/// The signals that end a capture with its report, kept from this thread and those that it spawns:
/// one thread waits for them ([`watch`]).
pub fn hold_signals() -> nix::Result<SigSet> {
    let mut signals = SigSet::empty();
    signals.add(Signal::SIGINT);
    signals.add(Signal::SIGTERM);
    signals.thread_block()?;
    Ok(signals)
}

/// Turns the first signal into an end with a report, and whichever comes once the capture has ended
/// into the end of the program, with the code that shells give to it.
pub fn watch(signals: &SigSet, stop: &Arc<Stop>) {
    while let Ok(signal) = signals.wait() {
        if stop.is_asked() {
            std::process::exit(128 + signal as i32);
        }
        stop.ask();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_moment_at_which_it_was_asked_counts() {
        let stop = Stop::default();
        assert_eq!(stop.at(), None);
        stop.ask();
        let first = stop.at();
        stop.ask();
        assert_eq!(stop.at(), first);
        assert!(first.is_some_and(|at| at <= now()));
    }
}
