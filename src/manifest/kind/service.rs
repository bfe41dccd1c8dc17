//! Services.

use std::collections::BTreeMap;
use std::net::IpAddr;

use flowfence_model::object::{Object, Service, ServicePort, TargetPort};
use serde::Deserialize;

use super::container::{IntOrString, protocol};
use crate::manifest::metadata::{RawMeta, address, or_default, port_number};
use crate::manifest::refusal::Refusal;
use crate::manifest::source::Source;

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct RawService {
    #[serde(deserialize_with = "or_default")]
    metadata: RawMeta,
    #[serde(deserialize_with = "or_default")]
    spec: RawSpec,
    #[serde(deserialize_with = "or_default")]
    status: RawStatus,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct RawSpec {
    #[serde(rename = "type")]
    kind: Option<String>,
    #[serde(rename = "clusterIP")]
    cluster_ip: Option<String>,
    #[serde(rename = "clusterIPs", deserialize_with = "or_default")]
    cluster_ips: Vec<String>,
    #[serde(rename = "externalIPs", deserialize_with = "or_default")]
    external_ips: Vec<String>,
    #[serde(deserialize_with = "or_default")]
    ports: Vec<RawServicePort>,
    #[serde(deserialize_with = "or_default")]
    selector: BTreeMap<String, String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct RawServicePort {
    name: Option<String>,
    protocol: Option<String>,
    port: Option<i64>,
    target_port: Option<IntOrString>,
    node_port: Option<i64>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct RawStatus {
    #[serde(deserialize_with = "or_default")]
    load_balancer: RawLoadBalancer,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct RawLoadBalancer {
    #[serde(deserialize_with = "or_default")]
    ingress: Vec<RawIngress>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct RawIngress {
    ip: Option<String>,
}

pub(super) fn read(source: &Source<'_>) -> Result<Vec<Object>, Refusal> {
    Service::try_from(source.parse::<RawService>()?).map(|service| vec![Object::Service(service)])
}

impl TryFrom<RawService> for Service {
    type Error = Refusal;

    fn try_from(raw: RawService) -> Result<Self, Refusal> {
        let spec = raw.spec;
        let cluster_ips = match &*spec.cluster_ips {
            [] => spec.cluster_ip.into_iter().collect(),
            _ => spec.cluster_ips,
        };
        let balancer = raw.status.load_balancer.ingress.into_iter().filter_map(|ingress| ingress.ip);
        let external = spec.external_ips.into_iter().chain(balancer);
        Ok(Service {
            meta: raw.metadata.namespaced()?,
            kind: spec.kind.filter(|kind| !kind.is_empty()).unwrap_or_else(|| "ClusterIP".to_owned()),
            cluster_ips: addresses("spec.clusterIPs", cluster_ips)?,
            external_ips: addresses("spec.externalIPs", external)?,
            ports: spec.ports.into_iter().map(ServicePort::try_from).collect::<Result<_, _>>()?,
            selector: (!spec.selector.is_empty()).then_some(spec.selector),
        })
    }
}

/// `None` is how a headless service writes that it has no address.
fn addresses(field: &str, texts: impl IntoIterator<Item = String>) -> Result<Vec<IpAddr>, Refusal> {
    let texts = texts.into_iter().filter(|text| !text.is_empty() && text != "None");
    texts.map(|text| address(field, &text)).collect()
}

impl TryFrom<RawServicePort> for ServicePort {
    type Error = Refusal;

    fn try_from(raw: RawServicePort) -> Result<Self, Refusal> {
        let port = port_number("spec.ports.port", raw.port.unwrap_or(0))?;
        let target = match raw.target_port {
            None | Some(IntOrString::Number(0)) => TargetPort::Number(port),
            Some(IntOrString::Number(number)) => {
                TargetPort::Number(port_number("spec.ports.targetPort", number)?)
            }
            Some(IntOrString::Text(text)) => {
                text.parse().map_or_else(|_| TargetPort::Name(text), TargetPort::Number)
            }
        };
        Ok(ServicePort {
            name: raw.name.filter(|name| !name.is_empty()),
            protocol: protocol("spec.ports.protocol", raw.protocol.as_deref())?,
            port,
            target,
            node_port: raw.node_port.and_then(|port| u16::try_from(port).ok()).filter(|port| *port > 0),
        })
    }
}
