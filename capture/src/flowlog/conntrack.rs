//! The kernel's connection tracking: `conntrack -L`, `conntrack -E` and `/proc/net/nf_conntrack`
//! (conntrack-tools; kernel `net/netfilter/nf_conntrack_standalone.c`).
//!
//! A line has the connection as it was sent and as the answer comes back; where the two differ,
//! addresses were translated. Events tell one connection several times, so lines are gathered
//! until it ends.

use std::collections::HashMap;
use std::hash::{BuildHasher, Hasher};
use std::time::Duration;

use flowfence_model::{Address, Endpoint, IcmpType, Protocol, Timestamp};
use foldhash::fast::{FixedState, RandomState};

use super::connection::{Connection, State};
use super::entry::Skip;
use super::fold::EPHEMERAL;
use super::{Decoder, LogFormat, Sink, Tells, text};
use crate::cause::Cause;

pub(super) const FORMAT: LogFormat = LogFormat {
    token: "conntrack",
    name: "Linux connection tracking (conntrack -L, -E, /proc/net/nf_conntrack)",
    tells: Tells { opener: true, answer: true, verdict: false, names: false, counts: true, service: true },
    caveat: "Counts only with net.netfilter.nf_conntrack_acct=1 and, of events, only at the end of a connection. \
             A listing has no refused connections, and no times without nf_conntrack_timestamp: the time of the \
             file stands in. Cilium without kube-proxy keeps its connections elsewhere.",
    recognise,
    open: || Box::new(Conntrack::default()),
};

/// Connections of events that are gathered at once; beyond, each line stands for itself.
const MAX_OPEN: usize = 1 << 20;

fn recognise(line: &[u8]) -> bool {
    let has = |part: &[u8]| memchr::memmem::find(line, part).is_some();
    let two_tuples = memchr::memmem::find_iter(line, b"src=").count() == 2;
    two_tuples && has(b"dst=") && !has(b"{") && (has(b"sport=") || has(b"type="))
}

#[derive(Default)]
struct Conntrack {
    open: HashMap<Key, Connection, RandomState>,
}

/// Original tuple, answer's tuple, protocol, id.
type Key = (Tuple, Tuple, Protocol, u64);

/// A tuple: source and destination, ports included.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
struct Tuple {
    source: Endpoint,
    destination: Endpoint,
}

/// What one line says.
struct Line {
    key: Key,
    icmp: Option<IcmpType>,
    state: State,
    counters: Option<[u64; 4]>,
    time: Option<Timestamp>,
    /// How long ago it began.
    age: Option<Duration>,
    is_unreplied: bool,
    is_end: bool,
    is_event: bool,
}

impl Decoder for Conntrack {
    fn line(&mut self, line: &[u8], to: &mut Sink<'_>) -> Result<(), Skip> {
        // What the program says of itself, on a terminal or in a file.
        if line.starts_with(b"conntrack v") {
            return Err(Skip::Other(Cause::LogOther));
        }
        let line = parse(line)?;
        let now = line.time.unwrap_or(to.time);
        let first = line.age.map_or(now, |age| now.minus(age));
        let counters = line.counters.unwrap_or_default();
        // Without counts it is known all the same what was sent, where nothing else is.
        let packets = match (line.state, line.counters) {
            (State::Untold, None) => [1, u64::from(!line.is_unreplied)],
            _ => [counters[0], counters[2]],
        };
        let fresh = Connection {
            client: line.key.0.source,
            server: line.key.0.destination,
            protocol: line.key.2,
            icmp: line.icmp,
            time: (first, now),
            state: line.state,
            packets,
            octets: [counters[1], counters[3]],
            mark: Some(mark(&line.key)),
        };
        if !line.is_event {
            // A listing that is repeated has a connection again, further on.
            merge(self.open.entry(line.key).or_insert(fresh), &fresh);
        } else if line.is_end {
            let mut whole = self.open.remove(&line.key).unwrap_or(fresh);
            merge(&mut whole, &fresh);
            emit(&line.key, &whole, to);
        } else {
            merge(self.open.entry(line.key).or_insert(fresh), &fresh);
        }
        if self.open.len() > MAX_OPEN {
            self.finish(to);
        }
        Ok(())
    }

    fn finish(&mut self, to: &mut Sink<'_>) {
        let mut all: Vec<(Key, Connection)> = self.open.drain().collect();
        // A map gives them in an order of its own each time.
        all.sort_unstable_by_key(|(key, connection)| (connection.time, *key));
        for (key, connection) in all {
            emit(&key, &connection, to);
        }
    }
}

