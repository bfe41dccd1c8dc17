//! Objects as they come, change and go.
//!
//! A flow is named by who held its address then, which may be a pod that is gone by now. So what
//! is deleted stays, with the moment of its end; only policies go with their deletion, since what
//! counts of them is what is in force. Tasks of all kinds write here at once (`DashMap`), readers
//! copy.
//!
//! All moments are by our clock, which is that of the packets too. Those that the API server wrote
//! are set to ours first, where the two clocks differ.

use std::collections::VecDeque;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use dashmap::DashMap;
use flowfence_model::Timestamp;
use flowfence_model::object::{EndpointSlice, Object, Pod};
use serde_json::Value;

use super::clock::Clock;
use super::resource::{RESOURCES, Resource};
use crate::manifest::{Located, Problem, Snapshot};

/// Objects that are gone and still kept, at most; some 2 KiB a pod. The oldest go first.
const MAX_GONE: usize = 200_000;

/// Earlier states of one endpoint slice, and earlier addresses of one pod, that are kept at most.
const MAX_EARLIER: usize = 64;

/// What is known of every object since the watch began.
#[derive(Debug)]
pub struct History {
    kinds: Vec<DashMap<String, Kept>>,
    gone: Mutex<VecDeque<(usize, String)>>,
    forgotten: AtomicU64,
    clock: Clock,
}

#[derive(Debug, Default)]
struct Kept {
    objects: Vec<Located<Object>>,
    /// Endpoints that a slice had before: they still explain packets.
    earlier: Vec<Located<Object>>,
    problems: Vec<Problem>,
    is_gone: bool,
    /// The list in which it was last seen.
    list: u64,
}

/// How a state of an object became known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Told {
    /// By what.
    pub by: By,
    /// What the state shows that was not so before did not happen sooner.
    pub after: Timestamp,
    /// And not later.
    pub now: Timestamp,
}

/// What tells a state of an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum By {
    /// The list of this number.
    List(u64),
    /// A watch, as it was created.
    Creation,
    /// A watch, as it changed.
    Change,
}

impl History {
    /// Nothing is known yet.
    pub fn new(clock: Clock) -> Self {
        let kinds = RESOURCES.iter().map(|_| DashMap::new()).collect();
        History { kinds, gone: Mutex::default(), forgotten: AtomicU64::default(), clock }
    }

    /// Takes the present state of an object.
    pub fn apply(&self, kind: usize, object: &Value, told: Told) {
        let Some(all) = self.kinds.get(kind) else { return };
        let read = super::read([object]);
        let mut kept = all.entry(key(object)).or_default();
        let is_new = kept.objects.is_empty();
        let before = std::mem::replace(&mut kept.objects, read.objects);
        for located in &mut kept.objects {
            self.clock.set(&mut located.item);
            if let (Object::Pod(pod), true) = (&mut located.item, is_new) {
                let after = if told.by == By::List(1) { Timestamp::MIN } else { told.after };
                pod.watched.created = Some((after, told.now));
            }
        }
        kept.problems = read.problems;
        kept.is_gone = false;
        if let By::List(list) = told.by {
            kept.list = list;
        }
        remember(&mut kept, before, told);
    }

    /// An object was deleted; `object` is its last state.
    pub fn delete(&self, kind: usize, object: &Value, after: Timestamp, now: Timestamp) {
        let (Some(all), Some(resource)) = (self.kinds.get(kind), RESOURCES.get(kind)) else { return };
        let key = key(object);
        if is_policy(resource) {
            all.remove(&key);
            return;
        }
        self.apply(kind, object, Told { by: By::Change, after, now });
        self.end(kind, key, after, now);
    }

    /// List number `list` of a kind is complete: what it did not have is gone, we cannot tell when
    /// after `followed`, the moment until which the kind was followed.
    pub fn close(&self, kind: usize, list: u64, followed: Timestamp) {
        let (Some(all), Some(resource)) = (self.kinds.get(kind), RESOURCES.get(kind)) else { return };
        let is_missing = |kept: &Kept| !kept.is_gone && kept.list != list;
        if is_policy(resource) {
            all.retain(|_, kept| !is_missing(kept));
            return;
        }
        let missing: Vec<String> =
            all.iter().filter(|entry| is_missing(entry)).map(|entry| entry.key().clone()).collect();
        for key in missing {
            self.end(kind, key, followed, followed);
        }
    }

