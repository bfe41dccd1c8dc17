//! The shape of `audit -o json`, from which the table is written too.

use std::collections::BTreeMap;

use flowfence_model::{NodeId, Protocol};
use flowfence_policy::audit::{Finding, Value};
use schemars::JsonSchema;
use serde::Serialize;

use crate::output::API_VERSION;
use crate::output::completeness::CompletenessReport;

/// A `Report` object.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AuditReport {
    /// `flowfence.dev/v1`.
    pub api_version: &'static str,
    /// `Report`.
    pub kind: &'static str,
    /// Findings, the worst first.
    pub findings: Vec<FindingRow>,
    /// What was seen and what was left out.
    pub completeness: CompletenessReport,
}

/// A finding.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct FindingRow {
    /// `RULE:SUBJECT`: the same thing has the same id in every run.
    pub id: String,
    /// The rule, kebab-case; never changes.
    pub rule: &'static str,
    /// `error`, `warning` or `note`.
    pub level: &'static str,
    /// One sentence.
    pub title: String,
    /// Who acted, where somebody did.
    #[schemars(with = "Option<String>")]
    pub from: Option<NodeId>,
    /// Whom it concerns.
    #[schemars(with = "Option<String>")]
    pub to: Option<NodeId>,
    /// Protocol, where it is one.
    #[schemars(with = "Option<String>")]
    pub protocol: Option<Protocol>,
    /// Port, where it is one.
    pub port: Option<u16>,
    /// What backs it, by name: texts, lists of texts, counts and times.
    #[schemars(with = "BTreeMap<String, serde_json::Value>")]
    pub evidence: BTreeMap<&'static str, Value>,
}

impl AuditReport {
    /// From the findings, in their order.
    pub fn new(findings: Vec<Finding>, completeness: CompletenessReport) -> Self {
        let findings = findings.into_iter().map(|finding| FindingRow {
            id: finding.id,
            rule: finding.rule,
            level: finding.level.token(),
            title: finding.title,
            from: finding.from,
            to: finding.to,
            protocol: finding.protocol,
            port: finding.port,
            evidence: finding.evidence,
        });
        AuditReport { api_version: API_VERSION, kind: "Report", findings: findings.collect(), completeness }
    }
}
