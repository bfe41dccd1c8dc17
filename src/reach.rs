//! Exact answers about policies, without traffic: probes, and which ends a survey shows.

pub mod filter;

use std::net::{IpAddr, Ipv4Addr};

use flowfence_model::Protocol;
pub use flowfence_policy::judge::cluster;
use flowfence_policy::semantics::{Cluster, Connection, Party, PodIndex, PolicySet};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

/// The answers to a list of probes, in its order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Answers {
    /// One answer a probe.
    pub results: Vec<Answer>,
    /// Objects that were refused, and so have no part in the answers.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub refused: Vec<String>,
}

/// What the policies say of one probe.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Answer {
    /// Whether the policies of the source let it out.
    pub egress: bool,
    /// Whether the policies of the destination let it in.
    pub ingress: bool,
    /// Both.
    pub allowed: bool,
    /// Why a conforming plugin may answer otherwise.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub unspecified: Vec<&'static str>,
}

/// Why a list of probes was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProbeError {
    /// The text is no list.
    #[error(
        "not a JSON list of probes: {0}; expected [{{\"from\": POD or IP, \"to\": POD or IP, \
         \"protocol\": \"TCP\", \"port\": 80}}, …] with POD as NAMESPACE/NAME"
    )]
    NoList(String),
    /// One probe is wrong.
    #[error("probe {index}: {reason}")]
    Probe {
        /// Its place in the list, from 0.
        index: usize,
        /// What is wrong with it.
        reason: String,
    },
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawProbe {
    from: String,
    to: String,
    #[serde(default)]
    protocol: Option<String>,
    #[serde(default)]
    port: Option<i64>,
    #[serde(rename = "fromIP", default)]
    from_ip: Option<IpAddr>,
    #[serde(rename = "toIP", default)]
    to_ip: Option<IpAddr>,
}

/// Answers the probes of a JSON list with policies that are compiled:
/// `[{"from": POD|IP, "to": POD|IP, "protocol", "port", "fromIP"?, "toIP"?}]`.
///
/// An address that a pod holds is that pod. A pod of two families takes part with the address of
/// `fromIP` or `toIP`, else with the first one of the other end's family.
pub fn answer(probes: &str, policies: &PolicySet) -> Result<Answers, ProbeError> {
    let probes: Vec<&RawValue> =
        serde_json::from_str(probes).map_err(|error| ProbeError::NoList(error.to_string()))?;
    let results = probes.iter().enumerate().map(|(index, raw)| {
        let connection = connection(raw.get(), policies.cluster())
            .map_err(|reason| ProbeError::Probe { index, reason })?;
        let decision = policies.decide(&connection);
        Ok(Answer {
            egress: decision.egress.allowed,
            ingress: decision.ingress.allowed,
            allowed: decision.allowed(),
            unspecified: decision.unspecified.iter().map(|reason| reason.token()).collect(),
        })
    });
    Ok(Answers { results: results.collect::<Result<_, _>>()?, refused: Vec::new() })
}

fn connection(probe: &str, cluster: &Cluster) -> Result<Connection, String> {
    let probe: RawProbe = serde_json::from_str(probe).map_err(|error| error.to_string())?;
    let protocol = probe.protocol.as_deref().map_or(Ok(Protocol::Tcp), str::parse);
    let protocol: Protocol = protocol.map_err(|error| error.to_string())?;
    let from = end(&probe.from, probe.from_ip, "fromIP", cluster)?;
    let to = end(&probe.to, probe.to_ip, "toIP", cluster)?;
    Ok(Connection {
        from: from.towards(&to, cluster),
        to: to.towards(&from, cluster),
        protocol,
        port: port(probe.port, protocol)?,
    })
}

fn port(port: Option<i64>, protocol: Protocol) -> Result<u16, String> {
    match port {
        None if protocol.has_ports() => Err(format!("a {protocol} probe needs a port")),
        None => Ok(0),
        Some(number) => u16::try_from(number)
            .ok()
            .filter(|port| *port > 0 || !protocol.has_ports())
            .ok_or_else(|| format!("{number} is not a port number (1 to 65535)")),
    }
}

/// One end: a pod, an address, or both.
#[derive(Clone, Copy)]
struct End {
    pod: Option<PodIndex>,
    address: Option<IpAddr>,
}

fn end(name: &str, address: Option<IpAddr>, field: &str, cluster: &Cluster) -> Result<End, String> {
    if let Ok(ip) = name.parse::<IpAddr>() {
        if address.is_some_and(|address| address != ip) {
            return Err(format!("{field} is for pods with several addresses; {name} is an address"));
        }
        return Ok(End { pod: cluster.holder(ip), address: Some(ip) });
    }
    let Some((namespace, pod)) = name.split_once('/') else {
        return Err(format!("{name:?} is neither an address nor a pod as NAMESPACE/NAME"));
    };
    let pod = cluster
        .pod_named(namespace, pod)
        .ok_or_else(|| format!("no pod {name:?} in the cluster that was given"))?;
    let ips = &cluster.pod(pod).ips;
    match address {
        Some(ip) if !ips.contains(&ip) => {
            let known: Vec<String> = ips.iter().map(ToString::to_string).collect();
            Err(format!("{field} {ip} is not an address of {name}, which has [{}]", known.join(", ")))
        }
        _ => Ok(End { pod: Some(pod), address }),
    }
}

impl End {
    fn addresses<'c>(&self, cluster: &'c Cluster) -> impl Iterator<Item = IpAddr> + use<'c> {
        let of_pod = self.pod.into_iter().flat_map(|pod| &cluster.pod(pod).ips).copied();
        let only = self.address;
        only.into_iter().chain(of_pod.filter(move |_| only.is_none()))
    }

    /// The end with an address: the first of a family that the other end has too. A pod that has
    /// none yet is judged by its labels, as some IPv4 address.
    fn towards(&self, other: &End, cluster: &Cluster) -> Party {
        let is_shared = |ip: &IpAddr| other.addresses(cluster).any(|theirs| theirs.is_ipv4() == ip.is_ipv4());
        let address = self.addresses(cluster).find(is_shared).or_else(|| self.addresses(cluster).next());
        Party { pod: self.pod, address: address.unwrap_or(Ipv4Addr::UNSPECIFIED.into()) }
    }
}
