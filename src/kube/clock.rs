//! Two clocks: the API server's, which wrote the moments of objects, and ours, which is that of packets that pass here.

use std::time::Duration;

use flowfence_model::Timestamp;
use flowfence_model::object::{Meta, Object};

/// Differences up to here are none: the API server tells its time in whole seconds, and on its way a message ages.
pub const GRAIN_SECS: u64 = 2;

/// How far the API server's clock is ahead of ours.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Clock {
    ahead_secs: i64,
}

impl Clock {
    /// Ahead by whole seconds; behind when negative.
    pub fn ahead_by(secs: i64) -> Self {
        Clock { ahead_secs: if secs.unsigned_abs() > GRAIN_SECS { secs } else { 0 } }
    }

    /// By whole seconds; 0 when the two agree.
    pub fn ahead_secs(self) -> i64 {
        self.ahead_secs
    }

    /// The present moment by our clock.
    pub fn now() -> Timestamp {
        Timestamp::from_nanos(i64::try_from(jiff::Timestamp::now().as_nanosecond()).unwrap_or(i64::MAX))
    }

    /// The present moment by the API server's clock.
    pub fn theirs(self) -> Timestamp {
        shift(Clock::now(), self.ahead_secs)
    }

    /// Sets the moments of an object to our clock. Those that kubelets wrote are taken for the API server's: nodes of
    /// a cluster are kept together, or leases and certificates fail first.
    pub fn set(self, object: &mut Object) {
        if self.ahead_secs == 0 {
            return;
        }
        let set = |moment: &mut Option<Timestamp>| *moment = moment.map(|at| shift(at, -self.ahead_secs));
        let of_meta = |meta: &mut Meta| [&mut meta.created, &mut meta.deleted].into_iter().for_each(set);
        match object {
            Object::Pod(pod) => {
                of_meta(&mut pod.meta);
                [&mut pod.started, &mut pod.running_since, &mut pod.finished].into_iter().for_each(set);
            }
            Object::Namespace(o) => of_meta(&mut o.meta),
            Object::Service(o) => of_meta(&mut o.meta),
            Object::EndpointSlice(o) => of_meta(&mut o.meta),
            Object::Node(o) => of_meta(&mut o.meta),
            Object::Controller(o) => of_meta(&mut o.meta),
            Object::Ingress(o) => of_meta(&mut o.meta),
            Object::NetworkPolicy(_) | Object::ClusterPolicy(_) => {}
        }
    }
}

fn shift(at: Timestamp, secs: i64) -> Timestamp {
    let span = Duration::from_secs(secs.unsigned_abs());
    if secs < 0 { at.minus(span) } else { at.plus(span) }
}

/// `Sun, 06 Nov 1994 08:49:37 GMT` (RFC 9110 §6.6.1) in seconds since 1970.
pub fn http_date(text: &str) -> Option<i64> {
    Some(jiff::fmt::rfc2822::parse(text).ok()?.timestamp().as_second())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_http_date_is_a_moment() {
        assert_eq!(http_date("Sun, 06 Nov 1994 08:49:37 GMT"), Some(784_111_777));
        assert_eq!(http_date("yesterday"), None);
    }

    #[test]
    fn clocks_that_differ_by_less_than_can_be_told_agree() {
        assert_eq!([1, -2, 3, -3].map(|secs| Clock::ahead_by(secs).ahead_secs()), [0, 0, 3, -3]);
    }
}
