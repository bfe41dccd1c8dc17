//! Who an exporter says that an end was: a pod, or a node.

use flowfence_model::Labels;
use flowfence_model::logged::{Identity, IdentityId, PodIdentity};

use super::flow::Side;
use crate::flowlog::Sink;
use crate::flowlog::entry::End;

/// One end of a line, with who the exporter says that it was.
pub fn end(side: &Side<'_>, format: &str, to: &mut Sink<'_>) -> End {
    let mut end = End { address: Some(side.address), port: side.port, identity: None };
    end.identity = identity(side, format, to);
    end
}

fn identity(side: &Side<'_>, format: &str, to: &mut Sink<'_>) -> Option<IdentityId> {
    let parts = [side.namespace, side.pod, side.node, side.labels].map(Option::unwrap_or_default);
    let [namespace, pod, node, labels] = parts;
    let is_node = namespace.is_empty() && pod == node;
    if pod.is_empty() || (namespace.is_empty() && !is_node) {
        return None;
    }
    let raw = [format, namespace, pod, node, labels].join("\0");
    to.fold.identity(raw.as_bytes(), || {
        if is_node {
            return Some(Identity::Node(Some(node.to_owned())));
        }
        let read = serde_json::from_str::<Labels>(labels).ok();
        Some(Identity::Pod(PodIdentity {
            namespace: namespace.to_owned(),
            pod: Some(pod.to_owned()),
            labels_complete: read.is_some(),
            labels: read.unwrap_or_default(),
            node: Some(node.to_owned()).filter(|node| !node.is_empty()),
            ..PodIdentity::default()
        }))
    })
}
