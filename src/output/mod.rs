//! Outputs: finished reports in, text out. A format a file; none of them looks anything up.

pub mod audit;
pub mod bundle;
pub mod cell;
pub mod check;
pub mod completeness;
pub mod explain;
pub mod fingerprint;
pub mod formats;
pub mod graph;
pub mod markdown;
pub mod page;
pub mod policy;
pub mod quarantine;
pub mod reach;
pub mod recommend;
pub mod safe;
pub mod sarif;
pub mod schema;
pub mod screen;
pub mod table;
pub mod xml;

/// The version of every JSON shape.
pub const API_VERSION: &str = "flowfence.dev/v1";
