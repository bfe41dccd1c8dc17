//! What lies inside what, whatever pods come: selectors, blocks, ports and rules compared by
//! their meaning, without a cluster.
//!
//! Keys of labels are independent of each other, so that one selector lies inside another when
//! what it wants of each key does. The answers are proofs: yes is true of every cluster; no may
//! only mean that several parts together do what none does alone.

mod rule;
mod selector;

pub use rule::rule_within;
pub use selector::{contradiction, example, in_namespaces, selector_within};
