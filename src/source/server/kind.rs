//! Kinds of servers that tell flows over gRPC, and what differs between them.

use flowfence_capture::{Heard, Recorder};
use flowfence_model::Timestamp;

use super::{goldmane, hubble};

/// A kind of server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// Cilium's Hubble.
    Hubble,
    /// Calico's Goldmane.
    Goldmane,
}

impl Kind {
    /// Every kind.
    pub const ALL: [Kind; 2] = [Kind::Hubble, Kind::Goldmane];

    /// How it is spoken to.
    pub const fn dialect(self) -> &'static Dialect {
        match self {
            Kind::Hubble => &hubble::DIALECT,
            Kind::Goldmane => &goldmane::DIALECT,
        }
    }
}

/// How servers of one kind are named, found and spoken to.
#[derive(Debug)]
pub struct Dialect {
    /// What it is called.
    pub name: &'static str,
    /// What its sources begin with, without and with TLS.
    pub schemes: [&'static str; 2],
    /// Its port, unless the source names one.
    pub port: u16,
    /// Whether it also listens on sockets of its machine.
    pub has_sockets: bool,
    /// Its service in gRPC.
    pub service: &'static str,
    /// Where such servers listen, in half a sentence.
    pub listens: &'static str,
    /// What makes one listen on this machine.
    pub forward: &'static str,
    /// The least version of TLS that it wants, in half a sentence; empty where that is any.
    pub wants: &'static str,
    /// The call that asks who is there, and its request.
    pub who: (&'static str, fn() -> Vec<u8>),
    /// What the answer says of it, for people.
    pub introduced: fn(&[u8]) -> Vec<String>,
    /// The call that streams flows.
    pub flows: &'static str,
    /// A stream over as many connections as it takes.
    pub open: fn() -> Box<dyn FlowStream>,
}

/// Messages of one server, over as many connections as it takes.
pub trait FlowStream: std::fmt::Debug {
    /// The request that begins the next connection.
    fn connect(&mut self, now: Timestamp, recorder: &mut Recorder, input: u32) -> Vec<u8>;

    /// Takes one message.
    fn take(&mut self, octets: &[u8], recorder: &mut Recorder, input: u32) -> Heard;

    /// Nodes whose flows came so far; `None` where it does not tell them apart.
    fn nodes(&self) -> Option<usize>;
}
