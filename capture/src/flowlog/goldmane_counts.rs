//! What a flow of Goldmane counts, which may be told again with more.

use super::goldmane::Flow;
use super::json::Whole;

/// What a flow counts, or what was counted of it before: packets and octets in and out, connections.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Counted([u64; 5]);

impl Counted {
    /// Of a flow.
    pub(super) fn of(flow: &Flow<'_>) -> Self {
        let count = |n: &Option<Whole<'_>>| n.as_ref().and_then(Whole::value).unwrap_or(0);
        let all = [&flow.packets_in, &flow.packets_out, &flow.bytes_in, &flow.bytes_out];
        let [into, out, octets_into, octets_out] = all.map(count);
        Counted([into, out, octets_into, octets_out, count(&flow.num_connections_started)])
    }

    /// Whether nothing is more than there.
    pub(super) fn is_within(&self, other: &Counted) -> bool {
        self.0.iter().zip(other.0).all(|(n, of)| *n <= of)
    }

    /// Takes the larger of each.
    pub(super) fn widen(&mut self, other: &Counted) {
        self.0.iter_mut().zip(other.0).for_each(|(n, of)| *n = (*n).max(of));
    }

    /// Packets in and out.
    pub(super) const fn packets(&self) -> [u64; 2] {
        [self.0[0], self.0[1]]
    }

    /// What is more than before: packets in and out, octets in and out, connections.
    pub(super) fn since(&self, before: &Counted) -> [u64; 5] {
        let mut more = self.0;
        more.iter_mut().zip(before.0).for_each(|(n, of)| *n = n.saturating_sub(of));
        more
    }
}
