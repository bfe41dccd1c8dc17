//! Ingresses.

use flowfence_model::object::{Ingress, Object};
use serde::Deserialize;

use crate::manifest::metadata::{RawMeta, or_default};
use crate::manifest::refusal::Refusal;
use crate::manifest::source::Source;

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct RawIngress {
    #[serde(deserialize_with = "or_default")]
    metadata: RawMeta,
    #[serde(deserialize_with = "or_default")]
    spec: RawSpec,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct RawSpec {
    #[serde(deserialize_with = "or_default")]
    default_backend: RawBackend,
    #[serde(deserialize_with = "or_default")]
    rules: Vec<RawRule>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct RawRule {
    #[serde(deserialize_with = "or_default")]
    http: RawHttp,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct RawHttp {
    #[serde(deserialize_with = "or_default")]
    paths: Vec<RawPath>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct RawPath {
    #[serde(deserialize_with = "or_default")]
    backend: RawBackend,
}

/// A backend is a service, or an object of another kind, which no address is known of.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct RawBackend {
    #[serde(deserialize_with = "or_default")]
    service: RawService,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct RawService {
    #[serde(deserialize_with = "or_default")]
    name: String,
}

pub(super) fn read(source: &Source<'_>) -> Result<Vec<Object>, Refusal> {
    let RawIngress { metadata, spec } = source.parse()?;
    let paths = spec.rules.into_iter().flat_map(|rule| rule.http.paths).map(|path| path.backend);
    let backends = [spec.default_backend].into_iter().chain(paths);
    let services = backends.map(|backend| backend.service.name).filter(|name| !name.is_empty()).collect();
    Ok(vec![Object::Ingress(Ingress { meta: metadata.namespaced()?, services })])
}
