//! Which pod held an address when.
//!
//! The API gives whole seconds, so a start of `s` means "in `[s, s+1)`": a pod holds its address
//! from `s` on, and an end of `e` reaches to `e+1`. A pod that is gone without a word held its
//! address until the next one got it. Where two pods are *known* to claim one moment, nobody is
//! credited.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

use flowfence_model::Timestamp;
use flowfence_model::object::Pod;

use super::KnownPod;

/// Clocks of nodes and API server may differ by this much before traffic of a pod that nobody
/// else explains stops being credited to it; also how long the last packets of a pod that ended
/// may linger.
const SLACK: Duration = Duration::from_secs(5);

/// The API's times are cut to whole seconds.
const GRAIN: Duration = Duration::from_secs(1);

/// Who held an address at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Holder {
    /// One pod, as an index into [`super::Inventory::pods`].
    Pod(usize),
    /// Two or more may have.
    Ambiguous,
    /// No pod that is known.
    Nobody,
}

#[derive(Clone, Copy, Debug)]
struct Tenure {
    pod: usize,
    from: Timestamp,
    until: Timestamp,
    /// Whether `until` comes from the object itself.
    end_is_known: bool,
}

/// Address → tenures, ordered by their beginning.
#[derive(Clone, Debug, Default)]
pub struct Tenures(BTreeMap<IpAddr, Vec<Tenure>>);

impl Tenures {
    /// From the pods of all moments.
    pub fn new(pods: &[KnownPod]) -> Self {
        let mut map: BTreeMap<IpAddr, Vec<Tenure>> = BTreeMap::new();
        for (index, known) in pods.iter().enumerate().filter(|(_, k)| !k.pod.host_network) {
            let tenure = tenure(index, &known.pod);
            for ip in &known.pod.ips {
                map.entry(*ip).or_default().push(tenure);
            }
        }
        for tenures in map.values_mut() {
            tenures.sort_by_key(|t| (t.from, t.until, t.pod));
            end_with_the_next(tenures);
        }
        Tenures(map)
    }

    /// Who held `address` at `at`.
    pub fn holder_at(&self, address: IpAddr, at: Timestamp) -> Holder {
        let Some(tenures) = self.0.get(&address) else { return Holder::Nobody };
        match only(tenures.iter().filter(|t| t.from <= at && at < t.until)) {
            Holder::Nobody => {
                let near = |t: &&Tenure| t.from.minus(SLACK) <= at && at < t.until.plus(SLACK);
                only(tenures.iter().filter(near))
            }
            certain => certain,
        }
    }
}

fn only<'a>(mut candidates: impl Iterator<Item = &'a Tenure>) -> Holder {
    match (candidates.next(), candidates.next()) {
        (None, _) => Holder::Nobody,
        (Some(one), None) => Holder::Pod(one.pod),
        _ => Holder::Ambiguous,
    }
}

fn tenure(index: usize, pod: &Pod) -> Tenure {
    let from = pod.started.or(pod.meta.created).unwrap_or(Timestamp::MIN);
    // A finished pod gives its address back soon after its last container ended; one that is being
    // deleted owns it through its grace.
    let ended = if pod.is_finished { pod.finished.or(pod.running_since) } else { None };
    let end = match (ended, pod.meta.deleted) {
        (Some(a), Some(b)) => Some(a.min(b)),
        (a, b) => a.or(b),
    };
    let until = end.map_or(Timestamp::MAX, |e| e.max(from).plus(GRAIN));
    Tenure { pod: index, from, until, end_is_known: end.is_some() }
}

/// A tenure whose end nobody wrote down ends where the next one begins; a written end that
/// overlaps the next beginning by no more than the grain of the API's times does too.
fn end_with_the_next(tenures: &mut [Tenure]) {
    for i in 1..tenures.len() {
        let next = tenures.get(i).map_or(Timestamp::MAX, |t| t.from);
        for earlier in tenures.iter_mut().take(i) {
            let overlaps_by_grain = earlier.until <= next.plus(GRAIN);
            if earlier.from < next && earlier.until > next && (!earlier.end_is_known || overlaps_by_grain) {
                earlier.until = next;
            }
        }
    }
}
