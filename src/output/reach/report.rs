//! The shapes of `reach -o json`, from which the other formats are written too.

use flowfence_model::{PortSet, Protocol};
use flowfence_policy::reach::Profile;
use schemars::JsonSchema;
use serde::Serialize;

use crate::output::completeness::ObjectsRow;

/// A `Reach` object: everything that policies allow.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ReachReport<'a> {
    /// `flowfence.dev/v1`.
    pub api_version: &'static str,
    /// `Reach`.
    pub kind: &'static str,
    /// The plugin whose answers were taken, when one was named.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub plugin: Option<&'static str>,
    /// Workloads, nodes and ranges outside, those without connections too.
    pub nodes: Vec<EndRow>,
    /// Pairs with at least one allowed port, by the order of `nodes`. A workload and itself means
    /// two of its pods. What a pod's own node may, is not listed: it always gets in.
    pub connections: Vec<ConnectionRow<'a>>,
    /// What may enter each workload from where nobody stands yet.
    pub exposure: Vec<ExposureRow>,
    /// What became of the objects that were given.
    pub objects: ObjectsRow,
}

/// A `ReachDifference` object: what two sets of policies allow differently.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct DifferenceReport<'a> {
    /// `flowfence.dev/v1`.
    pub api_version: &'static str,
    /// `ReachDifference`.
    pub kind: &'static str,
    /// The plugin whose answers were taken, when one was named.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub plugin: Option<&'static str>,
    /// The ends that the changes speak of.
    pub nodes: Vec<EndRow>,
    /// Pairs that could not connect before.
    pub added: Vec<ConnectionRow<'a>>,
    /// Pairs that can no longer connect.
    pub removed: Vec<ConnectionRow<'a>>,
    /// Pairs that can still connect, on other ports.
    pub changed: Vec<ChangeRow<'a>>,
    /// What became of the objects that were given, those before included.
    pub objects: ObjectsRow,
}

/// An end.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct EndRow {
    /// The node id; a pod is `NAMESPACE/Pod/NAME`, a range `external/CIDR`.
    pub id: String,
    /// The kind as in the API, `Node` or `External`.
    pub kind: String,
    /// Its namespace.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    /// Its pods, as `NAMESPACE/NAME`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub pods: Vec<String>,
    /// The ranges inside a range that are ends of their own.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub except: Vec<String>,
}

/// What is allowed from one end to another.
#[derive(Clone, Copy, Debug, Serialize, JsonSchema)]
pub struct ConnectionRow<'a> {
    /// Id of the source.
    pub from: &'a str,
    /// Id of the destination.
    pub to: &'a str,
    /// `IPv4` or `IPv6` when it is not true of both.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub family: Option<&'static str>,
    /// What is allowed, or was.
    pub allowed: &'a [PortsRow],
}

/// What changed from one end to another.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct ChangeRow<'a> {
    /// Id of the source.
    pub from: &'a str,
    /// Id of the destination.
    pub to: &'a str,
    /// `IPv4` or `IPv6` when it is not true of both.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub family: Option<&'static str>,
    /// What was allowed.
    pub before: &'a [PortsRow],
    /// What is allowed now.
    pub after: &'a [PortsRow],
    /// What is allowed now and was not.
    pub gained: Vec<PortsRow>,
    /// What was allowed and is no longer.
    pub lost: Vec<PortsRow>,
}

/// Ports of a protocol.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct PortsRow {
    /// `TCP`, `UDP`, `SCTP` or `ICMP`.
    pub protocol: &'static str,
    /// `all`, or numbers and ranges such as `80,8000-8099`.
    pub ports: String,
}

/// What may enter a workload, whatever the policies of the other end say.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ExposureRow {
    /// Id of the workload.
    pub to: String,
    /// From addresses outside, all ranges together.
    pub outside: Vec<PortsRow>,
    /// From any pod of any other namespace, whatever its labels.
    pub other_namespaces: Vec<PortsRow>,
    /// From any pod of its own namespace, whatever its labels.
    pub own_namespace: Vec<PortsRow>,
    /// From pods with labels that a rule names, beyond those.
    pub labelled: Vec<LabelledRow>,
}

/// Pods by labels, and what they may.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct LabelledRow {
    /// The namespaces: a name, or a selector as kubectl writes it; `*` for all.
    pub namespaces: String,
    /// The pods: a selector; `*` for all.
    pub pods: String,
    /// What they may.
    pub allowed: Vec<PortsRow>,
}

/// A profile as rows.
pub fn ports(profile: &Profile) -> Vec<PortsRow> {
    let row = |(protocol, ports): (Protocol, &PortSet)| PortsRow {
        protocol: protocol.token(),
        ports: if *ports == PortSet::all() { "all".to_owned() } else { numbers(ports) },
    };
    profile.iter().map(row).collect()
}

/// The ranges, without the port 0 that nothing uses.
fn numbers(ports: &PortSet) -> String {
    let ranges = ports.ranges().iter().map(|range| {
        let mut range = *range;
        range.first = range.first.max(1).min(range.last);
        range.to_string()
    });
    ranges.collect::<Vec<_>>().join(",")
}

/// Rows on one line.
pub fn line(rows: &[PortsRow]) -> String {
    if rows.is_empty() {
        return "nothing".to_owned();
    }
    if rows.len() == 4 && rows.iter().all(|row| row.ports == "all") {
        return "everything".to_owned();
    }
    let part = |row: &PortsRow| {
        if row.protocol == "ICMP" { "ICMP".to_owned() } else { format!("{} {}", row.protocol, row.ports) }
    };
    rows.iter().map(part).collect::<Vec<_>>().join("; ")
}

/// A text with the family that it is true of, when it is not true of both.
pub fn with_family(text: &str, family: Option<&str>) -> String {
    family.map_or_else(|| text.to_owned(), |family| format!("{text} ({family})"))
}
