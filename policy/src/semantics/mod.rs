//! What a set of policies means, to the letter of the API.
//!
//! ```text
//! Pod, Namespace, Node ─▶ Cluster ─┐
//!                                  ├─▶ PolicySet ── Connection ─▶ Decision
//! NetworkPolicy ───────────────────┘
//! ```
//!
//! Compiling evaluates each distinct selector once, over an index of labels, into a bitset of
//! pods; a [`region::Region`] is what one rule admits (peers × ports) in that form, and the
//! policies of one pod and direction are a short list. A question is then a few bit tests and
//! binary searches. Regions know nothing of NetworkPolicy's union of rules, so that ordered
//! tiers can be built from the same ones.
//!
//! Where the API leaves the answer open, the booleans say what its text and most plugins say,
//! and [`Decision::unspecified`] says why another plugin may answer otherwise.

mod cluster;
mod compile;
mod connection;
mod decision;
mod left_open;
mod peer;
mod port;
mod postings;
mod region;
mod set;
mod unspecified;

#[cfg(test)]
mod tests;

pub use cluster::{Cluster, PodIndex};
pub use connection::{Connection, Party};
pub use decision::{Decision, Entries, Exemption, RuleId, Verdict};
pub use flowfence_model::policy::Direction;
pub use set::PolicySet;
pub use unspecified::Unspecified;
