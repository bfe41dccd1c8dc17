//! Which object a text holds, before it is read.

use serde::Deserialize;

/// What says which kind of object it is, and its name.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Head {
    pub(super) api_version: Option<String>,
    pub(super) kind: Option<String>,
    pub(super) metadata: Option<HeadName>,
}

/// The name in a [`Head`].
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub(super) struct HeadName {
    pub(super) namespace: Option<String>,
    pub(super) name: Option<String>,
    /// Of any shape: whoever reads the object checks it.
    pub(super) labels: Option<serde_json::Value>,
}

impl Head {
    /// The label `app.kubernetes.io/managed-by`.
    pub(super) fn managed_by(&self) -> Option<&str> {
        self.metadata.as_ref()?.labels.as_ref()?.get("app.kubernetes.io/managed-by")?.as_str()
    }

    /// `KIND NAMESPACE/NAME`, as far as it is known.
    pub(super) fn label(&self) -> Option<String> {
        let kind = self.kind.as_deref()?;
        let name = self.metadata.as_ref().and_then(|m| m.name.as_deref());
        let namespace = self.metadata.as_ref().and_then(|m| m.namespace.as_deref());
        Some(match (namespace, name) {
            (Some(namespace), Some(name)) => format!("{kind} {namespace}/{name}"),
            (None, Some(name)) => format!("{kind} {name}"),
            (_, None) => kind.to_owned(),
        })
    }
}
