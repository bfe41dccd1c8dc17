//! JSON Schemas of the machine-readable outputs, derived from the types that write them.

use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, Schema};

use super::audit::AuditReport;
use super::bundle::BundleManifest;
use super::check::ReplayReport;
use super::explain::{ExplainListReport, ExplainReport};
use super::graph::{GraphDifferenceReport, GraphReport};
use super::page::PageReport;
use super::reach::{DifferenceReport, ReachReport};
use super::recommend::RecommendReport;
use crate::reach::Answers;

/// Every published schema by the kind of its object; of the answers to probes, which have none, by their name.
pub fn all() -> Vec<(&'static str, Schema)> {
    vec![
        ("CommunicationGraph", written::<GraphReport>()),
        ("EvidenceBundle", written::<BundleManifest>()),
        ("Explanation", written::<ExplainReport>()),
        ("ExplanationList", written::<ExplainListReport<'_>>()),
        ("GraphDifference", written::<GraphDifferenceReport>()),
        ("Page", written::<PageReport>()),
        ("ProbeAnswers", written::<Answers>()),
        ("Reach", written::<ReachReport<'_>>()),
        ("ReachDifference", written::<DifferenceReport<'_>>()),
        ("Recommendation", written::<RecommendReport>()),
        ("Replay", written::<ReplayReport>()),
        ("Report", written::<AuditReport>()),
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
