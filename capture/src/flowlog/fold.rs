//! Lines become conversations while they are read.
//!
//! The port of the one who opened changes with each connection and names nothing, so it is not
//! part of what a conversation is; how many there were is kept. Where a line does not tell who
//! opened, the end with the ephemeral port is put first, and it stays open until everything was
//! read whether the other one served: other lines tell, or three client ports do.

mod absorb;

use std::collections::BTreeSet;

use flowfence_model::logged::{
    Conversation, Identity, IdentityId, Logged, LoggedCounts, LoggedEnd, NameId, Observer, ObserverId,
};
use flowfence_model::{Address, IcmpType, Orientation, Protocol};
use foldhash::fast::RandomState;
use hashbrown::{HashMap, HashSet};

use super::conversations::Conversations;
use super::entry::{Answer, End, Entry, Opener, icmp_question};
use super::intern::Interner;
use super::manner::How;
use crate::cause::{Cause, Tally};
use crate::decode::connectable;

/// Where the ports begin that systems hand out to clients: Linux from 32768 (`ip_local_port_range`),
/// others from 49152 (RFC 6335 §6).
pub(super) const EPHEMERAL: u16 = 32_768;

/// Clusters that are told apart at most.
const MAX_CLUSTERS: usize = 1 << 10;

/// Client ports of one client, or clients, that show which end serves.
const MANY: u64 = 3;

/// Everything that logs told so far.
#[derive(Clone, Debug, Default)]
pub struct Fold {
    conversations: Conversations,
    identities: Interner<Option<Identity>>,
    observers: Interner<Observer>,
    names: Interner<String>,
    /// The clusters whose nodes wrote lines.
    clusters: BTreeSet<String>,
    lines: u64,
    /// Lines that are no conversation.
    left_out: Tally,
}

impl Fold {
    /// The number of what a log wrote as `raw` about an end; `read` is asked once for each writing,
    /// and may find that it is nobody in particular.
    pub fn identity(&mut self, raw: &[u8], read: impl FnOnce() -> Option<Identity>) -> Option<IdentityId> {
        let number = self.identities.intern(raw, read)?;
        self.named(number)
    }

    /// The number of a writing that was met.
    pub(super) fn number_of(&self, raw: &[u8]) -> Option<u32> {
        self.identities.find(raw)
    }

    /// Who the writing of this number is about, unless it is nobody in particular.
    pub(super) fn named(&self, number: u32) -> Option<IdentityId> {
        self.identities.get(number)?.is_some().then_some(IdentityId(number))
    }

    /// An observer by its format and name, of whose pods not everything need be in the log.
    pub fn observer(&mut self, format: &'static str, name: &str) -> ObserverId {
        let make = || Observer { format, name: name.to_owned(), is_whole: false };
        ObserverId(self.observers.intern_pair(format, name, make).unwrap_or(u32::MAX))
    }

    /// A node that reports all traffic of its pods.
    pub fn node(&mut self, format: &'static str, name: &str) -> ObserverId {
        let make = || Observer { format, name: name.to_owned(), is_whole: !name.is_empty() };
        ObserverId(self.observers.intern_pair(format, name, make).unwrap_or(u32::MAX))
    }

    /// Notes the cluster of a node that wrote a line.
    #[inline]
    pub fn written_in(&mut self, cluster: Option<&str>) {
        if let Some(cluster) = cluster
            && !self.clusters.contains(cluster)
            && self.clusters.len() < MAX_CLUSTERS
        {
            self.clusters.insert(cluster.to_owned());
        }
    }

    /// A service or policy by its namespace and name.
    pub fn name(&mut self, namespace: &str, name: &str) -> Option<NameId> {
        if name.is_empty() {
            return None;
        }
        let make = || if namespace.is_empty() { name.to_owned() } else { format!("{namespace}/{name}") };
        self.names.intern_pair(namespace, name, make).map(NameId)
    }

    /// The number of a host that the log does not name, for the lines that have it; `None` when it can be
    /// no end of a connection, or there is no room.
    pub fn host(&mut self, address: Address) -> Option<u32> {
        connectable(address, address).ok()?;
        let end = LoggedEnd { address: Some(address), identity: None };
        self.conversations.end(&end)
    }

