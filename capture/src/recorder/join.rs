//! Inputs that were read apart, put together as if one recorder had read them one after another.
//!
//! ```text
//! input 0 ─▶ Recorder ─▶ join ─┐
//! input 1 ─▶ Recorder ─▶ join ─┼─▶ the same Recording, whoever was ready first
//! input 2 ─▶ Recorder ─▶ join ─┘
//! ```
//!
//! Nothing in a recorder is about two inputs but what adds up: a tap is of one input, and flows are of a tap. So an
//! input that was read by itself is appended, with new numbers. What does depend on the others is what a bound does when
//! it is reached; then nothing is taken, and the input is to be read again where the others are.

use super::{Limits, Recorder};

impl Recorder {
    /// A recorder for one of several inputs that are read at once, `share` of them at a time: together they keep what
    /// one may.
    #[must_use]
    pub fn apart(&self, share: usize) -> Recorder {
        let max_flows = (self.limits.max_flows / share.max(1)).max(1);
        Recorder::new(Limits { max_flows, ..self.limits.clone() }).reading_logs_as(self.form.clone())
    }

    /// Takes what another recorder has read, behind what is here. False when nothing was taken: a bound had been
    /// reached there or would be here, it has blocks of others, which are no inputs of its own, or exporters are read,
    /// whose templates may be in one input and their records in the next.
    #[must_use]
    pub fn join(&mut self, mut other: Recorder) -> bool {
        // What an exporter told without its templates is known to be lost by now.
        if let Some(exports) = other.exports.take() {
            exports.finish(&mut other.log(0));
        }
        let Some(shift) = self.taps.room_for(&other.taps) else { return false };
        let is_own = other.gathered.is_empty() && self.outlet.is_none() && self.export_ports.is_empty();
        if !is_own || !self.dns.have_room_for(&other.dns) || !self.table.append(other.table, shift) {
            return false;
        }
        let input = u32::try_from(self.files.len()).unwrap_or(u32::MAX);
        self.taps.append(other.taps, input);
        self.logged.extend(other.logged.into_iter().map(|mut record| {
            record.tap.0 += shift;
            record
        }));
        self.dns.absorb(other.dns);
        self.files.extend(other.files);
        self.latest.extend(other.latest);
        self.tally.add_all(&other.tally);
        self.packets += other.packets;
        self.fold.absorb(other.fold);
        true
    }
}
