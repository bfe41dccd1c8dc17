//! Lines that have everything, as most have, by words that were met before.

use flowfence_model::logged::{LoggedVerdict, ObserverId};
use flowfence_model::{Protocol, Timestamp};

use super::fields::{
    ACTION, DESTINATION_PORT, END, FLAGS, INTERFACE, OCTETS, PACKETS, PKT_DESTINATION, PKT_SOURCE, PROTOCOL,
    SOURCE_PORT, START, Words,
};
use crate::flowlog::entry::{Answer, End, Entry, Opener};
use crate::flowlog::recent::Recent;
use crate::flowlog::{Sink, text};

/// Bits of `tcp-flags`, which are those that any packet of the interval had.
const SYN: u64 = 2;
const ACCEPT: u64 = 18;
const RST: u64 = 4;
const ACK: u64 = 16;
/// Octets of an IPv6 packet with a bare TCP header.
const BARE: u64 = 60;

/// Words that come again and again.
pub struct Met {
    /// The numbers of hosts.
    hosts: Recent,
    /// Who wrote lines.
    pub interfaces: Recent,
    /// The last beginning and end.
    interval: [Last; 2],
}

/// The seconds that were last read at a place: lines of one interval follow one another.
struct Last {
    word: [u8; 10],
    at: Timestamp,
}

impl Last {
    /// No word has spaces.
    const NONE: Self = Last { word: [b' '; 10], at: Timestamp::MIN };

    #[inline]
    fn moment(&mut self, found: &Words<'_>, field: usize) -> Option<Timestamp> {
        let Ok(word) = <[u8; 10]>::try_from(found.word(field)?) else { return found.moment(field) };
        if word != self.word {
            *self = Last { word, at: found.moment(field)? };
        }
        Some(self.at)
    }
}

impl Met {
    /// Nothing met yet.
    pub fn new() -> Self {
        Met { hosts: Recent::new(1 << 15), interfaces: Recent::new(1 << 14), interval: [Last::NONE; 2] }
    }

    /// Takes a line that has everything, as most have; `None` for any other, which is to be looked at more
    /// closely.
    pub fn take(&mut self, found: &Words<'_>, to: &mut Sink<'_>) -> Option<()> {
        let protocol = text::protocol(found.number(PROTOCOL)?).filter(|protocol| protocol.has_ports())?;
        let [source_port, destination_port] = [found.port(SOURCE_PORT)?, found.port(DESTINATION_PORT)?];
        // Of two ports that are the same the addresses tell which is the client's.
        if source_port == destination_port {
            return None;
        }
        let [begin, last] = &mut self.interval;
        let [start, end] = [begin.moment(found, START)?, last.moment(found, END)?];
        let mut host = |packet: usize, interface: usize| {
            let word = found.word(packet).or_else(|| found.word(interface))?;
            self.hosts.get(word, |word| to.fold.host(text::address(word)?))
        };
        let numbers = [Some(host(PKT_SOURCE, 0)?), Some(host(PKT_DESTINATION, 1)?)];
        let observer = observer(&mut self.interfaces, found.word(INTERFACE)?, to);
        let end_at = |port| End { port: Some(port), ..End::default() };
        let time = (start.min(end), start.max(end));
        let mut entry = Entry::new(time, end_at(source_port), end_at(destination_port), protocol, observer);
        entry.numbers = numbers;
        tell(&mut entry, found)?;
        to.fold.add(&entry);
        Some(())
    }
}

/// Who wrote a line.
#[inline]
pub fn observer(known: &mut Recent, name: &[u8], to: &mut Sink<'_>) -> ObserverId {
    let new = |name: &[u8]| Some(to.fold.observer("aws-vpc", std::str::from_utf8(name).unwrap_or("")).0);
    ObserverId(known.get(name, new).unwrap_or(u32::MAX))
}

/// What became of it, how much, and who opened; `None` where what became of it is not known.
#[inline]
pub fn tell(entry: &mut Entry, found: &Words<'_>) -> Option<()> {
    entry.packets[0] = found.number(PACKETS).unwrap_or(0);
    entry.octets[0] = found.number(OCTETS).unwrap_or(0);
    entry.verdict = match found.word(ACTION) {
        Some(b"ACCEPT") | None => LoggedVerdict::Allowed,
        Some(b"REJECT") => LoggedVerdict::Dropped,
        Some(_) => return None,
    };
    if entry.protocol == Protocol::Tcp
        && let Some(flags) = found.number(FLAGS)
    {
        by_flags(entry, flags);
    }
    Some(())
}

/// SYN without ACK was sent by who opened, SYN and ACK by who was asked; an interval with neither
/// says nothing.
fn by_flags(entry: &mut Entry, flags: u64) {
    if flags & ACCEPT == ACCEPT {
        entry.opener = Opener::Destination;
        entry.answer = Answer::Answered;
    } else if flags & SYN != 0 {
        entry.opener = Opener::Source;
    } else if flags & !ACK == RST && entry.octets[0] <= entry.packets[0].saturating_mul(BARE) {
        // Nothing but resets in the whole interval: what was asked refuses. They are no data that
        // came back.
        entry.answer = Answer::Refused;
        (entry.packets, entry.octets) = ([0; 2], [0; 2]);
    }
}
