//! The cluster through its API server.
//!
//! ```text
//! access   kubeconfig or pod environment ─▶ client
//! list     every kind of the table, page by page ─┐
//! watch    list, then changes as they come ───────┴▶ history ─▶ Located objects ─▶ Cluster
//! status   how well that goes, kind by kind
//! trim     what `snapshot` writes of an object: the fields that are read, and no others
//! ```
//!
//! Objects go through the readers of `manifest`, so that a kind has one reading wherever it comes
//! from. This folder alone names kube and the async runtime of its own.

mod access;
mod clock;
mod history;
mod list;
mod resource;
mod status;
mod trim;
mod watch;

use crate::manifest::{Snapshot, objects_from_values};

pub use access::{Access, Unreachable, files};
pub use clock::Clock;
pub use history::{By, History, Told};
pub use list::{Listing, Missing, list};
pub use resource::{RESOURCES, Resource};
pub use status::WatchStatus;
pub use trim::trim;
pub use watch::Watch;

/// Objects of the API as those of files are read. They stand on no line.
pub fn read<'a>(objects: impl IntoIterator<Item = &'a serde_json::Value>) -> Snapshot {
    let mut snapshot = objects_from_values(objects, "kube API");
    snapshot.problems.iter_mut().for_each(|problem| problem.line = None);
    snapshot
}
