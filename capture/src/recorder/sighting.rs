//! What becomes of a packet once it is decoded.

use flowfence_model::{Protocol, TapId, Timestamp};

use super::Recorder;
use super::exports::is_export_port;
use crate::cause::Cause;
use crate::decode::{self, Refusal, Seen};
use crate::fragment::{FragmentKey, Whole};
use crate::link::{LinkType, RawPacket};

impl Recorder {
    /// It makes no flow. What an exporter sends to its own host, or to a group, is read all the same.
    pub(super) fn unseen(&mut self, input: u32, link: LinkType, packet: &RawPacket<'_>, cause: Cause) {
        self.tally.add(cause);
        if !self.export_ports.is_empty()
            && let Cause::LoopbackAddress | Cause::NonUnicast = cause
            && let Some(seen) = decode::datagram(link, packet)
        {
            self.export_in(input, packet.time, &seen);
        }
    }

    #[inline]
    pub(super) fn seen(&mut self, input: u32, tap: TapId, at: Timestamp, seen: &Seen<'_>) {
        self.table.note(tap, at, seen);
        if let Some(key) = seen.first_fragment {
            let whole = Whole::Flow { from: seen.from, to: seen.to, protocol: seen.protocol };
            self.fragments.begin(input, key, whole);
        }
        if (seen.from.port == 53 || seen.to.port == 53) && !seen.payload.is_empty() {
            self.dns.seen(at, seen);
        }
        if seen.protocol == Protocol::Udp && (!self.export_ports.is_empty() || is_export_port(seen.to.port)) {
            self.export_in(input, at, seen);
        }
    }

    pub(super) fn fragment(&mut self, input: u32, tap: TapId, at: Timestamp, key: FragmentKey, octets: u64) {
        match self.fragments.find(input, key) {
            None => self.tally.add(Cause::FragmentsUnjoined),
            Some(Whole::Tunnel) => self.tally.add(Cause::TunnelFragments),
            Some(Whole::Flow { from, to, protocol }) => {
                self.table.note(tap, at, &Seen::bare(from, to, protocol, octets));
            }
        }
    }

    /// A refusal marks the flow of the packet that it quotes: at its own tap, else at another one of
    /// the same input; where there is none, it is the only witness of an attempt.
    pub(super) fn refusal(&mut self, input: u32, tap: TapId, at: Timestamp, refusal: &Refusal) {
        let taps = std::iter::once(tap).chain(self.taps.of_input(input).take(64));
        if self.table.refuse(taps, refusal) {
            return;
        }
        if refusal.is_tunnel {
            self.tally.add(Cause::IcmpErrorUnmatched);
        } else {
            self.table.refused_unseen(tap, at, refusal);
        }
    }
}
