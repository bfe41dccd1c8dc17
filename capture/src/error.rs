//! Why an input could not be used at all.

use std::io;

/// An input that is unusable as a whole. Damage inside a capture is never an error: it is counted
/// in the [`flowfence_model::FileReport`] and reading goes on.
#[derive(Debug, thiserror::Error)]
pub enum CaptureError {
    /// The input holds no octet.
    #[error("empty; expected a capture or a flow log")]
    Empty,
    /// The input ends inside the file header.
    #[error("ends after {octets} octets, inside the header of a {format} capture; write it again")]
    HeaderCut {
        /// `pcap` or `pcapng`.
        format: &'static str,
        /// How many octets there were.
        octets: usize,
    },
    /// The first octets belong to something else.
    #[error(
        "not a capture or flow log that is known: looks like {looks_like}; expected pcap, pcapng or a format of --list-formats, plain, gzip or zstd"
    )]
    NotACapture {
        /// What it seems to be, for people.
        looks_like: &'static str,
    },
    /// A compression that is not opened here.
    #[error("compressed with {0}, which is not opened here; decompress it first, or use gzip or zstd")]
    UnknownCompression(&'static str),
    /// A version of the pcap file format that does not exist yet.
    #[error("pcap version {major}.{minor} is unknown; expected 2.x")]
    UnknownVersion {
        /// Major version.
        major: u16,
        /// Minor version.
        minor: u16,
    },
    /// A flow file of a version that does not exist yet.
    #[error("a flow file of version {version}; this program reads up to {known}: use a newer one")]
    NewerFlowFile {
        /// Its version.
        version: u32,
        /// The highest that is read.
        known: u32,
    },
    /// A flow log where only packets and flow files can be used.
    #[error("a flow log; flow files are made of packets, and a log is read as it is by the other verbs")]
    LogIntoFlowFile,
    /// A Parquet file that is damaged beyond use, or whose columns nobody knows.
    #[error("a Parquet file that cannot be used: {0}")]
    Table(String),
    /// Nothing came out of the compressed data.
    #[error("the compressed data cannot be opened: {0}")]
    Decompress(#[source] io::Error),
    /// The input itself failed.
    #[error("cannot be read: {0}")]
    Io(#[from] io::Error),
}