    /// Everything that is known, what is gone included.
    pub fn snapshot(&self) -> Snapshot {
        let mut snapshot = Snapshot::default();
        for all in &self.kinds {
            let mut entries: Vec<(String, Vec<Located<Object>>, Vec<Problem>)> = all
                .iter()
                .map(|entry| {
                    let objects = entry.objects.iter().chain(&entry.earlier).cloned().collect();
                    (entry.key().clone(), objects, entry.problems.clone())
                })
                .collect();
            entries.sort_by(|x, y| x.0.cmp(&y.0));
            for (_, objects, problems) in entries {
                snapshot.merge(Snapshot { objects, problems, ..Snapshot::default() });
            }
        }
        snapshot
    }

    /// How many objects are known.
    pub fn len(&self) -> usize {
        self.kinds.iter().map(DashMap::len).sum()
    }

    /// Whether none is.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Objects that were gone and had to be forgotten.
    pub fn forgotten(&self) -> u64 {
        self.forgotten.load(Ordering::Relaxed)
    }

    fn end(&self, kind: usize, key: String, after: Timestamp, now: Timestamp) {
        let Some(all) = self.kinds.get(kind) else { return };
        if let Some(mut kept) = all.get_mut(&key) {
            kept.is_gone = true;
            for located in &mut kept.objects {
                if let Object::Pod(pod) = &mut located.item {
                    pod.watched.unasked.get_or_insert(after);
                    pod.watched.gone = Some(now);
                }
            }
        }
        let Ok(mut gone) = self.gone.lock() else { return };
        gone.push_back((kind, key));
        if gone.len() > MAX_GONE
            && let Some((kind, key)) = gone.pop_front()
            && let Some(all) = self.kinds.get(kind)
            && all.remove_if(&key, |_, kept| kept.is_gone).is_some()
        {
            self.forgotten.fetch_add(1, Ordering::Relaxed);
        }
    }
}

fn is_policy(resource: &Resource) -> bool {
    resource.kind.ends_with("Policy")
}

/// What stays of the state before: what a watch saw of a pod, and the endpoints of a slice.
fn remember(kept: &mut Kept, before: Vec<Located<Object>>, told: Told) {
    for earlier in before {
        match (&earlier.item, kept.objects.first_mut().map(|located| &mut located.item)) {
            (Object::Pod(old), Some(Object::Pod(new))) => follow(old, new, told),
            (Object::EndpointSlice(old), Some(Object::EndpointSlice(new)))
                if !old.addresses.is_empty() && !is_same(old, new) =>
            {
                let is_known =
                    |l: &Located<Object>| matches!(&l.item, Object::EndpointSlice(s) if is_same(s, old));
                if !kept.earlier.iter().any(is_known) {
                    kept.earlier.push(earlier);
                }
                if kept.earlier.len() > MAX_EARLIER {
                    kept.earlier.remove(0);
                }
            }
            _ => {}
        }
    }
}

/// Addresses of a pod as they come and go. The last states of a pod tell none, and it had those of before.
fn follow(old: &Pod, new: &mut Pod, told: Told) {
    let now = told.now;
    // Of a gap nobody knows who else had it.
    let last = if matches!(told.by, By::List(_)) { told.after } else { now };
    new.watched = old.watched.clone();
    if new.meta.deleted.is_some() || new.is_finished {
        new.watched.unasked.get_or_insert(told.after);
    }
    let present = new.ips.clone();
    for ip in &present {
        let had = old.ips.contains(ip) && !old.watched.left.iter().any(|(left, _)| left == ip);
        if !had {
            new.watched.left.retain(|(left, _)| left != ip);
            new.watched.addressed.push((*ip, now));
        }
    }
    for ip in old.ips.iter().filter(|ip| !present.contains(ip)) {
        new.ips.push(*ip);
        if !present.is_empty() && !new.watched.left.iter().any(|(left, _)| left == ip) {
            new.watched.left.push((*ip, last));
        }
    }
    for moments in [&mut new.watched.addressed, &mut new.watched.left] {
        let beyond = moments.len().saturating_sub(MAX_EARLIER);
        moments.drain(..beyond);
    }
    let (known, left) = (new.ips.len(), &new.watched.left);
    if known > MAX_EARLIER + present.len() {
        new.ips.retain(|ip| present.contains(ip) || left.iter().any(|(of, _)| of == ip));
    }
}

fn is_same(x: &EndpointSlice, y: &EndpointSlice) -> bool {
    x.addresses == y.addresses && x.ports == y.ports
}

/// What tells an object from every other of its kind that ever was.
fn key(object: &Value) -> String {
    let text = |pointer: &str| object.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
    let (namespace, name) = (text("/metadata/namespace"), text("/metadata/name"));
    format!("{namespace}/{name}/{}", text("/metadata/uid"))
}

#[cfg(test)]
mod tests;
