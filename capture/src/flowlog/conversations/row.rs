//! A conversation while lines come.

use flowfence_model::Timestamp;
use flowfence_model::logged::LoggedCounts;

use super::rows::Rows;
use crate::flowlog::manner::Manner;

/// What makes a conversation: who opened, who was asked, and how. A line that does not tell who opened
/// never joins one that does, since it may be another direction.
pub type Key = ([u32; 2], Manner);

/// What a line is counted in: one line of memory.
#[derive(Clone, Debug)]
#[repr(align(64))]
pub struct Row {
    pub key: Key,
    /// Its place among the sizes, `NONE` while there are none, and above whether it was answered.
    sizes: u32,
    pub lines: u32,
    client_ports: u64,
    first: Timestamp,
    last: Timestamp,
    /// Packets and octets there and back that are not among the sizes yet.
    packets: [u32; 2],
    octets: [u32; 2],
}

impl Row {
    /// Of which nothing was counted yet.
    pub fn of(key: Key) -> Self {
        Row {
            key,
            sizes: NONE,
            lines: 0,
            client_ports: 0,
            first: Timestamp::MAX,
            last: Timestamp::MIN,
            packets: [0; 2],
            octets: [0; 2],
        }
    }

    /// Counts a line.
    #[inline]
    pub fn add(&mut self, line: &LoggedCounts, all: &mut Rows<Sizes>) {
        self.lines = self.lines.saturating_add(u32::try_from(line.lines).unwrap_or(u32::MAX));
        self.sizes |= if line.answered { ANSWERED } else { 0 };
        self.client_ports |= line.client_ports;
        self.first = self.first.min(line.first);
        self.last = self.last.max(line.last);
        let (Some(packets), Some(octets)) =
            (sums(self.packets, line.packets), sums(self.octets, line.octets))
        else {
            return self.add_sizes(line, line.packets, line.octets, all);
        };
        (self.packets, self.octets) = (packets, octets);
        if line.opened | line.refused | line.unanswered != 0 {
            self.add_sizes(line, [0; 2], [0; 2], all);
        }
    }

    /// Counts what there is no room for here, and moves packets and octets to where there is.
    fn add_sizes(&mut self, line: &LoggedCounts, packets: [u64; 2], octets: [u64; 2], all: &mut Rows<Sizes>) {
        if self.sizes & NONE == NONE {
            self.sizes = self.sizes & ANSWERED | u32::try_from(all.len()).unwrap_or(NONE) & NONE;
            all.push(Sizes::default());
        }
        let Some(sizes) = all.get_mut(self.sizes & NONE) else { return };
        sizes.opened += line.opened;
        sizes.refused += line.refused;
        sizes.unanswered += line.unanswered;
        sizes.add(packets, octets);
        sizes.add(
            std::mem::take(&mut self.packets).map(u64::from),
            std::mem::take(&mut self.octets).map(u64::from),
        );
    }

    /// When there were lines, for each of its ends.
    pub fn times(&self) -> [(u32, (Timestamp, Timestamp)); 2] {
        self.key.0.map(|end| (end, (self.first, self.last)))
    }

    /// Everything that was counted.
    pub fn counts(&self, all: &Rows<Sizes>) -> LoggedCounts {
        let mut sizes = all.get(self.sizes & NONE).copied().unwrap_or_default();
        sizes.add(self.packets.map(u64::from), self.octets.map(u64::from));
        LoggedCounts {
            lines: self.lines.into(),
            opened: sizes.opened,
            refused: sizes.refused,
            unanswered: sizes.unanswered,
            answered: self.sizes & ANSWERED != 0,
            tells_answers: false,
            client_ports: self.client_ports,
            packets: sizes.packets,
            octets: sizes.octets,
            first: self.first,
            last: self.last,
        }
    }
}

/// What only some lines count, and what packets and octets have beyond 32 bits.
#[derive(Clone, Copy, Debug, Default)]
pub struct Sizes {
    opened: u64,
    refused: u64,
    unanswered: u64,
    packets: [u64; 2],
    octets: [u64; 2],
}

impl Sizes {
    fn add(&mut self, packets: [u64; 2], octets: [u64; 2]) {
        let sum = |[there, back]: [u64; 2], more: [u64; 2]| {
            [there.saturating_add(more[0]), back.saturating_add(more[1])]
        };
        self.packets = sum(self.packets, packets);
        self.octets = sum(self.octets, octets);
    }
}

/// Set with the place of sizes where a line was answered.
const ANSWERED: u32 = 1 << 31;
const NONE: u32 = ANSWERED - 1;

/// The sums, when they have room in 32 bits.
#[inline]
fn sums([there, back]: [u32; 2], more: [u64; 2]) -> Option<[u32; 2]> {
    let sum = |near: u32, more: u64| u32::try_from(u64::from(near).checked_add(more)?).ok();
    Some([sum(there, more[0])?, sum(back, more[1])?])
}
