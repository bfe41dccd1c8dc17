//! Many connections at once: ends that policies cannot tell apart are folded into kinds, and each
//! pair of kinds is judged for every port of every protocol together.
//!
//! ```text
//! parties ─▶ kind: what selects it, holds its address, knows its port names   (10⁴ pods: 10²-10³)
//! kinds   ─▶ stance: the ordered rules of a direction that speak of it
//! stance × kind ─▶ which of the rules match ─▶ Profile: the ports that are allowed
//! ```
//!
//! No selector is asked here, and no rule twice for one stance and the same matches. Two sets of
//! policies over one cluster share kinds and profiles, so that their difference is a comparison
//! of numbers.
//!
//! Traffic of a pod to itself and from or to a pod's own node belongs to pairs of pods and nodes,
//! not of kinds, and is left out: a pod's own node always gets in.

mod atom;
mod kind;
mod known;
mod matrix;
mod profile;
mod stance;

pub use atom::Atoms;
pub use matrix::{KindId, Matrix};
pub use profile::{Profile, ProfileId};
