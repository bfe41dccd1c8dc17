//! Fields of a VPC flow log and their numbers.

use flowfence_model::Timestamp;

use crate::flowlog::text;

/// Names of fields by their order in version 2, which a log without header has.
pub const VERSION_2: [&[u8]; 14] = [
    b"version",
    b"account-id",
    b"interface-id",
    b"srcaddr",
    b"dstaddr",
    b"srcport",
    b"dstport",
    b"protocol",
    b"packets",
    b"bytes",
    b"start",
    b"end",
    b"action",
    b"log-status",
];

/// The fields that are used, by the numbers that follow.
pub const USED: [&[u8]; 16] = [
    b"srcaddr",
    b"dstaddr",
    b"srcport",
    b"dstport",
    b"protocol",
    b"packets",
    b"bytes",
    b"start",
    b"end",
    b"action",
    b"interface-id",
    b"tcp-flags",
    b"pkt-srcaddr",
    b"pkt-dstaddr",
    b"log-status",
    b"flow-direction",
];

/// Fields of which a log must have one or the other.
const NEEDED: [[&str; 2]; 3] =
    [["srcaddr", "pkt-srcaddr"], ["dstaddr", "pkt-dstaddr"], ["protocol", "protocol"]];

/// The first field without which lines say nothing, and that is not there.
pub fn missing(has: impl Fn(&str) -> bool) -> Option<&'static str> {
    NEEDED.iter().find(|[one, other]| !has(one) && !has(other)).map(|[one, _]| *one)
}

pub const SOURCE_PORT: usize = 2;
pub const DESTINATION_PORT: usize = 3;
pub const PROTOCOL: usize = 4;
pub const PACKETS: usize = 5;
pub const OCTETS: usize = 6;
pub const START: usize = 7;
pub const END: usize = 8;
pub const ACTION: usize = 9;
pub const INTERFACE: usize = 10;
pub const FLAGS: usize = 11;
pub const PKT_SOURCE: usize = 12;
pub const PKT_DESTINATION: usize = 13;
pub const STATUS: usize = 14;
pub const DIRECTION: usize = 15;

/// The words of a line, by the numbers of the used fields.
#[derive(Clone, Copy, Debug)]
pub struct Words<'l> {
    line: &'l [u8],
    /// Where each begins and ends; one that is not there ends where it begins.
    bounds: [(u32, u32); USED.len()],
}

impl<'l> Words<'l> {
    /// No word of a line was found yet.
    pub fn of(line: &'l [u8]) -> Self {
        Words { line, bounds: [(0, 0); USED.len()] }
    }

    /// The word of a field was found; there is no field of a number beyond those that are used.
    #[inline]
    pub fn put(&mut self, field: u8, start: usize, end: usize) {
        // Lines are a fraction of what 32 bits count.
        let place = |octet: usize| u32::try_from(octet).unwrap_or_default();
        if let Some(bounds) = self.bounds.get_mut(usize::from(field)) {
            *bounds = (place(start), place(end));
        }
    }

    /// A word that says something.
    #[inline]
    pub fn word(&self, field: usize) -> Option<&'l [u8]> {
        let (start, end) = *self.bounds.get(field)?;
        self.line.get(start as usize..end as usize).filter(|word| !matches!(word, [] | [b'-']))
    }

    /// The number that a word is.
    #[inline]
    pub fn number(&self, field: usize) -> Option<u64> {
        let (start, end) = *self.bounds.get(field)?;
        let number = text::number_before(self.line, end as usize, (end - start) as usize);
        number.or_else(|| self.other_number(field))
    }

    /// A number at the very beginning of a line, or longer than those that logs have.
    #[cold]
    fn other_number(&self, field: usize) -> Option<u64> {
        text::number(self.word(field)?)
    }

    /// The port that a word is.
    #[inline]
    pub fn port(&self, field: usize) -> Option<u16> {
        u16::try_from(self.number(field)?).ok()
    }

    /// The moment that a word is.
    #[inline]
    pub fn moment(&self, field: usize) -> Option<Timestamp> {
        match self.number(field) {
            Some(whole) => text::since_1970(i64::try_from(whole).ok()?, 0).into(),
            None => text::epoch(self.word(field)?),
        }
    }
}
