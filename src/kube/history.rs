//! Objects as they come, change and go.
//!
//! A flow is named by who held its address then, which may be a pod that is gone by now. So what
//! is deleted stays, with the moment of its end; only policies go with their deletion, since what
//! counts of them is what is in force. Tasks of all kinds write here at once (`DashMap`), readers
//! copy.

use std::collections::VecDeque;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use dashmap::DashMap;
use flowfence_model::Timestamp;
use flowfence_model::object::{EndpointSlice, Object};
use serde_json::Value;

use super::resource::{RESOURCES, Resource};
use crate::manifest::{Located, Problem, Snapshot, objects_from_values};

/// Objects that are gone and still kept, at most; some 700 octets a pod. The oldest go first.
const MAX_GONE: usize = 200_000;

/// Earlier states of one endpoint slice that are kept at most.
const MAX_EARLIER: usize = 64;

/// As what API objects show up where a file would stand.
const PLACE: &str = "kube API";

/// What is known of every object since the watch began.
#[derive(Debug)]
pub struct History {
    kinds: Vec<DashMap<String, Kept>>,
    gone: Mutex<VecDeque<(usize, String)>>,
    forgotten: AtomicU64,
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

impl Default for History {
    fn default() -> Self {
        let kinds = RESOURCES.iter().map(|_| DashMap::new()).collect();
        History { kinds, gone: Mutex::default(), forgotten: AtomicU64::default() }
    }
}

impl History {
    /// Takes the present state of an object, as of list number `list`.
    pub fn apply(&self, kind: usize, object: &Value, list: u64) {
        let Some(all) = self.kinds.get(kind) else { return };
        let read = objects_from_values([object], PLACE);
        let mut kept = all.entry(key(object)).or_default();
        let before = std::mem::replace(&mut kept.objects, read.objects);
        kept.problems = read.problems;
        kept.is_gone = false;
        kept.list = list;
        remember(&mut kept, before);
    }

    /// An object was deleted at `at`; `object` is its last state.
    pub fn delete(&self, kind: usize, object: &Value, at: Timestamp) {
        let (Some(all), Some(resource)) = (self.kinds.get(kind), RESOURCES.get(kind)) else { return };
        let key = key(object);
        if is_policy(resource) {
            all.remove(&key);
            return;
        }
        self.apply(kind, object, 0);
        self.end(kind, key, at);
    }

