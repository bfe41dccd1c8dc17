//! What this node's connection tracking says of services, heard over netlink
//! (`NETLINK_NETFILTER`, groups of new and ended connections).
//!
//! Only connections whose destination was rewritten are kept: of each, whom it asked and who got it.
//! It needs `CAP_NET_ADMIN` in the network namespace; without it services are concluded.

use std::collections::HashMap;
use std::io;
use std::net::IpAddr;
use std::os::fd::AsFd;
use std::sync::{Arc, Mutex, PoisonError};

use flowfence_model::{Endpoint, Protocol, Timestamp, Translation};
use netlink_packet_core::{NLM_F_DUMP, NLM_F_REQUEST, NetlinkHeader, NetlinkMessage, NetlinkPayload};
use netlink_packet_netfilter::conntrack::{
    ConntrackAttribute, ConntrackMessage, IPTuple, ProtoTuple, Protocol as Number, Tuple,
};
use netlink_packet_netfilter::{
    NetfilterHeader, NetfilterMessage, NetfilterMessageInner, NetfilterProtoFamily,
};
use netlink_sys::Socket;
use netlink_sys::protocols::NETLINK_NETFILTER;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use super::stop::{Stop, now};

/// Translations that are kept at most, some 140 octets each; later ones are counted.
const MAX_KEPT: usize = 1_000_000;
/// What the kernel keeps for us at most while nobody reads.
const BACKLOG_OCTETS: usize = 8 << 20;
/// Groups of events (`nfnetlink_compat.h`, `NFNLGRP_CONNTRACK_*`).
const GROUPS: [u32; 2] = [1, 3];
/// So long a silent socket is waited for before somebody looks whether to stop.
const PATIENCE_MILLIS: u16 = 50;
/// A netlink message of the kernel is at most this long.
const LONGEST: usize = 1 << 16;

/// What was heard so far; the listener writes it per event, and the main thread reads it.
#[derive(Clone, Debug, Default)]
pub struct Heard(Arc<Mutex<Table>>);

#[derive(Debug, Default)]
struct Table {
    all: Vec<Translation>,
    /// Those in force, by their original direction.
    open: HashMap<(Protocol, Endpoint, Endpoint), usize>,
    missed: u64,
}

impl Heard {
    /// The translations so far.
    pub fn translations(&self) -> Vec<Translation> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).all.clone()
    }

    /// Events that were lost: the kernel's backlog was full, or the bound was reached.
    pub fn missed(&self) -> u64 {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).missed
    }
}

/// Hears connections come and go.
#[derive(Debug)]
pub struct Listener {
    socket: Socket,
    heard: Heard,
}

impl Listener {
    /// Subscribes, and asks for the connections that there are already.
    pub fn open() -> io::Result<Self> {
        let mut socket = Socket::new(NETLINK_NETFILTER)?;
        socket.bind_auto()?;
        // Without CAP_NET_ADMIN in the first namespace the system's bound holds.
        let _ = socket.set_rx_buf_sz(BACKLOG_OCTETS);
        for group in GROUPS {
            socket.add_membership(group)?;
        }
        socket.set_non_blocking(true)?;
        socket.send(&dump(), 0)?;
        Ok(Listener { socket, heard: Heard::default() })
    }

    /// Where it writes what it hears.
    pub fn heard(&self) -> Heard {
        self.heard.clone()
    }

    /// Listens until it is asked to stop, and to what had been said by then.
    pub fn run(self, stop: &Stop) {
        let mut buffer = vec![0; LONGEST];
        loop {
            let is_last = stop.is_asked();
            loop {
                match self.socket.recv(&mut buffer.as_mut_slice(), 0) {
                    Ok(octets) => self.take(buffer.get(..octets).unwrap_or_default()),
                    Err(error) if error.raw_os_error() == Some(libc::ENOBUFS) => self.table().missed += 1,
                    Err(_) => break,
                }
            }
            if is_last {
                return;
            }
            self.wait();
        }
    }

    fn wait(&self) {
        let mut socket = [PollFd::new(self.socket.as_fd(), PollFlags::POLLIN)];
        // Whatever it says, the next look at the socket tells.
        let _ = poll(&mut socket, PollTimeout::from(PATIENCE_MILLIS));
    }

