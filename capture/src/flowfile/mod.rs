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

pub use message::Header;

use crate::gather::Block;
use frame::pack;

pub(crate) use read::{may_begin_with, read, recognise};

/// Flows of one block that are written at most; more go into further frames. Some 3 MB.
pub const MAX_FLOWS: usize = 50_000;

/// The first frame of a file.
pub fn header_frame(header: &Header) -> std::io::Result<Vec<u8>> {
    pack(&message::header(header))
}

/// The frames of a block: several when it has many flows.
pub fn block_frames(block: &Block) -> std::io::Result<Vec<u8>> {
    let mut frames = pack(&message::block(block, block.flows.get(..MAX_FLOWS).unwrap_or(&block.flows)))?;
    for flows in block.flows.chunks(MAX_FLOWS).skip(1) {
        frames.extend(pack(&message::block(block, flows))?);
    }
    Ok(frames)
}
