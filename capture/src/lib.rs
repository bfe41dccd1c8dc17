//! Packets into flow records.
//!
//! ```text
//! read/     file ─▶ gzip, zstd opened ─▶ pcap, pcapng records, damage passed over
//! decode/   record ─▶ link ─▶ IP ─▶ tunnel? ─▶ IP … ─▶ one sighting of the inner flow
//! tap       which hop of which input saw it
//! fragment  later fragments find their ports
//! parquet/  tables: columns ─▶ rows ─▶ flow logs
//! table/    sightings ─▶ FlowRecord, ended and begun anew, bounded
//! dns       answers ─▶ names of addresses
//! recorder  holds it all together ─▶ Recording
//! gather    what several recorders saw ─▶ Recording
//! ```
//!
//! No I/O besides a [`std::io::Read`], or octets in any order ([`RandomAccess`]), that are handed in, no clock, no threads: capture time is the
//! only time. Nothing here can panic on input: no indexing, no unwrapping, no recursion.

#![forbid(unsafe_code)]
#![deny(clippy::indexing_slicing)]

mod cause;
mod decode;
mod dns;
mod error;
pub mod flowfile;
mod flowlog;
mod fragment;
mod gather;
mod link;
mod outlet;
mod parquet;
mod read;
mod recorder;
mod table;
mod tap;

pub use cause::CAUSES;
pub use error::CaptureError;
pub use flowlog::netflow::EXPORT_PORTS;
pub use flowlog::{FORMATS, Form, GoldmaneStream, Heard, HubbleServer, HubbleStream, LogFormat, Tells};
pub use gather::{Block, Gathering, Session};
pub use link::{Interface, LinkType, RawPacket};
pub use outlet::Outlet;
pub use parquet::{MAGIC as PARQUET, RandomAccess, read_table};
pub use read::{is_capture, read_capture};
pub use recorder::{Limits, Recorder};
