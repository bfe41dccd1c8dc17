//! The verbs: each takes its arguments, asks the floors below, and hands a finished report to an output.

pub mod audit;
pub mod capture;
pub mod check;
pub mod explain;
pub mod graph;
pub mod reach;
pub mod recommend;
pub mod snapshot;

mod against;
mod baseline;
mod bundle;
mod files;
mod observed;
mod page;
mod quarantine;
