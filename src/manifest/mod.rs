//! The spelling of Kubernetes objects: YAML and JSON in, YAML and JSON out.
//!
//! ```text
//! path ─▶ open ─▶ text ─▶ split ─▶ Source ─▶ kind table ─▶ model::Object ─┐
//!                        (one document     (one file a                   ├▶ Snapshot
//!                         or list item)     kind)        └▶ Problem ─────┘
//! NetworkPolicy ─▶ write ─▶ YAML, JSON
//!               └▶ flavour   the same in other languages, and back
//! narrowed policy, text ─▶ edit ─▶ the same text but for what was narrowed
//! ```
//!
//! Each document, and each item of a `List`, is parsed on its own, so that a broken one costs
//! nothing but itself; memory is that of one item beside the text. `yaml` alone names the
//! YAML crate.

mod annotation;
mod decisions;
pub mod edit;
pub mod flavour;
mod head;
mod json;
mod kind;
mod metadata;
mod networks;
mod open;
mod read;
mod reader;
mod refusal;
mod skim;
mod snapshot;
mod source;
mod split;
mod tree;
mod write;
mod yaml;

#[cfg(test)]
mod tests;

pub use decisions::{parse_baseline, parse_decisions, write_baseline};
pub use flavour::write_cluster_policy;
pub use metadata::is_possible;
pub use networks::{parse_networks, read_networks};
pub use open::{MAX_OCTETS, files_of, read_objects};
pub use read::{objects_from_values, parse_objects, parse_policies};
pub use snapshot::{Level, Located, ManifestError, Problem, Snapshot, Spelling};
pub use write::{Part, PolicyManifest, part_to_json, to_json, write_object, write_policy};
