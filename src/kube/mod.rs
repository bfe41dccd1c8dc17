//! The cluster through its API server.
//!
//! ```text
//! access   kubeconfig or pod environment ─▶ client
//! list     every kind of the table, page by page ─┐
//! watch    list, then changes as they come ───────┴▶ history ─▶ Located objects ─▶ Cluster
//! trim     what `snapshot` writes of an object: the fields that are read, and no others
//! ```
//!
//! Objects go through the readers of `manifest`, so that a kind has one reading wherever it comes
//! from. This folder alone names kube and the async runtime of its own.

mod access;
mod history;
mod list;
mod resource;
mod trim;
mod watch;

pub use access::{Access, Unreachable};
pub use history::History;
pub use list::{Listing, Missing, list};
pub use resource::{RESOURCES, Resource};
pub use trim::trim;
pub use watch::{Watch, WatchStatus};
