//! Hubble's flows as its gRPC service streams them, message by message (`observer.Observer/GetFlows`).
//!
//! A connection breaks, and the next one asks for what there was since the last event of each node,
//! and a little before: so nothing is lost that a node still has in its ring, and what comes twice
//! is known by its number (`uuid`) or, of old versions, by its octets. Where nothing comes twice
//! from a node that was heard before, its ring has turned over meanwhile, and something is lost.

use std::collections::{BTreeSet, VecDeque};
use std::hash::BuildHasher;
use std::time::Duration;

use flowfence_model::Timestamp;
use foldhash::fast::RandomState;
use hashbrown::{HashMap, HashSet};
use prost::Message as _;

use super::entry::Skip;
use super::heard::Heard;
use super::hubble::{node_status, one};
use super::hubble_flow::Status;
use super::hubble_message::{FlowMessage, Moment, Request, Response, ServerStatus, member};
use crate::cause::Cause;
use crate::recorder::Recorder;

/// How far before the last event a new connection begins to ask. Events of one node are in the
/// order of their times but for what its processors and Relay's sorting shift: a second at most.
const OVERLAP: Duration = Duration::from_secs(5);
/// Events that are remembered, of all nodes together: some 40 octets each, five seconds of 50,000 a
/// second.
const REMEMBERED: usize = 1 << 18;
/// Nodes that are told apart.
const MAX_NODES: usize = 1 << 16;
/// Octets of a node's name, which is a name of DNS (253) behind that of its cluster; longer ones are no names.
const MAX_NAME: usize = 512;

/// States of a node in `relay.NodeState`.
const CONNECTED: i32 = 1;
const GONE: i32 = 3;
const AWAY: std::ops::RangeInclusive<i32> = 2..=4;

/// One server's flows, over as many connections as it takes.
#[derive(Debug, Default)]
pub struct HubbleStream {
    nodes: HashMap<String, Node, RandomState>,
    /// Nodes that Relay said it cannot hear.
    away: BTreeSet<String>,
    recent: Recent,
    repeated: u64,
}

/// How far a node was heard.
#[derive(Clone, Copy, Debug)]
struct Node {
    /// Time of its latest event.
    last: Timestamp,
    /// What that was when its present connection began, unless that is the first one.
    seam: Option<Seam>,
}

#[derive(Clone, Copy, Debug)]
struct Seam {
    at: Timestamp,
    /// Whether its two sides were seen to overlap, or were found not to.
    is_closed: bool,
}

/// Who answers at the other end.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HubbleServer {
    /// Its version, in its words.
    pub version: String,
    /// Nodes that it hears, and nodes that it cannot hear; only Relay tells.
    pub nodes: Option<(u32, u32)>,
}

impl HubbleServer {
    /// Reads a `ServerStatusResponse`; of one that cannot be read nothing is known.
    pub fn read(octets: &[u8]) -> Self {
        let status = ServerStatus::decode(octets).unwrap_or_default();
        let nodes =
            status.num_connected_nodes.map(|there| (there, status.num_unavailable_nodes.unwrap_or(0)));
        HubbleServer { version: status.version, nodes }
    }
}

impl HubbleStream {
    /// The request (`GetFlowsRequest`) that begins the next connection: everything that the server
    /// still has, at first, and later what was not heard; then what comes. No event is taken to be
    /// later than `now`, whatever a node's clock or a damaged message says.
    pub fn connect(&mut self, now: Timestamp) -> Vec<u8> {
        for node in self.nodes.values_mut() {
            node.last = node.last.min(now);
            node.seam = Some(Seam { at: node.last, is_closed: false });
        }
        // Every node that may still speak was heard until then.
        let last = self.nodes.values().map(|node| node.last).min();
        let since = last.map_or(Timestamp::from_nanos(0), |last| last.minus(OVERLAP));
        Request { follow: true, since: Some(Moment::of(since)) }.encode_to_vec()
    }

    /// Messages that came again after a connection had broken, so far.
    pub fn repeated(&self) -> u64 {
        self.repeated
    }

    /// Nodes whose flows came so far.
    pub fn nodes(&self) -> usize {
        self.nodes.len()
    }

    /// Takes one message (`GetFlowsResponse`).
    pub fn take(&mut self, octets: &[u8], recorder: &mut Recorder, input: u32) -> Heard {
        let heard = self.message(octets, recorder, input);
        let heard = Heard::note(heard, octets.len(), recorder, input);
        self.repeated += u64::from(heard == Heard::Repeated);
        heard
    }

