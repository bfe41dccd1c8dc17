//! Interface description blocks (§4.2), and which interfaces of several sections are the same.

use hashbrown::HashMap;

use super::Order;
use super::time::Clock;
use crate::link::{Interface, LinkType};

/// Interfaces of one section; beyond, packets of further ones count as damaged.
const MAX_INTERFACES: usize = 1 << 16;
/// Octets of a name that are kept; Linux allows 15.
const MAX_NAME: usize = 64;

/// One interface and how to read its packets.
#[derive(Clone, Debug)]
pub(super) struct Described {
    pub interface: Interface,
    pub clock: Clock,
    /// Captured octets at most.
    pub snaplen: usize,
}

impl Described {
    /// Reads a block's body; its number is given later.
    pub(super) fn parse(body: &[u8], order: Order) -> Option<Self> {
        let link_type = LinkType(order.word(body, 0)?);
        let snaplen = match order.long(body, 4)? {
            0 => usize::MAX,
            snaplen => snaplen as usize,
        };
        let mut described = Described {
            interface: Interface { number: 0, link_type, name: None },
            clock: Clock::default(),
            snaplen,
        };
        let mut options = body.get(8..).unwrap_or_default();
        // An option that overruns the block ends the list.
        while let (Some(code), Some(length)) = (order.word(options, 0), order.word(options, 2)) {
            let length = usize::from(length);
            let Some(value) = options.get(4..4 + length).filter(|_| code != 0) else { break };
            described.option(code, value, order);
            options = options.get(4 + length.next_multiple_of(4)..).unwrap_or_default();
        }
        Some(described)
    }

    fn option(&mut self, code: u16, value: &[u8], order: Order) {
        match (code, value) {
            (2, name) => self.interface.name = printable(name),
            (9, [resolution, ..]) => self.clock.set_resolution(*resolution),
            (14, offset) => {
                if let Some(bytes) = offset.first_chunk() {
                    self.clock.set_offset(if order.big_endian {
                        i64::from_be_bytes(*bytes)
                    } else {
                        i64::from_le_bytes(*bytes)
                    });
                }
            }
            _ => {}
        }
    }
}

/// A name with nothing in it that could move a cursor or end a quotation.
fn printable(name: &[u8]) -> Option<String> {
    let is_plain = |c: u8| c.is_ascii_alphanumeric() || b"-_.:@/+".contains(&c);
    let name: String = name
        .iter()
        .take(MAX_NAME)
        .take_while(|c| **c != 0)
        .map(|c| if is_plain(*c) { char::from(*c) } else { '?' })
        .collect();
    (!name.is_empty()).then_some(name)
}

/// The interfaces of the current section.
///
/// Numbers begin anew in each section. An interface that says the same of itself (number, name,
/// link type) in a later section is the same one, as when rotated files are joined; one that says
/// otherwise gets a number of its own.
#[derive(Debug, Default)]
pub(super) struct Interfaces {
    section: Vec<Option<Described>>,
    known: HashMap<(u32, Option<String>, LinkType), u32>,
    next: u32,
}

impl Interfaces {
    pub(super) fn begin_section(&mut self) {
        self.section.clear();
    }

    /// Takes the next interface of the section; a damaged one keeps its number.
    pub(super) fn add(&mut self, described: Option<Described>) {
        if self.section.len() >= MAX_INTERFACES {
            return;
        }
        let own = u32::try_from(self.section.len()).unwrap_or(u32::MAX);
        let described = described.map(|mut described| {
            let interface = &mut described.interface;
            let key = (own, interface.name.clone(), interface.link_type);
            interface.number = self.number(own, key);
            described
        });
        self.section.push(described);
    }

    fn number(&mut self, own: u32, key: (u32, Option<String>, LinkType)) -> u32 {
        if let Some(number) = self.known.get(&key) {
            return *number;
        }
        let number = own.max(self.next);
        if self.known.len() < 2 * MAX_INTERFACES {
            self.known.insert(key, number);
            self.next = number + 1;
        }
        number
    }

    #[inline]
    pub(super) fn get(&self, number: u32) -> Option<&Described> {
        self.section.get(number as usize)?.as_ref()
    }
}
