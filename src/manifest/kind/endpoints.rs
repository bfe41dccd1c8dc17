//! EndpointSlices, and the Endpoints that came before them.

use std::net::IpAddr;

use flowfence_model::object::{EndpointSlice, Object};
use serde::Deserialize;

use super::container::RawPort;
use crate::manifest::metadata::{RawMeta, address, or_default};
use crate::manifest::refusal::Refusal;
use crate::manifest::source::Source;

/// The label by which a slice belongs to a service.
const SERVICE_NAME: &str = "kubernetes.io/service-name";

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct RawSlice {
    #[serde(deserialize_with = "or_default")]
    metadata: RawMeta,
    #[serde(deserialize_with = "or_default")]
    address_type: String,
    #[serde(deserialize_with = "or_default")]
    endpoints: Vec<RawEndpoint>,
    #[serde(deserialize_with = "or_default")]
    ports: Vec<RawPort>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct RawEndpoint {
    #[serde(deserialize_with = "or_default")]
    addresses: Vec<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct RawEndpoints {
    #[serde(deserialize_with = "or_default")]
    metadata: RawMeta,
    #[serde(deserialize_with = "or_default")]
    subsets: Vec<RawSubset>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct RawSubset {
    #[serde(deserialize_with = "or_default")]
    addresses: Vec<RawAddress>,
    #[serde(deserialize_with = "or_default")]
    not_ready_addresses: Vec<RawAddress>,
    #[serde(deserialize_with = "or_default")]
    ports: Vec<RawPort>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct RawAddress {
    #[serde(deserialize_with = "or_default")]
    ip: String,
}

pub(super) fn read(source: &Source<'_>) -> Result<Vec<Object>, Refusal> {
    EndpointSlice::try_from(source.parse::<RawSlice>()?).map(|slice| vec![Object::EndpointSlice(slice)])
}

impl TryFrom<RawSlice> for EndpointSlice {
    type Error = Refusal;

    /// A slice of type FQDN names hosts, not addresses. Ports without a number are left out.
    fn try_from(raw: RawSlice) -> Result<Self, Refusal> {
        let meta = raw.metadata.namespaced()?;
        let texts = raw.endpoints.iter().flat_map(|endpoint| &endpoint.addresses);
        let addresses: Vec<IpAddr> = if raw.address_type == "FQDN" {
            Vec::new()
        } else {
            texts.map(|text| address("endpoints.addresses", text)).collect::<Result<_, _>>()?
        };
        Ok(EndpointSlice {
            service: meta.labels.get(SERVICE_NAME).cloned().unwrap_or_default(),
            meta,
            addresses,
            ports: raw.ports.iter().filter_map(|port| port.read().transpose()).collect::<Result<_, _>>()?,
        })
    }
}

/// Each subset is a slice of the service that bears the same name.
pub(super) fn read_legacy(source: &Source<'_>) -> Result<Vec<Object>, Refusal> {
    let raw: RawEndpoints = source.parse()?;
    let meta = raw.metadata.namespaced()?;
    raw.subsets
        .iter()
        .map(|subset| {
            let addresses = subset.addresses.iter().chain(&subset.not_ready_addresses);
            let ports = subset.ports.iter().filter_map(|port| port.read().transpose());
            Ok(Object::EndpointSlice(EndpointSlice {
                service: meta.name.clone(),
                meta: meta.clone(),
                addresses: addresses
                    .map(|entry| address("subsets.addresses", &entry.ip))
                    .collect::<Result<_, _>>()?,
                ports: ports.collect::<Result<_, _>>()?,
            }))
        })
        .collect()
}
