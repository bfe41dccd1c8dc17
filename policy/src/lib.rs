//! x
pub mod audit;
pub mod explain;
pub mod judge;
pub mod reach;
pub mod recommend;
pub mod semantics;
