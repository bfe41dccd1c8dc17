//! Pods.

use std::net::IpAddr;

use flowfence_model::Timestamp;
use flowfence_model::object::{Object, Pod, Watched};
use serde::Deserialize;

use super::container::RawPodSpec;
use crate::manifest::metadata::{RawMeta, address, moment, or_default};
use crate::manifest::refusal::Refusal;
use crate::manifest::source::Source;

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct RawPod {
    #[serde(deserialize_with = "or_default")]
    metadata: RawMeta,
    #[serde(deserialize_with = "or_default")]
    spec: RawPodSpec,
    #[serde(deserialize_with = "or_default")]
    status: RawStatus,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct RawStatus {
    #[serde(deserialize_with = "or_default")]
    phase: String,
    #[serde(rename = "podIP")]
    pod_ip: Option<String>,
    #[serde(rename = "podIPs", deserialize_with = "or_default")]
    pod_ips: Vec<RawIp>,
    start_time: Option<String>,
    #[serde(deserialize_with = "or_default")]
    container_statuses: Vec<RawContainerStatus>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct RawIp {
    #[serde(deserialize_with = "or_default")]
    ip: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct RawContainerStatus {
    #[serde(deserialize_with = "or_default")]
    state: RawState,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct RawState {
    running: Option<RawSpan>,
    terminated: Option<RawSpan>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct RawSpan {
    started_at: Option<String>,
    finished_at: Option<String>,
}

pub(super) fn read(source: &Source<'_>) -> Result<Vec<Object>, Refusal> {
    Pod::try_from(source.parse_lean::<RawPod>()?).map(|pod| vec![Object::Pod(pod)])
}

impl TryFrom<RawPod> for Pod {
    type Error = Refusal;

    fn try_from(raw: RawPod) -> Result<Self, Refusal> {
        let is_finished = matches!(&*raw.status.phase, "Succeeded" | "Failed");
        let finished = raw.status.latest_moment(|state| state.terminated.as_ref()?.finished_at.as_deref())?;
        Ok(Pod {
            meta: raw.metadata.namespaced()?,
            ips: raw.status.ips()?,
            ports: raw.spec.ports()?,
            sidecar_ports: raw.spec.sidecar_ports()?,
            probe_ports: raw.spec.probe_ports(),
            privileges: raw.spec.privileges(),
            host_network: raw.spec.host_network,
            node: raw.spec.node_name,
            started: moment("status.startTime", raw.status.start_time.as_deref())?,
            running_since: raw.status.latest_moment(|state| {
                state.running.as_ref().or(state.terminated.as_ref())?.started_at.as_deref()
            })?,
            finished: finished.filter(|_| is_finished),
            is_finished,
            watched: Watched::default(),
        })
    }
}

impl RawStatus {
    fn ips(&self) -> Result<Vec<IpAddr>, Refusal> {
        let plural = self.pod_ips.iter().map(|entry| entry.ip.as_str());
        let mut ips: Vec<IpAddr> = plural
            .filter(|ip| !ip.is_empty())
            .map(|ip| address("status.podIPs", ip))
            .collect::<Result<_, _>>()?;
        if let Some(ip) = self.pod_ip.as_deref().filter(|ip| ips.is_empty() && !ip.is_empty()) {
            ips.push(address("status.podIP", ip)?);
        }
        Ok(ips)
    }

    fn latest_moment<'a>(
        &'a self,
        of: impl Fn(&'a RawState) -> Option<&'a str>,
    ) -> Result<Option<Timestamp>, Refusal> {
        let mut latest = None;
        for status in &self.container_statuses {
            latest = latest.max(moment("status.containerStatuses.state", of(&status.state))?);
        }
        Ok(latest)
    }
}