    fn message(&mut self, octets: &[u8], recorder: &mut Recorder, input: u32) -> Result<Heard, Skip> {
        let response =
            Response::decode(octets).map_err(|_| Skip::Bad("not the message of a Hubble event"))?;
        if let Some(raw) = &response.flow {
            return self.flow(raw, &response.node_name, recorder, input);
        }
        if let Some(lost) = &response.lost_events {
            // One that stands in the ring is told again, whatever is asked for; it has its time.
            if response.time.is_some() && !self.recent.insert(octets) {
                return Ok(Heard::Repeated);
            }
            recorder.log(input).tally.add_many(Cause::LogLost, lost.num_events_lost.max(1));
            return Ok(Heard::News);
        }
        if let Some(status) = response.node_status {
            self.status(status.state_change, status.node_names, recorder, input);
            return Ok(Heard::News);
        }
        // An event of a kind that is not known.
        Err(Skip::Other(Cause::LogOther))
    }

    fn flow(&mut self, raw: &[u8], node: &str, recorder: &mut Recorder, input: u32) -> Result<Heard, Skip> {
        let flow = FlowMessage::decode(raw).map_err(|_| Skip::Bad("not the message of a Hubble flow"))?;
        let time = flow.time.and_then(Moment::time);
        let name = if flow.node_name.is_empty() { node } else { &flow.node_name };
        let is_known = if flow.uuid.is_empty() {
            !self.recent.insert(raw)
        } else {
            !self.recent.insert_pair(name, &flow.uuid)
        };
        let (is_old, is_gap) = self.note(name, time, is_known);
        let mut sink = recorder.log(input);
        if is_gap {
            // How many there were nobody knows.
            sink.tally.add(Cause::LogLost);
        }
        if is_known || is_old {
            return Ok(Heard::Repeated);
        }
        one(&flow.flow(), time, Some(node), &mut sink)?;
        Ok(Heard::News)
    }

    /// Notes an event of a node: whether it lies so far before the seam that it was heard, and
    /// whether it shows that something between the connections was not.
    fn note(&mut self, name: &str, time: Option<Timestamp>, is_known: bool) -> (bool, bool) {
        let Some(time) = time else { return (false, false) };
        let Some(node) = self.nodes.get_mut(name) else {
            if self.nodes.len() < MAX_NODES && name.len() <= MAX_NAME {
                self.nodes.insert(name.to_owned(), Node { last: time, seam: None });
            }
            return (false, false);
        };
        node.last = node.last.max(time);
        let Some(seam) = &mut node.seam else { return (false, false) };
        let is_overlap = is_known || time <= seam.at;
        let is_gap = !is_overlap && !seam.is_closed;
        seam.is_closed = true;
        (time.plus(OVERLAP) < seam.at, is_gap)
    }

    fn status(&mut self, state: i32, names: Vec<String>, recorder: &mut Recorder, input: u32) {
        let is_unnamed = names.is_empty();
        let mut news = names;
        if AWAY.contains(&state) {
            // Told anew with every connection, and once is enough.
            if state == GONE {
                self.nodes.retain(|name, _| !news.contains(name));
            }
            let away = &mut self.away;
            news.retain(|name| {
                let has_room = name.len() <= MAX_NAME && away.len() < MAX_NODES;
                if has_room { away.insert(name.clone()) } else { !away.contains(name) }
            });
        } else if state == CONNECTED {
            for name in &news {
                self.away.remove(name);
                // Relay asks it as it asked at first.
                if let Some(node) = self.nodes.get_mut(name) {
                    node.seam.get_or_insert(Seam { at: node.last, is_closed: false });
                }
            }
        }
        if is_unnamed || !news.is_empty() {
            let names = news.into_iter().map(Into::into).collect();
            let status = Status { state_change: member(state), node_names: names };
            node_status(&status, &mut recorder.log(input));
        }
    }
}

/// The latest events, so that one that comes again is known.
#[derive(Debug, Default)]
struct Recent {
    seed: RandomState,
    known: HashSet<u64, RandomState>,
    order: VecDeque<u64>,
}

impl Recent {
    /// Remembers one; whether it is new.
    fn insert(&mut self, octets: &[u8]) -> bool {
        self.insert_hash(self.seed.hash_one(octets))
    }

    fn insert_pair(&mut self, first: &str, second: &str) -> bool {
        self.insert_hash(self.seed.hash_one((first, second)))
    }

    fn insert_hash(&mut self, hash: u64) -> bool {
        if !self.known.insert(hash) {
            return false;
        }
        self.order.push_back(hash);
        if self.order.len() > REMEMBERED
            && let Some(oldest) = self.order.pop_front()
        {
            self.known.remove(&oldest);
        }
        true
    }
}

#[cfg(test)]
mod tests;
