//! Which pod held an address when.
//!
//! The API gives whole seconds, so a start of `s` means "in `[s, s+1)`": a pod holds its address
//! from `s` on, and an end of `e` reaches to `e+1`. A pod that is gone without a word held its
//! address until the next one got it. Where two pods are *known* to claim one moment, nobody is
//! credited.
//!
//! What a watch saw is exact in one direction: a pod was created no sooner, and addressed and gone
//! no later than then. What lies between leaves two pods possible, and so nobody is credited.

use std::net::IpAddr;
use std::time::Duration;

use flowfence_model::Timestamp;
use flowfence_model::object::Pod;

use super::{FastMap, KnownPod};

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
    /// When it certainly had it, at the latest.
    surely: Timestamp,
    /// Until when it certainly had it, as a watch saw it.
    kept: Timestamp,
    until: Timestamp,
    end: End,
}

/// Where the end of a tenure comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    /// From nowhere: it ends with the next one.
    Open,
    /// From the object itself.
    Written,
    /// From a watch: it was over by then.
    Watched,
}

/// Address → tenures, ordered by their beginning.
#[derive(Clone, Debug, Default)]
pub struct Tenures(FastMap<IpAddr, Vec<Tenure>>);

impl Tenures {
    /// From the pods of all moments.
    pub fn new(pods: &[KnownPod]) -> Self {
        let mut map: FastMap<IpAddr, Vec<Tenure>> = FastMap::default();
        for (index, known) in pods.iter().enumerate().filter(|(_, k)| !k.pod.host_network) {
            for ip in &known.pod.ips {
                map.entry(*ip).or_default().push(tenure(index, &known.pod, *ip));
            }
        }
        for tenures in map.values_mut() {
            tenures.sort_by_key(|t| (t.surely, t.from, t.until, t.pod));
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

fn tenure(index: usize, pod: &Pod, ip: IpAddr) -> Tenure {
    let (from, surely) = begin(pod, ip);
    // A finished pod gives its address back soon after its last container ended; one that is being
    // deleted owns it through its grace.
    let ended = if pod.is_finished { pod.finished.or(pod.running_since) } else { None };
    let written = [ended, pod.meta.deleted].into_iter().flatten().min().map(|end| end.max(from).plus(GRAIN));
    let watched = [pod.watched.gone, moment_of(&pod.watched.left, ip)].into_iter().flatten().min();
    let (until, end) = match (written, watched.map(|end| end.max(from))) {
        (None, None) => (Timestamp::MAX, End::Open),
        (Some(written), None) => (written, End::Written),
        (written, Some(watched)) => (written.map_or(watched, |end| end.min(watched)), End::Watched),
    };
    let kept =
        if end == End::Watched { pod.watched.unasked.unwrap_or(Timestamp::MIN) } else { Timestamp::MIN };
    Tenure { pod: index, from, surely, kept, until, end }
}

/// When a pod got an address: no sooner than the first moment, no later than the second.
fn begin(pod: &Pod, ip: IpAddr) -> (Timestamp, Timestamp) {
    let addressed = moment_of(&pod.watched.addressed, ip);
    let is_second = |at: Timestamp| pod.watched.left.iter().any(|(other, left)| *other != ip && *left <= at);
    if let Some(at) = addressed.filter(|at| is_second(*at)) {
        return (at.minus(GRAIN), at);
    }
    let Some(told) = pod.started.or(pod.meta.created) else { return (Timestamp::MIN, Timestamp::MIN) };
    let (after, by) = pod.watched.created.unwrap_or((Timestamp::MIN, Timestamp::MAX));
    // A creation that was learnt of after a gap tells nothing that the API did not.
    let from = if after < told.plus(GRAIN) { after.max(told) } else { told };
    (from, addressed.unwrap_or(by.min(told.plus(GRAIN))).max(from))
}

fn moment_of(moments: &[(IpAddr, Timestamp)], ip: IpAddr) -> Option<Timestamp> {
    moments.iter().rev().find(|(of, _)| *of == ip).map(|(_, at)| *at)
}

/// A tenure whose end nobody wrote down ends where the next one begins; a written end that
/// overlaps the next beginning by no more than the grain of the API's times does too. One that a
/// watch saw end keeps the next from beginning before somebody asked it to end, and from then on
/// shares with it what lies before that one's latest beginning.
fn end_with_the_next(tenures: &mut [Tenure]) {
    for i in 1..tenures.len() {
        let Some((before, [next, ..])) = tenures.split_at_mut_checked(i) else { return };
        let before = before.iter_mut().filter(|earlier| earlier.surely < next.surely);
        for earlier in before {
            next.from = next.from.max(earlier.kept.min(next.surely));
            let limit = if earlier.end == End::Watched { next.surely } else { next.from.max(earlier.from) };
            let may_be_cut = earlier.end != End::Written || earlier.until <= next.from.plus(GRAIN);
            if earlier.until > limit && may_be_cut {
                earlier.until = limit;
            }
        }
    }
}
