//! Who begins to do something late: after having been watched for long at other things.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use flowfence_graph::{Contact, Party, PodName};
use flowfence_model::{NodeId, Orientation, Timestamp};
use foldhash::fast::RandomState;

use super::scene::Scene;

/// So many connections a pod must have opened or answered before.
const BEFORE: u64 = 10;
/// And for so much of the window.
const WATCHED: u32 = 4;

/// A pod that began late, the first of its workload.
pub(super) struct Latecomer<'a> {
    /// The contact with which it began.
    pub first: &'a Contact,
    /// When the pod was first seen.
    pub since: Timestamp,
    /// How long it had been seen.
    pub watched: Duration,
    /// Connections that it had opened or answered before.
    pub before: u64,
}

/// Pods that had been seen for a quarter of the window with ten connections before they first did
/// it, and no sibling had, in the order of pods.
pub(super) fn latecomers<'a>(scene: &'a Scene<'_>, is_it: impl Fn(&Contact) -> bool) -> Vec<Latecomer<'a>> {
    let Some(window) = scene.facts.window else { return Vec::new() };
    let quarter = window.1.since(window.0) / WATCHED;
    let opened = || {
        let contacts = scene.facts.contacts.iter();
        contacts.filter(|contact| contact.tally.is_connected() && contact.orientation != Orientation::Unknown)
    };
    let mut pods: BTreeMap<&PodName, Vec<&Contact>> = BTreeMap::new();
    let mut earliest: BTreeMap<&NodeId, Timestamp> = BTreeMap::new();
    for contact in opened().filter(|contact| is_it(contact)) {
        let known = earliest.entry(&contact.from.id).or_insert(contact.tally.first);
        *known = (*known).min(contact.tally.first);
        if let Some(pod) = &contact.from.pod {
            pods.entry(pod).or_default();
        }
    }
    watch(&mut pods, opened());
    let mut found = Vec::new();
    for (pod, contacts) in &pods {
        let does = |contact: &&Contact| is_it(contact) && contact.from.pod.as_ref() == Some(*pod);
        let (done, others): (Vec<&Contact>, Vec<&Contact>) = contacts.iter().copied().partition(does);
        let Some(first) = done.into_iter().min_by_key(|contact| contact.tally.first) else { continue };
        let others = others.iter().filter(|contact| contact.tally.first < first.tally.first);
        let (since, before) = others.fold((first.tally.first, 0), |(since, before), contact| {
            (since.min(contact.tally.first), before + contact.tally.connections + contact.tally.one_way)
        });
        let watched = first.tally.first.since(since);
        let late = watched >= quarter && !watched.is_zero() && before >= BEFORE;
        let is_first = earliest.get(&first.from.id) == Some(&first.tally.first);
        // A connection that was open when the window began says nothing of when it began.
        if late && is_first && first.orientation == Orientation::Seen && first.from.id.is_workload() {
            found.push(Latecomer { first, since, watched, before });
        }
    }
    found
}

/// Gathers what each of these pods opened or answered.
fn watch<'a>(pods: &mut BTreeMap<&PodName, Vec<&'a Contact>>, opened: impl Iterator<Item = &'a Contact>) {
    if pods.is_empty() {
        return;
    }
    let numbers: HashMap<&PodName, usize, RandomState> =
        pods.keys().enumerate().map(|(number, pod)| (*pod, number)).collect();
    let mut lists: Vec<&mut Vec<&Contact>> = pods.values_mut().collect();
    // Contacts share their ends: names are compared once for each.
    let mut ends: HashMap<usize, Option<usize>, RandomState> = HashMap::default();
    let mut number = |end: &Arc<Party>| {
        let find = || numbers.get(end.pod.as_ref()?).copied();
        *ends.entry(Arc::as_ptr(end).addr()).or_insert_with(find)
    };
    for contact in opened {
        // Whoever answers is watched as well as whoever asks.
        let answered = Some(&contact.to).filter(|_| !contact.own_node && !contact.is_loopback());
        for end in [Some(&contact.from), answered].into_iter().flatten() {
            if let Some(known) = number(end).and_then(|number| lists.get_mut(number)) {
                known.push(contact);
            }
        }
    }
}
