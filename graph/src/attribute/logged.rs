//! Conversations of flow logs become contacts.
//!
//! Lines of one observer were added up already. What several observers say of one contact is the
//! same seen several times, so the fullest counts; likewise where packets were captured too. An
//! end that the log names is who the log says, whatever an address means by now.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv6Addr};
use std::sync::Arc;

use flowfence_model::logged::{Identity, LoggedCounts, LoggedEnd, LoggedVerdict, PodIdentity};
use flowfence_model::object::Pod;
use flowfence_model::{Conversation, Counts, IcmpType, Logged, NodeId, Orientation, Protocol, Timestamp};

use super::Contacts;
use super::name;
use crate::contact::{Contact, LogWord, Party, PodName, Tally};
use crate::inventory::Inventory;

/// What one contact's conversations have in common.
type Key = (Arc<Party>, Arc<Party>, Protocol, Option<u16>, Option<IcmpType>);

/// What logs say of one contact.
#[derive(Default)]
struct Sayings {
    /// Counts of each observer, by verdict.
    counts: BTreeMap<(LoggedVerdict, u32), LoggedCounts>,
    orientation: Option<Orientation>,
    services: BTreeSet<String>,
    policies: BTreeSet<String>,
    /// Only a service address was seen, not which of its pods answered.
    is_service_only: bool,
}

/// Adds what logs told to the contacts.
pub(super) fn add(
    logged: &Logged,
    window: Option<(Timestamp, Timestamp)>,
    inventory: &Inventory,
    contacts: &mut Contacts,
    counts: &mut Counts,
) {
    if logged.conversations.is_empty() {
        return;
    }
    let book = Book::new(inventory);
    let mut sayings: BTreeMap<Key, Sayings> = BTreeMap::new();
    for conversation in &logged.conversations {
        if let Some((key, is_service_only)) = book.key(conversation, logged, contacts) {
            note(conversation, logged, inventory, sayings.entry(key).or_default(), is_service_only);
        } else if [conversation.from, conversation.to].iter().any(|end| is_named_only(*end, logged)) {
            counts.add("log-address-unknown", 1);
        }
    }
    let through_pods: BTreeSet<(NodeId, NodeId, Protocol, Option<u16>)> =
        sayings.iter().filter(|(_, s)| !s.is_service_only).map(|(key, _)| ends(key)).collect();
    for (key, saying) in sayings {
        // The view before translation of what is there after it, too.
        if saying.is_service_only && through_pods.contains(&ends(&key)) {
            continue;
        }
        contacts.say(contact(key, saying, window, &book));
    }
}

/// Whether an end is no pod, and has no address.
fn is_named_only(end: LoggedEnd, logged: &Logged) -> bool {
    let identity = logged.identity(end.identity);
    end.address.is_none() && matches!(identity, Some(Identity::Outside(_) | Identity::Node(_)))
}

fn ends((from, to, protocol, port, _): &Key) -> (NodeId, NodeId, Protocol, Option<u16>) {
    (from.id.clone(), to.id.clone(), *protocol, *port)
}

fn note(
    conversation: &Conversation,
    logged: &Logged,
    inventory: &Inventory,
    saying: &mut Sayings,
    is_service_only: bool,
) {
    let (verdict, observer) = (conversation.verdict, conversation.observer.0);
    saying.counts.entry((verdict, observer)).or_insert(LoggedCounts::NONE).add(&conversation.counts);
    saying.is_service_only = is_service_only;
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
    saying.policies.extend(logged.name(conversation.policy).map(str::to_owned));
}

fn contact(
    (from, to, protocol, port, icmp): Key,
    saying: Sayings,
    window: Option<(Timestamp, Timestamp)>,
    book: &Book<'_>,
) -> Contact {
    let mut by_verdict: BTreeMap<LoggedVerdict, LoggedCounts> = BTreeMap::new();
    for ((verdict, _), counts) in &saying.counts {
        by_verdict.entry(*verdict).or_insert(LoggedCounts::NONE).merge(counts);
    }
    let mut tally = Tally::empty();
    let mut word = LogWord { policies: saying.policies, ..LogWord::default() };
    for (verdict, counts) in &by_verdict {
        let is_pod = to.id.is_workload();
        let part = if verdict.is_attempt() { stopped(counts) } else { passed(counts, protocol, is_pod) };
        let n = part.attempts();
        match verdict {
            LoggedVerdict::Allowed => {}
            LoggedVerdict::Denied => word.denied += n,
            LoggedVerdict::WouldDeny => word.would_deny += n,
            LoggedVerdict::Dropped => word.dropped += n,
        }
        tally.merge(&match window {
            Some(window) => part.placed_in(window),
            None => part,
        });
    }
    let asked = book.find(&to);
    let own_node = match &from.id {
        NodeId::Node(node) => asked.is_some_and(|pod| pod.node == *node),
        _ => false,
    };
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

/// Pods of the inventory by name.
struct Book<'a> {
    inventory: &'a Inventory,
    pods: BTreeMap<(&'a str, &'a str), Vec<usize>>,
    /// Workloads by namespace and name, with the latest pod of each: a log may have the kind wrong, or
    /// not at all.
    workloads: BTreeMap<(&'a str, &'a str), BTreeMap<&'a NodeId, &'a Pod>>,
}

