//! x
pub mod audit;
pub mod explain;
pub mod judge;
pub mod recommend;
pub mod semantics;