/// What is told later is more: counters grow, and a connection that was established stays it.
fn merge(known: &mut Connection, more: &Connection) {
    known.time = (known.time.0.min(more.time.0), known.time.1.max(more.time.1));
    let counters = known.packets.iter_mut().chain(&mut known.octets);
    for (count, more) in counters.zip(more.packets.into_iter().chain(more.octets)) {
        *count = (*count).max(more);
    }
    known.state = match (known.state, more.state) {
        (State::Established, _)
        | (_, State::Established)
        // An event that tells of the opening tells who opened what goes on.
        | (State::Untold, State::Unanswered)
        | (State::Unanswered, State::Untold) => State::Established,
        (State::Refused, _) | (_, State::Refused) => State::Refused,
        (_, later) => later,
    };
}

/// The connection as it was sent and, where addresses were translated, as it arrived.
fn emit(key: &Key, connection: &Connection, to: &mut Sink<'_>) {
    let (sent, answer, ..) = key;
    to.connection(connection);
    let arrived = Connection { client: answer.destination, server: answer.source, ..*connection };
    if answer.destination != sent.source || answer.source != sent.destination {
        to.connection(&arrived);
    }
}

/// The same for one connection on every node that has it: each knows it as it arrived, and only
/// the one that translated it as it was sent.
fn mark((_, answer, ..): &Key) -> u32 {
    let mut hasher = FixedState::with_seed(0).build_hasher();
    for end in [answer.source, answer.destination] {
        hasher.write(end.address.octets());
        hasher.write_u16(end.port);
    }
    // The upper half of a hash is as good as the lower.
    u32::try_from(hasher.finish() >> 32).unwrap_or(0)
}

fn parse(line: &[u8]) -> Result<Line, Skip> {
    let mut words = line.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty()).peekable();
    let mut time = None;
    if let Some(stamp) = words.peek().and_then(|word| word.strip_prefix(b"[")?.strip_suffix(b"]"))
        && let Some(at) = text::epoch(stamp)
    {
        time = Some(at);
        words.next();
    }
    let mut read = Reading { time, ..Reading::default() };
    for word in words {
        read.word(word);
    }
    read.finish()
}

