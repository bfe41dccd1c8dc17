//! What a capture gives up once its sockets are open.
//!
//! ```text
//! capability   every capability, and the way to get one back
//! syscall      calls that no verb makes; in a reader's thread all but those that it makes
//! path         files that were not named and are not needed to name addresses
//! ```
//!
//! Packets are written by whoever reaches the network. Whatever a mistake in reading them could be
//! made to do, it does without rights. Where the kernel lacks one of the three, the others hold,
//! and a line says so.

mod capability;
mod path;
mod syscall;

use std::path::PathBuf;

use crate::exit::Failure;

pub use syscall::confine_reader;

/// What the rest of the run needs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plan {
    /// Files and directories that are read.
    pub read: Vec<PathBuf>,
    /// Files and directories that are written, which need not exist yet.
    pub write: Vec<PathBuf>,
    /// The kube API is asked, which may need a program that gives out tokens, and its files.
    pub kube_api: bool,
}

/// Gives up what the plan does not need, in this thread and all that it spawns later; says what was
/// given up, for people.
pub fn enter(plan: &Plan) -> Result<String, Failure> {
    let capabilities = match capability::drop_all() {
        Ok(()) => "no capabilities",
        Err(error) => {
            return Err(Failure::unreadable(format!(
                "capabilities cannot be dropped: {error}; see --no-sandbox"
            )));
        }
    };
    path::demand_access(plan)?;
    let paths = path::confine(plan);
    let calls = syscall::confine(plan.kube_api);
    Ok(format!("{capabilities}, {calls}, {paths}"))
}
