//! What containers and volumes grant beyond the ordinary.

use flowfence_model::Privilege;
use serde::Deserialize;
use serde::de::IgnoredAny;

use crate::manifest::metadata::or_default;

/// `securityContext` of a container.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct RawSecurity {
    #[serde(deserialize_with = "or_default")]
    privileged: bool,
    #[serde(deserialize_with = "or_default")]
    capabilities: RawCapabilities,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct RawCapabilities {
    #[serde(deserialize_with = "or_default")]
    add: Vec<String>,
}

/// A volume of a pod.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct RawVolume {
    host_path: Option<IgnoredAny>,
    #[serde(deserialize_with = "or_default")]
    projected: RawProjected,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct RawProjected {
    #[serde(deserialize_with = "or_default")]
    sources: Vec<RawProjection>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct RawProjection {
    service_account_token: Option<IgnoredAny>,
}

impl RawVolume {
    pub(super) fn is_host_path(&self) -> bool {
        self.host_path.is_some()
    }

    fn has_token(&self) -> bool {
        self.projected.sources.iter().any(|source| source.service_account_token.is_some())
    }
}

/// Whether a token is in the pod. Admission adds its volume where the service account and the pod let it, so volumes
/// that are there decide; without any, the pod's own word does, and the API's default is to mount it.
pub(super) fn is_token(volumes: &[RawVolume], automount: Option<bool>) -> bool {
    volumes.iter().any(RawVolume::has_token) || (volumes.is_empty() && automount != Some(false))
}

/// What a container's security context grants.
pub(super) fn powers(security: &RawSecurity) -> impl Iterator<Item = Privilege> + '_ {
    let added = security.capabilities.add.iter().map(|name| {
        let name = name.to_ascii_uppercase();
        Privilege::Capability(name.strip_prefix("CAP_").map_or(name.clone(), str::to_owned))
    });
    security.privileged.then_some(Privilege::Privileged).into_iter().chain(added)
}
