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

pub mod contact;
pub mod facts;
pub mod inventory;

pub use contact::{Contact, Party, PodName, Tally};
pub use facts::{Completeness, Facts};
pub use inventory::{Holder, Inventory, KnownPod, ServiceUse, Workload};
