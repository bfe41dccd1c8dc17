//! The next-generation format: blocks whose length is told before and after.
//!
//! A block whose two lengths disagree is damage; the next one is searched octet by octet, by its
//! type and by lengths that agree. Options that overrun cost themselves, not their block.

use std::io::Read;

use flowfence_model::Timestamp;

use super::window::{MAX_BLOCK, Window};
use crate::error::CaptureError;
use crate::recorder::Recorder;

mod interface;
mod time;

use crate::link::RawPacket;
use interface::{Described, Interfaces};

const SECTION: u32 = 0x0a0d_0d0a;
const INTERFACE: u32 = 1;
const OBSOLETE_PACKET: u32 = 2;
const SIMPLE_PACKET: u32 = 3;
const ENHANCED_PACKET: u32 = 6;
/// Blocks that carry no packet: name resolution, statistics, journal, secrets, custom.
const OTHERS: [u32; 6] = [4, 5, 9, 10, 0x0bad, 0x4000_0bad];
const MAGIC: [u8; 4] = [0x1a, 0x2b, 0x3c, 0x4d];

/// Byte order of a section.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Order {
    big_endian: bool,
}

impl Order {
    fn of(magic: [u8; 4]) -> Option<Self> {
        let [a, b, c, d] = MAGIC;
        match magic {
            MAGIC => Some(Order { big_endian: true }),
            _ if magic == [d, c, b, a] => Some(Order { big_endian: false }),
            _ => None,
        }
    }

    /// The 32-bit number at `at`.
    #[inline]
    fn long(self, data: &[u8], at: usize) -> Option<u32> {
        let bytes = *data.get(at..)?.first_chunk()?;
        Some(if self.big_endian { u32::from_be_bytes(bytes) } else { u32::from_le_bytes(bytes) })
    }

    /// The 16-bit number at `at`.
    #[inline]
    fn word(self, data: &[u8], at: usize) -> Option<u16> {
        let bytes = *data.get(at..)?.first_chunk()?;
        Some(if self.big_endian { u16::from_be_bytes(bytes) } else { u16::from_le_bytes(bytes) })
    }
}

/// Whether the input is a pcapng.
pub(super) fn recognise(data: &[u8]) -> bool {
    is_beginning(data) && data.get(8..).and_then(|d| d.first_chunk()).is_some_and(|m| Order::of(*m).is_some())
}

/// Whether the first octets are a section header's type.
pub(super) fn is_beginning(data: &[u8]) -> bool {
    data.starts_with(&SECTION.to_be_bytes())
}

/// Reads all blocks.
pub(super) fn read<R: Read>(
    window: &mut Window<'_, R>,
    recorder: &mut Recorder,
    input: u32,
) -> Result<(), CaptureError> {
    let mut file = File::new();
    loop {
        if let Some((kind, length)) = file.frame(window.data()) {
            let Some(block) = window.data().get(..length) else { continue };
            let body = block.get(8..length - 4).unwrap_or_default();
            let damage = file.block(kind, body, recorder, input);
            if let Some(what) = damage {
                window.damaged(what);
            }
            window.consume(length);
        } else if !file.careful(window)? {
            return Ok(());
        }
    }
}

struct File {
    order: Order,
    interfaces: Interfaces,
    /// Simple packets carry no time; they are given that of the packet before.
    latest: Timestamp,
}

impl File {
    fn new() -> Self {
        File {
            order: Order { big_endian: false },
            interfaces: Interfaces::default(),
            latest: Timestamp::default(),
        }
    }

    /// Byte order, type and length of the block at the start, by its header alone.
    #[inline]
    fn header(&self, data: &[u8]) -> Option<(Order, u32, usize)> {
        let order = if is_beginning(data) { Order::of(*data.get(8..)?.first_chunk()?)? } else { self.order };
        let length = order.long(data, 4)? as usize;
        let is_length = (12..=MAX_BLOCK).contains(&length) && length.is_multiple_of(4);
        is_length.then_some((order, order.long(data, 0)?, length))
    }

    /// The block at the start of the data, if it is whole and its lengths agree.
    #[inline]
    fn frame(&self, data: &[u8]) -> Option<(u32, usize)> {
        let (order, kind, length) = self.header(data)?;
        (order.long(data.get(..length)?, length - 4)? as usize == length).then_some((kind, length))
    }

