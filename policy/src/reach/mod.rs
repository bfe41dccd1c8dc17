//! What policies allow, without traffic: every pair of ends, the difference of two sets of
//! policies, and what may enter from where nobody stands yet.
//!
//! ```text
//! Inventory ─▶ End (workload, node, range outside) ─▶ semantics::fold::Matrix ─▶ Row
//! two sets  ────────────────────────────────────────────────────────────────▶ Change
//! selectors of the policies ─▶ Stranger (a pod that might come) ─▶ Exposure
//! one workload ─▶ Radius (how far trouble in it spreads)
//! ```

mod domain;
mod end;
mod exposure;
mod radius;
mod reached;
mod stranger;
mod survey;

#[cfg(test)]
mod tests;

pub use crate::semantics::fold::{Profile, ProfileId};
pub use domain::with_hosts;
pub use end::{End, EndName, Family};
pub use exposure::{Entry, Exposure, exposure};
pub use radius::Radii;
pub use reached::{Internet, Radius};
pub use stranger::Stranger;
pub use survey::{Change, Row, Selection, Survey};
