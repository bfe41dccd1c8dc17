//! Nodes.

use std::net::IpAddr;

use flowfence_model::object::{Node, Object};
use ipnet::IpNet;
use serde::Deserialize;

use crate::manifest::metadata::{RawMeta, or_default};
use crate::manifest::refusal::Refusal;
use crate::manifest::source::Source;

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct RawNode {
    #[serde(deserialize_with = "or_default")]
    metadata: RawMeta,
    #[serde(deserialize_with = "or_default")]
    spec: RawSpec,
    #[serde(deserialize_with = "or_default")]
    status: RawStatus,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct RawSpec {
    #[serde(rename = "podCIDR")]
    pod_cidr: Option<String>,
    #[serde(rename = "podCIDRs", deserialize_with = "or_default")]
    pod_cidrs: Vec<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct RawStatus {
    #[serde(deserialize_with = "or_default")]
    addresses: Vec<RawAddress>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct RawAddress {
    #[serde(rename = "type", deserialize_with = "or_default")]
    kind: String,
    #[serde(deserialize_with = "or_default")]
    address: String,
}

pub(super) fn read(source: &Source<'_>) -> Result<Vec<Object>, Refusal> {
    Node::try_from(source.parse::<RawNode>()?).map(|node| vec![Object::Node(node)])
}

impl TryFrom<RawNode> for Node {
    type Error = Refusal;

    fn try_from(raw: RawNode) -> Result<Self, Refusal> {
        let cidrs = match &*raw.spec.pod_cidrs {
            [] => raw.spec.pod_cidr.into_iter().filter(|cidr| !cidr.is_empty()).collect(),
            _ => raw.spec.pod_cidrs,
        };
        let pod_cidrs: Result<Vec<IpNet>, Refusal> = cidrs
            .iter()
            .map(|cidr| {
                let parsed = cidr.parse::<IpNet>();
                parsed.map_err(|_| Refusal::field("spec.podCIDRs", format!("{cidr:?} is not a CIDR")))
            })
            .collect();
        Ok(Node {
            internal_ips: raw.status.of("InternalIP"),
            external_ips: raw.status.of("ExternalIP"),
            pod_cidrs: pod_cidrs?,
            meta: raw.metadata.cluster_wide()?,
        })
    }
}

impl RawStatus {
    /// Some clouds list DNS names among the addresses; they name no address of ours.
    fn of(&self, kind: &str) -> Vec<IpAddr> {
        let addresses = self.addresses.iter().filter(|address| address.kind == kind);
        addresses.filter_map(|address| address.address.parse().ok()).collect()
    }
}
