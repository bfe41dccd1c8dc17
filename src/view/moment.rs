//! Moments as people give them, and whether something was there between two of them.

use std::str::FromStr;
use std::time::Duration;

use flowfence_graph::Parts;
use flowfence_model::Timestamp;
use jiff::SignedDuration;

/// A moment of a window that is not known yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moment {
    /// This one.
    At(Timestamp),
    /// As long before the window's end.
    Back(Duration),
}

impl FromStr for Moment {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Ok(at) = text.parse::<Timestamp>() {
            return Ok(Moment::At(at));
        }
        back(text).map(Moment::Back).ok_or_else(|| {
            "expected a time such as 2026-11-24T17:49:59Z, or one back from the end of the window such as 90s, 10m, \
             1h30m or 2d"
                .to_owned()
        })
    }
}

/// A span of time; a day is 24 hours, and a bare number is seconds.
fn back(text: &str) -> Option<Duration> {
    if let Ok(seconds) = text.parse() {
        return Some(Duration::from_secs(seconds));
    }
    if let Some(days) = text.strip_suffix('d').and_then(|days| days.trim().parse::<u32>().ok()) {
        return Some(Duration::from_hours(24) * days);
    }
    text.parse::<SignedDuration>().ok().and_then(|span| Duration::try_from(span).ok())
}

impl Moment {
    /// The moment in a window that ends then.
    pub fn in_window(self, end: Timestamp) -> Timestamp {
        match self {
            Moment::At(at) => at,
            Moment::Back(span) => end.minus(span),
        }
    }
}

/// From one moment, before another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// The first that is in it.
    pub since: Timestamp,
    /// The first that is not.
    pub until: Timestamp,
}

impl Span {
    /// Whether an edge had traffic in it, as far as a recording of `window` tells: its first or last packet is in it,
    /// or one of its connections was there in a part of the window that the span touches. One that never
    /// connected was there between its first attempt and its last.
    pub fn has(
        self,
        window: (Timestamp, Timestamp),
        first: Timestamp,
        last: Timestamp,
        parts: Parts,
    ) -> bool {
        if first >= self.until || last < self.since {
            return false;
        }
        let is_in = |at: Timestamp| self.since <= at && at < self.until;
        if is_in(first) || is_in(last) || parts.is_empty() {
            return true;
        }
        let (from, to) = (self.since.max(window.0), self.until.min(window.1));
        from <= to && !Parts::touched(window, from, to).intersection(parts).is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(secs: i64) -> Timestamp {
        Timestamp::from_secs(secs, 0)
    }

    #[test]
    fn a_moment_is_a_time_or_a_span_back_from_the_end() {
        let of = |text: &str| text.parse::<Moment>().unwrap().in_window(at(100_000));
        assert_eq!(of("1970-01-01T00:00:10Z"), at(10));
        assert_eq!(of("90s"), at(99_910));
        assert_eq!(of("1h30m"), at(100_000 - 5400));
        assert_eq!(of("1d"), at(100_000 - 86_400));
        assert_eq!(of("10"), at(99_990));
        for wrong in ["", "-5m", "yesterday", "d", "2026-11-24"] {
            assert!(wrong.parse::<Moment>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn between_its_ends_an_edge_is_there_only_where_it_connected() {
        let window = (at(0), at(240));
        let parts = Parts::touched(window, at(0), at(9)).union(Parts::touched(window, at(235), at(239)));
        let has = |since, until, parts| {
            Span { since: at(since), until: at(until) }.has(window, at(0), at(239), parts)
        };
        assert!(has(0, 5, parts) && has(230, 240, parts) && has(5, 8, parts), "where it was");
        assert!(!has(100, 150, parts), "nothing in between");
        assert!(has(100, 150, Parts::NONE), "who never connected may have tried at any time between");
        assert!(!has(240, 300, parts) && !has(-50, 0, parts), "outside");
    }
}
