//! What one source asked for, target by target.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::IpAddr;

use flowfence_graph::{Contact, Inventory};
use flowfence_model::{Address, NodeId, Orientation, Protocol, Timestamp};
use foldhash::fast::RandomState;

use super::verdict::EdgeVerdict;

/// Silent datagrams to this many undeclared ports of one address are knocks; to fewer they are
/// what syslog and statsd look like.
const SILENT_PORTS: usize = 10;

/// What was asked for. A client that asks a service asks for one thing, whichever pod gets it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Place {
    Address(IpAddr),
    Service(String),
}

/// One thing that a source asked for.
pub(super) type Target = (Place, Protocol, u16);

/// What came of everything that a source asked for. In no order: there are as many as contacts, and whoever asks
/// counts them or takes the least.
pub(super) type Targets<'a> = HashMap<Target, Outcome<'a>, RandomState>;

/// Whether somebody answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Answer {
    /// Nobody, or a refusal.
    Failed,
    /// Datagrams went there, and nobody knows what became of them.
    Silent,
    /// At least once.
    Answered,
}

/// What came of it.
#[derive(Clone, Debug)]
pub(super) struct Outcome<'a> {
    /// Who it was.
    pub to: &'a NodeId,
    /// Whether it ever answered.
    pub answer: Answer,
    /// Whether something is known to listen there.
    pub declared: bool,
    /// Whether today's policies deny it, to every pod of the source that asked.
    pub denied: bool,
    /// Failed attempts.
    pub attempts: u64,
    /// Octets and packets that the source sent.
    pub sent: [u64; 2],
    /// Earliest packet.
    pub first: Timestamp,
}

impl Outcome<'_> {
    /// Whether somebody is taken to have answered.
    pub(super) fn is_answered(&self) -> bool {
        self.answer == Answer::Answered
    }
}

/// Everything that the contacts of one source came to.
pub(super) fn outcomes<'a>(contacts: &[(&'a Contact, EdgeVerdict)], inventory: &Inventory) -> Targets<'a> {
    let mut targets = Targets::with_capacity_and_hasher(contacts.len(), RandomState::default());
    for (contact, verdict) in contacts.iter().filter(|(contact, _)| is_asking(contact)) {
        let port = contact.port.unwrap_or(0);
        let place = match contact.services.first() {
            Some(service) => Place::Service(service.clone()),
            None => Place::Address(contact.to.address),
        };
        let tally = &contact.tally;
        let denied = verdict.is_denied();
        let answer = match (tally.connections, tally.one_way) {
            (1.., _) => Answer::Answered,
            (0, 1..) if !denied => Answer::Silent,
            _ => Answer::Failed,
        };
        let declared = inventory.is_listening(contact.to.address, contact.protocol, port);
        let known = targets.entry((place, contact.protocol, port)).or_insert(Outcome {
            to: &contact.to.id,
            answer,
            declared,
            denied,
            attempts: 0,
            sent: [0; 2],
            first: tally.first,
        });
        known.answer = known.answer.max(answer);
        known.declared |= declared;
        known.denied &= denied;
        known.attempts += tally.attempts() + if denied { tally.one_way } else { 0 };
        known.sent = [known.sent[0] + tally.octets[0], known.sent[1] + tally.packets[0]];
        known.first = known.first.min(tally.first);
    }
    settle_silence(&mut targets);
    targets
}

/// Kubelet probes, a pod within itself, groups of hosts, and who knows which direction ask nobody.
fn is_asking(contact: &Contact) -> bool {
    contact.orientation != Orientation::Unknown
        && !contact.own_node
        && !contact.is_loopback()
        && Address::from(contact.to.address).is_unicast()
}

/// Datagrams without an answer count as answered, save where their mass on one address tells
/// that they look for something.
fn settle_silence(targets: &mut Targets<'_>) {
    let mut ports: BTreeMap<Place, BTreeSet<u16>> = BTreeMap::new();
    for ((place, _, port), outcome) in targets.iter() {
        if outcome.answer == Answer::Silent && !outcome.declared {
            ports.entry(place.clone()).or_default().insert(*port);
        }
    }
    for ((place, _, _), outcome) in targets.iter_mut() {
        let searching = ports.get(place).is_some_and(|ports| ports.len() >= SILENT_PORTS);
        if outcome.answer == Answer::Silent && (outcome.declared || !searching) {
            outcome.answer = Answer::Answered;
        }
    }
}
