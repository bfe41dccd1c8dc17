//! What flow exporters tell, in datagrams of their own or in packets of a capture.

use std::net::SocketAddr;

use flowfence_model::Timestamp;

use super::Recorder;
use crate::cause::Cause;
use crate::decode::Seen;
use crate::flowlog::netflow;

impl Recorder {
    /// UDP packets to these ports are read as what flow exporters tell (NetFlow, IPFIX, sFlow), beside
    /// being traffic themselves. Not done unless asked for: a capture may hold such packets of other
    /// exporters by chance.
    #[must_use]
    pub fn with_exports(mut self, ports: &[u16]) -> Self {
        ports.clone_into(&mut self.export_ports);
        self
    }

    /// Takes a datagram that a flow exporter sent (NetFlow v5 and v9, IPFIX, sFlow v5), received at
    /// that moment.
    pub fn export(&mut self, input: u32, exporter: SocketAddr, at: Timestamp, datagram: &[u8]) {
        let records = self.exported(input, exporter, at, datagram);
        if let Some(report) = self.report(input) {
            report.packets += records;
        }
    }

    fn exported(&mut self, input: u32, exporter: SocketAddr, at: Timestamp, datagram: &[u8]) -> u64 {
        let mut exports = self.exports.take().unwrap_or_default();
        let depth = self.limits.max_tunnel_depth;
        let records = exports.datagram(exporter, at, datagram, depth, &mut self.log(input));
        self.exports = Some(exports);
        records
    }

    /// What a packet of a capture carries, when it goes to where exports go.
    #[cold]
    pub(super) fn export_in(&mut self, input: u32, at: Timestamp, seen: &Seen<'_>) {
        if self.export_ports.contains(&seen.to.port) {
            let exporter = SocketAddr::new(seen.from.address.ip(), seen.from.port);
            self.exported(input, exporter, at, seen.payload);
        } else if is_export_port(seen.to.port) && netflow::looks_like_export(seen.payload) {
            self.tally.add(Cause::ExportsUnread);
        }
    }
}

/// Whether exporters send there by habit.
#[inline]
pub(super) fn is_export_port(port: u16) -> bool {
    netflow::EXPORT_PORTS.contains(&port)
}
