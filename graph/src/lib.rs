//! How observations become facts.
//!
//! ```text
//! Recording ──▶ attribute ──▶ Facts (contacts, pod by pod) ──▶ CommunicationGraph (a view)
//!                  ▲
//! objects ──▶ Inventory (who held which address when)
//! ```
//!
//! Pure: no I/O, no clock. The same recording and objects give the same facts, in any order of input.

#![forbid(unsafe_code)]

pub mod attribute;
pub mod contact;
pub mod crew;
pub mod difference;
pub mod edge;
pub mod facts;
pub mod graph;
pub mod inventory;
pub mod numbering;
pub mod parts;

pub use attribute::{attribute, attribute_by};
pub use contact::{Bulk, Contact, Large, LogWord, Party, PodName, Tally};
pub use edge::{Edge, EdgeKey};
pub use facts::{Completeness, Facts};
pub use graph::{CommunicationGraph, GraphNode, View, edges_of, nodes_of};
pub use inventory::{Holder, Inventory, KnownPod, Scheduled, ServiceUse, Workload, objects_of};
pub use numbering::Numbering;
pub use parts::Parts;

#[cfg(test)]
mod testing;
