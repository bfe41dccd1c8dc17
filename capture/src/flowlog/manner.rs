//! How a conversation went, but for who and how much: protocol and port, verdict, names and who wrote it.

use std::hash::{BuildHasher, Hasher};

use flowfence_model::logged::{Conversation, LoggedCounts, LoggedEnd, LoggedVerdict, NameId, ObserverId};
use flowfence_model::{Address, IcmpType, Orientation, Protocol};
use foldhash::fast::RandomState;
use hashbrown::HashTable;

/// Manners that are kept at most, some 50 octets each.
const MAX_MANNERS: usize = 1 << 22;

/// A manner: most are told by 64 bits, others by their number.
pub type Manner = u64;

/// Set in a manner that is a number. None of the bits that tell a manner.
const IS_NUMBER: u64 = 1 << 63;

/// What a manner is of.
#[derive(Clone, Copy, Debug)]
pub struct How {
    pub protocol: Protocol,
    pub port: Option<u16>,
    pub icmp: Option<IcmpType>,
    /// Whether the line itself tells who opened.
    pub is_told: bool,
    pub verdict: LoggedVerdict,
    pub policy: Option<NameId>,
    pub service: Option<NameId>,
    pub service_address: Option<Address>,
    pub observer: ObserverId,
}

impl From<&Conversation> for How {
    fn from(c: &Conversation) -> Self {
        How {
            protocol: c.protocol,
            port: c.port,
            icmp: c.icmp,
            is_told: c.orientation == Orientation::Seen,
            verdict: c.verdict,
            policy: c.policy,
            service: c.service,
            service_address: c.service_address,
            observer: c.observer,
        }
    }
}

/// Every manner so far that 64 bits do not tell, each packed into five words.
#[derive(Clone, Debug, Default)]
pub struct Manners {
    words: Vec<Words>,
    index: HashTable<u32>,
    seed: RandomState,
}

type Words = [u64; 5];

/// Observers whose number goes into a manner's bits.
const MAX_BARE: u32 = 1 << 23;

/// A number that stands for none.
const NONE: u32 = u32::MAX;

pub(super) const PROTOCOLS: [Protocol; 4] = [Protocol::Tcp, Protocol::Udp, Protocol::Sctp, Protocol::Icmp];

pub(super) const VERDICTS: [LoggedVerdict; 4] =
    [LoggedVerdict::Allowed, LoggedVerdict::WouldDeny, LoggedVerdict::Denied, LoggedVerdict::Dropped];

/// What is there, in the last word.
const HAS_SERVICE: u64 = 1 << 16;
const HAS_PORT: u64 = 1 << 17;
const HAS_ICMP: u64 = 1 << 18;
const IS_TOLD: u64 = 1 << 19;

impl Manners {
    /// The manner; `None` when there is no room for it.
    #[inline]
    pub fn of(&mut self, c: &How) -> Option<Manner> {
        let is_bare =
            c.policy.is_none() && c.service.is_none() && c.service_address.is_none() && c.icmp.is_none();
        if is_bare && c.observer.0 < MAX_BARE {
            let port = u64::from(c.port.unwrap_or(0)) << 24;
            return Some(bits(c) | port | u64::from(c.observer.0) << 40);
        }
        self.number(c).map(|number| IS_NUMBER | u64::from(number))
    }

    fn number(&mut self, c: &How) -> Option<u32> {
        let words = pack(c);
        let hash = hash(&self.seed, &words);
        let known = &self.words;
        if let Some(number) = self.index.find(hash, |i| known.get(*i as usize) == Some(&words)) {
            return Some(*number);
        }
        if self.words.len() >= MAX_MANNERS {
            return None;
        }
        let number = u32::try_from(self.words.len()).ok()?;
        self.words.push(words);
        let (known, seed) = (&self.words, &self.seed);
        let rehash = |i: &u32| known.get(*i as usize).map_or(0, |words| self::hash(seed, words));
        self.index.insert_unique(hash, number, rehash);
        Some(number)
    }

