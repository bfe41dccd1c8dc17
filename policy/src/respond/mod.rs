//! What to do about a finding: cut exactly its pods off, and prove it.
//!
//! ```text
//! Finding ─▶ suspect   which pods it tells of
//!            plan      a policy for these pods; labels to take off them, policies to step aside
//!            overrule  a cluster-wide policy that comes before those that accept something
//!            (written, read back)
//!            proof     they are isolated in both directions, and nobody else is touched
//! ```
//!
//! Policies only ever add: where another one selects a pod and admits something, a policy more cuts nothing. So the pod
//! leaves the others' selectors, by its labels where that is possible and by a requirement more in the policy where not. What
//! the Admin tier accepts stands above them all: a rule that comes before it denies the same.

mod overrule;
mod plan;
mod proof;
mod suspect;

pub use overrule::{Overruling, resource};
pub use plan::{Allowed, Amended, MARK, Means, Plan, Relabelled, plan};
pub use proof::{After, Isolation, prove};
pub use suspect::{NoPods, Suspects, suspects};

#[cfg(test)]
mod tests;
