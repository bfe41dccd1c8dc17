//! The shape of `audit -o json`, from which the table is written too.

use std::collections::BTreeMap;

use flowfence_model::{NodeId, Protocol};
use flowfence_policy::audit::{DETECTORS, Detector, Evidence, Finding, lint};
use schemars::JsonSchema;
use serde::Serialize;

use super::rank::{OwnerRow, RankRow};
use crate::cluster::{Cluster, Place};
use crate::output::completeness::CompletenessReport;
use crate::output::{API_VERSION, safe};

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
    /// Whether there was traffic, without which only some detectors ran.
    #[serde(skip)]
    pub has_traffic: bool,
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
    /// What backs it, by name: texts, lists of texts, counts and times. Beside a list of which only the first hundred are
    /// told stands `NAMECount`: how many there are.
    #[schemars(with = "BTreeMap<String, serde_json::Value>")]
    pub evidence: Evidence,
    /// What to do about it, in one line.
    pub fix: Option<String>,
    /// The policy that it is about, `NAMESPACE/NAME`; `KIND/NAME` of a cluster-wide one.
    pub policy: Option<String>,
    /// The field of that policy under `spec`, where it is about one.
    pub field: Option<String>,
    /// The file in which that policy, else the workload, was read.
    pub file: Option<String>,
    /// The line in that file, from 1.
    pub line: Option<usize>,
    /// Which to look at first among those of its level.
    pub rank: Option<Box<RankRow>>,
    /// Who should look, where objects say so.
    pub owner: Option<OwnerRow>,
}

impl AuditReport {
    /// From the findings, in their order, and where the objects of the cluster were read.
    pub fn new(
        findings: Vec<Finding>,
        cluster: &Cluster,
        completeness: CompletenessReport,
        has_traffic: bool,
    ) -> Self {
        let findings = findings.into_iter().map(|finding| row(finding, cluster)).collect();
        AuditReport { api_version: API_VERSION, kind: "Report", findings, completeness, has_traffic }
    }

    /// The detectors that ran, in their order.
    pub fn detectors(&self) -> impl Iterator<Item = &'static Detector> {
        let of_traffic = if self.has_traffic { DETECTORS } else { &[] };
        of_traffic.iter().chain(lint::DETECTORS).copied()
    }
}

impl FindingRow {
    /// Whom it is about where one is enough: who acted, or else whom it concerns.
    pub fn subject(&self) -> Option<&NodeId> {
        let ends = || [&self.from, &self.to].into_iter().flatten();
        ends().find(|end| end.is_workload()).or_else(|| ends().next())
    }

    /// The rank, 0 to 100, where it has one.
    pub fn rank_total(&self) -> Option<u32> {
        self.rank.as_ref().map(|rank| rank.total)
    }

    /// The owner's name on one line, where objects say one that shows.
    pub fn owner_name(&self) -> Option<String> {
        let name = safe::line(&self.owner.as_ref()?.name).trim().to_owned();
        Some(name).filter(|name| !name.is_empty())
    }

    /// The namespace that it belongs to: the policy's, or that of whom it is about.
    pub fn namespace(&self) -> Option<&str> {
        // A cluster-wide policy is `KIND/NAME`, and kinds begin with a capital.
        let of_policy =
            self.policy.as_deref().and_then(|policy| policy.split_once('/')).map(|(first, _)| first);
        let of_policy = of_policy.filter(|first| !first.starts_with(|c: char| c.is_ascii_uppercase()));
        if self.policy.is_some() { of_policy } else { self.subject().and_then(NodeId::namespace) }
    }
}

fn row(finding: Finding, cluster: &Cluster) -> FindingRow {
    let (file, line) = match place(&finding, cluster) {
        Some((place, field)) => (Some(place.file.clone()), Some(place.line_of(field))),
        None => (None, None),
    };
    FindingRow {
        id: finding.id,
        rule: finding.rule,
        level: finding.level.token(),
        title: finding.title,
        from: finding.from,
        to: finding.to,
        protocol: finding.protocol,
        port: finding.port,
        evidence: finding.evidence,
        fix: finding.fix,
        policy: finding.policy,
        field: Some(finding.field).filter(|field| !field.is_empty()),
        file,
        line,
        rank: finding.rank.as_deref().map(|rank| Box::new(RankRow::from(rank))),
        owner: finding.owner.map(OwnerRow::from),
    }
}

/// A finding about a policy is where the policy is, any other where the workload that acted is.
fn place<'a>(finding: &'a Finding, cluster: &'a Cluster) -> Option<(&'a Place, &'a str)> {
    if let Some(policy) = &finding.policy {
        return Some((cluster.places.get(policy)?, finding.field.as_str()));
    }
    let ends = [&finding.from, &finding.to].into_iter().flatten();
    let mut places = ends.filter_map(|end| cluster.workload_places.get(&end.to_string()));
    places.next().map(|place| (place, ""))
}

/// A report for tests of formats.
#[cfg(test)]
pub(super) fn report(findings: Vec<FindingRow>) -> AuditReport {
    let completeness = CompletenessReport::default();
    AuditReport { api_version: API_VERSION, kind: "Report", findings, completeness, has_traffic: true }
}

/// What a format makes of findings, for its tests.
#[cfg(test)]
pub(super) fn written(
    write: impl Fn(&AuditReport, &mut dyn std::io::Write) -> std::io::Result<()>,
    findings: Vec<FindingRow>,
) -> String {
    let mut out = Vec::new();
    write(&report(findings), &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

/// A finding for tests of formats, with a rank of 30 and an owner.
#[cfg(test)]
pub(super) fn ranked(rule: &'static str, level: &'static str, at: usize, owner: &str) -> FindingRow {
    use flowfence_policy::audit::rank::{Part, Rank};

    let mut row = finding(rule, level, at);
    let part = |value, why: &[&str]| Part { value, why: why.iter().map(|why| (*why).to_owned()).collect() };
    row.rank = Some(Box::new(RankRow::from(&Rank {
        exposure: part(0, &[]),
        privilege: part(4, &["service account token"]),
        blast_radius: part(6, &["the API server"]),
        environment: part(100, &[]),
        confidence: part(100, &[]),
        spread: None,
    })));
    row.owner = Some(OwnerRow { name: owner.to_owned(), from: "label team of namespace shop".to_owned() });
    row
}

/// A finding for tests of formats.
#[cfg(test)]
pub(super) fn finding(rule: &'static str, level: &'static str, at: usize) -> FindingRow {
    FindingRow {
        id: format!("{rule}:shop/Deployment/w{at}"),
        rule,
        level,
        title: format!("title {at} <&"),
        from: Some(NodeId::workload("shop", "Deployment", &format!("w{at}"))),
        to: None,
        protocol: None,
        port: None,
        evidence: Evidence::new(),
        rank: None,
        owner: None,
        fix: Some("fix it".to_owned()),
        policy: None,
        field: None,
        file: None,
        line: None,
    }
}
