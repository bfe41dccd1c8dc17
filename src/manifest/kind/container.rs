//! Containers, in pods and in pod templates.

use std::collections::BTreeSet;

use flowfence_model::object::ContainerPort;
use flowfence_model::{Privilege, Protocol};
use serde::Deserialize;

use super::security::{RawSecurity, RawVolume, is_token, powers};
use crate::manifest::metadata::{or_default, port_number};
use crate::manifest::refusal::Refusal;

/// The parts of a pod's `spec` that templates have too.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct RawPodSpec {
    #[serde(deserialize_with = "or_default")]
    pub(super) node_name: String,
    #[serde(deserialize_with = "or_default")]
    pub(super) host_network: bool,
    #[serde(rename = "hostPID", deserialize_with = "or_default")]
    host_pid: bool,
    #[serde(rename = "hostIPC", deserialize_with = "or_default")]
    host_ipc: bool,
    automount_service_account_token: Option<bool>,
    #[serde(deserialize_with = "or_default")]
    volumes: Vec<RawVolume>,
    #[serde(deserialize_with = "or_default")]
    containers: Vec<RawContainer>,
    #[serde(deserialize_with = "or_default")]
    init_containers: Vec<RawContainer>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct RawContainer {
    #[serde(deserialize_with = "or_default")]
    ports: Vec<RawPort>,
    #[serde(deserialize_with = "or_default")]
    security_context: RawSecurity,
    restart_policy: Option<String>,
    liveness_probe: Option<RawProbe>,
    readiness_probe: Option<RawProbe>,
    startup_probe: Option<RawProbe>,
}

/// A port of a container, or of an endpoint slice.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct RawPort {
    pub(super) name: Option<String>,
    #[serde(alias = "port")]
    pub(super) container_port: Option<i64>,
    pub(super) protocol: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct RawProbe {
    http_get: Option<RawProbePort>,
    tcp_socket: Option<RawProbePort>,
    grpc: Option<RawProbePort>,
}

#[derive(Debug, Deserialize)]
struct RawProbePort {
    port: IntOrString,
    #[serde(default)]
    host: Option<String>,
}

/// `intstr.IntOrString`.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(super) enum IntOrString {
    Number(i64),
    Text(String),
}

impl RawPodSpec {
    /// The ports of ordinary containers and of sidecars, which are init containers that keep
    /// running (`restartPolicy: Always`). Other init containers are gone when the pod serves.
    pub(super) fn ports(&self) -> Result<Vec<ContainerPort>, Refusal> {
        self.running()
            .flat_map(|container| &container.ports)
            .filter_map(|port| port.read().transpose())
            .collect()
    }

    /// Those of [`RawPodSpec::ports`] that only sidecars declare.
    pub(super) fn sidecar_ports(&self) -> Result<Vec<ContainerPort>, Refusal> {
        let ordinary = self.containers.iter().flat_map(|container| &container.ports);
        let ordinary: Vec<ContainerPort> =
            ordinary.filter_map(|port| port.read().transpose()).collect::<Result<_, _>>()?;
        Ok(self.ports()?.into_iter().filter(|port| !ordinary.contains(port)).collect())
    }

    /// The ports that the kubelet probes on the pod's own address.
    pub(super) fn probe_ports(&self) -> Vec<u16> {
        let mut ports: Vec<u16> = self.running().flat_map(RawContainer::probe_ports).collect();
        ports.sort_unstable();
        ports.dedup();
        ports
    }

    /// What whoever takes over one of its containers may do, init containers included: a broken pod may be made to
    /// start again.
    pub(super) fn privileges(&self) -> BTreeSet<Privilege> {
        let said = [
            (self.host_network, Privilege::HostNetwork),
            (self.host_pid, Privilege::HostPid),
            (self.host_ipc, Privilege::HostIpc),
            (self.volumes.iter().any(RawVolume::is_host_path), Privilege::HostPath),
            (is_token(&self.volumes, self.automount_service_account_token), Privilege::ServiceAccountToken),
        ];
        let containers = self.containers.iter().chain(&self.init_containers);
        let granted = containers.flat_map(|container| powers(&container.security_context));
        said.into_iter().filter(|(is_so, _)| *is_so).map(|(_, privilege)| privilege).chain(granted).collect()
    }

    fn running(&self) -> impl Iterator<Item = &RawContainer> {
        let sidecars =
            self.init_containers.iter().filter(|init| init.restart_policy.as_deref() == Some("Always"));
        self.containers.iter().chain(sidecars)
    }
}

impl RawContainer {
    fn probe_ports(&self) -> impl Iterator<Item = u16> {
        [&self.liveness_probe, &self.readiness_probe, &self.startup_probe]
            .into_iter()
            .flatten()
            .flat_map(|probe| [&probe.http_get, &probe.tcp_socket, &probe.grpc])
            .flatten()
            // A probe that names a host does not go to the pod.
            .filter(|target| target.host.as_deref().is_none_or(str::is_empty))
            .filter_map(|target| match &target.port {
                IntOrString::Number(number) => u16::try_from(*number).ok(),
                // A name is one of the same container's ports; a number in quotes is a number.
                IntOrString::Text(text) => text.parse().ok().or_else(|| {
                    let port = self.ports.iter().find(|port| port.name.as_deref() == Some(text))?;
                    u16::try_from(port.container_port?).ok()
                }),
            })
    }
}

impl RawPort {
    /// The port; `None` when it has no number.
    pub(super) fn read(&self) -> Result<Option<ContainerPort>, Refusal> {
        let Some(number) = self.container_port else { return Ok(None) };
        Ok(Some(ContainerPort {
            name: self.name.clone().filter(|name| !name.is_empty()),
            port: port_number("ports.port", number)?,
            protocol: protocol("ports.protocol", self.protocol.as_deref())?,
        }))
    }
}

/// A protocol of the API, TCP by default.
pub(super) fn protocol(field: &str, text: Option<&str>) -> Result<Protocol, Refusal> {
    match text {
        None | Some("" | "TCP") => Ok(Protocol::Tcp),
        Some("UDP") => Ok(Protocol::Udp),
        Some("SCTP") => Ok(Protocol::Sctp),
        Some(other) => Err(Refusal::field(
            field,
            format!("unsupported protocol {other:?}; supported are \"TCP\", \"UDP\", \"SCTP\""),
        )),
    }
}
