//! Fields of a VPC flow log and their numbers.

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
pub type Words<'l> = [Option<&'l [u8]>; USED.len()];

/// A word that says something.
#[inline]
pub fn word<'l>(found: &Words<'l>, field: usize) -> Option<&'l [u8]> {
    found.get(field).copied().flatten().filter(|word| *word != b"-")
}
