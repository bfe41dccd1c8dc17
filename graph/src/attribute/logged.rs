//! Conversations of flow logs become contacts.
//!
//! Lines of one observer were added up already. What several observers say of one contact is the
//! same seen several times, so the fullest counts; likewise where packets were captured too. An
//! end that the log names is who the log says, whatever an address means by now.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;

use flowfence_model::logged::{Identity, LoggedCounts, LoggedEnd, LoggedVerdict};
use flowfence_model::object::Pod;
use flowfence_model::{Conversation, Counts, IcmpType, Logged, NodeId, Orientation, Protocol, Timestamp};

mod book;

use super::Contacts;
use crate::contact::{Contact, LogWord, Party, Tally};
use crate::inventory::Inventory;
use book::Book;

/// What one contact's conversations have in common; ends by their numbers.
type Key = (u32, u32, Protocol, Option<u16>, Option<IcmpType>);

/// A verdict of one observer.
type Word = (LoggedVerdict, u32);

/// What logs say of one contact.
#[derive(Default)]
struct Sayings {
    /// Counts of each observer, by verdict: the first, which mostly is the only one, and the others.
    counts: Option<(Word, LoggedCounts)>,
    more: BTreeMap<Word, LoggedCounts>,
    orientation: Option<Orientation>,
    services: BTreeSet<String>,
    policies: BTreeSet<String>,
}

impl Sayings {
    fn count(&mut self, word: Word, counts: &LoggedCounts) {
        match &mut self.counts {
            none @ None => *none = Some((word, *counts)),
            Some((known, sum)) if *known == word => sum.add(counts),
            Some(_) => self.more.entry(word).or_insert(LoggedCounts::NONE).add(counts),
        }
    }

    /// What all observers say, by verdict and in its order: of each the fuller.
    fn by_verdict(&self) -> Vec<(LoggedVerdict, LoggedCounts)> {
        let first = self.counts.iter().map(|((verdict, _), counts)| (*verdict, counts));
        let all = first.chain(self.more.iter().map(|((verdict, _), counts)| (*verdict, counts)));
        let mut merged: Vec<(LoggedVerdict, LoggedCounts)> = Vec::with_capacity(1);
        for (verdict, counts) in all {
            match merged.iter_mut().find(|(known, _)| *known == verdict) {
                Some((_, known)) => known.merge(counts),
                None => {
                    let mut known = LoggedCounts::NONE;
                    known.merge(counts);
                    merged.push((verdict, known));
                }
            }
        }
        merged.sort_unstable_by_key(|(verdict, _)| *verdict);
        merged
    }
}

/// Adds what logs told to the contacts.
pub(super) fn add(
    mut logged: Logged,
    window: Option<(Timestamp, Timestamp)>,
    inventory: &Inventory,
    contacts: &mut Contacts,
    counts: &mut Counts,
) {
    if logged.conversations.is_empty() {
        return;
    }
    let mut book = Book::new(inventory);
    let conversations = std::mem::take(&mut logged.conversations);
    let mut places: Vec<Place> = Vec::with_capacity(conversations.len());
    for (number, conversation) in (0..).zip(&conversations) {
        if let Some((key, is_service_only)) = book.key(conversation, &logged, contacts) {
            places.push((key, is_service_only, number));
        } else if [conversation.from, conversation.to].iter().any(|end| is_named_only(*end, &logged)) {
            counts.add("log-address-unknown", 1);
        }
    }
    // Those of one contact side by side: only one at a time need be gathered.
    places.sort_unstable();
    contacts.list.reserve(places.chunk_by(|x, y| x.0 == y.0).count());
    let through_pods = through_pods(&places, contacts);
    for own in places.chunk_by(|x, y| x.0 == y.0) {
        let Some((key, ..)) = own.first().copied() else { continue };
        let Some((from, to)) = contacts.party(key.0).zip(contacts.party(key.1)) else { continue };
        // The view before translation of what is there after it, too.
        if is_service_only(own) && through_pods.contains(&ends(&from, &to, &key)) {
            continue;
        }
        let mut saying = Sayings::default();
        for conversation in own.iter().filter_map(|(.., number)| conversations.get(*number as usize)) {
            note(conversation, &logged, inventory, &mut saying);
        }
        contacts.say((key.0, key.1), contact(from, to, key, saying, window, &book));
    }
}

/// A conversation by its number, the contact that it belongs to, and whether only its service is known.
type Place = (Key, bool, u32);

/// Of what was seen at a service address, and of which pod answered nothing is known. One conversation that
/// saw its pod is enough.
fn is_service_only(own: &[Place]) -> bool {
    own.iter().all(|(_, is_service_only, _)| *is_service_only)
}

/// Whether an end is no pod, and has no address.
fn is_named_only(end: LoggedEnd, logged: &Logged) -> bool {
    let identity = logged.identity(end.identity);
    end.address.is_none() && matches!(identity, Some(Identity::Outside(_) | Identity::Node(_)))
}

/// Workloads, protocol and port.
type Ends = (NodeId, NodeId, Protocol, Option<u16>);

fn ends(from: &Party, to: &Party, (_, _, protocol, port, _): &Key) -> Ends {
    (from.id.clone(), to.id.clone(), *protocol, *port)
}

