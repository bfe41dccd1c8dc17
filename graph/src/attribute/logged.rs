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
mod order;
mod outcome;

use super::Contacts;
use crate::contact::{Contact, LogWord, Party};
use crate::facts::SAMPLED;
use crate::inventory::Inventory;
use book::Book;
use order::reorder;
use outcome::{Asked, Outcome, Report, outcome};

/// What one contact's conversations have in common; ends by their numbers, and where contacts are in order by their
/// places among all.
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
    /// Whether any log of the run looked at a sample of the packets.
    is_sampled: bool,
}

impl Sayings {
    fn count(&mut self, word: Word, counts: &LoggedCounts) {
        match &mut self.counts {
            none @ None => *none = Some((word, *counts)),
            Some((known, sum)) if *known == word => sum.add(counts),
            Some(_) => self.more.entry(word).or_insert(LoggedCounts::NONE).add(counts),
        }
    }

    fn reports(&self) -> Vec<Report<'_>> {
        let first = self.counts.iter().map(|((verdict, observer), counts)| (*verdict, *observer, counts));
        first
            .chain(self.more.iter().map(|((verdict, observer), counts)| (*verdict, *observer, counts)))
            .collect()
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
    let is_sampled = counts.get(SAMPLED) > 0;
    let mut book = Book::new(inventory, &logged);
    let mut conversations = std::mem::take(&mut logged.conversations);
    let mut places: Vec<Place> = Vec::with_capacity(conversations.len());
    for (number, conversation) in (0..).zip(&conversations) {
        if let Some((key, is_service_only)) = book.key(conversation, &logged, contacts) {
            places.push((key, is_service_only, number));
        } else if [conversation.from, conversation.to].iter().any(|end| is_named_only(*end, &logged)) {
            counts.add("log-address-unknown", 1);
        }
    }
    // Those of one contact side by side, so that only one at a time need be gathered, and contacts in the order in
    // which they are told in the end: from here on an end is its place in the order of all.
    let ranks = contacts.ranks();
    let parties = contacts.in_order(&ranks);
    for ((from, to, ..), ..) in &mut places {
        for end in [from, to] {
            *end = ranks.get(*end as usize).copied().unwrap_or(u32::MAX);
        }
    }
    places.sort_unstable();
    let through_pods = through_pods(&places, &parties);
    reorder(&mut conversations, places.iter().map(|(.., number)| *number));
    let none = || Sayings { is_sampled, ..Sayings::default() };
    let mut of_contacts = places.chunk_by(|x, y| x.0 == y.0);
    let (mut own, mut noted, mut saying): (&[Place], usize, Sayings) = (&[], 0, none());
    let told = conversations.into_iter().filter_map(|conversation| {
        if noted == own.len() {
            (own, noted, saying) = (of_contacts.next()?, 0, none());
        }
        note(&conversation, &logged, inventory, &mut saying);
        noted += 1;
        let (key, ..) = *own.first().filter(|_| noted == own.len())?;
        let (from, to) = ends_of(&key, &parties)?;
        // The view before translation of what is there after it, too.
        if is_service_only(own) && through_pods.contains(&ends(from, to, &key)) {
            return None;
        }
        Some(contact(Arc::clone(from), Arc::clone(to), key, std::mem::take(&mut saying), window, &book))
    });
    let told: Vec<Contact> = told.collect();
    contacts.hear(told);
}

/// Contacts take the place of the conversations that they are made of: a list that is collected from another of the
/// same size of items needs no memory of its own, and there may be half a million of them.
#[cfg(target_pointer_width = "64")]
const _: () = assert!(size_of::<Contact>() == size_of::<Conversation>());

/// The contact that a conversation belongs to, whether only its service is known, and its number.
type Place = (Key, bool, u32);

/// Of what was seen at a service address, and of which pod answered nothing is known. One conversation that
/// saw its pod is enough.
fn is_service_only(own: &[Place]) -> bool {
    own.iter().all(|(_, is_service_only, _)| *is_service_only)
}

/// Formats that say what passed and never show an answer.
pub(super) fn silent(logged: &Logged) -> BTreeSet<&'static str> {
    let is_silent = |c: &&Conversation| c.verdict == LoggedVerdict::Allowed && !c.counts.tells_answers;
    let of = |c: &Conversation| logged.observers.get(c.observer.0 as usize).map(|observer| observer.format);
    logged.conversations.iter().filter(is_silent).filter_map(of).collect()
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

/// The two ends of a contact, of parties in order.
fn ends_of<'p>((from, to, ..): &Key, parties: &'p [Arc<Party>]) -> Option<(&'p Arc<Party>, &'p Arc<Party>)> {
    parties.get(*from as usize).zip(parties.get(*to as usize))
}

/// Of what was seen at a service address, that of which the pods behind it were seen, too.
fn through_pods(places: &[Place], parties: &[Arc<Party>]) -> BTreeSet<Ends> {
    let of = |is_wanted: bool| {
        let some = places.chunk_by(|x, y| x.0 == y.0).filter(move |own| is_service_only(own) == is_wanted);
        some.filter_map(|own| own.first())
            .filter_map(|(key, ..)| ends_of(key, parties).map(|(from, to)| ends(from, to, key)))
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
    let is_half =
        saying.is_sampled || !saying.services.is_empty() || is_published(&from, &to, protocol, port, book);
    let bare: &[u64] = match (protocol, to.address) {
        (Protocol::Tcp, IpAddr::V4(_)) => &[40],
        (Protocol::Tcp, address) if address.is_unspecified() => &[40, 60],
        (Protocol::Tcp, IpAddr::V6(_)) => &[60],
        _ => &[],
    };
    let what = Asked { is_pod: to.id.is_workload(), is_half, bare };
    let Outcome { tally, word, is_assumed } = outcome(&saying.reports(), window, protocol, what);
    let word = LogWord { policies: saying.policies, ..word };
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
        assumed: is_assumed,
        tally,
        from,
        to,
    }
}

/// Whether somebody outside came through a port of a node: there his address is rewritten on the way to the pod, and on
/// the pod's own node not on the way back.
fn is_published(from: &Party, to: &Party, protocol: Protocol, port: Option<u16>, book: &Book<'_>) -> bool {
    from.id.external().is_some() && port.is_some_and(|port| book.is_published(to, protocol, port))
}

#[cfg(test)]
mod tests;