    fn table(&self) -> std::sync::MutexGuard<'_, Table> {
        self.heard.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes every message of a datagram; one that cannot be read ends it.
    fn take(&self, mut datagram: &[u8]) {
        let at = now();
        let mut table = self.table();
        while let Ok(message) = NetlinkMessage::<NetfilterMessage>::deserialize(datagram) {
            if let NetlinkPayload::InnerMessage(message) = &message.payload
                && let NetfilterMessageInner::Conntrack(event) = &message.inner
            {
                table.take(event, at);
            }
            let length = message.header.length as usize;
            datagram = datagram.get(length.next_multiple_of(4)..).unwrap_or_default();
            if length == 0 || datagram.is_empty() {
                return;
            }
        }
    }
}

impl Table {
    fn take(&mut self, event: &ConntrackMessage, at: Timestamp) {
        let (attributes, is_end) = match event {
            ConntrackMessage::New(attributes) => (attributes, false),
            ConntrackMessage::Delete(attributes) => (attributes, true),
            _ => return,
        };
        let Some(translation) = translation(attributes, at).filter(Translation::is_of_service) else {
            return;
        };
        let key = (translation.protocol, translation.client, translation.asked);
        if is_end {
            if let Some(known) = self.open.remove(&key).and_then(|i| self.all.get_mut(i)) {
                known.last = at;
            }
        } else if self.open.contains_key(&key) {
            // News of one that is known, such as its state.
        } else if self.all.len() < MAX_KEPT {
            self.open.insert(key, self.all.len());
            self.all.push(translation);
        } else {
            self.missed += 1;
        }
    }
}

fn translation(attributes: &[ConntrackAttribute], at: Timestamp) -> Option<Translation> {
    let original = attributes.iter().find_map(|attribute| match attribute {
        ConntrackAttribute::CtaTupleOrig(tuple) => ends(tuple),
        _ => None,
    });
    let reply = attributes.iter().find_map(|attribute| match attribute {
        ConntrackAttribute::CtaTupleReply(tuple) => ends(tuple),
        _ => None,
    });
    let ((protocol, client, asked), (_, server, seen_as)) = (original?, reply?);
    Some(Translation { protocol, client, asked, server, seen_as, first: at, last: Timestamp::MAX })
}

/// Protocol, source and destination of a tuple with ports.
fn ends(tuple: &[Tuple]) -> Option<(Protocol, Endpoint, Endpoint)> {
    let (mut source, mut destination): (Option<IpAddr>, Option<IpAddr>) = (None, None);
    let (mut protocol, mut from, mut to) = (None, None, None);
    for part in tuple {
        match part {
            Tuple::Ip(addresses) => addresses.iter().for_each(|address| match address {
                IPTuple::SourceAddress(ip) => source = Some(*ip),
                IPTuple::DestinationAddress(ip) => destination = Some(*ip),
                _ => {}
            }),
            Tuple::Proto(ports) => ports.iter().for_each(|port| match port {
                ProtoTuple::Protocol(number) => protocol = known(*number),
                ProtoTuple::SourcePort(port) => from = Some(*port),
                ProtoTuple::DestinationPort(port) => to = Some(*port),
                _ => {}
            }),
            _ => {}
        }
    }
    Some((protocol?, Endpoint::new(source?.into(), from?), Endpoint::new(destination?.into(), to?)))
}

fn known(number: Number) -> Option<Protocol> {
    match number {
        Number::Tcp => Some(Protocol::Tcp),
        Number::Udp => Some(Protocol::Udp),
        Number::Sctp => Some(Protocol::Sctp),
        _ => None,
    }
}

/// The question for everything that is tracked now.
fn dump() -> Vec<u8> {
    let mut header = NetlinkHeader::default();
    header.flags = NLM_F_REQUEST | NLM_F_DUMP;
    let every = NetfilterHeader::new(NetfilterProtoFamily::Unspec, 0, 0);
    let question = NetfilterMessage::new(every, ConntrackMessage::Get(Vec::new()));
    let mut packet = NetlinkMessage::new(header, NetlinkPayload::from(question));
    packet.finalize();
    let mut octets = vec![0; packet.buffer_len()];
    packet.serialize(&mut octets);
    octets
}
