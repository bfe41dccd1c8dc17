//! `metadata`, and reading helpers that every kind shares.

use std::collections::BTreeMap;
use std::net::IpAddr;

use flowfence_model::Timestamp;
use flowfence_model::object::{Meta, Owner};
use serde::{Deserialize, Deserializer};

use super::annotation;
use super::kind::label;
use super::refusal::Refusal;

/// `metadata` as written.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct RawMeta {
    #[serde(deserialize_with = "or_default")]
    namespace: String,
    #[serde(deserialize_with = "or_default")]
    name: String,
    #[serde(deserialize_with = "or_default")]
    uid: String,
    #[serde(deserialize_with = "or_default")]
    resource_version: String,
    #[serde(deserialize_with = "or_default")]
    pub(super) labels: BTreeMap<String, String>,
    #[serde(deserialize_with = "annotation::of_owners")]
    annotations: BTreeMap<String, String>,
    #[serde(deserialize_with = "or_default")]
    owner_references: Vec<RawOwner>,
    creation_timestamp: Option<String>,
    deletion_timestamp: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct RawOwner {
    #[serde(deserialize_with = "or_default")]
    kind: String,
    #[serde(deserialize_with = "or_default")]
    name: String,
    controller: Option<bool>,
}

impl RawMeta {
    /// Metadata of a kind that lives in a namespace; without one in the object, `default`.
    pub(super) fn namespaced(self) -> Result<Meta, Refusal> {
        let mut meta = self.cluster_wide()?;
        if meta.namespace.is_empty() {
            "default".clone_into(&mut meta.namespace);
        }
        Ok(meta)
    }

    /// What the API server never takes would reach no policy: the proof would refuse all of them.
    fn check(&self) -> Result<(), Refusal> {
        if !label::is_subdomain(&self.name) {
            return Err(Refusal::field("metadata.name", format!("{:?} is no name (RFC 1123)", self.name)));
        }
        if !self.namespace.is_empty() && !label::is_namespace(&self.namespace) {
            let reason = format!("{:?} is no namespace (RFC 1123)", self.namespace);
            return Err(Refusal::field("metadata.namespace", reason));
        }
        let odd = self.labels.iter().find(|(key, value)| !label::is_key(key) || !label::is_label(value));
        odd.map_or(Ok(()), |(key, value)| {
            let field = format!("metadata.labels.{key}");
            Err(Refusal::field(field, format!("{key:?}: {value:?} is not a valid label")))
        })
    }

    /// Metadata of a kind that lives beside namespaces.
    pub(super) fn cluster_wide(self) -> Result<Meta, Refusal> {
        if self.name.is_empty() {
            return Err(Refusal::field("metadata.name", "an object needs a name"));
        }
        self.check()?;
        let controller = self.owner_references.into_iter().find(|owner| owner.controller == Some(true));
        Ok(Meta {
            namespace: self.namespace,
            name: self.name,
            uid: self.uid,
            version: self.resource_version.parse().unwrap_or(0),
            labels: self.labels,
            annotations: self.annotations,
            owner: controller.map(|owner| Owner { kind: owner.kind, name: owner.name }),
            created: moment("metadata.creationTimestamp", self.creation_timestamp.as_deref())?,
            deleted: moment("metadata.deletionTimestamp", self.deletion_timestamp.as_deref())?,
        })
    }
}

/// Whether an API server may hold a pod, or a namespace, of such a namespace and labels. What is not read from
/// objects of a cluster may say anything.
pub fn is_possible(meta: &Meta) -> bool {
    let namespace = if meta.namespace.is_empty() { &meta.name } else { &meta.namespace };
    label::is_namespace(namespace)
        && meta.labels.iter().all(|(key, value)| label::is_key(key) && label::is_label(value))
}

/// Null means the same as absent, in every field of the API.
pub(super) fn or_default<'de, T, D>(deserializer: D) -> Result<T, D::Error>
where
    T: Default + Deserialize<'de>,
    D: Deserializer<'de>,
{
    Ok(Option::<T>::deserialize(deserializer)?.unwrap_or_default())
}

/// A time of the API.
pub(super) fn moment(field: &str, text: Option<&str>) -> Result<Option<Timestamp>, Refusal> {
    text.filter(|text| !text.is_empty())
        .map(|text| {
            text.parse().map_err(|_| Refusal::field(field, format!("{text:?} is not an RFC 3339 time")))
        })
        .transpose()
}

/// An address of the API.
pub(super) fn address(field: &str, text: &str) -> Result<IpAddr, Refusal> {
    text.parse().map_err(|_| Refusal::field(field, format!("{text:?} is not an IP address")))
}

/// A port number of the API, for which 0 stands for none.
pub(super) fn port_number(field: &str, number: i64) -> Result<u16, Refusal> {
    match u16::try_from(number) {
        Ok(port) if port > 0 => Ok(port),
        _ => Err(Refusal::field(field, format!("{number} is not a port number (1 to 65535)"))),
    }
}
