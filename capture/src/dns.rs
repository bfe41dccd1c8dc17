//! Names that DNS answers (RFC 1035) gave to addresses.
//!
//! An answer is believed when its question was seen: the same client, port and message id, from
//! whatever server, since a service address may be rewritten between the two. An answer that
//! nobody asked for names nothing.

use std::hash::BuildHasher;
use std::net::IpAddr;

use domain::base::iana::{Class, Rcode};
use domain::base::{Message, ParsedName, Question, Record};
use domain::rdata::{A, Aaaa, Cname};
use flowfence_model::{Endpoint, Names};

/// Records of one message that are looked at.
const MAX_RECORDS: usize = 128;
/// Links of a chain of aliases that are followed.
const MAX_ALIASES: usize = 16;
/// Questions that are remembered, one slot each (512 KiB, touched as they are used).
const SLOTS: usize = 65_536;

type Name<'a> = ParsedName<&'a [u8]>;

/// Questions that were asked, and the names that their answers gave.
#[derive(Debug)]
pub(crate) struct Dns {
    names: Names,
    asked: Vec<u64>,
    seed: foldhash::fast::RandomState,
    dropped: u64,
    unasked: u64,
}

impl Default for Dns {
    fn default() -> Self {
        Dns {
            names: Names::default(),
            asked: vec![0; SLOTS],
            seed: foldhash::fast::RandomState::default(),
            dropped: 0,
            unasked: 0,
        }
    }
}

impl Dns {
    /// A message from port 53 or to it.
    pub(crate) fn message(&mut self, from: Endpoint, to: Endpoint, message: &[u8]) {
        let Some([id0, id1, flags, code, ..]) = message.first_chunk::<12>() else { return };
        let is_answer = flags & 0x80 != 0;
        let client = if is_answer { to } else { from };
        let ticket = self.seed.hash_one((client, *id0, *id1)) | 1;
        let slots = self.asked.len() as u64;
        let Some(slot) = usize::try_from((ticket >> 1) % slots).ok().and_then(|i| self.asked.get_mut(i))
        else {
            return;
        };
        if !is_answer {
            *slot = ticket;
        } else if *slot != ticket {
            self.unasked += 1;
        } else if code & 0x0f == Rcode::NOERROR.to_int() {
            self.answer(message);
        }
    }

    /// A TCP segment that holds whole messages, each after its length (RFC 7766 §8).
    pub(crate) fn segment(&mut self, from: Endpoint, to: Endpoint, mut segment: &[u8]) {
        while let Some((length, rest)) = segment.split_first_chunk::<2>() {
            let Some((message, rest)) = rest.split_at_checked(usize::from(u16::from_be_bytes(*length)))
            else {
                return;
            };
            self.message(from, to, message);
            segment = rest;
        }
    }

    /// Names, how many a bound kept out, and how many answers nobody had asked for.
    pub(crate) fn finish(self) -> (Names, u64, u64) {
        (self.names, self.dropped, self.unasked)
    }

    fn answer(&mut self, message: &[u8]) {
        let Ok(message) = Message::from_octets(message) else { return };
        let Some(Ok(question)) = message.question().next() else { return };
        let question: Question<Name<'_>> = question;
        let Some(name) = hostname(question.qname()) else { return };
        let aliases = aliases(*question.qname(), &message);
        for (owner, address) in addresses(&message) {
            if aliases.contains(&owner) && !self.names.insert(address, &name) {
                self.dropped += 1;
            }
        }
    }
}

/// The question's name and what it is an alias of.
fn aliases<'a>(name: Name<'a>, message: &Message<&'a [u8]>) -> Vec<Name<'a>> {
    let mut aliases = vec![name];
    let Ok(answers) = message.answer() else { return aliases };
    for record in answers.limit_to::<Cname<_>>().take(MAX_RECORDS) {
        let Ok(record) = record else { break };
        let record: Record<Name<'a>, Cname<Name<'a>>> = record;
        if record.class() == Class::IN && aliases.contains(record.owner()) && aliases.len() < MAX_ALIASES {
            aliases.push(*record.data().cname());
        }
    }
    aliases
}

/// Address records until the first damaged one: what is readable of a cut message.
fn addresses<'a>(message: &Message<&'a [u8]>) -> Vec<(Name<'a>, IpAddr)> {
    let mut found = Vec::new();
    let Ok(answers) = message.answer() else { return found };
    for record in answers.take(MAX_RECORDS) {
        let Ok(record) = record else { break };
        if record.class() != Class::IN {
            continue;
        }
        match (record.to_record::<A>(), record.to_record::<Aaaa>()) {
            (Ok(Some(a)), _) => found.push((*a.owner(), IpAddr::V4(a.data().addr()))),
            (_, Ok(Some(aaaa))) => found.push((*aaaa.owner(), IpAddr::V6(aaaa.data().addr()))),
            (Ok(None), Ok(None)) => {}
            _ => break,
        }
    }
    found
}

/// The name in lower case without the final dot, when it has only the characters of host names
/// and service names (RFC 1123 §2.1, RFC 8552): a hostile one must not reach a terminal or a file.
fn hostname(name: &Name<'_>) -> Option<String> {
    let text = name.to_string().to_ascii_lowercase();
    let text = text.strip_suffix('.').unwrap_or(&text);
    let is_plain = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, b'-' | b'_' | b'.');
    (!text.is_empty() && text.len() <= 253 && text.bytes().all(is_plain)).then(|| text.to_owned())
}
