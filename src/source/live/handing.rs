//! How what was seen is handed on.

use std::time::Duration;

use flowfence_capture::Block;

use crate::exit::Failure;

/// How readers hand over what they saw.
#[derive(Clone, Copy, Debug)]
pub struct Handing {
    /// The run that their blocks are of.
    pub run: u128,
    /// So often.
    pub every: Duration,
    /// Whether they forget what they handed over once it is over.
    pub forgets: bool,
}

impl Default for Handing {
    fn default() -> Self {
        Handing { run: 0, every: Duration::from_secs(1), forgets: false }
    }
}

/// Takes blocks while a capture goes on; an error ends it.
pub type Taker<'a> = &'a mut dyn FnMut(Block) -> Result<(), Failure>;
