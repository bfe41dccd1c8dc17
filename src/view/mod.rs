//! Views of a graph: which edges are shown, and what a node stands for.
//!
//! ```text
//! graph of workloads ─▶ Filter (which edges) ─▶ fold (what is one node) ─▶ writer
//! ```
//!
//! Filters look at workloads, or at pods where those are the nodes, and folds come after them, so that an edge is
//! found by the same words however it is drawn.

mod filter;
mod fold;
mod moment;
mod pattern;
mod port;
mod unused;

#[cfg(test)]
pub(crate) mod testing;

pub use filter::{Filter, Kept, unknown_namespaces};
pub use fold::{Fold, fold};
pub use moment::{Moment, Span};
pub use pattern::EndPattern;
pub use port::PortPattern;
pub use unused::{Unused, unused};