    /// The number of an end that lines had, unless it can be no end of a connection.
    pub(super) fn end(&self, end: &LoggedEnd) -> Option<u32> {
        let address = end.address?;
        connectable(address, address).ok()?;
        self.conversations.known(end)
    }

    /// Takes one line.
    pub fn add(&mut self, entry: &Entry) {
        self.lines += 1;
        if !matches!(entry.numbers, [Some(_), Some(_)])
            && let Err(cause) = between_hosts(entry)
        {
            return self.left_out.add(cause);
        }
        let mut asked = None;
        if let Some(icmp) = entry.icmp {
            match of_question(entry, icmp) {
                Ok(entry) => asked = Some(entry),
                Err(cause) => return self.left_out.add(cause),
            }
        }
        let entry = asked.as_ref().unwrap_or(entry);
        let is_turned = match entry.opener {
            Opener::Source => false,
            Opener::Destination => true,
            Opener::Untold => !is_source_first(entry),
        };
        let [source, destination] =
            [(&entry.source, entry.numbers[0]), (&entry.destination, entry.numbers[1])];
        let (client, server) = if is_turned { (destination, source) } else { (source, destination) };
        // Nothing listens on port 0: it stands where there is none to tell, as of later fragments.
        if entry.protocol.has_ports() && server.0.port.is_none_or(|port| port == 0) {
            return self.left_out.add(Cause::LogIncomplete);
        }
        let ends = [self.number(client), self.number(server)];
        // Where both ends are the same nothing went back.
        let counts = counts(entry, client.0, is_turned && entry.source != entry.destination);
        self.conversations.count(ends, &how(entry, server.0), &counts);
    }

    /// The number of an end of a line, which may have one already.
    #[inline]
    fn number(&mut self, (end, number): (&End, Option<u32>)) -> Option<u32> {
        number.or_else(|| {
            let end = LoggedEnd { address: end.address, identity: end.identity };
            self.conversations.end(&end)
        })
    }

    /// Connections and conversations, with what only the whole can tell.
    pub(crate) fn finish(mut self, tally: &mut Tally) -> Logged {
        let (mut conversations, addresses, overflowed) = std::mem::take(&mut self.conversations).finish();
        tally.add_many(Cause::ConversationsOverflowed, overflowed);
        tally.add_all(&self.left_out);
        let served = served(&conversations);
        let observers = self.observers.finish();
        let format = |c: &Conversation| observers.get(c.observer.0 as usize).map_or("", |o| o.format);
        // A log that ever shows an answer means something by silence.
        let shows = |c: &&Conversation| {
            let counts = &c.counts;
            counts.answered
                || counts.packets[1] > 0
                || counts.octets[1] > 0
                || counts.refused > 0
                || counts.unanswered > 0
        };
        let telling: HashSet<&str, RandomState> = conversations.iter().filter(shows).map(format).collect();
        for conversation in &mut conversations {
            if conversation.orientation == Orientation::Unknown && served.contains(&server_of(conversation)) {
                conversation.orientation = Orientation::Inferred;
            }
            conversation.counts.tells_answers = telling.contains(format(conversation));
        }
        // A writing that is nobody keeps its number, so that the others keep theirs.
        let identities = self.identities.finish().into_iter();
        let mut identities: Vec<Identity> =
            identities.map(|identity| identity.unwrap_or(Identity::Outside(None))).collect();
        let elsewhere = identities.iter_mut().map(|identity| settle(identity, &self.clusters));
        tally.add_many(Cause::LogOtherCluster, elsewhere.map(u64::from).sum());
        Logged {
            conversations,
            identities,
            addresses,
            observers,
            names: self.names.finish(),
            lines: self.lines,
        }
    }
}

/// A pod of a cluster of which no node wrote a line (Cilium Cluster Mesh) is outside, whatever pod here has its name.
/// Whether it is one.
fn settle(identity: &mut Identity, own: &BTreeSet<String>) -> bool {
    let Identity::Pod(pod) = identity else { return false };
    let other = pod.cluster.take().filter(|cluster| !own.is_empty() && !own.contains(cluster));
    let is_elsewhere = other.is_some();
    if is_elsewhere {
        *identity = Identity::Outside(other);
    }
    is_elsewhere
}

