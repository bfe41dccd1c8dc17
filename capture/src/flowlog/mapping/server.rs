//! The one who was asked, where a row tells of it apart from its ends.

use super::ServerFields;
use super::decode::number;
use super::row::Row;
use crate::flowlog::entry::{End, Opener};
use crate::flowlog::{Sink, text};

/// What a row says of the one who was asked.
#[derive(Clone, Copy, Debug, Default)]
pub struct Server {
    port: Option<u16>,
}

impl Server {
    /// Reads it.
    pub fn read(fields: &ServerFields, row: &Row<'_>) -> Self {
        let port = fields.port.as_ref().and_then(|field| number(row, field));
        Server { port: port.and_then(|port| u16::try_from(port).ok()).filter(|port| *port > 0) }
    }

    /// Who opened, by which end has the port of the one who was asked.
    pub fn opener(self, source: End, destination: End) -> Opener {
        match (self.port, source.port, destination.port) {
            (Some(port), from, Some(to)) if port == to && from != Some(port) => Opener::Source,
            (Some(port), Some(from), to) if port == from && to != Some(port) => Opener::Destination,
            _ => Opener::Untold,
        }
    }

    /// The end that was asked with what stands in for what it lacks, and its name noted.
    pub fn stand_in(self, fields: &ServerFields, row: &Row<'_>, end: &mut End, to: &mut Sink<'_>) {
        end.port = end.port.or(self.port);
        let Some(told) = fields.address.as_ref().and_then(|field| row.text(field)) else { return };
        match (text::address(told.as_bytes()), end.address) {
            (Some(address), None) => end.address = Some(address),
            (None, Some(address)) => to.dns.name(address.ip(), &told),
            _ => {}
        }
    }
}
