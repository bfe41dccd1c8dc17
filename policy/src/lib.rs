//! x
pub mod semantics;