    /// Uses one block; says what is wrong with one that cannot be used.
    #[inline]
    fn block(&mut self, kind: u32, body: &[u8], recorder: &mut Recorder, input: u32) -> Option<&'static str> {
        match kind {
            ENHANCED_PACKET => self.enhanced(body, recorder, input),
            SECTION => {
                if let Some(order) = body.first_chunk().and_then(|magic| Order::of(*magic)) {
                    self.order = order;
                }
                self.interfaces.begin_section();
                None
            }
            INTERFACE => {
                let described = Described::parse(body, self.order);
                let problem = described.is_none().then_some("an interface description is too short");
                self.interfaces.add(described);
                problem
            }
            SIMPLE_PACKET => self.simple(body, recorder, input),
            OBSOLETE_PACKET => self.obsolete(body, recorder, input),
            _ => None,
        }
    }

    /// Enhanced packet block (§4.3).
    #[inline]
    fn enhanced(&mut self, body: &[u8], recorder: &mut Recorder, input: u32) -> Option<&'static str> {
        const SHORT: Option<&str> = Some("a packet block is shorter than its header");
        let Some(number) = self.order.long(body, 0) else { return SHORT };
        self.packet(number, body, 4, recorder, input)
    }

    /// Obsolete packet block (§A): a 16-bit interface number, then a drop counter.
    fn obsolete(&mut self, body: &[u8], recorder: &mut Recorder, input: u32) -> Option<&'static str> {
        let number = self.order.word(body, 0).map_or(u32::MAX, u32::from);
        self.packet(number, body, 4, recorder, input)
    }

    /// Time, captured and original length at `at`, then the packet.
    #[inline]
    fn packet(
        &mut self,
        number: u32,
        body: &[u8],
        at: usize,
        recorder: &mut Recorder,
        input: u32,
    ) -> Option<&'static str> {
        let long = |i| self.order.long(body, at + i);
        let (Some(high), Some(low), Some(captured), Some(original_len)) =
            (long(0), long(4), long(8), long(12))
        else {
            return Some("a packet block is shorter than its header");
        };
        let Some(described) = self.interfaces.get(number) else {
            return Some("a packet names an interface that was not described");
        };
        let end = (captured as usize).saturating_add(at + 16);
        let Some(data) = body.get(at + 16..end) else {
            return Some("a packet is longer than its block");
        };
        let time = described.clock.time(u64::from(high) << 32 | u64::from(low));
        self.latest = time;
        recorder.packet(input, &described.interface, &RawPacket { time, original_len, data });
        None
    }

    /// Simple packet block (§4.4): of the first interface, cut at its snapshot length.
    fn simple(&mut self, body: &[u8], recorder: &mut Recorder, input: u32) -> Option<&'static str> {
        let Some((original_len, data)) = self.order.long(body, 0).zip(body.get(4..)) else {
            return Some("a packet block is shorter than its header");
        };
        let Some(described) = self.interfaces.get(0) else {
            return Some("a packet names an interface that was not described");
        };
        let captured = (original_len as usize).min(described.snaplen);
        let data = data.get(..captured).unwrap_or(data);
        let packet = RawPacket { time: self.latest, original_len, data };
        recorder.packet(input, &described.interface, &packet);
        None
    }

    /// Reads on, or passes over damage; false at the end.
    fn careful<R: Read>(&mut self, window: &mut Window<'_, R>) -> Result<bool, CaptureError> {
        if !window.fill(12)? {
            let left = window.data().len();
            if left > 0 {
                window.truncated();
                window.skip(left);
            }
            return Ok(false);
        }
        if self.frame(window.data()).is_some() {
            return Ok(true);
        }
        let mut is_cut = false;
        if let Some((_, _, length)) = self.header(window.data()) {
            if window.data().len() < length && window.fill(length)? {
                return Ok(true);
            }
            is_cut = window.data().len() < length;
        }
        // At the end of the input a block that is not whole was cut, unless others follow within it.
        if is_cut && self.search(window.data(), 1..window.data().len()).is_none() {
            window.truncated();
            let left = window.data().len();
            window.skip(left);
            return Ok(false);
        }
        window.damaged("the lengths of a block make no sense; searching for the next one");
        self.resync(window)
    }

    /// Passes over octets until a whole block begins.
    fn resync<R: Read>(&self, window: &mut Window<'_, R>) -> Result<bool, CaptureError> {
        loop {
            let is_more = window.fill(window.data().len() + 1)? && window.fill(MAX_BLOCK)?;
            let data = window.data();
            let reach = if is_more { (data.len() / 2).max(2) } else { data.len() };
            if let Some(at) = self.search(data, 1..reach) {
                window.skip(at);
                return Ok(true);
            }
            if !is_more {
                window.skip(reach);
                return Ok(false);
            }
            window.skip(reach - 1);
        }
    }

    /// The first whole block of a known type.
    fn search(&self, data: &[u8], range: std::ops::Range<usize>) -> Option<usize> {
        range.into_iter().find(|at| {
            data.get(*at..).and_then(|data| self.frame(data)).is_some_and(|(kind, _)| {
                matches!(kind, SECTION | INTERFACE | OBSOLETE_PACKET | SIMPLE_PACKET | ENHANCED_PACKET)
                    || OTHERS.contains(&kind)
            })
        })
    }
}