/// A line while its words are read.
#[derive(Default)]
struct Reading<'a> {
    time: Option<Timestamp>,
    protocol: Option<Protocol>,
    is_other_protocol: bool,
    /// The six values of both tuples, in their order.
    tuples: [[Option<&'a [u8]>; 6]; 2],
    /// Which of the two is being read, plus one.
    tuple: usize,
    kind: Option<u8>,
    code: Option<u8>,
    id: u64,
    age: Option<Duration>,
    event: Option<&'a [u8]>,
    tcp_state: Option<&'a [u8]>,
    is_unreplied: bool,
    is_assured: bool,
}

const FIELDS: [&[u8]; 6] = [b"src", b"dst", b"sport", b"dport", b"packets", b"bytes"];

impl<'a> Reading<'a> {
    fn word(&mut self, word: &'a [u8]) {
        let Some(at) = memchr::memchr(b'=', word) else { return self.bare(word) };
        let (name, value) = (word.get(..at).unwrap_or_default(), word.get(at + 1..).unwrap_or_default());
        if name == b"src" {
            self.tuple += 1;
        }
        if let Some(field) = FIELDS.iter().position(|field| *field == name)
            && let Some(slot) = self.tuples.get_mut(self.tuple.wrapping_sub(1)).and_then(|t| t.get_mut(field))
        {
            *slot = Some(value);
        }
        match name {
            b"type" if self.tuple == 1 => self.kind = text::number(value).and_then(|n| u8::try_from(n).ok()),
            b"code" if self.tuple == 1 => self.code = text::number(value).and_then(|n| u8::try_from(n).ok()),
            // The query's identifier stands where ports would; the entry's own comes behind it.
            b"id" if self.protocol == Some(Protocol::Icmp) && self.identifier().is_some() => {
                if let Some(slot) = self.identifier() {
                    *slot = Some(value);
                }
            }
            b"id" => self.id = text::number(value).unwrap_or(0),
            b"delta-time" => self.age = text::number(value).map(Duration::from_secs),
            _ => {}
        }
    }

    /// Where the identifier of an ICMP query goes that comes next: to the port of the one who asked.
    fn identifier(&mut self) -> Option<&mut Option<&'a [u8]>> {
        let [sent, answer] = &mut self.tuples;
        let slot = if self.tuple == 1 { sent.get_mut(2)? } else { answer.get_mut(3)? };
        slot.is_none().then_some(slot)
    }

    fn bare(&mut self, word: &'a [u8]) {
        match word {
            b"[NEW]" | b"[UPDATE]" | b"[DESTROY]" => self.event = Some(word),
            b"[UNREPLIED]" => self.is_unreplied = true,
            // What is offloaded to a flow table was established, and has no other state.
            b"[ASSURED]" | b"[OFFLOAD]" | b"[HW_OFFLOAD]" => self.is_assured = true,
            b"tcp" => self.protocol = Some(Protocol::Tcp),
            b"udp" => self.protocol = Some(Protocol::Udp),
            b"sctp" => self.protocol = Some(Protocol::Sctp),
            b"icmp" | b"icmpv6" => self.protocol = Some(Protocol::Icmp),
            b"gre" | b"udplite" | b"dccp" | b"unknown" | b"esp" | b"igmp" => self.is_other_protocol = true,
            state
                if self.tuple == 0
                    && state.iter().all(|c| c.is_ascii_uppercase() || *c == b'_' || c.is_ascii_digit())
                    && state.iter().any(u8::is_ascii_uppercase) =>
            {
                self.tcp_state = Some(state);
            }
            _ => {}
        }
    }

    fn finish(self) -> Result<Line, Skip> {
        let Some(protocol) = self.protocol else {
            let other = Skip::Other(Cause::OtherIpProtocol);
            return Err(if self.is_other_protocol { other } else { Skip::Bad("no protocol") });
        };
        let (Some(sent), Some(answer)) = (self.tuple(0, protocol), self.tuple(1, protocol)) else {
            return Err(Skip::Bad("not two tuples of addresses and ports"));
        };
        let counter = |tuple: usize, field: usize| {
            self.tuples.get(tuple).and_then(|t| *t.get(field)?).and_then(text::number)
        };
        let counters = counter(0, 4).map(|packets| {
            [packets, counter(0, 5).unwrap_or(0), counter(1, 4).unwrap_or(0), counter(1, 5).unwrap_or(0)]
        });
        let icmp = (protocol == Protocol::Icmp)
            .then(|| IcmpType { kind: self.kind.unwrap_or(0), code: self.code.unwrap_or(0) });
        Ok(Line {
            state: match self.state(protocol, counters) {
                State::Established | State::Unanswered if self.is_picked_up(protocol, sent, answer) => {
                    State::Untold
                }
                state => state,
            },
            key: (sent, answer, protocol, self.id),
            icmp,
            counters,
            time: self.time,
            age: self.age,
            is_unreplied: self.is_unreplied,
            is_end: self.event == Some(b"[DESTROY]"),
            is_event: self.event.is_some(),
        })
    }

    fn tuple(&self, which: usize, protocol: Protocol) -> Option<Tuple> {
        let values = self.tuples.get(which)?;
        let end = |address: usize, port: usize| {
            let port = values.get(port)?.and_then(text::port);
            let address: Address = text::address((*values.get(address)?)?)?;
            Some(Endpoint::new(address, if protocol.has_ports() { port? } else { port.unwrap_or(0) }))
        };
        Some(Tuple { source: end(0, 2)?, destination: end(1, 3)? })
    }

    /// Whether it may have been picked up in the middle (`nf_conntrack_tcp_loose`), where the first packet that comes
    /// by makes the original direction. The kernel does not say so, but what is picked up is never translated, and
    /// seldom does a client have a port of servers and its server one of clients.
    fn is_picked_up(&self, protocol: Protocol, sent: Tuple, answer: Tuple) -> bool {
        let is_waiting = matches!(self.tcp_state, Some(b"SYN_SENT" | b"SYN_RECV" | b"SYN_SENT2"));
        let is_translated = answer.destination != sent.source || answer.source != sent.destination;
        let looks_inverted = sent.source.port < EPHEMERAL && sent.destination.port >= EPHEMERAL;
        let is_one_sided = self.is_unreplied && self.tcp_state == Some(b"ESTABLISHED");
        let may_be = if self.is_unreplied { is_one_sided } else { looks_inverted };
        protocol == Protocol::Tcp && !is_waiting && !is_translated && may_be
    }

    /// A TCP connection that was answered but never assured was refused, or half-open when the
    /// state says that it still waits.
    fn state(&self, protocol: Protocol, counters: Option<[u64; 4]>) -> State {
        if self.is_unreplied {
            // A reset in answer to the opening ends the entry before it counts as a reply.
            let is_reset = protocol == Protocol::Tcp
                && (self.tcp_state == Some(b"CLOSE") || counters.is_some_and(|[_, _, back, _]| back > 0));
            return if is_reset { State::Refused } else { State::Unanswered };
        }
        if protocol != Protocol::Tcp || self.is_assured {
            return State::Established;
        }
        match self.tcp_state {
            Some(b"ESTABLISHED" | b"FIN_WAIT" | b"CLOSE_WAIT" | b"LAST_ACK" | b"TIME_WAIT") => {
                State::Established
            }
            Some(b"SYN_SENT" | b"SYN_RECV" | b"SYN_SENT2" | b"NONE") => State::Unanswered,
            // Only the end of it was told: a handshake takes two packets there.
            None if counters.is_some_and(|[there, _, back, _]| there >= 2 && back >= 1) => State::Established,
            _ => State::Refused,
        }
    }
}
