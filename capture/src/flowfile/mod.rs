//! Flow files: blocks of flow records on disk (`docs/flow-file.md`, `docs/flow-file.proto`).
//!
//! ```text
//! Block ─▶ message (protocol buffers, each after its length) ─▶ zstd frame with a checksum ─▶ file
//! ```
//!
//! A file is frames one after the other, as `zstd -d` reads it: a header, then a block a frame. A
//! frame that is damaged, or was not written to its end, costs only itself.

mod frame;
mod message;
mod read;
mod unpack;

pub use message::Header;

use crate::gather::Block;
use frame::pack;

pub(crate) use read::{may_begin_with, read, recognise};

/// Flows of one frame that are written at most, some 6 MB before they are packed; and names.
const MAX_FLOWS: usize = 50_000;
const MAX_NAMES: usize = 20_000;

/// The first frame of a file.
pub fn header_frame(header: &Header) -> std::io::Result<Vec<u8>> {
    pack(&message::header(header))
}

/// The frames of a block: several when it has many flows or names.
pub fn block_frames(block: &Block) -> std::io::Result<Vec<u8>> {
    let (mut flows, mut names) = (block.flows.chunks(MAX_FLOWS), block.names.chunks(MAX_NAMES));
    let mut frames = Vec::new();
    let mut next = (flows.next().unwrap_or_default(), names.next().unwrap_or_default());
    loop {
        frames.extend(pack(&message::block(block, next.0, next.1))?);
        next = match (flows.next(), names.next()) {
            (None, None) => return Ok(frames),
            (flows, names) => (flows.unwrap_or_default(), names.unwrap_or_default()),
        };
    }
}
