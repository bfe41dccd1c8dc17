//! JSON Schemas of the machine-readable outputs, derived from the types that write them.

use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, Schema, schema_for};

use super::audit::AuditReport;
use super::bundle::BundleManifest;
use super::check::ReplayReport;
use super::explain::{ExplainListReport, ExplainReport};
use super::graph::{GraphDifferenceReport, GraphReport};
use super::page::PageReport;
use super::reach::{DifferenceReport, ReachReport};
use super::recommend::RecommendReport;

/// Every published schema by the kind of its object.
pub fn all() -> Vec<(&'static str, Schema)> {
    vec![
        ("CommunicationGraph", schema_for!(GraphReport)),
        ("EvidenceBundle", schema_for!(BundleManifest)),
        ("Explanation", schema_for!(ExplainReport)),
        ("ExplanationList", schema_for!(ExplainListReport<'_>)),
        ("GraphDifference", schema_for!(GraphDifferenceReport)),
        ("Page", written::<PageReport>()),
        ("Reach", schema_for!(ReachReport<'_>)),
        ("ReachDifference", schema_for!(DifferenceReport<'_>)),
        ("Recommendation", schema_for!(RecommendReport)),
        ("Replay", schema_for!(ReplayReport)),
        ("Report", schema_for!(AuditReport)),
    ]
}

/// The schema of what is written: a field that is left out where it has nothing to say is not required.
fn written<T: JsonSchema>() -> Schema {
    SchemaSettings::draft2020_12().for_serialize().into_generator().into_root_schema_for::<T>()
}

/// `icmp` of an edge: type and code as IANA numbers them.
#[derive(JsonSchema)]
#[allow(dead_code, reason = "describes `flowfence_model::IcmpType` to the schema only")]
pub struct IcmpRow {
    /// Type.
    #[schemars(rename = "type")]
    kind: u8,
    /// Code.
    code: u8,
}