/// Of what was seen at a service address, that of which the pods behind it were seen, too.
fn through_pods(places: &[Place], contacts: &Contacts) -> BTreeSet<Ends> {
    let of = |is_wanted: bool| {
        let some = places.chunk_by(|x, y| x.0 == y.0).filter(move |own| is_service_only(own) == is_wanted);
        some.filter_map(|own| own.first())
            .filter_map(|(key, ..)| Some(ends(&*contacts.party(key.0)?, &*contacts.party(key.1)?, key)))
    };
    let before: BTreeSet<Ends> = of(true).collect();
    if before.is_empty() {
        return before;
    }
    of(false).filter(|ends| before.contains(ends)).collect()
}

fn note(conversation: &Conversation, logged: &Logged, inventory: &Inventory, saying: &mut Sayings) {
    let (verdict, observer) = (conversation.verdict, conversation.observer.0);
    saying.count((verdict, observer), &conversation.counts);
    let to = conversation.to.address.map(flowfence_model::Address::ip);
    let listens = |ip: IpAddr| {
        conversation.port.is_some_and(|port| inventory.is_listening(ip, conversation.protocol, port))
    };
    let orientation = match conversation.orientation {
        Orientation::Unknown if to.is_some_and(listens) => Orientation::Inferred,
        known => known,
    };
    saying.orientation = Some(saying.orientation.map_or(orientation, |known| known.min(orientation)));
    saying.services.extend(logged.name(conversation.service).map(str::to_owned));
    let behind = conversation.service_address.or(conversation.to.address).map(flowfence_model::Address::ip);
    if let (Some(address), Some(port)) = (behind, conversation.port)
        && let Some(backend) = inventory.backends(address, conversation.protocol, port)
    {
        saying.services.insert(backend.service.clone());
    }
    // Some logs name the policy that let it pass, too.
    let policy = conversation.policy.filter(|_| conversation.verdict.is_attempt());
    saying.policies.extend(logged.name(policy).map(str::to_owned));
}

fn contact(
    from: Arc<Party>,
    to: Arc<Party>,
    (_, _, protocol, port, icmp): Key,
    saying: Sayings,
    window: Option<(Timestamp, Timestamp)>,
    book: &Book<'_>,
) -> Contact {
    let by_verdict = saying.by_verdict();
    let mut tally = Tally::empty();
    let mut word = LogWord { policies: saying.policies, ..LogWord::default() };
    for (verdict, counts) in &by_verdict {
        let is_pod = to.id.is_workload();
        let told = if verdict.is_attempt() { stopped(counts) } else { passed(counts, protocol, is_pod) };
        let n = told.attempts();
        match verdict {
            LoggedVerdict::Allowed => {}
            LoggedVerdict::Denied => word.denied += n,
            LoggedVerdict::WouldDeny => word.would_deny += n,
            LoggedVerdict::Dropped => word.dropped += n,
        }
        tally.merge(&match window {
            Some(window) => told.placed_in(window),
            None => told,
        });
    }
    // Only of a node it matters which pod it was.
    let asked = match &from.id {
        NodeId::Node(node) => book.find(&to).filter(|pod| pod.node == *node),
        _ => None,
    };
    let own_node = asked.is_some();
    let probes = |pod: &Pod| port.is_some_and(|port| pod.probe_ports.contains(&port));
    let is_said = word.denied + word.would_deny + word.dropped > 0;
    Contact {
        protocol,
        port,
        icmp,
        services: saying.services,
        behind: BTreeSet::new(),
        orientation: saying.orientation.unwrap_or(Orientation::Unknown),
        probe: own_node && protocol == Protocol::Tcp && asked.is_some_and(probes),
        own_node,
        hairpin: false,
        word: is_said.then(|| Box::new(word)),
        tally,
        from,
        to,
    }
}

fn sized(counts: &LoggedCounts) -> Tally {
    Tally {
        packets: counts.packets,
        octets: counts.octets,
        first: counts.first,
        last: counts.last,
        ..Tally::empty()
    }
}

/// What did not get through, or would not: attempts, whatever else was seen.
fn stopped(counts: &LoggedCounts) -> Tally {
    Tally { unanswered: counts.opened_or_estimate(), ..sized(counts) }
}

/// What got through: connections when answered, or when the log cannot tell.
fn passed(counts: &LoggedCounts, protocol: Protocol, is_pod: bool) -> Tally {
    let mut tally = sized(counts);
    let n = counts.opened_or_estimate();
    // A refusal is a packet, too, where packets are counted.
    let came_back = counts.packets[1] > counts.refused
        || (counts.octets[1] > 0 && counts.packets[1] == 0 && counts.refused == 0);
    let is_answered = counts.answered || came_back || !counts.tells_answers;
    if is_answered {
        let failed = if counts.opened > 0 { counts.refused + counts.unanswered } else { 0 };
        tally.connections = n.saturating_sub(failed).max(1);
        if counts.opened > 0 {
            (tally.refused, tally.unanswered) = (counts.refused, counts.unanswered);
        }
    } else if counts.refused > 0 {
        tally.refused = n;
    } else if protocol == Protocol::Udp && is_pod {
        tally.one_way = n;
    } else {
        tally.unanswered = n;
    }
    tally
}

#[cfg(test)]
mod tests;
