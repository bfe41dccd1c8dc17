//! Moments in capture time.

use std::fmt;
use std::time::Duration;

use serde::{Serialize, Serializer};

/// A moment as nanoseconds since the Unix epoch (range: years 1677 to 2262).
///
/// Displays and serialises as RFC 3339 in UTC with microseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(i64);

impl Timestamp {
    /// The earliest moment that can be said.
    pub const MIN: Timestamp = Timestamp(i64::MIN);
    /// The latest moment that can be said.
    pub const MAX: Timestamp = Timestamp(i64::MAX);

    /// From nanoseconds since the Unix epoch.
    pub const fn from_nanos(nanos: i64) -> Self {
        Timestamp(nanos)
    }

    /// From whole seconds and nanoseconds since the Unix epoch; saturates at the range's ends.
    pub const fn from_secs(secs: i64, nanos: u32) -> Self {
        Timestamp(secs.saturating_mul(1_000_000_000).saturating_add(nanos as i64))
    }

    /// Nanoseconds since the Unix epoch.
    pub const fn as_nanos(self) -> i64 {
        self.0
    }

    /// This moment and `span` more; saturates.
    #[must_use]
    pub fn plus(self, span: Duration) -> Self {
        let nanos = i64::try_from(span.as_nanos()).unwrap_or(i64::MAX);
        Timestamp(self.0.saturating_add(nanos))
    }

    /// This moment less `span`; saturates.
    #[must_use]
    pub fn minus(self, span: Duration) -> Self {
        let nanos = i64::try_from(span.as_nanos()).unwrap_or(i64::MAX);
        Timestamp(self.0.saturating_sub(nanos))
    }

    /// How long after `earlier` this moment is; zero when it is not after it.
    pub fn since(self, earlier: Timestamp) -> Duration {
        Duration::from_nanos(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }

    /// How far two moments are apart.
    pub fn distance(self, other: Timestamp) -> Duration {
        self.max(other).since(self.min(other))
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match jiff::Timestamp::from_nanosecond(i128::from(self.0)) {
            Ok(moment) => write!(f, "{moment:.6}"),
            Err(_) => write!(f, "{}ns", self.0),
        }
    }
}

impl std::str::FromStr for Timestamp {
    type Err = jiff::Error;

    /// Reads RFC 3339, as the Kubernetes API writes `metav1.Time` and `MicroTime`.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let moment: jiff::Timestamp = text.parse()?;
        Ok(Timestamp(i64::try_from(moment.as_nanosecond()).unwrap_or(i64::MAX)))
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prints_and_reads_rfc3339() {
        let moment = Timestamp::from_secs(1_795_542_599, 266_472_000);
        assert_eq!(moment.to_string(), "2026-11-24T17:49:59.266472Z");
        assert_eq!("2026-11-24T17:49:59.266472Z".parse::<Timestamp>().unwrap(), moment);
    }

    #[test]
    fn arithmetic_saturates_and_never_goes_negative() {
        assert_eq!(Timestamp::MAX.plus(Duration::from_secs(1)), Timestamp::MAX);
        assert_eq!(Timestamp::from_nanos(1).since(Timestamp::from_nanos(5)), Duration::ZERO);
        assert_eq!(Timestamp::from_nanos(1).distance(Timestamp::from_nanos(5)), Duration::from_nanos(4));
    }
}
