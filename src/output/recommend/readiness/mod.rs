//! `readiness` of a recommendation: whether enough was seen.

mod report;
mod summary;

pub use report::ReadinessRow;
pub use summary::write;