impl<'a> Book<'a> {
    fn new(inventory: &'a Inventory) -> Self {
        let mut pods: BTreeMap<(&str, &str), Vec<usize>> = BTreeMap::new();
        let mut workloads: BTreeMap<(&str, &str), BTreeMap<&NodeId, &Pod>> = BTreeMap::new();
        for (i, known) in inventory.pods().iter().enumerate() {
            let meta = &known.pod.meta;
            pods.entry((&meta.namespace, &meta.name)).or_default().push(i);
            if let NodeId::Workload { namespace, name, .. } = &known.workload {
                workloads.entry((namespace, name)).or_default().insert(&known.workload, &known.pod);
            }
        }
        Book { inventory, pods, workloads }
    }

    /// The workload of that kind and name as the cluster knows it, of another kind when it is the only
    /// one of the name, and a pod of it.
    fn workload(&self, namespace: &str, kind: &str, name: &str) -> (NodeId, Option<&'a Pod>) {
        let said = NodeId::workload(namespace, kind, name);
        let Some(known) = self.workloads.get(&(namespace, name)) else { return (said, None) };
        match (known.get(&said), known.first_key_value()) {
            (Some(pod), _) => (said, Some(pod)),
            (None, Some((id, pod))) if known.len() == 1 => ((*id).clone(), Some(pod)),
            _ => (said, None),
        }
    }

    /// The contact that a conversation belongs to, and whether only its service is known.
    fn key(&self, c: &Conversation, logged: &Logged, contacts: &mut Contacts) -> Option<(Key, bool)> {
        let at = c.counts.first;
        let from = self.party(c.from, None, at, logged)?;
        let asked = c.port.map(|port| (c.protocol, port));
        let mut port = c.port;
        let mut is_service_only = false;
        let to = match (c.to.identity, c.to.address, c.port) {
            (None, Some(address), Some(asked_port)) => {
                match self.inventory.backends(address.ip(), c.protocol, asked_port) {
                    Some(backend) => {
                        let service = flowfence_model::Endpoint::new(address, asked_port);
                        let (party, real) =
                            name::behind_service(service, backend, c.protocol, at, self.inventory);
                        port = Some(real);
                        is_service_only = true;
                        party
                    }
                    None => self.party(c.to, asked, at, logged)?,
                }
            }
            _ => self.party(c.to, asked, at, logged)?,
        };
        if from.address.is_loopback() || to.address.is_loopback() {
            return None;
        }
        Some(((contacts.share(from), contacts.share(to), c.protocol, port, c.icmp), is_service_only))
    }

    fn party(
        &self,
        end: LoggedEnd,
        asked: Option<(Protocol, u16)>,
        at: Timestamp,
        logged: &Logged,
    ) -> Option<Party> {
        let address = end.address.map(flowfence_model::Address::ip);
        let nowhere = IpAddr::V6(Ipv6Addr::UNSPECIFIED);
        let by_address = || Some(name::party(address?, asked, at, self.inventory));
        match logged.identity(end.identity) {
            Some(Identity::Pod(pod)) => Some(self.pod(pod, address)),
            Some(Identity::ApiServer) => {
                Some(Party { id: NodeId::ApiServer, pod: None, address: address.unwrap_or(nowhere) })
            }
            Some(Identity::Node(name)) => {
                let known = address.and_then(|ip| self.inventory.node_of(ip));
                match name.as_deref().or(known) {
                    Some(name) => {
                        let own = || self.inventory.nodes().get(name)?.internal_ips.first().copied();
                        let address = address.or_else(own)?;
                        Some(Party { id: NodeId::Node(name.to_owned()), pod: None, address })
                    }
                    None => by_address(),
                }
            }
            Some(Identity::Outside(_)) | None => by_address(),
        }
    }

    /// The latest pod of that name.
    fn find(&self, party: &Party) -> Option<&'a Pod> {
        let name = party.pod.as_ref()?;
        let last = self.pods.get(&(name.namespace.as_str(), name.name.as_str()))?.last()?;
        Some(&self.inventory.pods().get(*last)?.pod)
    }

    /// A pod by the word of the log: the inventory's when it knows the name, else the log's
    /// controller.
    fn pod(&self, pod: &PodIdentity, address: Option<IpAddr>) -> Party {
        let known = pod.pod.as_deref().and_then(|name| self.pods.get(&(pod.namespace.as_str(), name)));
        let known = known.and_then(|all| {
            let all = all.iter().filter_map(|i| self.inventory.pods().get(*i));
            let holds = |k: &&crate::inventory::KnownPod| address.is_some_and(|ip| k.pod.ips.contains(&ip));
            all.clone().rev().find(holds).or_else(|| all.clone().next_back())
        });
        let pod_name = |name: &str| PodName { namespace: pod.namespace.clone(), name: name.to_owned() };
        let nowhere = IpAddr::V6(Ipv6Addr::UNSPECIFIED);
        if let Some(known) = known {
            let address = address.or_else(|| known.pod.ips.first().copied()).unwrap_or(nowhere);
            return Party { id: known.workload.clone(), pod: pod.pod.as_deref().map(pod_name), address };
        }
        let (id, one) = match (&pod.workload, &pod.pod) {
            (Some((kind, name)), _) => self.workload(&pod.namespace, kind, name),
            (None, name) => {
                (NodeId::workload(&pod.namespace, "Pod", name.as_deref().unwrap_or_default()), None)
            }
        };
        // Of a group any of its pods stands for those that the log does not name.
        let one = one.filter(|_| pod.pod.is_none()).and_then(|one| one.ips.first().copied());
        Party { id, pod: pod.pod.as_deref().map(pod_name), address: address.or(one).unwrap_or(nowhere) }
    }
}

#[cfg(test)]
mod tests;
