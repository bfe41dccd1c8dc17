//! What a set of policies means, to the letter of the API.
//!
//! ```text
//! Pod, Namespace, Node ─▶ Cluster ─┐
//!                                  ├─▶ PolicySet ── Connection ─▶ Decision
//! NetworkPolicy, ClusterPolicy ────┘
//! ```
//!
//! Compiling evaluates each distinct selector once, over an index of labels, into a bitset of
//! pods; a `Region` is what one rule admits (peers × ports) in that form, and the
//! policies of one pod and direction are a short list. A question is then a few bit tests and
//! binary searches. The rules of cluster-wide policies are regions too, in an ordered list whose
//! first match ends its tier (`verdict` has the order of evaluation).
//!
//! Where the API leaves the answer open, the booleans say what its text and most plugins say,
//! and [`Decision::unspecified`] says why another plugin may answer otherwise.

mod cluster;
mod compile;
mod connection;
mod decision;
mod effect;
pub mod fold;
mod left_open;
mod otherwise;
mod peer;
mod plugin;
mod port;
mod postings;
mod reading;
mod region;
mod rivalry;
mod rulebook;
mod set;
mod sweep;
mod tier;
mod unspecified;
mod update;
mod verdict;
pub mod within;

#[cfg(test)]
mod tests;

pub use cluster::{Cluster, PodIndex};
pub use connection::{Connection, Party};
pub use decision::{Decision, Entries, Exemption, RuleId, TierRuling, Verdict};
pub use flowfence_model::policy::Direction;
pub use plugin::{Choice, Plugin};
pub use rivalry::Rivalry;
pub use rulebook::Rulebook;
pub use set::PolicySet;
pub use sweep::Sweep;
pub use unspecified::Unspecified;