    /// List number `list` of a kind is complete at `at`: what it did not have is gone.
    pub fn close(&self, kind: usize, list: u64, at: Timestamp) {
        let (Some(all), Some(resource)) = (self.kinds.get(kind), RESOURCES.get(kind)) else { return };
        if is_policy(resource) {
            all.retain(|_, kept| kept.list == list);
            return;
        }
        let is_missing = |kept: &Kept| !kept.is_gone && kept.list != list;
        let missing: Vec<String> =
            all.iter().filter(|entry| is_missing(entry)).map(|entry| entry.key().clone()).collect();
        missing.into_iter().for_each(|key| self.end(kind, key, at));
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

    /// Objects that were gone and had to be forgotten.
    pub fn forgotten(&self) -> u64 {
        self.forgotten.load(Ordering::Relaxed)
    }

    fn end(&self, kind: usize, key: String, at: Timestamp) {
        let Some(all) = self.kinds.get(kind) else { return };
        if let Some(mut kept) = all.get_mut(&key) {
            kept.is_gone = true;
            for located in &mut kept.objects {
                if let Object::Pod(pod) = &mut located.item {
                    // Its grace may have had more time than it took.
                    pod.meta.deleted = Some(pod.meta.deleted.map_or(at, |deleted| deleted.min(at)));
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

/// What stays of the state before: the addresses of a pod, and the endpoints of a slice.
fn remember(kept: &mut Kept, before: Vec<Located<Object>>) {
    for earlier in before {
        match (&earlier.item, kept.objects.first_mut().map(|located| &mut located.item)) {
            (Object::Pod(old), Some(Object::Pod(new))) => {
                let lost: Vec<_> = old.ips.iter().filter(|ip| !new.ips.contains(ip)).copied().collect();
                new.ips.extend(lost);
            }
            (Object::EndpointSlice(old), Some(Object::EndpointSlice(new)))
                if !old.addresses.is_empty() && !is_same(old, new) =>
            {
                let is_known = |l: &Located<Object>| matches!(&l.item, Object::EndpointSlice(s) if is_same(s, old));
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
mod tests {
    use super::*;
    use serde_json::json;

    fn kind(name: &str) -> usize {
        RESOURCES.iter().position(|resource| resource.kind == name).expect("a kind of the table")
    }

    fn pod(uid: &str, ip: &str) -> Value {
        let status = json!({"podIPs": if ip.is_empty() { json!([]) } else { json!([{"ip": ip}]) }});
        json!({"apiVersion": "v1", "kind": "Pod", "status": status,
            "metadata": {"namespace": "a", "name": "p", "uid": uid, "creationTimestamp": "2026-01-01T00:00:00Z"}})
    }

    fn pods(history: &History) -> Vec<flowfence_model::object::Pod> {
        let objects = history.snapshot().objects.into_iter();
        objects
            .filter_map(|located| match located.item {
                Object::Pod(pod) => Some(pod),
                _ => None,
            })
            .collect()
    }

    #[test]
    fn a_deleted_pod_stays_with_its_end() {
        let history = History::default();
        let at = Timestamp::from_secs(1_800_000_000, 0);
        history.apply(kind("Pod"), &pod("1", "10.0.0.1"), 1);
        history.delete(kind("Pod"), &pod("1", ""), at);
        history.apply(kind("Pod"), &pod("2", "10.0.0.1"), 1);
        let pods = pods(&history);
        assert_eq!(pods.len(), 2);
        assert_eq!((pods[0].meta.deleted, pods[1].meta.deleted), (Some(at), None));
        assert_eq!(pods[0].ips.len(), 1, "the address that its last state has no more");
    }

    #[test]
    fn what_a_new_list_lacks_is_gone() {
        let history = History::default();
        let at = Timestamp::from_secs(1_800_000_000, 0);
        history.apply(kind("Pod"), &pod("1", "10.0.0.1"), 1);
        history.apply(kind("Pod"), &pod("2", "10.0.0.2"), 2);
        history.close(kind("Pod"), 2, at);
        let pods = pods(&history);
        assert_eq!((pods[0].meta.deleted, pods[1].meta.deleted), (Some(at), None));
    }

    #[test]
    fn a_deleted_policy_is_in_force_no_more() {
        let policy = json!({"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy",
            "metadata": {"namespace": "a", "name": "x", "uid": "9"}, "spec": {"podSelector": {}}});
        let history = History::default();
        history.apply(kind("NetworkPolicy"), &policy, 1);
        assert_eq!(history.snapshot().policies().len(), 1);
        history.delete(kind("NetworkPolicy"), &policy, Timestamp::from_secs(1, 0));
        assert_eq!(history.snapshot().policies().len(), 0);
    }

    #[test]
    fn endpoints_that_went_still_explain_packets() {
        let slice = |ip: &str| {
            json!({"apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "addressType": "IPv4",
                "metadata": {"namespace": "a", "name": "s", "uid": "3", "labels": {"kubernetes.io/service-name": "s"}},
                "endpoints": [{"addresses": [ip]}], "ports": [{"port": 80}]})
        };
        let history = History::default();
        for ip in ["10.0.0.1", "10.0.0.2", "10.0.0.1", "10.0.0.3"] {
            history.apply(kind("EndpointSlice"), &slice(ip), 1);
        }
        assert_eq!(history.snapshot().objects.len(), 3);
    }
}