/// Ends that are known to serve: the log says so of a connection to them, or of one client
/// several ports, or several clients, were seen.
fn served(conversations: &[Conversation]) -> HashSet<Server, RandomState> {
    let mut clients: HashMap<Server, u64, RandomState> = HashMap::default();
    for conversation in conversations {
        let known = clients.entry(server_of(conversation)).or_default();
        *known += match conversation.orientation {
            Orientation::Seen => MANY,
            _ => u64::from(conversation.counts.client_ports.count_ones()),
        };
    }
    clients.into_iter().filter(|(_, n)| *n >= MANY).map(|(server, _)| server).collect()
}

/// What serves.
type Server = (LoggedEnd, Protocol, Option<u16>);

fn server_of(conversation: &Conversation) -> Server {
    (conversation.to, conversation.protocol, conversation.port)
}

/// Whether a line is about two hosts.
fn between_hosts(entry: &Entry) -> Result<(), Cause> {
    let (source, destination) = (entry.source.address, entry.destination.address);
    match (source.or(destination), destination.or(source)) {
        (Some(source), Some(destination)) => connectable(source, destination),
        _ => Ok(()),
    }
}

/// The line of an ICMP message as that of its question.
fn of_question(entry: &Entry, icmp: IcmpType) -> Result<Entry, Cause> {
    let address = entry.source.address.or(entry.destination.address);
    let is_v6 = address.map_or(icmp.kind >= 128, |address| address.ip().is_ipv6());
    let (question, is_question) = icmp_question(icmp, is_v6)?;
    let mut entry = Entry { icmp: Some(question), ..*entry };
    entry.opener = if is_question { Opener::Source } else { Opener::Destination };
    if !is_question && entry.answer == Answer::Untold {
        entry.answer = Answer::Answered;
    }
    Ok(entry)
}

/// The end with the ephemeral port is the client's; of two of a kind the one with the higher port,
/// so that both directions of one connection meet.
#[inline]
fn is_source_first(entry: &Entry) -> bool {
    let (source, destination) = (&entry.source, &entry.destination);
    // One number, since nobody foresees which end of a line it is. The port that a log leaves out is the client's,
    // and the lowest.
    let order = |end: &End| match end.port {
        None => IS_CLIENT,
        Some(port) => (u32::from(port >= EPHEMERAL) * IS_CLIENT) | IS_THERE | u32::from(port),
    };
    let [this, other] = [order(source), order(destination)];
    if this == other { source.address >= destination.address } else { this > other }
}

const IS_CLIENT: u32 = 1 << 17;
const IS_THERE: u32 = 1 << 16;

/// What one line adds to its conversation.
#[inline]
fn counts(entry: &Entry, client: &End, is_turned: bool) -> LoggedCounts {
    let there_and_back = |[there, back]: [u64; 2]| if is_turned { [back, there] } else { [there, back] };
    // A reset of the one who asked refuses nothing.
    let is_refused = entry.answer == Answer::Refused && (is_turned || entry.opener != Opener::Untold);
    let refused = if is_refused { entry.connections.max(1) } else { 0 };
    let mut counts = LoggedCounts {
        lines: 1,
        opened: entry.connections,
        refused,
        unanswered: if entry.answer == Answer::Nothing { entry.connections.max(1) } else { 0 },
        answered: entry.answer == Answer::Answered,
        tells_answers: false,
        client_ports: 0,
        packets: there_and_back(entry.packets),
        octets: there_and_back(entry.octets),
        first: entry.time.0,
        last: entry.time.1,
    };
    if is_refused {
        // Whatever came back is the refusal, said several times or counted by a sample: no answer.
        let [_, back] = &mut counts.packets;
        *back = (*back).min(refused);
    }
    if let Some(port) = client.port
        && entry.protocol.has_ports()
    {
        counts.note_client_port(port);
    }
    counts
}

#[inline]
fn how(entry: &Entry, server: &End) -> How {
    How {
        protocol: entry.protocol,
        port: server.port.filter(|_| entry.protocol.has_ports()),
        icmp: entry.icmp,
        is_told: entry.opener != Opener::Untold,
        verdict: entry.verdict,
        policy: entry.policy,
        service: entry.service,
        service_address: entry.service_address,
        observer: entry.observer,
    }
}