    /// The conversation of this manner between these ends.
    pub fn conversation(
        &self,
        manner: Manner,
        from: LoggedEnd,
        to: LoggedEnd,
        counts: LoggedCounts,
    ) -> Option<Conversation> {
        let [service, service_low, names, rest, bits] = if manner & IS_NUMBER == 0 {
            let (observer, port) = (manner >> 40, manner >> 24 & 0xffff);
            [0, 0, u64::MAX, observer << 32 | port << 16, manner & 0xff_ffff]
        } else {
            *self.words.get(usize::try_from(manner ^ IS_NUMBER).ok()?)?
        };
        let half = |number: u64| u32::try_from(number).unwrap_or_default();
        let high = |pair: u64| half(pair >> 32);
        let low = |pair: u64| half(pair & u64::from(u32::MAX));
        let name = |number: u32| (number != NONE).then_some(NameId(number));
        let [port_high, port_low, kind, code] = low(rest).to_be_bytes();
        let value = u128::from(service) << 64 | u128::from(service_low);
        Some(Conversation {
            from,
            to,
            protocol: of_number(&PROTOCOLS, bits)?,
            port: (bits & HAS_PORT != 0).then(|| u16::from_be_bytes([port_high, port_low])),
            icmp: (bits & HAS_ICMP != 0).then_some(IcmpType { kind, code }),
            orientation: if bits & IS_TOLD != 0 { Orientation::Seen } else { Orientation::Unknown },
            verdict: of_number(&VERDICTS, bits >> 8)?,
            policy: name(high(names)),
            service: name(low(names)),
            service_address: (bits & HAS_SERVICE != 0).then(|| Address::v6(value.to_be_bytes())),
            observer: ObserverId(high(rest)),
            counts,
        })
    }
}

/// All but the ends, the counts, and how sure it is who opened beyond whether a line tells it.
#[inline]
fn pack(c: &How) -> Words {
    let value = c.service_address.map_or(0, |address| u128::from_be_bytes(*address.octets()));
    let word = |value: u128| u64::try_from(value & u128::from(u64::MAX)).unwrap_or_default();
    let pair = |high: u32, low: u32| u64::from(high) << 32 | u64::from(low);
    let names = pair(c.policy.map_or(NONE, |id| id.0), c.service.map_or(NONE, |id| id.0));
    let icmp = c.icmp.map_or(0, |icmp| u16::from_be_bytes([icmp.kind, icmp.code]));
    let ports = u32::from(c.port.unwrap_or(0)) << 16 | u32::from(icmp);
    [word(value >> 64), word(value), names, pair(c.observer.0, ports), bits(c)]
}

/// Protocol, verdict and what is there, in 24 bits.
#[inline]
fn bits(c: &How) -> u64 {
    let place = |is: bool, bit: u64| if is { bit } else { 0 };
    protocol(c.protocol)
        | verdict(c.verdict) << 8
        | place(c.service_address.is_some(), HAS_SERVICE)
        | place(c.port.is_some(), HAS_PORT)
        | place(c.icmp.is_some(), HAS_ICMP)
        | place(c.is_told, IS_TOLD)
}

#[inline]
fn hash(seed: &RandomState, words: &Words) -> u64 {
    let mut hasher = seed.build_hasher();
    for word in words {
        hasher.write_u64(*word);
    }
    hasher.finish()
}

/// Its place in `PROTOCOLS`.
#[inline]
fn protocol(protocol: Protocol) -> u64 {
    match protocol {
        Protocol::Tcp => 0,
        Protocol::Udp => 1,
        Protocol::Sctp => 2,
        Protocol::Icmp => 3,
    }
}

/// Its place in `VERDICTS`.
#[inline]
fn verdict(verdict: LoggedVerdict) -> u64 {
    match verdict {
        LoggedVerdict::Allowed => 0,
        LoggedVerdict::WouldDeny => 1,
        LoggedVerdict::Denied => 2,
        LoggedVerdict::Dropped => 3,
    }
}

fn of_number<T: Copy>(all: &[T], number: u64) -> Option<T> {
    all.get(usize::try_from(number & 0xff).ok()?).copied()
}
