//! Namespaces.

use flowfence_model::label::NAMESPACE_NAME;
use flowfence_model::object::{Namespace, Object};
use serde::Deserialize;

use crate::manifest::metadata::{RawMeta, or_default};
use crate::manifest::refusal::Refusal;
use crate::manifest::source::Source;

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct RawNamespace {
    #[serde(deserialize_with = "or_default")]
    metadata: RawMeta,
}

pub(super) fn read(source: &Source<'_>) -> Result<Vec<Object>, Refusal> {
    Namespace::try_from(source.parse::<RawNamespace>()?).map(|namespace| vec![Object::Namespace(namespace)])
}

impl TryFrom<RawNamespace> for Namespace {
    type Error = Refusal;

    /// The API server sets `kubernetes.io/metadata.name`; a hand-written object may lack it.
    fn try_from(raw: RawNamespace) -> Result<Self, Refusal> {
        let mut meta = raw.metadata.cluster_wide()?;
        meta.labels.insert(NAMESPACE_NAME.to_owned(), meta.name.clone());
        Ok(Namespace { meta })
    }
}
